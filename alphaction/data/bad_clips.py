"""DATALOADER.ON_BAD_CLIP skip: training clips that cannot be decoded, what takes their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from alphaction.data.sample import SampleRequest
from alphaction.utils.distributed import gather_objects
from alphaction.utils.errors import DataError
from alphaction.utils.limits import BAD_CLIPS, BAD_CLIPS_SHARE
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted, first_lines, problem_list

# Separates the stream that draws a substitute from the one that augments a clip.
_SUBSTITUTE_STREAM = 2
_TRIES = 10
_SHOWN = 20


class BadClip(NamedTuple):
    """A clip that cannot be decoded: its position in the dataset, its name for people, and why."""

    index: int
    name: str
    reason: str


class Substitutes:
    """Which clip takes the place of one that cannot be decoded.

    It is drawn from the clips of the same group by the seed of the request alone. So a batch keeps its number of clips
    and its shape, and a resumed run, or another number of workers, gets the same one.

    Args:
        groups: group of each clip (upright or wide), int [number of clips].
    """

    def __init__(self, groups: Sequence[int] | np.ndarray) -> None:
        self._groups = np.asarray(groups)

    def of(self, request: SampleRequest) -> Iterator[SampleRequest]:
        """Yield up to ten other requests, one after another to be tried."""
        alike = np.flatnonzero(self._groups == self._groups[request.index])
        rng = np.random.default_rng((request.seed, request.index, _SUBSTITUTE_STREAM))
        for index in rng.permutation(alike[alike != request.index])[:_TRIES].tolist():
            yield SampleRequest(index, request.seed)


class SkippedClips:
    """The clips that this process has skipped.

    Args:
        num_clips: size of the training set, which limits how many may be bad.
    """

    def __init__(self, num_clips: int) -> None:
        self.num_clips = num_clips
        self.limit = min(max(BAD_CLIPS, int(num_clips * BAD_CLIPS_SHARE)), max(num_clips // 2, 1))
        self._found: dict[int, BadClip] = {}

    def add(self, clips: Iterable[BadClip]) -> None:
        """Log each clip that is new.

        Raises:
            DataError: if there are more than the limit; the message lists them.
        """
        for clip in clips:
            if clip.index not in self._found:
                self._found[clip.index] = clip
                get_logger().warning("skipped: %s: %s (DATALOADER.ON_BAD_CLIP skip)", clip.name, clip.reason)
        if len(self._found) > self.limit:
            title = (
                f"{len(self._found)} of {counted(self.num_clips, 'training clip')} cannot be decoded; "
                f"DATALOADER.ON_BAD_CLIP skip goes on without {self.limit} at most. tools/validate_dataset.py looks at "
                "all videos. The clips:"
            )
            raise DataError(problem_list(title, describe(self.found())))

    def found(self) -> list[BadClip]:
        """Return the skipped clips in the order of the dataset."""
        return [self._found[index] for index in sorted(self._found)]


@contextmanager
def listing_skipped(skipped: SkippedClips | None) -> Iterator[None]:
    """Log what was skipped when the block ends: by all processes, or by this one if it ends early."""
    if skipped is None:
        yield
        return
    found: list[BadClip] = []
    try:
        yield
        found = sorted({clip for part in gather_objects(skipped.found()) for clip in part})
    except BaseException:
        found = skipped.found()
        raise
    finally:
        if found:
            title = f"{counted(len(found), 'training clip')} of {skipped.num_clips} skipped (DATALOADER.ON_BAD_CLIP):"
            get_logger().warning("%s", "\n  - ".join([title, *describe(found)]))


def describe(clips: Sequence[BadClip]) -> list[str]:
    """Return a line for each clip, the first twenty."""
    return first_lines([f"{clip.name}: {clip.reason}" for clip in clips], _SHOWN, "clips")
