"""What the files of an import say of frames together, as they show the same videos.

Whether frames count from 0 or from 1, and whether bare numbers are frames or seconds, is asked of all files; which of
several frames is nearest to a second, of those of a split. A file that would have answered otherwise is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from alphaction.data.video.file import VideoInfo
from alphaction.data.video.time_units import END_TOLERANCE

if TYPE_CHECKING:
    from alphaction.data.formats.annotation_file import AnnotationFile
    from alphaction.data.formats.rows import RowTable

VIDEO_NAME, FRAME_RATE, FIRST_FRAME, PATTERN = "--video-name", "--frame-rate", "--first-frame", "--frames"
BARE = "bare"
"""The spelling of names that are a number in a folder."""
Rank = tuple[bool, float, float]
"""Whether a frame has no boxes, how far it is from a second, and its time: the smallest counts."""
Keyframe = tuple[str, int | float]


@dataclass
class FrameFacts:
    """What one file says, or all of them.

    Attributes:
        lowest: spelling of names -> the lowest number in it.
        bare: video and number of the names whose number is a frame or a second.
        ranks: video and second -> ranks of the frames that stand for it.
        used: the options that say what a file does not, and were of use.
    """

    lowest: dict[str, int] = field(default_factory=dict)
    bare: set[tuple[str, float]] = field(default_factory=set)
    ranks: dict[Keyframe, set[Rank]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    @classmethod
    def joined(cls, facts: Iterable[FrameFacts]) -> FrameFacts:
        """Return what several files say together; of the frames that stand for a second, only the nearest."""
        found = cls()
        for some in facts:
            found.add_lowest(some.lowest)
            found.bare |= some.bare
            for key, ranks in some.ranks.items():
                found.ranks[key] = {min(ranks | found.ranks.get(key, set()))}
        return found

    def add_lowest(self, numbers: Mapping[str, int]) -> None:
        """Note the lowest numbers of some spellings."""
        for spelling, number in numbers.items():
            self.lowest[spelling] = min(number, self.lowest.get(spelling, number))

    def first_frame(self, spellings: Iterable[str]) -> int:
        """Return the number of the first frame for names spelled like this: 0 if one is 0, else 1."""
        return 0 if min((self.lowest.get(spelling, 1) for spelling in spellings), default=1) <= 0 else 1

    def is_nearest(self, key: Keyframe, rank: Rank) -> bool:
        """Return whether no frame is known that is nearer to a second."""
        return rank <= min(self.ranks.get(key, {rank}))


def must_be_frames(numbers: Collection[tuple[str, float]], info: Callable[[str], VideoInfo]) -> bool:
    """Return whether bare numbers must count frames: as seconds most lie beyond the end, as frames all lie inside.

    Seconds may also be counted from another start, as those of a part that was cut out: that must be impossible.

    Args:
        numbers: (video, number) of each name.
        info: what is known of a video.
    """
    by_video: dict[str, list[float]] = {}
    for video, number in numbers:
        by_video.setdefault(video, []).append(number)
    beyond = total = 0
    for video, some in by_video.items():
        about = info(video)
        if about.duration is None or max(some) > about.duration * about.fps + 1:
            return False
        end = about.duration + END_TOLERANCE
        total += len(some)
        if max(some) - min(some) > end:
            beyond += sum(number > end for number in some)
    return 2 * beyond > total


def read_together(
    files: Sequence[AnnotationFile], splits: Sequence[str], read: Callable[[int, AnnotationFile], RowTable]
) -> tuple[list[AnnotationFile], list[RowTable]]:
    """Return files, which know of each other then, and their rows.

    Args:
        files: of one import.
        splits: the split of each.
        read: position and file -> its rows.
    """
    files, rows = list(files), [read(index, file) for index, file in enumerate(files)]

    def again(index: int, known: FrameFacts) -> None:
        files[index] = replace(files[index], known=known, said=FrameFacts())
        rows[index] = read(index, files[index])

    numbering = replace(FrameFacts.joined(file.said for file in files), ranks={})
    for index, file in enumerate(files):
        own = file.said
        # 0, 1 or later is what tells the first frame.
        lowest = any(min(numbering.lowest[name], 2) != min(number, 2) for name, number in own.lowest.items())
        frames = bool(own.bare) and must_be_frames(numbering.bare, file.info)
        if lowest or frames != must_be_frames(own.bare, file.info):
            again(index, numbering)
    for split in dict.fromkeys(splits):
        members = [index for index, other in enumerate(splits) if other == split]
        nearest = FrameFacts.joined(files[index].said for index in members).ranks
        for index in members:
            ranks = files[index].said.ranks
            if any(max(some) > min(nearest[key]) for key, some in ranks.items()):
                again(index, replace(numbering, ranks=nearest))
    return files, rows
