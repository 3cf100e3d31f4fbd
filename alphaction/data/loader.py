"""Loaders: samplers, worker processes and collation put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from alphaction.data.collate import BatchCollator
from alphaction.data.sample import ClipBatch, ClipSample, SampleRequest
from alphaction.data.samplers import InferenceBatchSampler, TrainBatchSampler
from alphaction.utils.errors import UserError

if TYPE_CHECKING:
    from yacs.config import CfgNode

    from alphaction.data.dataset import ActionDataset
    from alphaction.data.joined_dataset import JoinedDataset


class ClipLoader:
    """Iterates over batches that worker processes prepare; a worker's :class:`UserError` arrives as itself.

    Args:
        dataset: takes a :class:`SampleRequest`.
        batch_sampler: yields lists of requests.
        size_divisibility: see :class:`BatchCollator`.
        num_workers: processes; 0 loads in this one.
        prefetch_factor: batches that each worker keeps ready.
        pin_memory: copy batches to page-locked memory, for fast copies to a GPU.
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
    ) -> None:
        self.batch_sampler = batch_sampler
        self._loader = DataLoader(
            _ErrorsAsValues(dataset),
            batch_sampler=batch_sampler,
            num_workers=num_workers,
            collate_fn=_CollateOrPass(BatchCollator(size_divisibility)),
            pin_memory=pin_memory,
            worker_init_fn=_use_one_thread,
            persistent_workers=num_workers > 0,
            prefetch_factor=prefetch_factor if num_workers > 0 else None,
        )

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._loader)

    def __iter__(self) -> Iterator[ClipBatch]:
        for batch in self._loader:
            if isinstance(batch, UserError):
                # A fresh error: one that its own frame still names would keep the workers from being collected.
                raise type(batch)(*batch.args)
            yield batch


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
    wide = np.zeros(len(dataset), dtype=np.int64)
    if cfg.DATALOADER.ASPECT_RATIO_GROUPING:
        wide = np.array([width > height for width, height in _frame_sizes(dataset)], dtype=np.int64)
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
    return _build_loader(cfg, dataset, sampler)


def build_test_loader(
    cfg: CfgNode, dataset: ActionDataset | JoinedDataset, *, rank: int = 0, world_size: int = 1
) -> ClipLoader:
    """Return the loader of this process's share of the test clips; TEST.VIDEOS_PER_BATCH counts all processes'."""
    sizes = [dataset.resize(size) for size in _frame_sizes(dataset)]
    known = {size: number for number, size in enumerate(dict.fromkeys(sizes))}
    sampler = InferenceBatchSampler(
        [known[size] for size in sizes],
        clips_per_batch=max(cfg.TEST.VIDEOS_PER_BATCH // world_size, 1),
        rank=rank,
        world_size=world_size,
    )
    return _build_loader(cfg, dataset, sampler)


def build_single_loader(
    cfg: CfgNode, dataset: Dataset[ClipSample], num_clips: int, *, rank: int = 0, world_size: int = 1
) -> ClipLoader:
    """Return the loader of this process's share of a dataset of ``num_clips``: every clip once, each in its own batch.

    So what is computed from a clip does not depend, to the last bit, on which others are computed.
    """
    sampler = InferenceBatchSampler(np.zeros(num_clips), clips_per_batch=1, rank=rank, world_size=world_size)
    return _build_loader(cfg, dataset, sampler)


def _build_loader(
    cfg: CfgNode, dataset: Dataset[ClipSample], sampler: TrainBatchSampler | InferenceBatchSampler
) -> ClipLoader:
    return ClipLoader(
        dataset,
        sampler,
        size_divisibility=cfg.DATALOADER.SIZE_DIVISIBILITY,
        # More workers than batches would only cost their start.
        num_workers=min(cfg.DATALOADER.NUM_WORKERS, len(sampler)),
        prefetch_factor=cfg.DATALOADER.PREFETCH_FACTOR,
        pin_memory=cfg.MODEL.DEVICE != "cpu" and torch.cuda.is_available(),
    )


def _frame_sizes(dataset: ActionDataset | JoinedDataset) -> list[tuple[int, int]]:
    return [dataset.frame_size(index) for index in range(len(dataset))]


class _ErrorsAsValues(Dataset):
    """Returns a UserError instead of raising it: across processes, PyTorch would bury its message in a traceback."""

    def __init__(self, dataset: Dataset[ClipSample]) -> None:
        self.dataset = dataset

    def __getitem__(self, request: SampleRequest) -> ClipSample | UserError:
        try:
            return self.dataset[request]
        except UserError as error:
            return error


class _CollateOrPass:
    """Collates samples; the first UserError among them passes through."""

    def __init__(self, collate: BatchCollator) -> None:
        self.collate = collate

    def __call__(self, samples: Sequence[ClipSample | UserError]) -> ClipBatch | UserError:
        for sample in samples:
            if isinstance(sample, UserError):
                return sample
        return self.collate(samples)


def _use_one_thread(_worker: int) -> None:
    """Keep a worker to one core: the number of workers is the number of cores to use."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
