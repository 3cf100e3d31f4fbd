"""Importing a file written in a test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from alphaction.data.formats.rows import RowTable
from alphaction.data.keyframes import Keyframe
from alphaction.data.video.file import VideoInfo
from alphaction.workflows.prepare.import_rows import ReadingRules, import_annotations

INFO = VideoInfo(width=640, height=480, fps=25.0, duration=20.0, frames=500)


def import_text(folder: Path, content, videos=("clip_01", "clip_02"), info: VideoInfo = INFO, **options):
    """Import ``content`` (text, or what becomes JSON) with two known videos of 640 x 480 pixels at 25 fps."""
    path = folder / "annotations.txt"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return import_file(path, videos, info, **options)


def import_file(path: Path, videos=("clip_01", "clip_02"), info: VideoInfo = INFO, **options):
    """Import a file."""
    return imported(path, dict.fromkeys(videos, info), **options)


def imported(path: Path, infos: Mapping[str, VideoInfo], **options) -> RowTable:
    """Import a file that speaks of the videos of ``infos``."""
    [rows] = import_annotations([path], ReadingRules(**options), info=infos.__getitem__, video_names=list(infos))
    return rows


def listed(found: RowTable) -> list[tuple]:
    """Return (video, second, box rounded to 4 digits, labels, person id) of each box."""
    found = found.take(found.has_box)
    columns = (
        found.video_codes.tolist(),
        found.numbers.tolist(),
        found.boxes.tolist(),
        found.labels(),
        found.persons(),
    )
    return [
        (found.videos[code], second, tuple(round(value, 4) for value in box), labels, int(person))
        for code, second, box, labels, person in zip(*columns, strict=True)
    ]


def empty_keyframes(found: RowTable) -> list[Keyframe]:
    """Return the keyframes without a box."""
    bare = found.take(~found.has_box)
    return [Keyframe(bare.videos[code], second) for code, second in zip(bare.video_codes, bare.numbers, strict=True)]
