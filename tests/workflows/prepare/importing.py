"""Importing a file written in a test."""

from __future__ import annotations

import json
from pathlib import Path

from alphaction.data.video.file import VideoInfo
from alphaction.workflows.prepare.imported import ImportedAnnotations
from alphaction.workflows.prepare.importers import import_annotations

INFO = VideoInfo(width=640, height=480, fps=25.0, duration=20.0, frames=500)


def import_text(folder: Path, content, videos=("clip_01", "clip_02"), info: VideoInfo = INFO, **options):
    """Import ``content`` (text, or what becomes JSON) with two known videos of 640 x 480 pixels at 25 fps."""
    path = folder / "annotations.txt"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return import_annotations(path, info=lambda video: info, video_names=videos, **options)


def listed(found: ImportedAnnotations) -> list[tuple]:
    """Return (video, second, box rounded to 4 digits, labels, person id) of each row."""
    return [
        (video, int(second), tuple(round(float(v), 4) for v in box), labels, int(person))
        for video, second, box, labels, person in zip(
            found.videos, found.seconds, found.boxes, found.labels, found.person_ids, strict=True
        )
    ]
