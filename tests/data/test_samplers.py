"""Which clips form a batch, for any number of processes and restarts."""

from __future__ import annotations

from collections import Counter
from itertools import chain, islice

import numpy as np
import pytest

from alphaction.data.samplers import InferenceBatchSampler, TrainBatchSampler
from alphaction.utils.errors import UserError


def batches(groups, **options):
    options = {"videos_per_batch": 4, "max_iter": 12, "seed": 3, **options}
    return list(TrainBatchSampler(groups, **options))


def indices(batch):
    return [request.index for request in batch]


def test_an_epoch_takes_every_clip_once():
    epoch = list(chain.from_iterable(batches([0] * 20, max_iter=5)))
    assert sorted(indices(epoch)) == list(range(20))
    both = list(chain.from_iterable(batches([0] * 20, max_iter=10)))
    assert sorted(indices(both)) == sorted(list(range(20)) * 2)
    assert indices(both)[20:] != indices(both)[:20]


def test_clips_left_over_open_the_next_epoch():
    counts = Counter(indices(chain.from_iterable(batches([0] * 7, max_iter=7))))  # 28 places for 7 clips
    assert counts == dict.fromkeys(range(7), 4)


def test_groups_do_not_mix_and_none_is_left_out():
    groups = [0] * 9 + [1] * 5
    found = batches(groups, max_iter=7 * 3)
    for batch in found:
        assert len({groups[index] for index in indices(batch)}) == 1
    counts = Counter(indices(chain.from_iterable(found)))  # 84 places for 14 clips
    assert set(counts) == set(range(14))
    assert max(counts.values()) - min(counts.values()) <= 2


def test_groups_smaller_than_a_batch_fill_it_over_epochs():
    groups = [0] * 11 + [1]
    found = batches(groups, max_iter=40)
    lonely = [batch for batch in found if groups[batch[0].index] == 1]
    assert lonely
    assert all(indices(batch) == [11] * 4 for batch in lonely)
    assert len({request.seed for request in lonely[0]}) == 4  # the same clip, but augmented differently


@pytest.mark.parametrize("clips", [1, 3])
def test_dataset_smaller_than_a_batch(clips):
    found = batches([0] * clips, max_iter=6, videos_per_batch=8)
    assert [len(batch) for batch in found] == [8] * 6
    assert set(indices(chain.from_iterable(found))) == set(range(clips))


@pytest.mark.parametrize("start", [1, 5, 11])
def test_resume_continues_the_same_stream(start):
    groups = [0] * 9 + [1] * 4
    assert batches(groups, start_iteration=start) == batches(groups)[start:]
    two = batches(groups, accumulation_steps=2)
    assert batches(groups, accumulation_steps=2, start_iteration=start) == two[2 * start :]


@pytest.mark.parametrize(("world_size", "accumulation_steps"), [(1, 2), (2, 1), (2, 2), (4, 1), (1, 4)])
def test_global_batches_do_not_depend_on_processes(world_size, accumulation_steps):
    groups = [0] * 9 + [1] * 4
    alone = batches(groups)
    shares = [
        batches(groups, rank=rank, world_size=world_size, accumulation_steps=accumulation_steps)
        for rank in range(world_size)
    ]
    for iteration, whole in enumerate(alone):
        steps = slice(iteration * accumulation_steps, (iteration + 1) * accumulation_steps)
        together = [request for share in shares for micro_batch in share[steps] for request in micro_batch]
        assert together == whole


def test_seed_decides():
    assert batches([0] * 50) == batches([0] * 50)
    assert batches([0] * 50, seed=4) != batches([0] * 50)
    seeds = [request.seed for batch in batches([0] * 50) for request in batch]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= 0


def test_length_counts_what_remains():
    options = {"videos_per_batch": 4, "accumulation_steps": 2, "max_iter": 10, "seed": 0}
    assert len(TrainBatchSampler([0] * 5, start_iteration=7, **options)) == 6
    assert len(TrainBatchSampler([0] * 5, start_iteration=10, **options)) == 0
    assert list(TrainBatchSampler([0] * 5, start_iteration=10, **options)) == []


def test_sampler_errors():
    with pytest.raises(UserError, match="no clips"):
        TrainBatchSampler([], videos_per_batch=4, max_iter=1)
    with pytest.raises(UserError, match=r"BATCH 10 .*4 processes .*multiple of 8\b"):
        TrainBatchSampler([0], videos_per_batch=10, world_size=4, accumulation_steps=2, max_iter=1)
    with pytest.raises(UserError, match="VIDEOS_PER_BATCH"):
        InferenceBatchSampler([0], clips_per_batch=0)


def test_far_resume_is_quick():
    sampler = TrainBatchSampler(
        np.arange(200_000) % 5 == 0, videos_per_batch=32, start_iteration=70_000, max_iter=75_000
    )
    assert len(list(islice(iter(sampler), 3))) == 3  # a stream of two million clips is skipped in about a second


@pytest.mark.parametrize("world_size", [1, 2, 3, 20])
def test_inference_batches_are_the_same_for_any_number_of_processes(world_size):
    shares = [
        list(InferenceBatchSampler([0] * 6 + [1] * 5, clips_per_batch=4, rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    found = [indices(batch) for share in shares for batch in share]
    assert found == [[0, 1, 2, 3], [4, 5], [6, 7, 8, 9], [10]]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert {request.seed for share in shares for batch in share for request in batch} == {0}


def test_inference_batches_hold_one_size():
    sampler = InferenceBatchSampler([0, 0, 0, 1, 1, 0, 2], clips_per_batch=2)
    assert [indices(batch) for batch in sampler] == [[0, 1], [2], [3, 4], [5], [6]]
    assert len(sampler) == 5


def test_inference_of_nothing():
    assert list(InferenceBatchSampler([], clips_per_batch=2)) == []
