"""Which videos a command line names, and where each of them is written."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from alphaction.config.keys import KEYS
from alphaction.data.video.file import VIDEO_SUFFIXES
from alphaction.data.video.inner_videos import inner_videos_note
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.files import missing_file
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted, listed
from alphaction.workflows.predict.video_options import OUTPUT_SUFFIXES, VideoOptions

LIST_SUFFIX = ".txt"
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_KEY = re.compile(r"[A-Z0-9_]+(\.[A-Z0-9_]+)+")


def split_keys(
    words: Sequence[str], suffixes: Sequence[str] = (*VIDEO_SUFFIXES, LIST_SUFFIX)
) -> tuple[list[str], list[str]]:
    """Return the words that are files, and the config keys with their values that come after them.

    A flag of several values takes those, at the end of a command, for files as well.

    Args:
        words: what the flag was given.
        suffixes: endings of such files; "A.MP4" is no key.
    """
    for index, word in enumerate(words):
        is_file = Path(word).suffix.lower() in suffixes
        if word in KEYS or (_KEY.fullmatch(word) and not is_file):  # a mistyped key is no video, either
            return list(words[:index]), list(words[index:])
    return list(words), []


def named_paths(words: Sequence[str]) -> list[Path]:
    """Return the paths that words of a command line name; a pattern such as "*.mp4", in quotes, stands for its files.

    Raises:
        UserError: a word is the address of a stream, or no file has a pattern.
    """
    paths: list[Path] = []
    for word in words:
        _refuse_address("--video", word)
        path = Path(os.path.expanduser(word))
        if path.exists() or not glob.has_magic(word):
            paths.append(path)
            continue
        found = sorted(map(Path, glob.glob(str(path), recursive=True)))
        if not found:
            raise UserError(f"--video {word}: no file has a name of this pattern (looked in {Path.cwd()}).")
        paths += found
    return paths


def find_videos(paths: Sequence[Path]) -> dict[Path, str]:
    """Return the videos that are named: files, the videos in folders, and those of lists, each once.

    Args:
        paths: a list is a text file with one path a line, as seen from here or from its folder. Files that do not exist
            are returned, too.

    Returns:
        the video -> where a list names it while it does not exist, and where it was looked for; else "".

    Raises:
        UserError: a folder holds no video, or a list no line.
    """
    found: list[tuple[Path, str]] = []
    for path in paths:
        if path.is_dir():
            found += [(video, "") for video in _videos_in(path)]
        elif path.suffix.lower() == LIST_SUFFIX:
            found += _listed_in(path)
        else:
            found.append((path, ""))
    once: dict[Path, tuple[Path, str]] = {}
    for path, problem in found:
        once.setdefault(path.resolve(), (path, problem))
    return dict(once.values())


def jobs_for(template: VideoOptions, videos: Mapping[Path, str], one: bool) -> list[VideoOptions]:
    """Return the options of each video: where it is written, and all that they share.

    Args:
        template: the options; its ``output`` is a file for one video, else a folder.
        videos: the videos, as :func:`find_videos` returns them.
        one: a single file was named, not a folder or a list.

    Raises:
        UserError: it is not said where, or several videos would be one file.
    """
    if template.output is None:
        raise UserError("--output is missing: name the video to write, or a folder for several.")
    output, suffix = template.output, template.output.suffix.lower()
    if one and not output.is_dir() and (suffix or output.exists()):
        return [replace(template, video=next(iter(videos)))]
    if suffix in OUTPUT_SUFFIXES and not output.is_dir():
        raise UserError(
            f"--output {output}: this is one video, and --video names {counted(len(videos), 'video')}. Name a folder, "
            "in which each gets its own name."
        )
    places: dict[Path, Path] = {}
    for video in videos:
        place = output / f"{video.stem}.mp4"
        if place in places:
            raise UserError(
                f"--video: {places[place]} and {video} would both be written to {place}. Rename one of them."
            )
        places[place] = video
    return [replace(template, video=video, output=place, missing=videos[video]) for place, video in places.items()]


def _videos_in(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
    if not videos:
        inside = sorted({path.parent for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES})
        hint = f" Videos lie in {listed(inside, 3)}." if inside else ""
        raise UserError(f"--video {folder}: the folder holds no video ({', '.join(VIDEO_SUFFIXES[:5])}, ...).{hint}")
    if note := inner_videos_note(folder):
        get_logger().warning("--video %s: %s", folder, note)
    return videos


def _refuse_address(where: str, word: str) -> None:
    if _ADDRESS.match(word):
        raise UserError(
            f"{where} {word}: this is an address, which is predicted live and alone: --video {word}. To predict "
            "what it shows as a file, download or record it, and name that."
        )


def _listed_in(path: Path) -> list[tuple[Path, str]]:
    """Return the videos of a list; with each that does not exist, the message that says so."""
    if not path.is_file():
        raise DataError(f"--video: {missing_file(path)}")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"--video {path}: expected a list of videos, one path a line, as UTF-8 text.") from error
    found: list[tuple[Path, str]] = []
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        _refuse_address(f"{path}, line {number}:", line)
        if "\0" in line:
            raise UserError(f"--video {path}, line {number}: a zero byte, which no name of a file has.")
        name = Path(os.path.expanduser(line))
        near = path.parent / name
        problem = ""
        if not (os.path.exists(name) or os.path.exists(near)):
            folders = dict.fromkeys([Path.cwd(), path.parent.resolve()])
            where = "" if name.is_absolute() else f" (looked in {' and '.join(map(str, folders))})"
            problem = f"{path}, line {number}: {name} does not exist{where}"
        found.append((near if not os.path.exists(name) and os.path.exists(near) else name, problem))
    if not found:
        raise UserError(f"--video {path}: the list names no video. Write one path a line.")
    return found
