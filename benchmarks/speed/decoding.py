"""Training clips from video files, in one thread, compared with decoding their frames and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import av
import cv2
import torch
from yacs.config import CfgNode

from alphaction.config.paths_catalog import DatasetSpec
from alphaction.data.dataset import ActionDataset
from alphaction.data.sample import SampleRequest
from alphaction.data.video.file import Size
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted
from alphaction.workflows.prepare.movies import cut_movie
from benchmarks.speed.measure import Case, Comparison, compare

_SEED = 3
_EDGE = 3  # seconds at either end of a movie without clips, which would have fewer frames
_LABELS = 'label {\n  name: "stand"\n  label_id: 1\n  label_type: PERSON_MOVEMENT\n}\n'


@dataclass(frozen=True)
class Files:
    """A movie, and its seconds as clips.

    Attributes:
        movie: the video, alone in its folder.
        clips: folder of its one-second clips in their own size.
        scaled: the same, reduced to the size that the network takes.
        seconds: the keyframes.
    """

    movie: Path
    clips: Path
    scaled: Path
    seconds: Sequence[int]


def prepare(movie: Path, folder: Path, *, short_side: int, fps: float, count: int) -> Files:
    """Cut a movie into one-second clips.

    Args:
        movie: alone in its folder.
        folder: for the clips.
        short_side: pixels of the reduced ones.
        fps: frames of a clip.
        count: keyframes.

    Raises:
        UserError: if the movie is too short.
    """
    whole, scaled = folder / "clips", folder / "scaled"
    cut_movie(movie, whole / movie.stem, None, fps=fps or None, end=None)
    cut_movie(movie, scaled / movie.stem, None, fps=fps or None, end=None, short_side=short_side)
    length = len(list((whole / movie.stem).glob("*.mp4")))
    usable = range(_EDGE, length - _EDGE)
    if not usable:
        raise UserError(f"{movie} has {counted(length, 'second')}: {2 * _EDGE + 1} are needed")
    step = max(1, len(usable) // count)
    return Files(movie, whole, scaled, usable[::step][:count])


def comparisons(files: Files, cfg: CfgNode, folder: Path, repetitions: int) -> Iterator[Comparison]:
    """Measure one-second clips, and the whole movie.

    Args:
        files: what :func:`prepare` returned.
        cfg: the experiment: frames, sizes, colors.
        folder: for annotations.
        repetitions: turns that count.
    """
    cfg = _jittered(cfg)
    with _one_thread():
        for title, videos in (("One-second clips", None), ("The whole movie", files.movie.parent)):
            spec = _spec(files, folder, videos)
            yield _compared(title, cfg, spec, files, repetitions)


def training_clips(files: Files, cfg: CfgNode, folder: Path) -> ActionDataset:
    """Return the one-second clips of :func:`prepare` as a training set; ``folder`` is for annotations."""
    return ActionDataset.from_config(_jittered(cfg), _spec(files, folder, None), training=True)


def _jittered(cfg: CfgNode) -> CfgNode:
    cfg = cfg.clone()
    cfg.INPUT.COLOR_JITTER = True
    cfg.INPUT.FLIP_CLASS_PAIRS = []  # there is one class
    return cfg


def _compared(title: str, cfg: CfgNode, spec: DatasetSpec, files: Files, repetitions: int) -> Comparison:
    later = cfg.clone()
    later.INPUT.COLOR_ON_DEVICE = True
    dataset, without_colors = (ActionDataset.from_config(each, spec, training=True) for each in (cfg, later))
    slots = sorted(set(chain.from_iterable(dataset.sampling.slots())))
    fps = cfg.INPUT.FPS or dataset.source.probe(files.movie.stem).fps

    def case(name: str, run: Callable[[int], object]) -> Case:
        def all_clips() -> None:
            for position in range(len(files.seconds)):
                run(position)

        return Case(name, all_clips, units=len(files.seconds))

    def bare(last_only: bool) -> Callable[[int], None]:
        def run(position: int) -> None:
            second = files.seconds[position]
            if spec.videos is not None:
                decode_bare(files.movie, second + slots[0] / fps, second + slots[-1] / fps)
                return
            ends: dict[int, float] = {}
            for slot in slots:
                offset = math.floor(slot / fps + 1e-9)
                ends[offset] = slot / fps - offset
            for offset, end in ends.items():
                decode_bare(spec.clips / files.movie.stem / f"{second + offset}.mp4", 0.0, end if last_only else 1.0)

        return run

    def frames(size: Callable[[Size], Size] | None) -> Callable[[int], None]:
        def run(position: int) -> None:
            for _ in dataset.source.frames(files.movie.stem, files.seconds[position], slots, cfg.INPUT.FPS, size):
                pass

        return run

    def clip(source: ActionDataset) -> Callable[[int], object]:
        return lambda position: source[SampleRequest(position, _SEED)]

    cases = [case("bare decoding, to the last used frame", bare(last_only=True))]
    if spec.videos is None:
        cases.append(case("bare decoding of all frames", bare(last_only=False)))
    cases += [
        case("the used frames, as RGB", frames(None)),
        case("and resized", frames(dataset.resize)),
        case("training clip: mirrored, color jitter", clip(dataset)),
        case("training clip with COLOR_ON_DEVICE", clip(without_colors)),
    ]
    if spec.videos is None:
        scaled = replace(spec, clips=files.scaled)
        for name, each in (("", cfg), (", COLOR_ON_DEVICE", later)):
            reduced = ActionDataset.from_config(each, scaled, training=True)
            cases.append(case(f"training clip from reduced files{name}", clip(reduced)))
    width, height = dataset.source.frame_size(files.movie.stem)
    wide, high = dataset.resize((width, height))
    text = f"{title}, {width}x{height} -> {wide}x{high}: {len(slots)} of the {slots[-1] - slots[0] + 1} frames are used"
    return compare(text, "clip", cases, repetitions=repetitions)


def decode_bare(path: Path, start: float, end: float) -> None:
    """Open a video, go to the key frame before ``start``, decode to the frame at ``end`` (seconds): nothing else."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        if start > 0:
            container.seek(int(start / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if frame.time >= end - 1e-6:
                return


def _spec(files: Files, folder: Path, videos: Path | None) -> DatasetSpec:
    """Write annotations, one box at each keyframe; ``videos``: the movie's folder, None: the clips."""
    name = files.movie.stem
    rows = [f"{name},{second},0.1,0.1,0.6,0.9,1,1\n" for second in files.seconds]
    annotations, label_map = folder / "annotations.csv", folder / "labels.pbtxt"
    annotations.write_text("".join(rows), encoding="utf-8")
    label_map.write_text(_LABELS, encoding="utf-8")
    return DatasetSpec(
        name="benchmark",
        videos=videos,
        clips=files.clips if videos is None else None,
        label_map=label_map,
        eval_label_map=None,
        annotations=annotations,
        person_boxes=None,
        object_boxes=None,
        exclusions=None,
        source="the benchmark",
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])
