"""Loaders: samplers, worker processes and collation put together."""

from __future__ import annotations

import queue
import textwrap
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from alphaction.data.bad_clips import BadClip, SkippedClips, Substitutes, describe
from alphaction.data.collate import BatchCollator
from alphaction.data.sample import ClipBatch, ClipSample, SampleRequest
from alphaction.data.samplers import InferenceBatchSampler, TrainBatchSampler
from alphaction.data.worker_pool import Progress, Task, WorkerPool
from alphaction.utils.device import choose_device
from alphaction.utils.distributed import get_rank, get_world_size
from alphaction.utils.errors import DataError
from alphaction.utils.messages import problem_list
from alphaction.utils.progress import doing

if TYPE_CHECKING:
    from yacs.config import CfgNode

    from alphaction.data.dataset import ActionDataset
    from alphaction.data.joined_dataset import JoinedDataset
    from alphaction.data.transforms import Size


# Characters of the reason why a clip is skipped.
_REASON = 200
# (width, height) of a video that cannot be opened.
_UNKNOWN = (0, 0)

CPU_TEST_BATCH = 2
"""Most clips of a test batch on the CPU."""


class ClipLoader:
    """Iterates over batches that worker processes prepare; a worker's :class:`UserError` arrives as itself.

    Every iteration has workers of its own, which end with it.

    Args:
        dataset: takes a :class:`SampleRequest`; has ``keyframes`` and ``name`` for messages.
        batch_sampler: yields lists of requests.
        size_divisibility: see :class:`BatchCollator`.
        num_workers: processes; 0 loads in this one.
        prefetch_factor: batches that each worker keeps ready.
        pin_memory: copy batches to page-locked memory, for fast copies to a GPU.
        timeout: seconds that a worker may take from one clip to the next.
        substitutes: what takes the place of clips that cannot be decoded; None: such a clip is an error.

    Attributes:
        skipped: the clips that could not be decoded, if there are substitutes.
    """

    def __init__(
        self,
        dataset: Dataset[ClipSample],
        batch_sampler: TrainBatchSampler | InferenceBatchSampler,
        *,
        size_divisibility: int,
        num_workers: int,
        prefetch_factor: int = 2,
        pin_memory: bool = False,
        timeout: float = 600.0,
        substitutes: Substitutes | None = None,
    ) -> None:
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.timeout = timeout
        self.skipped = SkippedClips(len(dataset)) if substitutes is not None else None
        self._load = _LoadBatch(dataset, BatchCollator(size_divisibility), substitutes)

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[ClipBatch]:
        loaded = self._by_workers() if self.num_workers else self._here()
        for batch, bad in pinned_ahead(loaded) if self.pin_memory else loaded:
            if self.skipped is not None:
                self.skipped.add(bad)
            yield batch

    def _here(self) -> Iterator[LoadedBatch]:
        for requests in self.batch_sampler:

            def tell(position: int, requests: list[SampleRequest] = requests) -> None:
                doing(f"loading {self._load.name(requests[position])}")

            yield self._load(requests, tell)

    def _by_workers(self) -> Iterator[LoadedBatch]:
        workers, prefetch = self.num_workers, self.prefetch_factor
        rank, world_size = get_rank(), get_world_size()
        pool = WorkerPool(
            self._load,
            workers,
            timeout=self.timeout,
            name_clip=self._load.name,
            owner=f" of process {rank}" if world_size > 1 else "",
            advice=f"lower DATALOADER.NUM_WORKERS (now {workers}) or DATALOADER.PREFETCH_FACTOR (now {prefetch}), or "
            "use smaller batches or frames",
        )
        return self._from_pool(pool)

    def _from_pool(self, pool: WorkerPool) -> Iterator[LoadedBatch]:
        """Yield the batches in order: number k is of worker k modulo the number of workers."""
        with closing(pool):
            tasks = iter(self.batch_sampler)
            given = 0
            for task in islice(tasks, self.num_workers * self.prefetch_factor):
                pool.submit(given % self.num_workers, task)
                given += 1
            for number in range(len(self)):
                loaded = pool.result(number % self.num_workers)
                if (task := next(tasks, None)) is not None:
                    pool.submit(given % self.num_workers, task)
                    given += 1
                yield loaded


def build_train_loader(
    cfg: CfgNode,
    dataset: ActionDataset | JoinedDataset,
    *,
    seed: int,
    start_iteration: int = 0,
    rank: int = 0,
    world_size: int = 1,
) -> ClipLoader:
    """Return the loader of this process's micro-batches from ``start_iteration`` to SOLVER.MAX_ITER.

    Args:
        cfg: the whole config.
        dataset: training clips.
        seed: of order and augmentation; equal on all processes.
        start_iteration: iterations done before.
        rank: this process.
        world_size: number of processes.
    """
    skips = cfg.DATALOADER.ON_BAD_CLIP == "skip"
    wide = np.zeros(len(dataset), dtype=np.int64)
    if cfg.DATALOADER.ASPECT_RATIO_GROUPING:
        sizes = [_frame_size(dataset, index, skips) for index in range(len(dataset))]
        wide = np.array([width > height for width, height in sizes], dtype=np.int64)
        # Clips of videos that do not open are among the most, one of which takes their place.
        known = np.array([size != _UNKNOWN for size in sizes])
        wide[~known] = np.median(wide[known]) if known.any() else 0
    sampler = TrainBatchSampler(
        wide,
        videos_per_batch=cfg.SOLVER.VIDEOS_PER_BATCH,
        accumulation_steps=cfg.SOLVER.ACCUMULATION_STEPS,
        rank=rank,
        world_size=world_size,
        seed=seed,
        start_iteration=start_iteration,
        max_iter=cfg.SOLVER.MAX_ITER,
    )
    return _build_loader(cfg, dataset, sampler, Substitutes(wide) if skips else None)


