"""Which clips an epoch has, where rare ones come more than once, and how many came before it, without counting them.

A clip with the factor r comes floor((e + 1) r + p) - floor(e r + p) times in epoch e, p in [0, 1) being its phase: r
rounded down or up, and after any number of epochs as often as r asks for, within one. detectron2 and LVIS round at
random in each epoch instead, which is right on average only, and whose sums need a walk through all epochs before.

The m clips of one group and one factor have the phases 0, 1/m, ..., (m - 1)/m in a random order. By Hermite's identity,
floor(x) + floor(x + 1/m) + ... + floor(x + (m - 1)/m) = floor(m x), all of them together come floor(m e r) times before
epoch e. So a training is continued anywhere at once. Everything is counted in integers, alike on all machines.

Sizes in shapes: n clips, G groups, S shares (clips of one group and one factor), c clips of an epoch with repeats.
"""

from __future__ import annotations

import numpy as np

# Separates this random stream from others that grow from the same seed.
_PHASE_STREAM = 3
# Factors are multiples of 2**-20: a millionth is lost, and 2**33 epochs are counted in 64 bits.
_BITS = 20
_ONE = 1 << _BITS
_GROUP_BITS = 45


class EpochClips:
    """The clips of each epoch.

    Args:
        codes: group of each clip, int [n], 0 or more.
        factors: how often each clip comes in an epoch on average, float [n], 1 or more; None: once.
        seed: of the phases.
    """

    def __init__(self, codes: np.ndarray, factors: np.ndarray | None, seed: int) -> None:
        self._num_clips = len(codes)
        self._num_groups = int(codes.max()) + 1
        fixed = np.full(len(codes), _ONE) if factors is None else np.rint(np.asarray(factors) * _ONE).astype(np.int64)
        if fixed.min() < _ONE:
            raise ValueError(f"a clip comes once an epoch at least, its factor is 1 or more: {np.min(factors)}")
        repeated = np.flatnonzero(fixed > _ONE)
        once = np.bincount(codes[fixed == _ONE], minlength=self._num_groups)
        # Factors stay below 2**45, being at most the square root of the number of clips.
        kinds = codes[repeated].astype(np.int64) << _GROUP_BITS | fixed[repeated]
        kinds, which, sizes = np.unique(kinds, return_inverse=True, return_counts=True)
        # Each share's group, factor and size; those that come once are a share of each group.
        self._groups = np.append(np.arange(self._num_groups), kinds >> _GROUP_BITS)
        self._factors = np.append(np.full(self._num_groups, _ONE), kinds & (1 << _GROUP_BITS) - 1)
        self._sizes = np.append(once, sizes)
        order = np.random.default_rng((seed, _PHASE_STREAM)).permutation(len(repeated))
        by_share = order[np.argsort(which.reshape(-1)[order], kind="stable")]
        # The clips of each share with repeats in the order of their phases.
        self._members = np.split(repeated[by_share], np.cumsum(sizes)[:-1]) if len(repeated) else []

    def before(self, epoch: int) -> np.ndarray:
        """Return how many clips of each group all epochs before ``epoch`` have, int64 [G]."""
        whole, part = self._times(epoch)
        total = np.zeros(self._num_groups, dtype=np.int64)
        np.add.at(total, self._groups, self._sizes * whole + (self._sizes * part >> _BITS))
        return total

    def of(self, epoch: int) -> np.ndarray | None:
        """Return the clips of an epoch in ascending order, int64 [c]; None: each once."""
        if not self._members:
            return None
        counts = np.ones(self._num_clips, dtype=np.int64)
        (whole, first), (whole_after, first_after) = self._share_counts(epoch), self._share_counts(epoch + 1)
        for share, clips in enumerate(self._members, start=self._num_groups):
            counts[clips] = whole_after[share] - whole[share]
            counts[clips[first_after[share] :]] += 1
            counts[clips[first[share] :]] -= 1
        return np.repeat(np.arange(self._num_clips), counts)

    def _share_counts(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return how often each clip of a share came before, and from which of them on once more, int64 [S] each."""
        whole, part = self._times(epoch)
        return whole, self._sizes - (self._sizes * part >> _BITS)

    def _times(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return ``epoch`` times the factor of each share: whole, and the rest in units of 2**-20; int64 [S] each."""
        times = epoch * self._factors
        return times >> _BITS, times & (_ONE - 1)
