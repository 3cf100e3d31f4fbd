"""Matches the video names in one file with those in another, or with the videos of a folder.

Everything that compares names of videos does it here: annotations with the folder of the videos, and boxes, results
and excluded seconds with the annotations.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from urllib.parse import parse_qs, unquote, urlsplit

from alphaction.data.video.file import VIDEO_SUFFIXES
from alphaction.utils.errors import DataError
from alphaction.utils.messages import suggest

# Label Studio puts eight hexadecimal digits of a random id before the name of an uploaded file.
UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-(?=.)")


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if stem and dot and f".{suffix.lower()}" in VIDEO_SUFFIXES else name


def _base(name: str) -> str:
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _plain(name: str) -> str:
    """Return what remains when a tool replaces spaces and punctuation, changes case, or takes accents apart."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name)).casefold()


def path_in(raw: str) -> str:
    """Return the path of a URL (``/data/local-files/?d=a/clip.mp4`` has it in the query); any other name as it is."""
    if "://" not in raw and not raw.startswith("/data/"):
        return raw
    try:
        parts = urlsplit(raw)
    except ValueError:  # "http://["
        return raw
    return next(iter(parse_qs(parts.query).get("d", [])), "") or unquote(parts.path)


def spellings(raw: str) -> list[str]:
    """Return what a tool's ``raw`` name may stand for, the likeliest first.

    The name itself, without a video's suffix; the last part of a path or URL (``/data/local-files/?d=a/clip.mp4``
    names its file in the query); the same without Label Studio's upload prefix.
    """
    path = path_in(raw)
    found = [raw, _without_suffix(raw), path, _without_suffix(path), _without_suffix(_base(path))]
    found += [UPLOAD_PREFIX.sub("", name) for name in found[-1:]]
    return list(dict.fromkeys(name for name in found if name))


class VideoNames:
    """The known videos, and how the names of a tool's file refer to them.

    Args:
        names: known names, such as the stems of the movies' files.
        source: the file whose names are looked up, for messages.
    """

    def __init__(self, names: Collection[str], source: str) -> None:
        self.names, self.source = list(names), source
        self._known = set(self.names)
        self._plain: dict[str, list[str]] = {}
        for name in self.names:
            for spelling in dict.fromkeys((_plain(name), _plain(_without_suffix(_base(name))))):
                self._plain.setdefault(spelling, []).append(name)
        self._cache: dict[tuple[str, ...], str] = {}  # of match
        self._nearest: dict[str, str] = {}  # of known

    def find(self, raw: str) -> list[str]:
        """Return the known videos that ``raw`` may name: none, one, or several that are equally likely."""
        candidates = spellings(raw)
        for name in candidates:
            if name in self._known:
                return [name]
        for name in candidates:
            near = self._plain.get(_plain(name), []) if _plain(name) else []
            if near:
                return near
        return []

    def known(self, raw: str) -> str:
        """Return the known video that ``raw`` names, or ``raw`` itself if it names none, or fits several."""
        if raw not in self._nearest:
            found = self.find(raw)
            self._nearest[raw] = found[0] if len(found) == 1 else raw
        return self._nearest[raw]

    def match(self, *raws: str, place: str = "") -> str:
        """Return the known video that the first of ``raws`` to name one names.

        Args:
            raws: names of one video as the file gives them, the most reliable first.
            place: where in the file, for messages.

        Raises:
            DataError: none is known (with the nearest), or the name fits several.
        """
        raws = tuple(raw for raw in raws if raw)
        if raws in self._cache:
            return self._cache[raws]
        where = f"{self.source}{', ' if place else ''}{place}"
        for raw in raws:
            found = self.find(raw)
            if len(found) > 1:
                raise DataError(f'{where}: video "{raw}" fits {", ".join(sorted(found))}. Give the files other names.')
            if found:
                self._cache[raws] = found[0]
                return found[0]
        if not raws:
            raise DataError(f"{where}: the video is not named.")
        remedy = "Rename the file, or add the video to the folder."
        raise DataError(f'{where}: video "{raws[0]}" is not among the videos. {self.nearest(raws[0])} {remedy}')

    def nearest(self, raw: str) -> str:
        """Return a sentence that names the known videos nearest to ``raw``, which is none."""
        return suggest(_without_suffix(_base(spellings(raw)[-1])), self.names)
