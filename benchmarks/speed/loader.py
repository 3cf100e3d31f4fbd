"""What the loader adds to the clips: the sampler's start, epoch change and resume, worker processes, handing over."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice

import numpy as np
from torch.utils.data import Dataset

from alphaction.data.collate import BatchCollator
from alphaction.data.epoch_clips import EpochClips
from alphaction.data.global_batches import GlobalBatches
from alphaction.data.handover import receive, send
from alphaction.data.loader import ClipLoader
from alphaction.data.sample import ClipBatch, ClipSample, SampleRequest
from alphaction.data.samplers import InferenceBatchSampler, TrainBatchSampler
from benchmarks.speed.measure import Case, Comparison, compare

_SEED = 3
_UPRIGHT = 20  # one clip in 20 is upright


def comparisons(
    repetitions: int,
    *,
    clips: int,
    resume: int,
    dataset: Dataset[ClipSample],
    workers: Sequence[int],
    batches: int,
    batch: int = 64,
) -> Iterator[Comparison]:
    """Measure the loader.

    Args:
        repetitions: turns that count.
        clips: of the sampler's training set.
        resume: iteration that a training is continued from.
        dataset: what workers load, in batches of 2.
        workers: numbers of workers to compare, the first is the reference.
        batches: that are loaded for each.
        batch: clips of one of the sampler's batches.
    """
    groups = (np.arange(clips) % _UPRIGHT == 0).astype(np.int64)
    epoch = _batches_before(groups, batch, 1)
    for title, iteration in (
        ("start of a training", 0),
        ("change to the next epoch", epoch - 1),
        (f"resume at iteration {resume:,}", resume),
    ):
        yield compare(
            f"Sampler, {clips:,} clips in 2 groups, batches of {batch}: {title}",
            "call",
            _sampler_cases(groups, batch, iteration, crosses=iteration == epoch - 1),
            repetitions=repetitions,
        )
    yield _repeating(groups, batch, resume, repetitions)
    yield _handing_over(dataset, repetitions)
    yield _workers(dataset, workers, batches, repetitions)


def _sampler_cases(groups: np.ndarray, batch: int, iteration: int, crosses: bool) -> list[Case]:
    """Return the former way and the sampler's: from nothing to the batch of an iteration, or from it to the next."""

    def walk() -> None:
        next(islice(walked(groups, batch, _SEED), iteration, None))

    def find() -> None:
        sampler = TrainBatchSampler(
            groups, videos_per_batch=batch, seed=_SEED, start_iteration=iteration, max_iter=2**40
        )
        next(iter(sampler))

    if not crosses:
        return [Case("all batches before are walked through", walk), Case("counted", find)]
    # Each run goes to the last batch of the next epoch, so that all runs cross one border.
    former, stream = walked(groups, batch, _SEED), GlobalBatches(groups, batch, _SEED).after(0)
    return [
        Case("an epoch in loops, and its batches", _epoch_by_epoch(former, groups, batch)),
        Case("an epoch in arrays, and its batches", _epoch_by_epoch(stream, groups, batch)),
    ]


def _repeating(groups: np.ndarray, batch: int, iteration: int, repetitions: int) -> Comparison:
    """Compare the start at an iteration without and with repeats: two clips in five come more than once."""
    rarity = np.random.default_rng(_SEED).permutation(len(groups)) / len(groups)
    factors = np.sqrt(np.maximum(np.floor(rarity * 50) - 30, 1.0))

    def find(factors: np.ndarray | None) -> Callable[[], None]:
        def run() -> None:
            sampler = TrainBatchSampler(
                groups, videos_per_batch=batch, seed=_SEED, start_iteration=iteration, max_iter=2**40, factors=factors
            )
            next(iter(sampler))

        return run

    return compare(
        f"Sampler, {len(groups):,} clips in 2 groups, batches of {batch}: resume at iteration {iteration:,}, repeats",
        "call",
        [Case("each clip once an epoch", find(None)), Case("rare ones several times", find(factors))],
        repetitions=repetitions,
    )


