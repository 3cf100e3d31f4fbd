"""What the readers need besides the file that is fuzzed: two videos, two classes, a table, an empty dataset."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

from alphaction.data.annotations import AnnotationTable, LabelMap, read_label_map
from alphaction.data.video.file import VideoInfo
from alphaction.workflows.prepare.video_library import VideoLibrary

ROOT = Path(__file__).resolve().parents[2]
EXPORTS = "ALPHACTION_EXPORTS"
"""Variable of the environment that names a folder of real exports, used as seeds besides those of this folder."""
INFO = VideoInfo(width=640, height=480, fps=25.0, duration=20.0, frames=500)
INFOS = {
    "clip_01": INFO,
    "clip_02": INFO,
    "video_0300": VideoInfo(1920, 1080, 30.0, 5.0, 150),
    "video_0013": VideoInfo(1920, 1080, 30.0, 5.0, 150),
    "a": VideoInfo(640, 480, 30.0, 10.0, 300),
    "b": VideoInfo(640, 480, 30.0, 30.0, 900),
    "example": VideoInfo(640, 480, 97500 / 3259, 13.04, 390),
    "opossum_snow": VideoInfo(1280, 720, 30000 / 1001, 42.0, 1259),
    "01NVb-003-072-2 echo cont": VideoInfo(320, 240, 10.0, 480.0, 4800),
    "bench_177": VideoInfo(640, 344, 10.0, 24.0, 240),
    "demo": VideoInfo(480, 360, 30.0, 9.37, 281),
    "1": VideoInfo(640, 480, 30.0, 11.0, 330),
    "DJI_0068": VideoInfo(3840, 2160, 5.0, 5.0, 25),
    "traffic": VideoInfo(1280, 720, 5.0, 44.2, 221),
    "tennis": VideoInfo(1280, 720, 30.0, 18.0, 541),
    "classroom": VideoInfo(640, 640, 2.0, 1650.0, 3300),
    "opossum_snow_short": VideoInfo(1280, 720, 30000 / 1001, 1.17, 35),
    "unstated": VideoInfo(640, 480, 25.0, None, None),
}
"""Of the seeds written here, and of the public exports."""
LABELS = (
    'label {\n  name: "wave"\n  label_id: 1\n  label_type: PERSON_MOVEMENT\n}\n'
    'item {\n  name: "run, fast"\n  id: 2\n}\n'
)


class KnownVideos(VideoLibrary):
    """The videos of :data:`INFOS`, without files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.broken, self._matched = Path(folder), {}, {}
        for name in INFOS:
            (self.folder / f"{name}.mp4").touch()
        super().__init__(folder)
        self.infos = dict(INFOS)

    def probe(self, progress: bool | None = True) -> None:
        """Everything is known."""

    def end_near(self, video: str, second: float) -> tuple[float, float]:
        """Return the stated end, or second 30."""
        return self.info(video).duration or 30.0, 0.1

    def check_readable(self, seconds: object, progress: bool | None = True) -> None:
        """Nothing is decoded."""


def real_exports() -> Path | None:
    """Return the folder of real exports, if it is here."""
    for folder in (os.environ.get(EXPORTS, ""), ROOT.parent / "shared" / "exports"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    return None


@cache
def label_map() -> LabelMap:
    """Return "wave" and "run, fast"."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.pbtxt"
        path.write_text(LABELS, encoding="utf-8")
        return read_label_map(path)


@cache
def table() -> AnnotationTable:
    """Return three keyframes of each of two videos, with two persons."""
    videos, seconds, boxes, classes, persons = [], [], [], [], []
    for video in ("clip_01", "clip_02"):
        for second in (1, 2, 4):
            for person in (0, 1):
                videos.append(video)
                seconds.append(second)
                boxes.append([0.1 + 0.4 * person, 0.2, 0.3 + 0.4 * person, 0.8])
                classes.append(1 + (second + person) % 2)
                persons.append(person)
    return AnnotationTable.from_columns(videos, seconds, boxes, classes, persons)


def size(video: str) -> tuple[int, int]:
    """Return the size of a video's frames, of unknown ones that of the others."""
    info = INFOS.get(video, INFO)
    return info.width, info.height


def info_of(video: str) -> VideoInfo:
    """Return what is known of a video."""
    return INFOS.get(video, INFO)
