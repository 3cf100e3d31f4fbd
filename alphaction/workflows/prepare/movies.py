"""Cutting movies into one-second clips and keyframes, in the layout of AVA's preparation.

``clip_root/{movie}/{t}.mp4`` shows the movie from second t to t + 1, ``keyframe_root/{movie}/{t}.jpg`` its first frame;
:class:`alphaction.data.video.one_second_clips.OneSecondClipSource` reads the clips back. A movie is decoded once, in
order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import MISSING, dataclass, field
from functools import partial
from pathlib import Path

import av

from alphaction.data.video.file import VIDEO_SUFFIXES, BrokenVideoError, VideoFile
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.files import missing_file
from alphaction.utils.messages import counted
from alphaction.utils.options import option
from alphaction.workflows.prepare.movie_cutter import CutReport, MovieCutter
from alphaction.workflows.prepare.movie_pool import run_in_processes

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AvaCutOptions:
    """How movies are cut as AVA is prepared; each field is the flag of its name. 0 stands for "as in the movie"."""

    movie_root: Path = option(MISSING, "--movie_root", "--movie-root", metavar="DIR", help="folder of the movies")
    clip_root: Path = option(MISSING, "--clip_root", "--clip-root", metavar="DIR", help="folder for the clips")
    kframe_root: Path | None = option(
        None, "--kframe_root", "--kframe-root", metavar="DIR", help="folder for the keyframes; default: none"
    )
    process_num: int = option(
        4,
        "--process_num",
        "--process-num",
        "--processes",
        metavar="N",
        help="movies that are cut at the same time, by one core each (default: %(default)s)",
    )
    start: int = option(895, metavar="S", help="first second (default: %(default)s, AVA's)")
    end: int = option(
        1805,
        metavar="S",
        help="the second after the last (default: %(default)s, AVA's); 0: to the end of each movie",
    )
    fps: float = option(
        25,
        metavar="F",
        help="frames a second, rounded to a whole number (default: %(default)s); 0: each movie's own rate",
    )
    short_side: int = option(
        360,
        "--short-side",
        "--short_side",
        metavar="PX",
        help="reduce larger frames to this height or width (default: %(default)s); 0: keep the size",
    )


@dataclass(frozen=True)
class Failure:
    """A movie that could not be cut, or not to its end; ``reason`` is a clause without the file's name."""

    movie: Path
    reason: str


