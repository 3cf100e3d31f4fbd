"""The stream of global batches is the one that walking through all epochs gives, from any iteration on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain, islice

import numpy as np
import pytest

from alphaction.data.global_batches import GlobalBatches
from alphaction.data.samplers import TrainBatchSampler
from benchmarks.speed import loader as reference


def walked(groups, size: int, seed: int, factors=None) -> Iterator[list[int]]:
    """Yield all batches, epoch after epoch: slow and plain, and what checkpoints of any age continue."""
    return (clips.tolist() for clips in reference.walked(np.asarray(groups, dtype=np.int64), size, seed, factors))


def streamed(groups, size: int, seed: int, start: int, count: int, factors=None) -> list[list[int]]:
    stream = GlobalBatches(np.asarray(groups), size, seed, factors)
    return [clips.tolist() for clips in islice(stream.after(start), count)]


@pytest.mark.parametrize(
    ("groups", "size"),
    [
        ([0] * 12, 4),
        ([0] * 13, 4),
        ([0] * 5, 1),
        ([0] * 9 + [1] * 4, 4),
        ([1] * 21 + [0] * 3, 8),  # a group smaller than a batch
        ([0] * 30 + [1], 8),  # of one clip
        ([7, -2, 7, 7, 900, -2, 7], 3),
        ([0, 1, 0], 7),  # all groups are
        ([5], 4),
    ],
)
def test_stream_is_the_walked_one_from_every_iteration_on(groups, size):
    expected = list(islice(walked(groups, size, seed=3), 40))
    assert streamed(groups, size, 3, 0, 40) == expected
    for start in range(40):
        assert streamed(groups, size, 3, start, 40 - start) == expected[start:]


def test_random_streams_are_the_walked_ones():
    rng = np.random.default_rng(0)
    for _ in range(60):
        clips, names, size, seed = rng.integers((1, 1, 1, 0), (60, 7, 20, 99)).tolist()
        groups = np.sort(rng.integers(names, size=clips)) ** 2  # few of the first group, numbers that skip some
        start = int(rng.integers(120))
        expected = list(islice(walked(groups, size, seed), start, start + 30))
        assert streamed(groups, size, seed, start, 30) == expected, (clips, names, size, seed, start)


@pytest.mark.parametrize("step", [1, 10**6])
def test_more_groups_than_a_byte_counts(step):
    groups = np.arange(700) % 300 * step
    expected = list(islice(walked(groups, 2, 1), 400))
    assert streamed(groups, 2, 1, 0, 400) == expected
    assert streamed(groups, 2, 1, 333, 67) == expected[333:]


def test_random_streams_with_repeats_are_the_walked_ones():
    rng = np.random.default_rng(0)
    for _ in range(60):
        clips, names, size, seed = rng.integers((1, 1, 1, 0), (60, 7, 20, 99)).tolist()
        groups = np.sort(rng.integers(names, size=clips)) ** 2
        factors = rng.choice([1.0, 1.0, 1.2, 2.0, np.sqrt(7.3)], clips)
        start = int(rng.integers(120))
        expected = list(islice(walked(groups, size, seed, factors), start, start + 30))
        assert streamed(groups, size, seed, start, 30, factors) == expected, (clips, names, size, seed, start)


def test_factors_of_one_leave_the_stream_as_it_is():
    groups = np.arange(50) % 7 // 3
    assert streamed(groups, 4, 5, 17, 40, np.ones(50)) == streamed(groups, 4, 5, 17, 40)


def test_batches_with_repeats_are_the_same_for_one_two_and_three_processes():
    groups, factors = np.arange(40) % 3 // 2, 1 + np.arange(40) % 4 * 0.7
    of_one, *of_more = (
        [
            [
                list(islice(TrainBatchSampler(
                    groups, videos_per_batch=6, rank=rank, world_size=processes, seed=2, start_iteration=31,
                    max_iter=71, factors=factors,
                ), 40))
                for rank in range(processes)
            ]
            for processes in (1, 2, 3)
        ]
    )  # fmt: skip
    for parts in of_more:
        assert [list(chain(*step)) for step in zip(*parts, strict=True)] == of_one[0]


@pytest.mark.parametrize("start", [0, 999, 100_000, 1_000_000])
@pytest.mark.parametrize(("size", "ranks", "repeats"), [(1, 1, 0), (16, 1, 0), (64, 64, 9), (1024, 64, 0), (16, 1, 9)])
def test_first_batch_is_quick_wherever_it_is(size, ranks, repeats, start):
    """184,000 clips, as in AVA, two of them upright: a batch of those takes hundreds of epochs."""
    groups = np.zeros(184_000, dtype=np.int64)
    groups[[5, 77]] = 1
    factors = 1 + np.sqrt(np.arange(len(groups)) % 80) if repeats else None  # 1 to 9.9 times
    began = time.process_time()
    sampler = TrainBatchSampler(
        groups,
        videos_per_batch=size,
        rank=ranks - 1,
        world_size=ranks,
        start_iteration=start,
        max_iter=10**8,
        factors=factors,
    )
    assert len(next(iter(sampler))) == size // ranks
    assert time.process_time() - began < 0.5  # about 0.02


def test_far_iterations_are_counted_exactly():
    """Beyond what a test can walk: each clip has come as often as any other of its group, up to one batch."""
    groups = np.array([0] * 5 + [1] * 3)
    stream = GlobalBatches(groups, 4, seed=1)
    start = 8 * 10**9 // 4  # a multiple of the batches of the four epochs after which all groups are at their start
    ahead = [clips.tolist() for clips in islice(stream.after(start), 8)]
    assert np.bincount(np.concatenate(ahead)).tolist() == [4] * 8
    assert streamed(groups, 4, 1, start + 5, 3) == ahead[5:]
