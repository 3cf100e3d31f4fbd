"""Videos in the folders inside a folder of videos, which nothing reads."""

from __future__ import annotations

import os
from pathlib import Path

from alphaction.data.video.file import VIDEO_SUFFIXES
from alphaction.utils.messages import counted, listed

# A folder of videos may hold their frames as well: looking at more files than this is not worth the wait.
_MAX_FILES = 20_000


def inner_videos_note(folder: Path) -> str:
    """Return a note on videos that lie deeper than in ``folder``; "" if there are none."""
    found: dict[str, int] = {}
    looked = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        looked += len(names)
        if Path(parent) != folder:
            videos = sum(name.lower().endswith(VIDEO_SUFFIXES) and not name.startswith(".") for name in names)
            if videos:
                found[os.path.relpath(parent, folder)] = videos
        if looked > _MAX_FILES:
            break
    if not found:
        return ""
    number = sum(found.values())
    more = counted(number, "more video lies", "more videos lie")
    return f"{more} in folders inside it ({listed(found, 3)}), which are not searched"
