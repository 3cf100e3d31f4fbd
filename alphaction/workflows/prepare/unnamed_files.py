"""Files that do not say video and frames: are several parts of one, or is a name missing; and what helped them?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alphaction.data.formats.frame_facts import FIRST_FRAME, FRAME_RATE, PATTERN, VIDEO_NAME
from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.formats.rows import RowTable
from alphaction.utils.errors import DataError


def refuse_one_video_for_all(tables: Sequence[RowTable]) -> None:
    """Refuse two files that were taken for a video only because there is no other, and annotate the same time of it.

    The jobs of a task follow each other, with a few frames in common; whatever shares more is of two videos, one of
    which is missing, or the work of two annotators, which only the user can tell.

    Raises:
        UserError: names the two files and the remedy.
    """
    spans: dict[str, list[tuple[float, float, RowTable]]] = {}
    for table in tables:
        if table.taken_for is None or table.taken_for.why != "only" or not len(table):
            continue
        first, last = float(np.min(table.numbers)), float(np.max(table.numbers))
        earlier = spans.setdefault(table.taken_for.video, [])
        for start, end, other in earlier:
            same = other.source.path.resolve() == table.source.path.resolve()
            if not same and min(last, end) - max(first, start) > 1:
                raise DataError(
                    f"{table.source.what}: {other.source.path} and {table.source.path} name no video, and both have "
                    f"boxes at the same seconds of {table.taken_for.video}, the only one there is. Add the other "
                    "video, and give each file (or its folder) the name of its own; or pass --video-name "
                    f"{table.taken_for.video} if both are of this one."
                )
        earlier.append((first, last, table))


def unused_note(naming: FrameNaming, tables: Sequence[RowTable]) -> str:
    """Return a sentence on options that were given and that no file needed; "": there is none."""
    given = {
        VIDEO_NAME: naming.video_name,
        FRAME_RATE: naming.frame_rate,
        FIRST_FRAME: naming.first_frame,
        PATTERN: naming.pattern,
    }
    used = frozenset().union(*(table.used for table in tables))
    unused = [f"{option} {value}" for option, value in given.items() if value is not None and option not in used]
    if not unused:
        return ""
    return f"no file needed this option: {', '.join(unused)}"
