"""Which clips form a batch: the same global batches for any number of processes, workers and restarts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from alphaction.data.global_batches import GlobalBatches, runs
from alphaction.data.sample import SampleRequest
from alphaction.utils.errors import DataError, UserError

# Separates this random stream from others that grow from the same seed.
_AUGMENTATION_STREAM = 1


class TrainBatchSampler:
    """Yields this process's micro-batches of every iteration, in order.

    Every epoch is a new permutation of the clips, in which rare ones may come several times. A global batch holds clips
    of one group only (tall or wide frames); clips that fill no batch by the end of an epoch open the first batch of
    their group in the next, so no clip is left out, and a group (or a dataset) smaller than a batch fills it over
    several epochs. Global batches depend on the seed alone; each process takes a contiguous slice, in contiguous
    micro-batches.

    Args:
        groups: group of each clip, int [number of clips]; all equal for no grouping.
        videos_per_batch: clips of a global batch, that is, of one optimizer step.
        accumulation_steps: micro-batches that a process splits its share into.
        rank: this process.
        world_size: number of processes.
        seed: of the order of clips and of their augmentation; 0 or more.
        start_iteration: iterations done before; the stream continues as if it had never stopped.
        max_iter: iterations of the whole training.
        factors: how often each clip comes in an epoch on average, 1 or more (see :mod:`repeat_factors`); None: once.

    Raises:
        DataError: if there are no clips, or the batch does not divide.
    """

    def __init__(
        self,
        groups: Sequence[int] | np.ndarray,
        *,
        videos_per_batch: int,
        accumulation_steps: int = 1,
        rank: int = 0,
        world_size: int = 1,
        seed: int = 0,
        start_iteration: int = 0,
        max_iter: int,
        factors: np.ndarray | None = None,
    ) -> None:
        groups = np.asarray(groups)
        if len(groups) == 0:
            raise DataError("there are no clips to train on.")
        parts = world_size * accumulation_steps
        if videos_per_batch < 1 or videos_per_batch % parts:
            raise UserError(
                f"SOLVER.VIDEOS_PER_BATCH {videos_per_batch} does not divide among {world_size} processes with "
                f"SOLVER.ACCUMULATION_STEPS {accumulation_steps}. Set it to a multiple of {parts}, for example "
                f"{max(videos_per_batch - videos_per_batch % parts, parts)}."
            )
        self.videos_per_batch = videos_per_batch
        self.accumulation_steps = accumulation_steps
        self.rank = rank
        self.world_size = world_size
        self.seed = seed
        self.start_iteration = start_iteration
        self.max_iter = max_iter
        self._batches = GlobalBatches(groups, videos_per_batch, seed, factors)

    def __len__(self) -> int:
        """Return the number of micro-batches that remain."""
        return max(self.max_iter - self.start_iteration, 0) * self.accumulation_steps

    def __iter__(self) -> Iterator[list[SampleRequest]]:
        micro_batch = self.videos_per_batch // (self.world_size * self.accumulation_steps)
        first = self.rank * micro_batch * self.accumulation_steps
        iterations = range(self.start_iteration, self.max_iter)
        for iteration, indices in zip(iterations, self._batches.after(self.start_iteration), strict=False):
            rng = np.random.default_rng((self.seed, _AUGMENTATION_STREAM, iteration))
            seeds = rng.integers(2**63, size=self.videos_per_batch)
            for step in range(self.accumulation_steps):
                place = slice(first + step * micro_batch, first + (step + 1) * micro_batch)
                yield [
                    SampleRequest(index, seed)
                    for index, seed in zip(indices[place].tolist(), seeds[place].tolist(), strict=True)
                ]


class InferenceBatchSampler:
    """Yields every clip exactly once over all processes, each process a contiguous share of the batches in order.

    A batch holds frames of one size only, so that no clip is padded further than its own size demands. The batches are
    the same for any number of processes: how many clips a kernel is given decides on the last bits of its results.

    Args:
        groups: group (frame size) of each clip, int [number of clips].
        clips_per_batch: clips that one process handles at once.
        rank: this process.
        world_size: number of processes.
    """

    def __init__(
        self, groups: Sequence[int] | np.ndarray, *, clips_per_batch: int, rank: int = 0, world_size: int = 1
    ) -> None:
        if clips_per_batch < 1:
            raise UserError(f"{clips_per_batch} clips per batch: at least 1 is needed. Raise TEST.VIDEOS_PER_BATCH.")
        groups = np.asarray(groups)
        borders = np.flatnonzero(np.diff(groups)) + 1
        starts, ends = np.append(0, borders), np.append(borders, len(groups))
        counts = -(-(ends - starts) // clips_per_batch)  # batches of each run of equal groups
        first, end = (int(counts.sum()) * number // world_size for number in (rank, rank + 1))
        firsts = runs(starts, counts, clips_per_batch)[first:end]
        self._firsts = firsts
        self._ends = np.minimum(firsts + clips_per_batch, np.repeat(ends, counts)[first:end])

    def __len__(self) -> int:
        return len(self._firsts)

    def __iter__(self) -> Iterator[list[SampleRequest]]:
        for first, end in zip(self._firsts.tolist(), self._ends.tolist(), strict=True):
            yield [SampleRequest(index, 0) for index in range(first, end)]
