"""The folder of videos that a dataset is made from: its contents, and whether annotated seconds exist."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from alphaction.data.video.check_videos import check_videos, require_usable
from alphaction.data.video.file import VIDEO_SUFFIXES, VideoInfo
from alphaction.data.video.inner_videos import inner_videos_note
from alphaction.data.video.names import VideoNames
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.files import missing_file
from alphaction.utils.messages import counted, first_lines, listed, suggest


class VideoLibrary:
    """The videos of one folder, each opened once.

    Args:
        folder: holds ``{video}.mp4`` (or any other of ``VIDEO_SUFFIXES``); folders inside it are not searched.

    Attributes:
        names: video names (file names without ending), sorted.
        infos: video -> size, rate and length, of those that open; filled by :meth:`probe`.
        broken: video -> why it does not open, and the remedy.

    Raises:
        UserError: the folder does not exist or holds no video.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise DataError(f"--videos: {missing_file(self.folder, folders=True)} Name the folder of the video files.")
        files = [path for path in sorted(self.folder.iterdir()) if path.suffix.lower() in VIDEO_SUFFIXES]
        if not files:
            raise DataError(_no_videos(self.folder))
        self.names: tuple[str, ...] = tuple(sorted({path.stem for path in files}))
        self.infos: dict[str, VideoInfo] = {}
        self.broken: dict[str, str] = {}
        self._source = MovieSource(self.folder)
        self._spellings = VideoNames(self.names, str(self.folder))
        self._matched: dict[str, str | None] = {}

    def __len__(self) -> int:
        """Return the number of videos."""
        return len(self.names)

    def probe(self, progress: bool | None = True) -> None:
        """Open every video and decode its first frame; what fails is noted in ``broken``.

        Args:
            progress: True: show a progress bar; None: only on a terminal.
        """
        hide = None if progress is None else not progress
        for video in tqdm(self.names, desc="opening the videos", unit="video", disable=hide):
            try:
                self.infos[video] = self._source.probe(video)
            except UserError as error:
                self.broken[video] = str(error)

    def info(self, video: str) -> VideoInfo:
        """Return size, rate and length of a video.

        Raises:
            UserError: there is no such video, or it does not open.
        """
        name = self.name_of(video)
        if name is None:
            raise DataError(f'video "{video}": {self.folder} holds no such file. {suggest(video, self.names)}')
        if name in self.broken:
            raise DataError(self.broken[name])
        if name not in self.infos:
            self.infos[name] = self._source.probe(name)
        return self.infos[name]

    def name_of(self, video: str) -> str | None:
        """Return the video that a name in a file means, in any spelling; None if none or several."""
        if video not in self._matched:
            found = self._spellings.find(video)
            self._matched[video] = found[0] if len(found) == 1 else None
        return self._matched[video]

    def path(self, video: str) -> Path:
        """Return the file of a video; one of :attr:`names`."""
        return self._source.path(video)

    def size(self, video: str) -> tuple[int, int]:
        """Return (width, height) of a video's frames; UserError as in :meth:`info`."""
        info = self.info(video)
        return info.width, info.height

    def summary(self) -> list[str]:
        """Return lines on sizes, frame rates and length, and one for each video that does not open."""
        infos = self.infos.values()
        if not infos:
            return [f"{self.folder}: {counted(len(self), 'video')}, none of which can be used:", *self._problems()]
        sizes = Counter(f"{info.width}x{info.height}" for info in infos)
        rates = Counter(f"{info.fps:.4g}" for info in infos)
        seconds = sum(info.duration or 0.0 for info in infos)
        lines = [
            f"{self.folder}: {counted(len(self), 'video')}, {_duration(seconds)} in all; "
            f"{_tally(sizes)} pixels; {_tally(rates)} {'frame' if list(rates) == ['1'] else 'frames'} per second"
        ]
        if note := inner_videos_note(self.folder):
            lines.append(f"  {note}")
        unstated = [video for video, info in self.infos.items() if info.duration is None]
        if unstated:
            lines.append(f"files that do not state their length: {listed(unstated)}")
        if self.broken:
            lines.append(f"{len(self.broken)} of them cannot be used:")
            lines += self._problems()
        return lines

    def _problems(self) -> list[str]:
        return [f"  {line}" for line in first_lines(list(self.broken.values()))]

    def stated_end(self, video: str) -> float:
        """Return the last second that a video may have by its header, whose length is not always right; else inf."""
        info = self.info(video)
        return np.inf if info.duration is None else info.duration + max(1 / info.fps, 0.1)

    def end_near(self, video: str, second: float) -> tuple[float, float]:
        """Return where a video ends (``second`` or more if it reaches that), and how far a second may be past it.

        Raises:
            UserError: there is no such video, or it cannot be read.
        """
        self.info(video)
        return self._source.end_near(self.name_of(video), second)

    def check_readable(self, seconds: Mapping[str, Sequence[float]], progress: bool | None = True) -> None:
        """Check that the annotated seconds can be reached, and some of them decoded.

        Args:
            seconds: video (one of :attr:`names`) -> its annotated seconds.
            progress: as in :meth:`probe`.

        Raises:
            UserError: lists the videos that are broken or cut off.
        """
        hide = None if progress is None else not progress
        checks = check_videos(self._source, seconds, progress="checking annotated seconds", hide_progress=hide)
        try:
            require_usable(checks, str(self.folder))
        except UserError as error:
            late = any(len(check.beyond) for check in checks)
            remedy = "\n  Or add --beyond-end drop, which leaves out the rows beyond the end and counts them."
            raise DataError(f"{error}{remedy}" if late else str(error)) from error


