"""Loaders: samplers, worker processes and collation put together."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from alphaction.data.ahead import ahead
from alphaction.data.bad_clips import BadClip, SkippedClips, Substitutes, describe
from alphaction.data.collate import BatchCollator
from alphaction.data.repeat_factors import RepeatFactors
from alphaction.data.sample import ClipBatch, ClipSample, SampleRequest
from alphaction.data.samplers import InferenceBatchSampler, TrainBatchSampler
from alphaction.data.shared_tasks import SharedTasks
from alphaction.data.worker_pool import Progress, Task, WorkerPool
from alphaction.utils.device import choose_device
from alphaction.utils.device_copy import CopyStream
from alphaction.utils.distributed import get_rank, get_world_size
from alphaction.utils.errors import DataError
from alphaction.utils.messages import problem_list
from alphaction.utils.progress import doing

if TYPE_CHECKING:
    from yacs.config import CfgNode

    from alphaction.data.dataset import ActionDataset
    from alphaction.data.joined_dataset import JoinedDataset


# Characters of the reason why a clip is skipped.
_REASON = 200

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
        device: a CUDA device, to which batches are copied while others are used: ``to`` of a batch returns its copy.
            None: batches stay here.
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
        device: torch.device | None = None,
        timeout: float = 600.0,
        substitutes: Substitutes | None = None,
    ) -> None:
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.device = device
        self.timeout = timeout
        self.skipped = SkippedClips(len(dataset)) if substitutes is not None else None
        self._load = _LoadBatch(dataset, BatchCollator(size_divisibility), substitutes)

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.batch_sampler)

    def __iter__(self) -> Iterator[ClipBatch]:
        loaded = self._by_workers() if self.num_workers else self._here()
        if self.device is not None:
            stream = CopyStream(self.device)
            loaded = ahead(loaded, lambda batch: batch.sent_by(stream))
        with closing(loaded):
            for batch, bad in loaded:
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
        """Yield the batches in order; as many as the workers may keep ready are on their way."""
        with closing(pool):
            shared = SharedTasks(pool)
            tasks = iter(self.batch_sampler)
            for task in islice(tasks, self.num_workers * self.prefetch_factor):
                shared.submit(task)
            for _ in range(len(self)):
                loaded = shared.result()
                if (task := next(tasks, None)) is not None:
                    shared.submit(task)
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
        sizes = dataset.frame_sizes(skips=skips)
        wide = (sizes[:, 0] > sizes[:, 1]).astype(np.int64)
        # Clips of videos that do not open are among the most, one of which takes their place.
        known = sizes.any(axis=1)
        wide[~known] = np.median(wide[known]) if known.any() else 0
    repeats = RepeatFactors.from_config(cfg, dataset)
    sampler = TrainBatchSampler(
        wide,
        videos_per_batch=cfg.SOLVER.VIDEOS_PER_BATCH,
        accumulation_steps=cfg.SOLVER.ACCUMULATION_STEPS,
        rank=rank,
        world_size=world_size,
        seed=seed,
        start_iteration=start_iteration,
        max_iter=cfg.SOLVER.MAX_ITER,
        factors=None if repeats is None else repeats.of_clips,
    )
    return _build_loader(cfg, dataset, sampler, Substitutes(wide) if skips else None)


def build_test_loader(
    cfg: CfgNode, dataset: ActionDataset | JoinedDataset, *, rank: int = 0, world_size: int = 1
) -> ClipLoader:
    """Return the loader of this process's share of the test clips.

    TEST.VIDEOS_PER_BATCH counts the clips of all processes. On the CPU, where larger batches are no faster, a batch has
    :data:`CPU_TEST_BATCH` clips, so that the results are the same for any number of processes.
    """
    sampler = InferenceBatchSampler(
        _groups_by_size(dataset),
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
        device=_copies_to(cfg),
        timeout=cfg.SOLVER.TIMEOUT_SECONDS,
        substitutes=substitutes,
    )


def _copies_to(cfg: CfgNode) -> torch.device | None:
    """Return the CUDA device of this process, None on the CPU."""
    if cfg.MODEL.DEVICE == "cpu" or not torch.cuda.is_available():
        return None
    return torch.device("cuda", torch.cuda.current_device())


def _groups_by_size(dataset: ActionDataset | JoinedDataset) -> np.ndarray:
    """Return numbers int64 [number of clips] that are equal where resized frames have one size."""
    sizes = dataset.frame_sizes()
    found, which = np.unique(sizes[:, 0] << 32 | sizes[:, 1], return_inverse=True)
    resized = [dataset.resize((size >> 32, size & 0xFFFFFFFF)) for size in found.tolist()]
    numbers = {size: number for number, size in enumerate(dict.fromkeys(resized))}
    return np.array([numbers[size] for size in resized], dtype=np.int64)[which.reshape(-1)]


class LoadedBatch(NamedTuple):
    """A batch, and the clips that it lacks as they cannot be decoded."""

    batch: ClipBatch
    bad: tuple[BadClip, ...]

    def sent_by(self, stream: CopyStream) -> LoadedBatch:
        """Return this with a copy of the batch on its way to a device."""
        return self._replace(batch=self.batch.sent_by(stream))


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