@dataclass
class CutSummary:
    """What was done with some movies; :meth:`add` is ``on_report`` of :func:`cut_movies`."""

    movies: int = 0
    written: int = 0
    kept: int = 0
    short: list[tuple[Path, float]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def add(self, movie: Path, report: CutReport) -> None:
        """Count a movie that was cut."""
        self.movies += 1
        self.written += report.written
        self.kept += report.kept
        if report.ends_at is not None:
            self.short.append((movie, report.ends_at))

    def __str__(self) -> str:
        total = self.movies + len(self.failures)
        lines = [
            f"{self.movies} of {counted(total, 'movie is', 'movies are')} cut: {counted(self.written, 'second')} "
            f"written, {self.kept} were there already"
        ]
        if self.short:
            lines.append(f"{len(self.short)} of them end before --end:")
            lines += [f"  {movie.name}: at {end:.2f} s" for movie, end in sorted(self.short)]
        if self.failures:
            lines.append(f"{len(self.failures)} failed:")
            lines += [f"  {failure.movie}: {failure.reason}." for failure in self.failures]
        return "\n".join(lines)


def find_movies(folder: Path) -> list[Path]:
    """Return the videos in ``folder``, sorted by name; other files are counted in the log.

    Raises:
        UserError: if there is no such folder, or no video in it.
    """
    if not folder.is_dir():
        raise DataError(f"the folder of movies {missing_file(folder, folders=True)} Correct the path (--movie_root).")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    movies = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
    if not movies:
        raise DataError(
            f"{folder} holds no video ({counted(len(files), 'other file')}). Expected names like movie.mp4; known "
            f"endings: {' '.join(VIDEO_SUFFIXES)}."
        )
    if len(movies) < len(files):
        logger.warning("%s: %s left out, as no videos", folder, counted(len(files) - len(movies), "file"))
    return movies


def cut_as_ava(options: AvaCutOptions) -> CutSummary:
    """Cut the movies of a folder and return what was done; see :func:`cut_movies`."""
    summary = CutSummary()
    summary.failures = cut_movies(
        find_movies(options.movie_root),
        options.clip_root,
        options.kframe_root,
        processes=options.process_num,
        start=options.start,
        end=options.end or None,
        fps=options.fps or None,
        short_side=options.short_side or None,
        on_report=summary.add,
    )
    return summary


def cut_movie(
    movie: Path,
    clip_folder: Path,
    keyframe_folder: Path | None,
    *,
    start: int = 0,
    end: int | None = None,
    fps: float | None = None,
    short_side: int | None = None,
    on_second: Callable[[], None] | None = None,
) -> CutReport:
    """Write ``clip_folder/{t}.mp4`` and ``keyframe_folder/{t}.jpg`` for each second t of [start, end).

    Files that exist are kept and their seconds not decoded again. A file appears only when it is complete. Each clip
    has round(fps) frames, the movie's nearest to t + k / round(fps). The second in which the movie ends is filled up
    with its last frame; a movie that ends on a whole second t has a still clip t, because t is a valid keyframe.

    Args:
        movie: a video file.
        clip_folder: created if need be.
        keyframe_folder: created if need be; None: no keyframes.
        start: first second.
        end: the second after the last; None: to the end of the movie.
        fps: frames of a clip; None: the movie's own rate. Either is rounded to a whole number.
        short_side: larger frames are reduced to this height or width, in pixels; None: none is. Odd sizes become even.
        on_second: called after each second that was cut.

    Raises:
        UserError: an option is out of range, or the movie cannot be read, ends before ``start`` or was cut off; its
            complete seconds have been cut then.
    """
    _check_options(start, end, fps, short_side)
    try:
        with closing(VideoFile(movie)) as video:
            return MovieCutter(video, clip_folder, keyframe_folder, fps, short_side, on_second).cut(start, end)
    except BrokenVideoError as error:
        raise DataError(f"{movie}: {error.clause}") from error


def cut_movies(
    movies: Sequence[Path],
    clip_root: Path,
    keyframe_root: Path | None,
    *,
    processes: int = 1,
    start: int = 0,
    end: int | None = None,
    fps: float | None = None,
    short_side: int | None = None,
    on_report: Callable[[Path, CutReport], None] | None = None,
) -> list[Failure]:
    """Cut movies into ``clip_root/{movie}/{t}.mp4`` and ``keyframe_root/{movie}/{t}.jpg``, with a progress bar.

    A movie that fails does not stop the others.

    Args:
        movies: video files; their names without suffix must differ.
        clip_root: created if need be.
        keyframe_root: created if need be; None: no keyframes.
        processes: movies cut at the same time, each by one thread; 1: in this process.
        start, end, fps, short_side: see :func:`cut_movie`.
        on_report: called with each movie that was cut and what was done.

    Returns:
        the failures, in the order of ``movies``.

    Raises:
        UserError: an option is out of range, or two movies have the same name.
    """
    _check_options(start, end, fps, short_side)
    if processes < 1:
        raise UserError(f"{processes} processes: expected 1 or more")
    movies = [Path(movie) for movie in movies]
    first: dict[str, Path] = {}
    for movie in movies:
        if first.setdefault(movie.stem, movie) is not movie:
            raise DataError(
                f'{first[movie.stem]} and {movie} would both be cut into the folder "{movie.stem}". Rename one, or '
                "keep one of them."
            )
    options = {"start": start, "end": end, "fps": fps, "short_side": short_side}
    job = partial(_cut_or_fail, clip_root=Path(clip_root), keyframe_root=keyframe_root, options=options)
    done: dict[Path, CutReport | Failure] = {}
    for movie, result in run_in_processes(job, movies, processes):
        if isinstance(result, str):
            result = Failure(movie, result)
        elif on_report is not None:
            on_report(movie, result)
        done[movie] = result
    return [done[movie] for movie in movies if isinstance(done[movie], Failure)]


def _cut_or_fail(
    movie: Path, on_second: Callable[[], None], *, clip_root: Path, keyframe_root: Path | None, options: dict
) -> CutReport | str:
    """Cut one movie; return the report, or the reason why it failed."""
    keyframes = None if keyframe_root is None else Path(keyframe_root) / movie.stem
    try:
        return cut_movie(movie, clip_root / movie.stem, keyframes, **options, on_second=on_second)
    except UserError as error:
        return str(error).removeprefix(f"{movie}: ")
    except (av.FFmpegError, OSError) as error:
        where = f"{error.filename}: " if error.filename else ""
        return f"writing fails ({where}{error.strerror or error})"


def _check_options(start: int, end: int | None, fps: float | None, short_side: int | None) -> None:
    if start < 0:
        raise UserError(f"start {start}: seconds count from the start of the movie, at 0")
    if end is not None and end <= start:
        raise UserError(f"end {end} is not after start {start}. Seconds from start up to, but without, end are cut")
    if fps is not None and round(fps) < 1:
        raise UserError(f"fps {fps:g}: expected 1 or more frames a second")
    if short_side is not None and short_side < 2:
        raise UserError(f"short side {short_side}: expected 2 or more pixels")
