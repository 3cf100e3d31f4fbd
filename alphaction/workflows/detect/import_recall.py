"""Why imported boxes find few of the annotated persons: what the numbers show."""

from __future__ import annotations

import numpy as np

from alphaction.data.annotations import BoxTable
from alphaction.evaluation.recall import Recall
from alphaction.utils.messages import counted, listed

_FEW = 0.5  # of the annotated boxes that have others beside them, this share may be missed without a question
_NUMBERING = (
    "Are they of these videos, written as you said (--box-format, --normalized), and are frames numbered as you said "
    "(--frames, --first-frame, --frame-rate)?"
)


def missing_of_import(recall: Recall, table: BoxTable) -> str:
    """Return which annotated boxes are not found and why: no rows at their keyframes, or boxes that lie elsewhere.

    Args:
        recall: of ``table``.
        table: the boxes at annotated keyframes.
    """
    annotations = recall.annotations
    keyframes = annotations.keyframes
    bare = np.ones(len(keyframes), dtype=bool)
    bare[keyframes.locate_each(table.keyframes)] = False
    keyframe_of_box = np.repeat(np.arange(len(keyframes)), np.diff(annotations.row_offsets))
    missed = recall.counts & (recall.best < 0)
    at_bare = missed & bare[keyframe_of_box]
    reasons = []
    if at_bare.any():
        with_rows = set(table.keyframes.videos[np.unique(table.keyframes.video_index)].tolist())
        lacking = sorted(set(keyframes.videos[np.unique(keyframes.video_index[bare])].tolist()) - with_rows)
        videos = f"; it has none at all of {counted(len(lacking), 'video')} ({listed(lacking, 3)})" if lacking else ""
        total, some = int(missed.sum()), int(at_bare.sum())
        reasons.append(
            f"{f'All {total}' if some == total else f'{some} of the {total}'} missed are at {int(bare.sum())} of "
            f"{counted(len(keyframes), 'keyframe')} for which there is no box in the import{videos}: add them."
        )
    elsewhere = int(missed.sum() - at_bare.sum())
    covered = int((recall.counts & ~bare[keyframe_of_box]).sum())
    if elsewhere > covered * _FEW:
        where = "of the others " if reasons else ""
        reasons.append(f"{elsewhere} {where}lie where the import has boxes, but not these. {_NUMBERING}")
    return " ".join(reasons)
