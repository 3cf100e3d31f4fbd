"""Pictures of videos: which known video and which second a picture of an annotation file shows.

Second t of a video is the frame nearest to it. A picture at no second belongs to the nearest one, and of several that
are nearest to the same second the nearest counts, as boxes do that are drawn at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.frame_clock import FrameClock, plain_number, seconds_of
from alphaction.data.formats.frame_facts import BARE, PATTERN, VIDEO_NAME, must_be_frames
from alphaction.data.formats.frame_names import (
    FrameName,
    FramePattern,
    no_frame_name,
    parse_frame_name,
)
from alphaction.data.formats.rows import TakenFor
from alphaction.data.formats.unnamed_video import taken_for, which_video
from alphaction.data.video.names import VideoNames
from alphaction.utils.messages import listed, suggest

NO_FRAME_NAME = "pictures whose names say no frame of a known video left out"


class Moment(NamedTuple):
    """Where a picture is in a known video.

    Attributes:
        time: seconds from the start of the video.
        second: the keyframe that it stands for; None: it stands for none, as another picture is nearer to that second.
    """

    video: str
    time: float
    second: int | float | None


@dataclass(frozen=True)
class FrameMoments:
    """The moments of a file's pictures.

    Attributes:
        moments: of each name; None: the name says no frame.
        unread: names that say no frame of a known video.
        notes: how the names were read, with an example of frames and one of seconds.
        taken_for: the video of names that name none; None: all name one.
        of_frames: whether some of the names say numbers of frames.
    """

    moments: list[Moment | None]
    unread: list[str]
    notes: tuple[str, ...]
    taken_for: TakenFor | None = None
    of_frames: bool = False


def read_frame_names(
    file: AnnotationFile,
    names: Sequence[str],
    place: Callable[[int], str] = lambda index: "",
    strangers: Literal["refuse", "leave out"] = "refuse",
    *,
    copies: Sequence[str] = (),
    boxed: Sequence[bool] = (),
    all_listed: bool = False,
    from_0: bool = False,
) -> FrameMoments:
    """Return the moments of the pictures of a file.

    A bare number in a folder ("video/0902.jpg") is a second, unless the user speaks of frames (``file.naming``) or the
    numbers prove to count frames: most lie beyond the video's end as seconds, and all lie in it as frames.

    Args:
        file: where the names stand, and what is known of the videos.
        names: all of the file's, in any order; the same one may come several times.
        place: position in ``names`` -> where in the file, for messages.
        strangers: what to do with pictures of no known video where others are of one.
        copies: names of other pictures, which are of no use but tell how frames are numbered.
        boxed, all_listed: as of :func:`alphaction.data.formats.frame_clock.nearest_seconds`.
        from_0: as of :meth:`alphaction.data.formats.frame_clock.FrameClock.of`.

    Raises:
        UserError: no name says a frame; a name fits ``--frames`` not; its video is unknown or not named.
    """
    read, taken = _named_videos(file, names, place, strangers == "refuse")
    known = [(index, *entry) for index, entry in enumerate(read) if entry is not None]
    if names and not known:
        raise file.error(place(0), no_frame_name(names))
    file.said.bare.update((video, name.number) for _, video, name in known if name.unit == "either")
    counts_frames = file.naming.says_frames or must_be_frames(file.said.bare | file.known.bare, file.info)
    of_frames = [name.unit == "frame" or (name.unit == "either" and counts_frames) for _, _, name in known]
    lowest = _lowest([name for _, _, name in known] + [name for other in copies for name in _readings(file, other)[:1]])
    if not counts_frames:
        lowest.pop(BARE, None)
    if from_0:  # a numbering of its own
        lowest = {f"from 0: {word}": number for word, number in lowest.items()}
    clock = FrameClock.of(file, lowest, from_0)
    times = []
    for (index, video, name), use in zip(known, of_frames, strict=True):
        time = clock.time(video, int(name.number)) if use else float(name.number)
        if time < 0:
            raise file.error(
                place(index), f'"{names[index]}" is frame {name.number}, but --first-frame is {clock.first}.'
            )
        times.append(time)
    exact = [name.unit == "either" and not use for (_, _, name), use in zip(known, of_frames, strict=True)]
    some = [boxed[index] for index, _, _ in known] if boxed else ()
    seconds = seconds_of(file, [video for _, video, _ in known], times, exact, some, all_listed)
    moments: list[Moment | None] = [None] * len(names)
    for (index, video, _), time, second in zip(known, times, seconds, strict=True):
        moments[index] = Moment(video, time, second)
    notes = _notes(names, known, of_frames, times, clock)
    unread = [names[index] for index, entry in enumerate(read) if entry is None]
    return FrameMoments(moments, unread, tuple(notes), taken, any(of_frames))


def _named_videos(
    file: AnnotationFile, names: Sequence[str], place: Callable[[int], str], strict: bool
) -> tuple[list[tuple[str, FrameName] | None], TakenFor | None]:
    """Return known video and what the name says, of each name; None where it says no frame; and whose others are."""
    file.said.used |= {PATTERN} if names else set()
    pattern = None if file.naming.pattern is None else FramePattern(file.naming.pattern)
    strangers: dict[str, int] = {}
    found: list[tuple[str | None, FrameName] | None] = []
    cache: dict[str, str] = {}
    for index, name in enumerate(names):
        readings = _readings(file, name, pattern)
        if pattern is not None and not readings:
            others = sum(not any(pattern.parse(other)) for other in names) - 1
            more = f", nor are {others} of the other {len(names) - 1} names" if others else ""
            raise file.error(
                place(index),
                f'"{name}" is not spelled as --frames "{pattern.text}" says{more}. '
                "The pattern is compared with the name without folder and ending"
                f"{' (a slash in it means folders)' if '/' not in pattern.text else ''}.",
            )
        if readings and readings[0].is_time and not file.videos.find(readings[0].videos[0]):
            if strict:
                raise file.error(
                    place(index),
                    f'"{name}" seems to end in a time, which is not read as the number of a frame. If it is one, say '
                    'how names are spelled, such as --frames "{video}_sec_{frame}", and with --frame-rate 1 '
                    "--first-frame 0 that it counts seconds; or rename the pictures to video_000061.jpg.",
                )
            readings = []
        video, reading = _known_of(file.videos, readings, cache)
        if video is None and reading is not None and not reading.unnamed:
            strangers.setdefault(reading.likely or reading.videos[0], index)
        found.append(None if reading is None else (video, reading))
    lacking = [index for index, entry in enumerate(found) if entry is not None and entry[0] is None]
    if not lacking:
        return found, None  # type: ignore[return-value]
    some = any(entry is not None and entry[0] is not None for entry in found)
    if some and not strict and file.naming.video_name is None:
        return [entry if entry is not None and entry[0] is not None else None for entry in found], None
    own = _video_of_others(file, names, found, strangers, place)
    return [entry if entry is None or entry[0] is not None else (own.video, entry[1]) for entry in found], own


def _readings(file: AnnotationFile, name: str, pattern: FramePattern | None = None) -> list[FrameName]:
    """Return what a name may say."""
    if file.naming.pattern is not None:
        return list((pattern or FramePattern(file.naming.pattern)).parse(name))
    reading = parse_frame_name(name)
    return [] if reading is None else [reading]


def _lowest(names: Iterable[FrameName]) -> dict[str, int]:
    """Return the lowest number of frames in each spelling."""
    lowest: dict[str, int] = {}
    for name in names:
        if name.unit != "second":
            spelling = BARE if name.unit == "either" else name.word
            lowest[spelling] = min(int(name.number), lowest.get(spelling, int(name.number)))
    return lowest


def _known_of(
    videos: VideoNames, readings: Sequence[FrameName], cache: dict[str, str]
) -> tuple[str | None, FrameName | None]:
    """Return the known video of a name and the reading that names it; else None and the likeliest reading."""
    for reading in readings:
        for text in reading.videos:
            if text not in cache:
                cache[text] = videos.match(text) if videos.find(text) else ""  # that it fits several is an error
            if cache[text]:
                return cache[text], reading
    return None, readings[-1] if readings else None


def _video_of_others(
    file: AnnotationFile,
    names: Sequence[str],
    found: Sequence[tuple[str | None, FrameName] | None],
    strangers: dict[str, int],
    place: Callable[[int], str],
) -> TakenFor:
    """Return the video of the names that name no known one."""
    unnamed = [index for index, entry in enumerate(found) if entry is not None and entry[0] is None]
    own = taken_for(file.naming, file.videos, file.path)
    file.said.used.add(VIDEO_NAME)
    if strangers and (file.naming.video_name is None or len(strangers) > 1):
        text, index = next(iter(strangers.items()))
        several = f" (the names speak of {len(strangers)} videos: {listed(strangers, 4)})" if len(strangers) > 1 else ""
        raise file.error(
            place(index),
            f'"{names[index]}" is a picture of "{text}", which is not among the videos{several}. '
            f"{suggest(text, file.videos.names)} Rename the video, name the one that all pictures are of (--video-name "
            'NAME), or say how names are spelled (--frames "{video}_{frame}").',
        )
    if own is None:
        raise file.error(place(unnamed[0]), f'"{names[unnamed[0]]}" names no video. {which_video(file.videos)}')
    return own


def _notes(
    names: Sequence[str],
    known: Sequence[tuple[int, str, FrameName]],
    of_frames: Sequence[bool],
    times: Sequence[float],
    clock: FrameClock,
) -> list[str]:
    """Return how the names were read: one example for frames and one for seconds, and how far they reach."""
    notes = []
    for frames in (True, False):
        some = [(*entry, time) for entry, use, time in zip(known, of_frames, times, strict=True) if use == frames]
        if not some:
            continue
        index, video, name, _ = some[len(some) // 2]
        reach = [time for _, _, _, time in some]
        said = clock.note(video, int(name.number)) if frames else f"second {plain_number(name.number, 6)}"
        span = (
            f"they reach from {plain_number(min(reach), 4)} to {plain_number(max(reach), 4)} s" if len(some) > 1 else ""
        )
        other = (
            "--frame-rate, --first-frame, --video-name and --frames say otherwise"
            if frames
            else ("if the number counts frames, say so with --frame-rate FPS or --first-frame N")
        )
        more = "; ".join(filter(None, [span, other if frames or name.unit == "either" else ""]))
        notes.append(f"names like {names[index]}: video {video}, {said} ({more})")
    return notes
