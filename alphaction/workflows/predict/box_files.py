"""The boxes of a video in the files that the options name, and what is said of moments without any."""

from __future__ import annotations

import numpy as np
from yacs.config import CfgNode

from alphaction.data.annotations import BoxTable
from alphaction.data.dataset import wants_objects
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted, listed
from alphaction.workflows.predict.clip import Clip
from alphaction.workflows.predict.person_boxes import BoxFiles, boxes_from_file, moments_text
from alphaction.workflows.predict.video_options import VideoOptions


def read_box_files(
    cfg: CfgNode, clip: Clip, options: VideoOptions, files: BoxFiles
) -> tuple[BoxTable | None, BoxTable | None, str]:
    """Return the boxes of persons and objects in the files (None: no file), and the video's name for the results."""
    persons, objects, name = None, None, clip.path.stem
    if options.detections is not None:
        persons, name = boxes_from_file(
            options.detections, clip.path, clip.seconds, clip.size, clip.video_end, files=files
        )
    if options.object_boxes is not None and wants_objects(cfg):
        objects, _ = boxes_from_file(
            options.object_boxes, clip.path, clip.seconds, clip.size, clip.video_end, objects=True, files=files
        )
    elif options.object_boxes is not None:
        get_logger().warning("--object-boxes is ignored: the model of this config does not use objects")
    return persons, objects, name


def note_uncovered(persons: BoxTable, threshold: float, clip: Clip, options: VideoOptions) -> None:
    """Warn of the moments at which nothing is predicted: those that the file leaves out, and those of low scores."""
    of_box = persons.keyframes.seconds[persons.keyframe_of_box()]
    covered = np.unique(of_box)
    low = np.setdiff1d(covered, of_box[persons.scores >= np.float32(threshold)])
    left = len(clip.seconds) - len(covered)
    if not (left > 0 or len(low)):
        return
    shown = f" ({listed(f'{second:.10g}' for second in covered)})" if left > 0 else ""
    whole = clip.stride == 1
    total = f"{len(clip.seconds)} {'seconds' if whole else 'moments'}"
    parts = [f"{options.detections} has boxes at {len(covered)} of the {total} of {clip.path.name}{shown}"]
    if len(low):
        seconds = listed(f"{second:.10g}" for second in low)
        parts.append(
            f"at {len(low)} of them ({seconds}) none scores TEST.BOX_THRESH {threshold:g} or more, so that there is no "
            "result: lower it at the end of the command"
        )
    if left > 0:
        needed = "each second" if whole else f"each multiple of TEST.STRIDE {clip.stride:g} s"
        parts.append(
            f"there is no result at the other{f' {left}' if left > 1 else ''}. Boxes are needed at {needed}, "
            "counted from 0: add rows to the file, or let --detector find the persons in its place"
        )
    get_logger().warning("%s.", "; ".join(parts))


def any_above(persons: BoxTable, threshold: float, clip: Clip) -> bool:
    """Return whether any box of a person scores high enough; if not, warn that the frames stay plain."""
    if (persons.scores >= np.float32(threshold)).any():
        return True
    best = (
        f"{counted(len(persons), 'box', 'boxes')}, the best scores {persons.scores.max():.3f}"
        if len(persons)
        else "none"
    )
    get_logger().warning(
        "%s: no box of a person from TEST.BOX_THRESH %g on at %s (%s), so nothing is drawn. For boxes of "
        "lower scores write TEST.BOX_THRESH 0.1, say, at the end of the command.",
        clip.path,
        threshold,
        moments_text(clip.seconds),
        best,
    )
    return False