def _epoch_by_epoch(stream: Iterator[np.ndarray], groups: np.ndarray, batch: int) -> Callable[[], None]:
    """Return a function that goes on to the first batch of the next epoch."""
    steps = _ends(groups, batch)

    def run() -> None:
        next(islice(stream, next(steps), None))

    return run


def _ends(groups: np.ndarray, batch: int) -> Iterator[int]:
    """Yield how many batches to skip to come to the first one of each next epoch."""
    epoch, place = 1, 0
    while True:
        start = _batches_before(groups, batch, epoch)
        yield start - place
        place, epoch = start + 1, epoch + 1


def _batches_before(groups: np.ndarray, batch: int, epoch: int) -> int:
    return int((np.bincount(groups) * epoch // batch).sum())


def walked(groups: np.ndarray, size: int, seed: int, factors: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Yield all batches as the sampler once did: epoch after epoch, batch after batch. The tests compare with it, too.

    Args:
        groups: int64, group of each clip.
        size: clips of a batch.
        seed: of the order.
        factors: how often each clip comes in an epoch on average; None: once.
    """
    epochs = EpochClips(np.unique(groups, return_inverse=True)[1], factors, seed)
    waiting = {name: np.zeros(0, dtype=np.int64) for name in np.unique(groups).tolist()}
    epoch = 0
    while True:
        clips = epochs.of(epoch)
        clips = np.arange(len(groups)) if clips is None else clips
        order = clips[np.random.default_rng((seed, 0, epoch)).permutation(len(clips))]
        full = []
        for name, carried in waiting.items():
            places = np.flatnonzero(groups[order] == name)
            queue = np.concatenate([carried, order[places]])
            for end in range(size, len(queue) + 1, size):
                full.append((int(places[end - 1 - len(carried)]), queue[end - size : end]))
            waiting[name] = queue[len(queue) // size * size :]
        for _, indices in sorted(full, key=lambda entry: entry[0]):
            yield indices
        epoch += 1


def _handing_over(dataset: Dataset[ClipSample], repetitions: int) -> Comparison:
    """Compare the way of a batch from a worker with a plain copy of its frames, all in this process."""
    batch = BatchCollator()([dataset[SampleRequest(index, 0)] for index in range(2)])
    frames = {name: tensor for name, tensor in (("slow", batch.slow), ("fast", batch.fast)) if tensor is not None}
    size = sum(tensor.nbytes for tensor in frames.values()) / 1e6
    here, there = socket.socketpair()

    def copied() -> ClipBatch:
        return replace(batch, **{name: tensor.clone() for name, tensor in frames.items()})

    def handed_over() -> None:
        send(here, batch)
        receive(there)

    with closing(here), closing(there):
        return compare(
            f"A batch of 2 clips, {size:.0f} MB, from a worker to the process",
            "batch",
            [
                Case("plain copy", copied),
                Case("sent and received", handed_over),
            ],
            repetitions=repetitions,
        )


def _workers(dataset: Dataset[ClipSample], workers: Sequence[int], batches: int, repetitions: int) -> Comparison:
    sampler = InferenceBatchSampler(np.zeros(len(dataset)), clips_per_batch=2)
    batches = min(batches, len(sampler))

    def case(count: int) -> Case:
        loader = ClipLoader(dataset, sampler, size_divisibility=16, num_workers=count)
        facts: dict[str, str] = {}

        def run() -> None:
            before = _children_seconds()
            with closing(iter(loader)) as stream:
                for _ in islice(stream, batches):
                    pass
            # Only of workers that have ended, as those of this run have.
            facts["CPU of workers a batch"] = f"{(_children_seconds() - before) / batches * 1e3:.3g} ms"

        return Case(f"{count} workers" if count != 1 else "1 worker", run, units=batches, facts=facts)

    return compare(
        f"Loader, {batches} batches of 2 clips; the CPU column is of the main process",
        "batch",
        [case(count) for count in workers],
        repetitions=repetitions,
    )


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
