"""How near to the truth boxes between detections are: ``python -m benchmarks.tracking.boxes_between``."""

from __future__ import annotations

import argparse
import csv
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alphaction.data.video.file import VideoFile
from alphaction.data.video.timed_frame import TimedFrame
from alphaction.evaluation.average_precision import box_iou
from alphaction.utils.messages import text_table
from alphaction.workflows.predict.tracker import Track
from alphaction.workflows.predict.tracking.between import follow_tracks
from alphaction.workflows.predict.tracking.flow_tracker import FlowTracker
from benchmarks.tracking.paths import toy_persons, toy_scenes

_TOY_FPS, _TOY_SECONDS = 12, 6


@dataclass(frozen=True, eq=False)
class Truth:
    """A video with the box of each of n persons on each of F frames.

    Attributes:
        fps: frames per second.
        frames: uint8 [H, W, 3] RGB each.
        boxes: float64 [F, n, 4] as fractions of the frame.
    """

    fps: float
    frames: Sequence[np.ndarray]
    boxes: np.ndarray


def toy_truth(count: int, seed: int) -> Iterator[Truth]:
    """Yield videos of the toy world."""
    times = (np.arange(_TOY_FPS * _TOY_SECONDS) / _TOY_FPS).tolist()
    for scene in toy_scenes(count, seed):
        persons = toy_persons(scene)
        yield Truth(_TOY_FPS, [scene.frame(time) for time in times], np.stack([persons(time)[1] for time in times]))


def jhmdb_truth(folder: Path, every: int) -> Iterator[Truth]:
    """Yield each ``every``-th clip of a folder with ``tubes.csv`` and ``videos``."""
    boxes: dict[str, list[list[float]]] = defaultdict(list)
    with (folder / "tubes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            boxes[row["video"]].append([float(row[side]) for side in ("x1", "y1", "x2", "y2")])
    for video in sorted(boxes)[::every]:
        with closing(VideoFile(folder / "videos" / f"{video}.mp4")) as movie:
            times = [number / movie.fps for number in range(len(boxes[video]))]
            yield Truth(movie.fps, list(movie.stream(times)), np.array(boxes[video])[:, None])


def cut(truth: Truth, gap: int) -> Truth | None:
    """Return the part of a video that ends with a detection on each ``gap``-th frame; None: it is too short."""
    last = (len(truth.frames) - 1) // gap * gap
    return replace(truth, frames=truth.frames[: last + 1], boxes=truth.boxes[: last + 1]) if last else None


def offline(truth: Truth, gap: int) -> dict[str, np.ndarray]:
    """Return the boxes [F, n, 4] that are drawn where the future is known, by method."""
    times = np.arange(len(truth.frames)) / truth.fps
    keys = range(0, len(times), gap)
    tracks = [
        Track(number + 1, times[keys].tolist(), [*keys], [truth.boxes[key, number] for key in keys])
        for number in range(truth.boxes.shape[1])
    ]
    return {
        name: np.stack([[track.box_at(time) for track in some] for time in times])
        for name, some in (
            ("straight lines", tracks),
            ("flow from both sides", follow_tracks(tracks, times, truth.frames)),
        )
    }


def live(truth: Truth, gap: int) -> dict[str, np.ndarray]:
    """Return the boxes [F, n, 4] that are drawn where only the past is known, by method."""
    size = truth.frames[0].shape
    tracker, stays, flows = FlowTracker(size[1] / size[0]), [], []
    for number, (image, boxes) in enumerate(zip(truth.frames, truth.boxes, strict=True)):
        frame = TimedFrame(number, number / truth.fps, image)
        if number % gap == 0:
            stays.append(boxes)
            persons = tracker.detected(frame, boxes, np.ones(len(boxes)))
            owners = [next(p.id for p in persons if np.array_equal(p.box, box)) for box in boxes]
        else:
            stays.append(stays[-1])
            persons = tracker.moved(frame)
        there = {person.id: person.box for person in persons}
        flows.append([there.get(owner, np.zeros(4)) for owner in owners])  # who is not shown overlaps nobody
    return {"stays where it was": np.stack(stays), "flow": np.array(flows)}


def mean_overlap(truths: Sequence[Truth], gap: int) -> dict[str, float]:
    """Return the mean IoU with the true boxes on the frames without a detection, by method."""
    overlaps: dict[str, list[np.ndarray]] = defaultdict(list)
    for whole in truths:
        truth = cut(whole, gap)
        if truth is None:
            continue
        between = np.arange(len(truth.frames)) % gap > 0
        true = truth.boxes[between].reshape(-1, 4)
        for name, boxes in {**offline(truth, gap), **live(truth, gap)}.items():
            overlaps[name].append(box_iou(boxes[between].reshape(-1, 4), true))
    return {name: float(np.concatenate(values).mean()) for name, values in overlaps.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jhmdb", type=Path, help="folder with tubes.csv (a box on each frame) and videos/")
    parser.add_argument("--every", type=int, default=4, help="take each N-th clip of it (default: %(default)s)")
    parser.add_argument("--videos", type=int, default=8, help="of the toy world (default: %(default)s)")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    worlds = {"toy, 12 fps": (list(toy_truth(args.videos, seed=0)), (4, 12))}
    if args.jhmdb is not None:
        worlds["jhmdb, 30 fps"] = (list(jhmdb_truth(args.jhmdb, args.every)), (5, 10, 30))
    columns = {
        f"{name}: each {gap} frames": mean_overlap(truths, gap)
        for name, (truths, gaps) in worlds.items()
        for gap in gaps
    }
    methods = list(next(iter(columns.values())))
    rows = [["detections", *methods]]
    rows += [[name, *(f"{found[method]:.3f}" for method in methods)] for name, found in columns.items()]
    print("\n".join(text_table(rows)))


if __name__ == "__main__":
    main()