def relative_to(path: Path, folder: Path) -> str:
    """Return ``path`` as seen from ``folder`` where both lie near each other (at most 3 levels up), else absolute."""
    path, folder = path.resolve(), folder.resolve()
    try:
        shared = len(Path(os.path.commonpath([path, folder])).parts)
    except ValueError:  # two drives of Windows
        return str(path)
    if shared <= 1 or len(folder.parts) - shared > 3:
        return str(path)
    return Path(os.path.relpath(path, folder)).as_posix()


def _no_videos(folder: Path) -> str:
    known = ", ".join(VIDEO_SUFFIXES[:5]) + ", ..."
    files = [path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES]
    nested = Counter(path.parent for path in files)
    if not nested:
        return f"--videos {folder}: the folder holds no video ({known}). Check the path."
    if len(nested) == 1:
        return f"--videos {folder}: the videos lie in a folder inside it. Write --videos {next(iter(nested))}"
    endings = " -o ".join(f"-name '*{suffix}'" for suffix in sorted({path.suffix for path in files}))
    if len({path.name for path in files}) < len(files):
        return (
            f"--videos {folder}: its {len(files)} videos lie in {len(nested)} folders inside it, some under the same "
            "name; all have to lie in one, under names of their own. Copy or link them there with the folder in the "
            'name ("cam1_morning.mp4" for cam1/morning.mp4), and write the same names in the annotations'
        )
    return (
        f"--videos {folder}: its {len(files)} videos lie in {len(nested)} folders inside it; all have to lie "
        f"in one. Make a folder of links: mkdir {folder}_all && find $(realpath {folder}) \\( {endings} \\) "
        f"-exec ln -s {{}} {folder}_all/ \\; and write --videos {folder}_all"
    )


def _duration(seconds: float) -> str:
    if seconds < 10 and round(seconds, 1) != round(seconds):
        return f"{seconds:.1f} seconds" if seconds >= 0.1 else f"{seconds:.2g} seconds"
    return counted(round(seconds), "second") if seconds < 120 else f"{seconds / 60:.1f} minutes"


def _tally(counts: Counter[str]) -> str:
    """Return "768x576" or "640x480 (12), 1280x720 (3)", the commonest first."""
    if len(counts) == 1:
        return next(iter(counts))
    return listed([f"{value} ({count})" for value, count in counts.most_common()], 5) or "unknown"
