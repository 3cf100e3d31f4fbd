"""Which video a file belongs to that names none, or none that is known.

It is what the user says, the only one, or one named like the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.frame_facts import VIDEO_NAME
from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.formats.rows import TakenFor
from alphaction.data.video.names import VideoNames
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import counted, first_lines, listed, suggest

OTHER_NAME = "Is it here under another name? Pass --video-name NAME."
# "clip_a_annotations", "tracks clip_a": what the file holds, around the name of its video.
_WORD = r"(?:annt|anno|annots?|annotations?|annotated|labels?|tracks?|tracking|box|boxes|bbox|bboxes|gt|cvat|vidat|via)"
_WORDS_AROUND = re.compile(rf"^(?:{_WORD}[\W_]+)+|(?:[\W_]+{_WORD})+$", re.IGNORECASE)


def taken_for(naming: FrameNaming, videos: VideoNames, path: Path) -> TakenFor | None:
    """Return the known video of a file that names none, None if nothing says which.

    ``--video-name`` says it; else it is the only video there is, or the one that is named like the file: ``clip_a.xml``
    is of clip_a, and so is ``clip_a/annotations.xml`` or what lies in ``clip_a.zip``.

    Raises:
        DataError: ``--video-name`` is not among the videos.
    """
    if naming.video_name is not None:
        found = videos.find(naming.video_name)
        if len(found) != 1:
            fits = f"fits {', '.join(sorted(found))}" if found else "is not among the videos"
            raise DataError(f'--video-name "{naming.video_name}" {fits}. {suggest(naming.video_name, videos.names)}')
        return TakenFor(found[0], "option")
    if len(videos.names) == 1:
        return TakenFor(videos.names[0], "only")
    for name in _names_of(path):
        found = videos.find(name)
        if len(found) == 1:
            return TakenFor(found[0], "name")
    return None


def video_of_unnamed(file: AnnotationFile, place: str = "", names: str = "it names no video") -> TakenFor:
    """Return the video of a file that names none; see :func:`taken_for`.

    Args:
        place, names: what in the file names no video, and how it is put, for messages.

    Raises:
        DataError: as there, or nothing says which of several videos it is.
    """
    found = taken_for(file.naming, file.videos, file.path)
    file.said.used.add(VIDEO_NAME)
    if found is None:
        raise file.error(place, f"{names}. {which_video(file.videos)}")
    return found


class Named(NamedTuple):
    """The names of one video as a file gives them, where it does, and how many boxes are of it there."""

    names: Sequence[str]
    place: str
    boxes: int = 1


def known_videos(file: AnnotationFile, named: Iterable[Named]) -> TakenFor | None:
    """Check that all videos that a file names are known.

    Args:
        named: for each box, track or task; ``names`` are empty where it names none.

    Returns:
        The video that ``--video-name`` says, where the file names a single one, which is not known; else None.

    Raises:
        DataError: names all videos that are not known, with the boxes of each, or says how to name a single one.
    """
    counts: Counter[tuple[str, ...]] = Counter()
    places: dict[tuple[str, ...], str] = {}
    for names, place, boxes in named:
        raws = tuple(name for name in names if name)
        counts[raws] += boxes
        places.setdefault(raws, place)
    unknown = [raws for raws in counts if raws and not any(map(file.videos.find, raws))]
    if not unknown:
        return None
    if len(counts) == 1:
        found = taken_for(file.naming, file.videos, file.path)
        if found is not None and found.why == "option":
            return found._replace(named=unknown[0][0])
        try:
            file.videos.match(*unknown[0], place=places[unknown[0]])
        except UserError as error:
            raise DataError(f"{error} {OTHER_NAME}") from error
    if len(unknown) == 1:
        file.videos.match(*unknown[0], place=places[unknown[0]])
    lines = [
        f'"{raws[0]}" ({counted(counts[raws], "box", "boxes")}; the first: {places[raws]}). '
        f"{file.videos.nearest(raws[0])}"
        for raws in unknown
    ]
    head = (
        f"{len(unknown)} of the {counted(len(counts), 'video')} that it names are not among the videos. Rename the "
        "files, or add the videos to the folder."
    )
    raise file.error("", "\n  - ".join([head, *first_lines(lines, noun="videos")]))


def which_video(videos: VideoNames) -> str:
    """Return what to do where nothing says which of several videos a file belongs to."""
    return (
        f"Say which of the {len(videos.names)} videos it is: --video-name NAME ({listed(sorted(videos.names))}), or "
        "give the file or its folder that name."
    )


def _names_of(path: Path) -> Iterator[str]:
    """Yield what may be the name of a file's video: its own without endings, that of its folder or archive."""
    folder = path.absolute().parent.name.removesuffix(".zip")
    names, name = [], path.name
    while name:
        name, _, ending = name.rpartition(".")
        names += [name] if name else []
        if not ending or len(ending) > 4:
            break
    names.append(folder)
    yield from names
    for name in names:
        yield _WORDS_AROUND.sub("", name)
