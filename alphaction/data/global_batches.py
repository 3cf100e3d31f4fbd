"""The clips of every global batch of a training, from any iteration on, without walking through those before.

Every epoch is a permutation of all clips, of which rare ones may come several times (:mod:`epoch_clips`). A batch holds
clips of one group, and clips that fill no batch by the end of an epoch open the first one of their group in the next.
How many batches an epoch has, and how many clips are left over, follows from the sizes of the groups alone; which clips
these are, from the last permutations before.

Sizes in shapes: n clips, G groups, s clips of a batch, w clips left over.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from alphaction.data.epoch_clips import EpochClips

# Separates this random stream from others that grow from the same seed.
_ORDER_STREAM = 0
# Groups are numbered anew if their numbers are further apart.
_MOST_CODES = 255


class GlobalBatches:
    """An endless stream of batches, which depends on these arguments alone.

    Args:
        groups: group of each clip, int [n], at least one.
        size: clips of a batch, 1 or more.
        seed: of the permutations, 0 or more.
        factors: how often each clip comes in an epoch on average, float [n], 1 or more; None: once.
    """

    def __init__(self, groups: np.ndarray, size: int, seed: int, factors: np.ndarray | None = None) -> None:
        codes = groups.astype(np.int64) - int(groups.min())
        if codes.max() > _MOST_CODES:
            codes = np.unique(codes, return_inverse=True)[1].reshape(-1)
        # Small integers are sorted by counting. Some in between may have no clips.
        self.codes = codes.astype(np.min_scalar_type(codes.max()))
        self.counts = np.bincount(self.codes)
        self.size = size
        self.seed = seed
        self._epochs = EpochClips(self.codes, factors, seed)

    def after(self, iteration: int) -> Iterator[np.ndarray]:
        """Yield the clips, int64 [s], of batch number ``iteration`` (from 0) and of all later ones, without end."""
        # By then all batches that are asked for have come, even if each group holds back as much as it can, and no clip
        # comes more than once.
        latest = (iteration + len(self.counts)) * self.size // len(self.codes) + 1
        epoch = bisect_right(range(latest), iteration, key=self._batches_before) - 1
        skipped = iteration - self._batches_before(epoch)
        waiting = self._waiting(epoch)
        while True:
            queue = _Queue(self, epoch, waiting)
            yield from queue.batches(skipped)
            waiting = queue.left_over()
            epoch, skipped = epoch + 1, 0

    def permutation(self, epoch: int) -> np.ndarray:
        """Return all clips in the order of an epoch, int64 [n], or more with repeats."""
        rng, clips = np.random.default_rng((self.seed, _ORDER_STREAM, epoch)), self._epochs.of(epoch)
        return rng.permutation(len(self.codes)) if clips is None else clips[rng.permutation(len(clips))]

    def epoch_of(self, group: int, number: int) -> int:
        """Return the epoch of clip ``number`` of a group, counted through all epochs."""
        latest = number // int(self.counts[group]) + 1
        return bisect_right(range(latest), number, key=lambda epoch: int(self.before(epoch)[group])) - 1

    def before(self, epoch: int) -> np.ndarray:
        """Return how many clips of each group come in all epochs before ``epoch``, int64 [G]."""
        return self._epochs.before(epoch)

    def _batches_before(self, epoch: int) -> int:
        return int((self.before(epoch) // self.size).sum())

    def _waiting(self, epoch: int) -> _Waiting:
        """Return which clips wait when an epoch begins, none of them known."""
        ends = self.before(epoch)
        lengths = ends % self.size
        codes = np.repeat(np.arange(len(lengths)), lengths).astype(self.codes.dtype)
        return _Waiting(~runs(ends - lengths, lengths), codes)


class _Waiting(NamedTuple):
    """Clips left over from earlier epochs, int64 [w], group after group, and their groups, int [w].

    A negative one, ``~k``, is not known yet: clip number k of its group, counted through all epochs. That is number
    k % c of the group in the permutation of epoch k // c, if the group has c clips an epoch. A small group may fill a
    batch over hundreds of epochs, so a clip is looked up when its batch is due.
    """

    clips: np.ndarray
    codes: np.ndarray


class _Queue:
    """The clips of an epoch after those left over before it: group after group, each in the order in which they come.

    Args:
        stream: the stream that it is a part of.
        epoch: number of the epoch.
        waiting: what is left over from those before.
    """

    def __init__(self, stream: GlobalBatches, epoch: int, waiting: _Waiting) -> None:
        self._stream = stream
        order = stream.permutation(epoch)
        codes = np.concatenate([waiting.codes, stream.codes[order]])
        # Where each clip comes in the permutation; those left over come before all others.
        self._places = np.argsort(codes, kind="stable")
        self._clips = np.concatenate([waiting.clips, order])[self._places]
        lengths = np.bincount(codes, minlength=len(stream.counts))
        self._ends = np.cumsum(lengths)
        self._full, self._left = np.divmod(lengths, stream.size)
        self._firsts = self._ends - lengths

    def batches(self, skipped: int) -> Iterator[np.ndarray]:
        """Yield the batches of this epoch after the first few, int64 [s] each."""
        size = self._stream.size
        starts = runs(self._firsts, self._full, size)
        # The place of its last clip decides when a batch comes.
        in_order = np.full(len(self._clips), -1)
        in_order[self._places[starts + size - 1]] = starts
        for start in in_order[in_order >= 0][skipped:].tolist():
            # A batch begins with its oldest clips.
            while self._clips[start] < 0:
                self._look_up()
            yield self._clips[start : start + size]

    def left_over(self) -> _Waiting:
        """Return the clips that fill no batch."""
        codes = np.repeat(np.arange(len(self._left)), self._left).astype(self._stream.codes.dtype)
        return _Waiting(self._clips[runs(self._ends - self._left, self._left)], codes)

    def _look_up(self) -> None:
        """Fill in the clips of the latest epoch of which any is unknown."""
        stream = self._stream
        unknown = np.flatnonzero(self._clips < 0)
        groups = np.searchsorted(self._ends, unknown, side="right")
        numbers = ~self._clips[unknown]
        # Those of a group are in order, so that the last one is of its latest epoch.
        lasts = np.append(np.flatnonzero(np.diff(groups)), len(groups) - 1)
        epoch = max(map(stream.epoch_of, groups[lasts].tolist(), numbers[lasts].tolist()))
        numbers -= stream.before(epoch)[groups]
        due = numbers >= 0
        order = stream.permutation(epoch)
        codes = stream.codes[order]
        by_group, counts = order[np.argsort(codes, kind="stable")], np.bincount(codes, minlength=len(stream.counts))
        firsts = np.cumsum(counts) - counts
        self._clips[unknown[due]] = by_group[(firsts[groups] + numbers)[due]]


def runs(firsts: np.ndarray, lengths: np.ndarray, step: int = 1) -> np.ndarray:
    """Return the numbers first, first + step, ... of each run, one run after the other; int64 [sum of lengths]."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(firsts - step * before, lengths) + step * np.arange(lengths.sum())
