"""The boxes of any other detector, brought to the annotated keyframes of a dataset.

Sizes in shapes: n boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alphaction.data.annotations import AnnotationTable, BoxTable
from alphaction.data.annotations.checks import DETECTION_RULES, check_scores, clip_boxes, looks_like_pixels
from alphaction.data.video.file import VideoInfo
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest
from alphaction.workflows.detect.foreign_boxes import ForeignBoxes, read_mot, read_yolo
from alphaction.workflows.detect.foreign_coco import read_coco
from alphaction.workflows.detect.foreign_csv import read_named_csv
from alphaction.workflows.detect.keyframe_matching import (
    Numbering,
    annotated_videos,
    at_keyframes,
    check_numbers,
    of_known_videos,
    require_some,
    take,
)

KINDS = ("coco", "yolo", "mot", "csv")
_YOLO_PERSON = 0
_MOT_PERSON = 1
_OUTSIDE = {
    "csv": "Is it written in another way (--box-format, --normalized), or for frames of another size?",
    "yolo": "YOLO boxes are center, width and height as fractions of the frame.",
    "mot": "MOT boxes are left, top, width and height in pixels: is the video's frame of another size?",
}


@dataclass(frozen=True)
class ImportRules:
    """How the files are written, and what to keep.

    Attributes:
        class_id: keep boxes of this class; None: persons (COCO 1, YOLO 0, MOT ground truth 1, csv "person").
        every_class: keep boxes of every class.
        box_format: csv only: "auto", "xyxy", "xywh" or "cxcywh".
        normalized: csv only: boxes are fractions of the frame ("yes"), pixels ("no"), or "auto": pixels if any value
            is above 2.
        frames: numbers in file names (yolo, coco) or in the second column (csv) count frames, not seconds.
        frame_rate: frames of that numbering per second; None: the video's own rate.
        first_frame: number of the first frame.
        images: coco only: JSON with the images that ids refer to.
        min_score: leave out boxes below this score.
        max_per_frame: keep at most so many boxes of a keyframe, best score first.
    """

    class_id: str | None = None
    every_class: bool = False
    box_format: str = "auto"
    normalized: str = "auto"
    frames: bool = False
    frame_rate: float | None = None
    first_frame: int = 1
    images: Path | None = None
    min_score: float = 0.0
    max_per_frame: int = 100


def import_detections(
    path: Path,
    kind: str,
    annotations: AnnotationTable,
    info: Callable[[str], VideoInfo],
    rules: ImportRules | None = None,
) -> BoxTable:
    """Return a foreign detector's boxes at the annotated keyframes; ``counts`` tell what was left out, and why.

    Boxes of a frame belong to the keyframe that the frame is nearest to among all frames, never to a neighbor: a
    keyframe whose frame has no boxes stays without. Frame numbers become seconds by a constant rate.

    Args:
        path: a file or a folder.
        kind: one of :data:`KINDS`.
        annotations: whose keyframes and video names count.
        info: what a video's file says; ``duration`` and ``frames`` None where they are not those of the video.
        rules: how the files are written, and what to keep.

    Raises:
        UserError: a wrong row, options that do not suit ``kind``, seconds beyond the videos, or no box at a keyframe.
    """
    rules = rules or ImportRules()
    _require_suiting(kind, rules)
    found, frames, unit = _read(path, kind, annotations, info, rules)
    if not len(found.boxes):
        classes = f" Its classes: {', '.join(found.classes)}; choose with --class-id." if found.classes else ""
        raise UserError(
            f"boxes: {path} holds no boxes to import{_listed(found.counts)}.{classes or ' Check the path.'}"
        )
    counts = dict(found.counts)
    found = of_known_videos(path, found, annotations, counts)
    numbering = Numbering(frames, rules.frame_rate, rules.first_frame)
    check_numbers(found, numbering, info)
    if not unit:
        found = _to_unit(found, kind, rules, info, counts)
    check_scores(found.rows, found.scores)
    rows, keyframes = at_keyframes(found, annotations, numbering, info)
    counts["boxes at no annotated keyframe left out"] = len(found.boxes) - len(np.unique(rows))
    require_some(path, found, annotations, rows, numbering)
    table = _limited(path, found, annotations, rows, keyframes, rules, counts)
    without = len(annotations.keyframes) - len(table.keyframes)
    counts["boxes kept"] = len(table)
    counts["annotated keyframes without a box"] = without
    return replace(table, counts={name: count for name, count in counts.items() if count})


def _require_suiting(kind: str, rules: ImportRules) -> None:
    if kind not in KINDS:
        raise UserError(f'the format "{kind}" is not known. {suggest(kind, KINDS)}')
    if kind != "csv" and (rules.box_format != "auto" or rules.normalized != "auto"):
        raise UserError(f"--box-format and --normalized are for csv; {kind} files have one way to write boxes")
    if kind != "coco" and rules.images is not None:
        raise UserError("--images is for --from coco")
    if kind != "csv" and rules.class_id is not None and not rules.class_id.isdecimal():
        raise UserError(f"--class-id {rules.class_id}: {kind} files number their classes, give the number")


def _read(
    path: Path, kind: str, annotations: AnnotationTable, info: Callable[[str], VideoInfo], rules: ImportRules
) -> tuple[ForeignBoxes, bool, bool]:
    """Return the boxes, whether their numbers are frames, and whether they are fractions of the frame already."""
    known = {} if rules.class_id is None or not rules.class_id.isdecimal() else {"class_id": int(rules.class_id)}
    if kind == "yolo":
        return read_yolo(path, None if rules.every_class else known.get("class_id", _YOLO_PERSON)), rules.frames, False
    if kind == "mot":
        return read_mot(path, None if rules.every_class else known.get("class_id", _MOT_PERSON)), True, False
    if kind == "csv":
        boxes, frames = read_named_csv(path, rules.class_id, rules.every_class, rules.box_format)
        return boxes, frames or rules.frames, False
    names = annotated_videos(path, annotations)

    def size(video: str) -> tuple[int, int]:
        # A video that the dataset does not have is left out later; its size does not matter.
        probed = info(names.match(video)) if names.find(video) else None
        return (1 << 20, 1 << 20) if probed is None else (probed.width, probed.height)

    of_ids = None if rules.frames or rules.images else annotations
    return read_coco(path, rules.images, rules.class_id, rules.every_class, of_ids, size), rules.frames, True


def _to_unit(
    found: ForeignBoxes, kind: str, rules: ImportRules, info: Callable[[str], VideoInfo], counts: dict[str, int]
) -> ForeignBoxes:
    """Return the boxes as fractions of the frame, clipped to it; those without an area are left out and counted."""
    boxes = found.boxes
    normalized = {"yolo": "yes", "mot": "no"}.get(kind, rules.normalized)
    if normalized == "no" or (normalized == "auto" and looks_like_pixels(boxes)):
        sizes = np.array([(info(video).width, info(video).height) for video in found.videos], dtype=np.float64)
        boxes = boxes / np.tile(sizes[found.codes], 2)
    found.rows.reject(
        (boxes[:, 2:] < boxes[:, :2]).any(axis=1),
        lambda row: (
            f"the box ({', '.join(f'{value:g}' for value in found.boxes[row])}) ends before it begins. Is it x, y, "
            "width, height? Say so with --box-format xywh."
        ),
    )
    boxes, solid = clip_boxes(found.rows, boxes, DETECTION_RULES, _OUTSIDE[kind], counts)
    return take(replace(found, boxes=boxes), np.flatnonzero(solid))


def _limited(
    path: Path,
    found: ForeignBoxes,
    annotations: AnnotationTable,
    rows: np.ndarray,
    keyframes: np.ndarray,
    rules: ImportRules,
    counts: dict[str, int],
) -> BoxTable:
    """Return the table of the rows with a sufficient score, the best of each keyframe; the others are counted."""
    enough = found.scores[rows].astype(np.float32) >= np.float32(rules.min_score)
    counts[f"boxes below score {rules.min_score:g} left out"] = int((~enough).sum())
    rows, keyframes = rows[enough], keyframes[enough]
    order = np.lexsort((-found.scores[rows], keyframes))
    rows, keyframes = rows[order], keyframes[order]
    starts = np.searchsorted(keyframes, keyframes)
    best = np.arange(len(rows)) - starts < rules.max_per_frame
    counts[f"boxes beyond {rules.max_per_frame} of a keyframe left out"] = int((~best).sum())
    rows, keyframes = rows[best], keyframes[best]
    index = annotations.keyframes
    videos = index.videos[index.video_index[keyframes]].tolist()
    return BoxTable.from_columns(videos, index.seconds[keyframes], found.boxes[rows], found.scores[rows], str(path))


def _listed(counts: Mapping[str, int]) -> str:
    return f" ({'; '.join(f'{name}: {count}' for name, count in counts.items())})" if counts else ""
