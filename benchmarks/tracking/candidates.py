"""The trackers that are compared, each of which gives the boxes of a video ids.

Whoever is missed for 2 seconds gets a new id with all of them, and every box may start a track at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from alphaction.workflows.predict.tracker import IouTracker
from benchmarks.tracking.paths import Footage
from benchmarks.tracking.scores import NOBODY

_PATIENCE = 2.0  # seconds

Follow = Callable[[Footage], list[np.ndarray]]
"""A video -> int [m] for each of its moments: the ids of the boxes found, or NOBODY."""


@dataclass(frozen=True)
class Candidate:
    """A tracker.

    Attributes:
        name: in the table.
        settings: what is tried, by its name: that with the best IDF1 counts, which favors those with several.
    """

    name: str
    settings: Mapping[str, Follow]


def candidates() -> list[Candidate]:
    """Return all; a UserError names a package that is not installed."""
    ious = (0.05, 0.1, 0.2, 0.3)
    return [
        Candidate("IouTracker", {"as it is": follow_iou}),
        *(
            Candidate(
                f"trackers: {name}",
                {
                    f"IoU {iou:g}, from {frames} frames on": partial(follow_trackers, kind, iou, frames)
                    for iou in ious
                    for frames in (1, 2)
                },
            )
            for name, kind in (("SORT", "SORTTracker"), ("ByteTrack", "ByteTrackTracker"), ("OC-SORT", "OCSORTTracker"))
        ),
        Candidate("norfair: IoU", {f"IoU {iou:g}": partial(follow_norfair, "iou", 1 - iou) for iou in ious}),
        Candidate(
            "norfair: distance", {f"{far:g} heights": partial(follow_norfair, "far", far) for far in (0.3, 0.6, 1.0)}
        ),
    ]


def follow_iou(video: Footage) -> list[np.ndarray]:
    """Ours, with the settings of predict_video.py."""
    tracker = IouTracker(video.size[0] / video.size[1])
    return [np.array(tracker.update(moment.time, moment.found), dtype=int) for moment in video.moments]


def follow_trackers(kind: str, iou: float, frames: int, video: Footage) -> list[np.ndarray]:
    """One of the package trackers; the detections have been filtered by score already."""
    import supervision
    import trackers

    # Their buffer counts frames at 30 per second.
    options: dict[str, Any] = {
        "lost_track_buffer": round(30 * _PATIENCE),
        "frame_rate": video.rate,
        "minimum_consecutive_frames": frames,
        "minimum_iou_threshold": iou,
    }
    if kind != "OCSORTTracker":
        options["track_activation_threshold"] = 0.3
    if kind == "ByteTrackTracker":
        options["high_conf_det_threshold"] = 0.5
    tracker = getattr(trackers, kind)(**options)
    scale = np.tile(video.size, 2)
    results = []
    for moment in video.moments:
        rows = np.arange(len(moment.found))
        boxes = supervision.Detections(
            (moment.found * scale).reshape(-1, 4), confidence=moment.scores, class_id=rows, data={"row": rows}
        )
        found = tracker.update(boxes)
        ids = np.full(len(rows), NOBODY)
        if len(found):
            ids[found.class_id] = found.tracker_id
        results.append(ids)
    return results


def follow_norfair(distance: str, most: float, video: Footage) -> list[np.ndarray]:
    """norfair: pairs up to a distance (1 - IoU, or that of the centers in heights of the person)."""
    import norfair

    def far(detection: norfair.Detection, track: Any) -> float:
        a, b = detection.points, track.estimate
        return float(np.linalg.norm(a.mean(0) - b.mean(0)) / max(np.ptp(a[:, 1]), 1e-6))

    tracker = norfair.Tracker(
        norfair.distances.iou if distance == "iou" else far,
        distance_threshold=most,
        hit_counter_max=max(1, round(_PATIENCE * video.rate)),
        initialization_delay=0,
    )
    results = []
    for moment in video.moments:
        boxes = [
            norfair.Detection((box * np.tile(video.size, 2)).reshape(2, 2), data=(moment.time, row))
            for row, box in enumerate(moment.found)
        ]
        ids = np.full(len(boxes), NOBODY)
        for track in tracker.update(boxes):
            time, row = track.last_detection.data
            if time == moment.time:
                ids[row] = track.id
        results.append(ids)
    return results