def build_test_loader(
    cfg: CfgNode, dataset: ActionDataset | JoinedDataset, *, rank: int = 0, world_size: int = 1
) -> ClipLoader:
    """Return the loader of this process's share of the test clips.

    TEST.VIDEOS_PER_BATCH counts the clips of all processes. On the CPU, where larger batches are no faster, a batch has
    :data:`CPU_TEST_BATCH` clips, so that the results are the same for any number of processes.
    """
    sizes = [dataset.resize(dataset.frame_size(index)) for index in range(len(dataset))]
    known = {size: number for number, size in enumerate(dict.fromkeys(sizes))}
    sampler = InferenceBatchSampler(
        [known[size] for size in sizes],
        clips_per_batch=_test_batch(cfg, world_size),
        rank=rank,
        world_size=world_size,
    )
    return _build_loader(cfg, dataset, sampler)


def _test_batch(cfg: CfgNode, world_size: int) -> int:
    wanted = cfg.TEST.VIDEOS_PER_BATCH
    if choose_device(cfg.MODEL.DEVICE, "MODEL.DEVICE").type == "cpu":
        return min(wanted, CPU_TEST_BATCH)
    return max(wanted // world_size, 1)


def build_single_loader(
    cfg: CfgNode, dataset: Dataset[ClipSample], num_clips: int, *, rank: int = 0, world_size: int = 1
) -> ClipLoader:
    """Return the loader of this process's share of a dataset of ``num_clips``: every clip once, each in its own batch.

    So what is computed from a clip does not depend, to the last bit, on which others are computed.
    """
    sampler = InferenceBatchSampler(np.zeros(num_clips), clips_per_batch=1, rank=rank, world_size=world_size)
    return _build_loader(cfg, dataset, sampler)


def _build_loader(
    cfg: CfgNode,
    dataset: Dataset[ClipSample],
    sampler: TrainBatchSampler | InferenceBatchSampler,
    substitutes: Substitutes | None = None,
) -> ClipLoader:
    return ClipLoader(
        dataset,
        sampler,
        size_divisibility=cfg.DATALOADER.SIZE_DIVISIBILITY,
        # More workers than batches would only cost their start.
        num_workers=min(cfg.DATALOADER.NUM_WORKERS, len(sampler)),
        prefetch_factor=cfg.DATALOADER.PREFETCH_FACTOR,
        pin_memory=cfg.MODEL.DEVICE != "cpu" and torch.cuda.is_available(),
        timeout=cfg.SOLVER.TIMEOUT_SECONDS,
        substitutes=substitutes,
    )


def _frame_size(dataset: ActionDataset | JoinedDataset, index: int, skips: bool) -> Size:
    """Return the (width, height) of a clip, unknown if its video cannot be opened and such clips are skipped."""
    try:
        return dataset.frame_size(index)
    except DataError:
        if not skips:
            raise
        return _UNKNOWN


class LoadedBatch(NamedTuple):
    """A batch, and the clips that it lacks as they cannot be decoded."""

    batch: ClipBatch
    bad: tuple[BadClip, ...]

    def pin_memory(self) -> LoadedBatch:
        """Return a copy in page-locked memory."""
        return self._replace(batch=self.batch.pin_memory())


class _LoadBatch:
    """Loads the clips of a task and collates them."""

    def __init__(
        self, dataset: Dataset[ClipSample], collate: BatchCollator, substitutes: Substitutes | None = None
    ) -> None:
        self.dataset = dataset
        self.collate = collate
        self.substitutes = substitutes

    def __call__(self, task: Task, tell: Progress) -> LoadedBatch:
        """Return the batch; ``tell`` is called with the position of each clip before it is loaded."""
        samples, bad = [], []
        for position, request in enumerate(task):
            tell(position)
            samples.append(self._sample(request, bad))
        return LoadedBatch(self.collate(samples), tuple(bad))

    def name(self, request: SampleRequest) -> str:
        """Return which clip a request is for, for people."""
        keyframe = self.dataset.keyframes[request.index]
        return f'{self.dataset.name}: second {keyframe.second} of video "{keyframe.video}"'

    def _sample(self, request: SampleRequest, bad: list[BadClip]) -> ClipSample:
        try:
            return self.dataset[request]
        except DataError as error:
            if self.substitutes is None:
                raise
            bad.append(self._bad_clip(request, error))
        for other in self.substitutes.of(request):
            try:
                return self.dataset[other]
            except DataError as error:
                bad.append(self._bad_clip(other, error))
        found = problem_list("no clip takes the place of one that cannot be decoded:", describe(bad))
        raise DataError(found)

    def _bad_clip(self, request: SampleRequest, error: DataError) -> BadClip:
        return BadClip(request.index, self.name(request), textwrap.shorten(str(error), _REASON))


def pinned_ahead(loaded: Iterator[LoadedBatch]) -> Iterator[LoadedBatch]:
    """Yield batches from page-locked memory; a thread copies the next one there meanwhile."""
    ready: queue.Queue[LoadedBatch | BaseException | None] = queue.Queue(1)

    def copy() -> None:
        try:
            for batch in loaded:
                ready.put(batch.pin_memory())
            ready.put(None)
        except BaseException as error:
            ready.put(error)

    threading.Thread(target=copy, name="pinning", daemon=True).start()
    while (batch := ready.get()) is not None:
        if isinstance(batch, BaseException):
            raise batch
        yield batch
