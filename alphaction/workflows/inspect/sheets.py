"""Contact sheets of a dataset: keyframes with ground truth and detections, and a strip of each clip, as PNG files.

Sizes in shapes: K keyframes, C classes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm
from yacs.config import CfgNode

from alphaction.config.paths_catalog import DatasetSpec, find_dataset
from alphaction.data.annotations import AnnotationTable, LabelMap
from alphaction.data.keyframes import Keyframe, exact_time, time_list, time_text
from alphaction.data.label_statistics import classes_of_keyframes
from alphaction.data.tables import DatasetTables, open_tables
from alphaction.data.temporal import clip_slots, spread_slots
from alphaction.utils.drawing import PALETTE, TITLE_BACKGROUND, contact_sheet, draw_detections, put_lines, write_png
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, suggest
from alphaction.utils.output_folder import read_record, write_record

TRUTH_COLOR, PERSON_COLOR, OBJECT_COLOR = (225, 225, 225), (0, 150, 60), (215, 105, 0)
STRIP_FRAMES = 8
_SHORTEST, _TALLEST = 480, 720  # pixels of a picture's shorter side
_STRIP_WIDTH = 120  # of each small frame at least; narrow sheets have several rows of them
_GAP = 6
RECORD = "sheets.json"
"""Lists the pictures that were written into a folder."""
_NAME = re.compile(r"\d{3,}_[A-Za-z0-9._-]+\.png")
_LINE = 16


@dataclass(frozen=True)
class ShownDataset:
    """What the pictures show.

    Attributes:
        tables: the dataset.
        slots: timeline positions of the frames of the strip, relative to the keyframe.
        fps: frames per second of the timeline; 0: each video's own.
        folders: those that hold files of the dataset.
    """

    tables: DatasetTables
    slots: tuple[int, ...]
    fps: float
    folders: frozenset[Path] = frozenset()

    @classmethod
    def from_config(cls, cfg: CfgNode, name: str) -> ShownDataset:
        """Read the dataset called ``name``; the strip shows the window of INPUT's clips.

        Raises:
            UserError: if the dataset is unknown or one of its files is wrong.
        """
        inputs = cfg.INPUT
        window = clip_slots(inputs.FRAME_NUM, inputs.FRAME_SAMPLE_RATE, inputs.CLIP_OFFSET)
        spec = find_dataset(cfg, name)
        slots = spread_slots(window, STRIP_FRAMES)
        return cls(open_tables(spec), slots, cfg.INPUT.FPS, _folders_of(spec))

    @property
    def has_detections(self) -> bool:
        """Whether there is anything to show besides the ground truth."""
        return self.tables.person_boxes is not None or self.tables.object_boxes is not None

    def keyframe(self, video: str, second: float) -> int:
        """Return the position of an annotated keyframe.

        Raises:
            UserError: if it is not annotated; the message names those nearest.
        """
        keyframes = self.tables.annotations.keyframes
        position = keyframes.index_of(video, second)
        if position is None:
            if video not in keyframes.videos:
                raise UserError(f'{self.tables.name} has no video "{video}". {suggest(video, keyframes.videos)}')
            seconds = keyframes.seconds[keyframes.videos[keyframes.video_index] == video]
            near = time_list(np.sort(seconds[np.argsort(np.abs(seconds - second), kind="stable")[:5]]))
            second, nearest = exact_time(second), ", ".join(map(str, near))
            raise UserError(f"{self.tables.name}: second {second} of {video} is not annotated; nearest: {nearest}")
        return position


@dataclass(frozen=True)
class SheetReport:
    """What was drawn.

    Attributes:
        files: the PNG files.
        shown: names of the classes that some picture shows.
        missing: names of the classes that are annotated, but on none of the pictures.
        unlabeled: names of the classes without any annotation.
    """

    files: tuple[Path, ...]
    shown: tuple[str, ...]
    missing: tuple[str, ...]
    unlabeled: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            *map(str, self.files),
            "",
            f"{counted(len(self.shown), 'class', 'classes')} shown: {', '.join(self.shown) or 'none'}",
        ]
        if self.missing:
            lines.append(f"{len(self.missing)} not shown (more with --num-samples): {', '.join(self.missing)}")
        if self.unlabeled:
            lines.append(f"{len(self.unlabeled)} without any annotation: {', '.join(self.unlabeled)}")
        return "\n".join([*lines, "", _WHAT_TO_LOOK_FOR])


_WHAT_TO_LOOK_FOR = """Look for:
  - boxes that are not on people: coordinates in another unit, or corners read as x, y, width, height
  - the same people and labels one or more frames early or late: seconds that do not count from the video's start
  - labels that do not fit what the strip shows: wrong class ids (counted from 0 instead of 1?)
  - people without a box, or without a detection: what is not detected cannot be scored
  - a strip that is too short or too long to see the action: INPUT.FPS, FRAME_NUM, FRAME_SAMPLE_RATE"""


def draw_samples(shown: ShownDataset, output_dir: Path, positions: Sequence[int]) -> SheetReport:
    """Write one PNG for each of the keyframes at ``positions``.

    Pictures that an earlier call wrote into ``output_dir`` are removed, and no other files: :data:`RECORD` lists them.

    Raises:
        UserError: if a frame cannot be read or a file not be written, or ``output_dir`` holds files of the dataset.
    """
    if output_dir.resolve() in shown.folders:
        raise UserError(
            f"--output-dir {output_dir}: this folder holds files of {shown.tables.name}. Name one for pictures alone, "
            f"such as output/{shown.tables.name}_pictures."
        )
    files: list[Path] = []
    _remove_earlier(output_dir)
    for number, position in enumerate(tqdm(positions, desc="sheets", disable=None)):
        keyframe = shown.tables.annotations.keyframes[position]
        safe = re.sub(r"[^A-Za-z0-9._-]+", "_", keyframe.video)
        path = output_dir / f"{number:03d}_{safe}_{time_text(keyframe.second)}.png"
        picture = draw_keyframe(shown, position)
        files.append(path)
        output_dir.mkdir(parents=True, exist_ok=True)
        write_record(output_dir, RECORD, {"dataset": shown.tables.name, "files": [file.name for file in files]})
        write_png(path, picture)
    present = classes_of_keyframes(shown.tables.annotations, shown.tables.label_map)
    on_pictures, anywhere = present[list(positions)].any(axis=0), present.any(axis=0)
    names = np.array(shown.tables.label_map.names, dtype=object)
    return SheetReport(
        tuple(files), tuple(names[on_pictures]), tuple(names[anywhere & ~on_pictures]), tuple(names[~anywhere])
    )


def _folders_of(spec: DatasetSpec) -> frozenset[Path]:
    files = (spec.label_map, spec.eval_label_map, spec.annotations, spec.person_boxes, spec.object_boxes)
    folders = [spec.videos, spec.clips, *(path.parent for path in (*files, spec.exclusions) if path is not None)]
    return frozenset(folder.resolve() for folder in folders if folder is not None)


def _remove_earlier(folder: Path) -> None:
    """Remove the pictures that the record of an earlier call lists."""
    listed = (read_record(folder, RECORD) or {}).get("files")
    for name in listed if isinstance(listed, list) else []:
        # A record that was edited must not lead elsewhere.
        if isinstance(name, str) and _NAME.fullmatch(name):
            (folder / name).unlink(missing_ok=True)


def choose_keyframes(annotations: AnnotationTable, label_map: LabelMap, count: int, seed: int = 0) -> list[int]:
    """Return positions of at most ``count`` keyframes that together show as many classes as possible, sorted.

    Each next one shows the most classes that are not shown yet; of equals, one of the video that was taken least often;
    of those, a random one. Keyframes without boxes are taken last.
    """
    present = classes_of_keyframes(annotations, label_map)
    video = annotations.keyframes.video_index
    has_box = np.diff(annotations.row_offsets) > 0
    order = np.random.default_rng(seed).permutation(len(video))
    taken = np.zeros(len(video), dtype=bool)
    used_videos = np.zeros(int(video.max(initial=0)) + 1, dtype=np.int64)
    wanted = present.any(axis=0)
    for _ in range(min(count, len(video))):
        gain = (present & wanted).sum(axis=1)
        keys = (order, used_videos[video], -gain, ~has_box, taken)
        best = int(np.lexsort(keys)[0])
        taken[best] = True
        used_videos[video[best]] += 1
        wanted &= ~present[best]
    return np.flatnonzero(taken).tolist()


def draw_keyframe(shown: ShownDataset, position: int) -> np.ndarray:
    """Return the sheet of one keyframe, uint8 RGB: title, ground truth, detections if any, strip of the clip."""
    keyframe = shown.tables.annotations.keyframes[position]
    info = shown.tables.source.probe(keyframe.video)
    frame = _fit(shown.tables.source.read(keyframe.video, keyframe.second, [0], shown.fps)[0])
    panels, titles = [_truth_panel(shown, frame, position)], ["ground truth: #person id, classes"]
    if shown.has_detections:
        panels.append(_detection_panel(shown, frame, keyframe, position))
        titles.append("all detections, with their scores")
    panel_row = contact_sheet(panels, len(panels), titles, gap=_GAP)
    strip = _strip(shown, keyframe, panel_row.shape[1])
    boxes = counted(len(_rows(shown, position)), "annotated box", "annotated boxes")
    head = [
        f"{shown.tables.name}   video {keyframe.video}   second {keyframe.second}",
        f"{info.width}x{info.height}, {info.fps:.4g} frames per second   {boxes}",
    ]
    bar = np.full((2 * _LINE + 6, panel_row.shape[1], 3), TITLE_BACKGROUND, dtype=np.uint8)
    put_lines(bar, head, _GAP, 3, TITLE_BACKGROUND)
    _legend(bar, shown)
    return np.concatenate([bar, panel_row, strip])


def _truth_panel(shown: ShownDataset, frame: np.ndarray, position: int) -> np.ndarray:
    table, lines, colors = shown.tables.annotations, [], []
    rows = _rows(shown, position)
    for number, row in enumerate(rows):
        person = int(table.person_ids[row])
        names = [shown.tables.label_map.find(int(class_id)).name for class_id in table.labels(row)]
        first = [f"#{person}"] if person >= 0 else []
        lines.append([*first, *(names or ["(no class)"])])
        colors.append(PALETTE[number % len(PALETTE)])
    return draw_detections(frame, table.boxes[rows.start : rows.stop], lines, color=colors, min_side=0)


def _detection_panel(shown: ShownDataset, frame: np.ndarray, keyframe: Keyframe, position: int) -> np.ndarray:
    rows = _rows(shown, position)
    truth = shown.tables.annotations.boxes[rows.start : rows.stop]
    panel = draw_detections(frame, truth, [[]] * len(truth), color=TRUTH_COLOR, min_side=0, thickness=3)
    boxes, lines, colors = [], [], []
    for table, color in ((shown.tables.object_boxes, OBJECT_COLOR), (shown.tables.person_boxes, PERSON_COLOR)):
        if table is not None:
            found, scores = table.lookup(*keyframe)
            boxes += list(found)
            lines += [[f"{score:.2f}"] for score in scores]
            colors += [color] * len(found)
    return draw_detections(panel, np.array(boxes).reshape(-1, 4), lines, color=colors, min_side=0, thickness=1)


def _legend(bar: np.ndarray, shown: ShownDataset) -> None:
    """Write what the colors of the detection panel mean into the right half of ``bar``, in place."""
    entries = [("annotated box", TRUTH_COLOR)] if shown.has_detections else []
    entries += [("detected person", PERSON_COLOR)] if shown.tables.person_boxes is not None else []
    entries += [("detected object", OBJECT_COLOR)] if shown.tables.object_boxes is not None else []
    x, y = bar.shape[1] // 2 + _GAP, _LINE + 3
    for text, color in entries:
        cv2.rectangle(bar, (x, y + 3), (x + 18, y + _LINE - 5), color, 2)
        put_lines(bar, [text], x + 22, y, TITLE_BACKGROUND)
        x += 160


def _strip(shown: ShownDataset, keyframe: Keyframe, width: int) -> np.ndarray:
    """Return the small frames of the clip, ``width`` pixels wide, each with its offset from the keyframe in seconds."""
    frames = shown.tables.source.read(keyframe.video, keyframe.second, list(shown.slots), shown.fps)
    rate = shown.fps or shown.tables.source.probe(keyframe.video).fps
    columns = max(2, min(len(frames), (width - _GAP) // _STRIP_WIDTH))
    small = (width - _GAP) // columns - _GAP
    size = (small, max(1, round(small * frames.shape[1] / frames.shape[2])))
    pictures = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]
    offsets = [f"{slot / rate:+.2f} s" if slot else "keyframe" for slot in shown.slots]
    sheet = contact_sheet(pictures, columns, offsets, gap=_GAP)
    rest = ((0, 0), (0, width - sheet.shape[1]), (0, 0))
    return np.pad(sheet, rest, mode="edge")


def _rows(shown: ShownDataset, position: int) -> range:
    rows = shown.tables.annotations.rows(position)
    return range(rows.start, rows.stop)


def _fit(frame: np.ndarray) -> np.ndarray:
    """Return a frame enlarged by a whole factor, or shrunk, so that text and people can be seen on a screen."""
    height, width = frame.shape[:2]
    short = min(height, width)
    if short < _SHORTEST:
        factor = -(-_SHORTEST // short)
        return cv2.resize(frame, (width * factor, height * factor), interpolation=cv2.INTER_CUBIC)
    if short > _TALLEST:
        size = (round(width * _TALLEST / short), round(height * _TALLEST / short))
        return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return frame
