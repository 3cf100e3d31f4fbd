"""Axes: B clips, S seconds around a clip, P persons a second, D channels, R rows."""

from __future__ import annotations

import io
import math

import pytest
import torch

from alphaction.config import get_cfg
from alphaction.data.keyframes import Keyframe
from alphaction.memory import MemoryFeatures, MemoryPool, MemoryWindow
from alphaction.utils.errors import UserError


def write(pool: MemoryPool, video: str, second: int, values: list[float], **kwargs) -> None:
    """Remember one person for each value, whose features are all that value."""
    features = torch.tensor(values)[:, None].expand(-1, pool.dim)
    pool.write([Keyframe(video, second)], features, torch.zeros(len(values), dtype=torch.int64), **kwargs)


def values(memory: MemoryFeatures, clip: int = 0) -> dict[int, list[float]]:
    """Return {slot: values of the persons that are present}."""
    present = memory.present[clip]
    return {s: memory.features[clip, s, present[s], 0].tolist() for s in range(len(present)) if present[s].any()}


@pytest.fixture
def pool() -> MemoryPool:
    return MemoryPool(dim=3, max_per_second=2, length=(3, 2), rate=1)


def test_from_config() -> None:
    pool = MemoryPool.from_config(get_cfg())
    assert (pool.dim, pool.window) == (2304, MemoryWindow(before=30, after=30, max_per_second=5, rate=1))


def test_slots_are_seconds_from_before_to_after(pool: MemoryPool) -> None:
    for second in range(90, 110):
        write(pool, "a", second, [float(second)])
    memory = pool.read([Keyframe("a", 100), Keyframe("b", 100)])
    assert memory.features.shape == (2, 6, 2, 3)
    assert memory.current_slot == 3
    # The clip's own second stays empty for the live features.
    assert values(memory) == {0: [97], 1: [98], 2: [99], 4: [101], 5: [102]}
    assert values(memory, clip=1) == {}
    assert not memory.features[~memory.present].any()


def test_rate_is_the_step_between_slots() -> None:
    pool = MemoryPool(dim=1, max_per_second=1, length=(2, 1), rate=4)
    for second in range(80, 120):
        write(pool, "a", second, [float(second)])
    assert values(pool.read([Keyframe("a", 100)])) == {0: [92], 1: [96], 3: [104]}


def test_a_second_write_replaces_the_first(pool: MemoryPool) -> None:
    for persons in ([1.0, 2.0], [3.0], [4.0, 5.0], [6.0, 7.0, 8.0]):
        write(pool, "a", 99, persons)
        write(pool, "a", 98, [0.5])
        assert values(pool.read([Keyframe("a", 100)])) == {1: [0.5], 2: persons[:2]}
    assert len(pool) == 2


def test_many_clips_in_one_write(pool: MemoryPool) -> None:
    features = torch.arange(4.0)[:, None].expand(-1, 3)
    keyframes = [Keyframe("a", 1), Keyframe("a", 2), Keyframe("b", 1)]
    pool.write(keyframes, features, torch.tensor([2, 0, 2, 0]))
    assert values(pool.read([Keyframe("a", 2)])) == {2: [1, 3]}
    assert values(pool.read([Keyframe("b", 2)])) == {2: [0, 2]}
    assert Keyframe("a", 1) in pool
    assert Keyframe("a", 2) not in pool  # nobody was there


def test_a_clip_without_persons_is_fine(pool: MemoryPool) -> None:
    pool.write([Keyframe("a", 1)], torch.empty(0, 3), torch.empty(0, dtype=torch.int64))
    assert len(pool) == 0
    assert not pool.read([Keyframe("a", 1)]).present.any()
    assert pool.read([]).features.shape == (0, 6, 2, 3)


def test_over_the_limit_the_best_scored_are_taken_at_test_time(pool: MemoryPool) -> None:
    write(pool, "a", 99, [1.0, 2.0, 3.0, 4.0], scores=torch.tensor([0.2, 0.9, 0.1, 0.8]))
    assert values(pool.read([Keyframe("a", 100)])) == {2: [2, 4]}


def test_over_the_limit_training_chooses_at_random_by_seed_and_keyframe(pool: MemoryPool) -> None:
    write(pool, "a", 99, [1.0, 2.0, 3.0, 4.0], scores=torch.tensor([0.2, 0.9, 0.1, 0.8]))
    keyframes = [Keyframe("a", 100), Keyframe("a", 101)]
    counts = dict.fromkeys((1.0, 2.0, 3.0, 4.0), 0)
    for seed in range(400):
        drawn = values(pool.read(keyframes, seed=seed))[2]
        assert len(set(drawn)) == 2
        for value in drawn:
            counts[value] += 1
        # Neither the place in the batch nor the rest of the batch changes the choice.
        assert drawn == values(pool.read(keyframes[::-1], seed=seed), clip=1)[2]
        assert drawn == values(pool.read(keyframes[:1], seed=seed))[2]
    assert all(150 < count < 250 for count in counts.values())
    choices = {tuple(values(pool.read([Keyframe("a", 100 + i)], seed=0)).get(2 - i, [])) for i in range(3)}
    assert len(choices) > 1


def test_penalty_scales_by_the_ratio_of_the_losses(pool: MemoryPool) -> None:
    write(pool, "a", 97, [1.0], tag=torch.tensor(4.0))
    write(pool, "a", 98, [1.0], tag=torch.tensor(1.0))
    write(pool, "a", 99, [1.0])
    write(pool, "a", 101, [1.0], tag=torch.tensor([2.0]))
    keyframes = [Keyframe("a", 100)]
    expected = {0: [0.5], 1: [0.5], 2: [1.0], 4: [1.0]}  # no tag, no scaling
    assert values(pool.read(keyframes, penalty=True, current_tag=torch.tensor(2.0))) == expected
    # By default the loss that was written last is the current one.
    assert values(pool.read(keyframes, penalty=True)) == expected
    assert values(pool.read(keyframes, penalty=True, current_tag=8.0)) == {0: [0.5], 1: [0.125], 2: [1.0], 4: [0.25]}
    assert values(pool.read(keyframes)) == {0: [1.0], 1: [1.0], 2: [1.0], 4: [1.0]}


def test_penalty_with_a_loss_of_zero_stays_finite(pool: MemoryPool) -> None:
    write(pool, "a", 99, [1.0], tag=0.0)
    assert values(pool.read([Keyframe("a", 100)], penalty=True, current_tag=0.0)) == {2: [1.0]}
    assert values(pool.read([Keyframe("a", 100)], penalty=True, current_tag=1.0))[2][0] < 1e-6


def test_penalty_with_an_unknown_loss_scales_nothing(pool: MemoryPool) -> None:
    unknown = pool.read([Keyframe("a", 3)], penalty=True, current_tag=torch.tensor(math.nan))
    assert torch.equal(unknown.features, pool.read([Keyframe("a", 3)]).features)


def test_penalty_of_an_empty_pool(pool: MemoryPool) -> None:
    assert not pool.read([Keyframe("a", 100)], penalty=True).features.any()


def test_the_current_second_holds_the_live_features(pool: MemoryPool) -> None:
    write(pool, "a", 100, [9.0])
    write(pool, "a", 99, [7.0])
    persons = torch.arange(1.0, 6.0)[:, None].expand(-1, 3).requires_grad_()
    memory = pool.read([Keyframe("a", 100), Keyframe("b", 3)])
    filled = memory.with_current(persons, torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0.1, 0.9, 0.5, 0.3, 0.3]))
    assert values(filled) == {2: [7], 3: [2, 3]}
    assert values(filled, clip=1) == {3: [4, 5]}
    assert values(memory) == {2: [7]}  # a copy
    assert not memory.features.requires_grad
    assert filled.features.requires_grad


def test_live_features_over_the_limit_are_drawn_in_training(pool: MemoryPool) -> None:
    persons = torch.arange(4.0)[:, None].expand(-1, 3)
    clip_index, scores = torch.zeros(4, dtype=torch.int64), torch.ones(4)
    drawn = {
        tuple(values(pool.read([Keyframe("a", 1)], seed=seed).with_current(persons, clip_index, scores))[3])
        for seed in range(50)
    }
    assert len({frozenset(pair) for pair in drawn}) == 6  # all pairs of 4


def test_nobody_is_in_an_empty_memory() -> None:
    memory = MemoryFeatures.empty(2, MemoryWindow(3, 2, 4), like=torch.ones(5, 7))
    assert memory.features.shape == (2, 6, 4, 7)
    assert not memory.present.any()


def test_round_trip_through_torch_save(pool: MemoryPool) -> None:
    write(pool, "a", 99, [1.0, 2.0], tag=4.0)
    write(pool, "b", 12345, [3.0])
    write(pool, "a", 99, [5.0], tag=2.0)
    file = io.BytesIO()
    torch.save(pool.state_dict(), file)
    file.seek(0)
    loaded = MemoryPool(dim=3, max_per_second=2, length=(3, 2))
    loaded.load_state_dict(torch.load(file, weights_only=True))
    assert len(loaded) == 2
    assert loaded.state_dict()["features"].tolist() == [[5.0] * 3, [3.0] * 3]  # no rows of the entry replaced
    for keyframe in (Keyframe("a", 100), Keyframe("b", 12344)):
        for penalty in (False, True):
            expected = pool.read([keyframe], penalty=penalty)
            found = loaded.read([keyframe], penalty=penalty)
            assert torch.equal(found.features, expected.features)
            assert torch.equal(found.present, expected.present)
    write(loaded, "a", 98, [8.0])
    assert values(loaded.read([Keyframe("a", 100)])) == {1: [8], 2: [5]}


def test_empty_round_trip(pool: MemoryPool) -> None:
    state = pool.state_dict()
    assert math.isnan(state["latest_tag"])
    pool.load_state_dict(state)
    assert len(pool) == 0


def test_features_of_another_width(pool: MemoryPool) -> None:
    with pytest.raises(UserError, match=r"width 4 .* width 3 .*DIM_IN"):
        pool.load_state_dict(MemoryPool(dim=4).state_dict())
    with pytest.raises(ValueError, match=" 3.* 2"):
        pool.write([Keyframe("a", 1)], torch.ones(1, 2), torch.zeros(1, dtype=torch.int64))


def test_the_storage_grows_with_what_is_remembered() -> None:
    pool = MemoryPool(dim=2, max_per_second=1, length=(1, 0))
    for second in range(1000):
        write(pool, "a", second, [float(second)])
    memory = pool.read([Keyframe("a", second) for second in range(1, 1001)])
    assert memory.features[:, 0, 0, 0].tolist() == list(range(1000))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_features_may_come_from_a_gpu_and_go_to_it(pool: MemoryPool) -> None:
    features = torch.full((2, 3), 4.0, device="cuda")
    clip_index = torch.tensor([0, 1], device="cuda")
    for second in range(90, 102, 2):
        keyframes = [Keyframe("a", second), Keyframe("a", second + 1)]
        tag, scores = torch.tensor(2.0, device="cuda"), torch.ones(2, device="cuda")
        pool.write(keyframes, features * second, clip_index, tag=tag, scores=scores)
    memory = pool.read([Keyframe("a", 98)], penalty=True, current_tag=tag * 2, seed=0, device="cuda")
    assert memory.features.is_cuda
    assert values(memory) == {0: [188], 1: [192], 2: [192], 4: [196], 5: [200]}


def test_a_slot_between_keyframes_has_the_nearest_one(pool: MemoryPool) -> None:
    """Half a second away, the keyframe on the clip's side counts: no keyframe is in two slots, or in none."""
    for second in (*range(10), 4.3, 4.5, 6.25):
        write(pool, "a", second, [float(second)])
    assert values(pool.read([Keyframe("a", 5)])) == {0: [2], 1: [3], 2: [4], 4: [6], 5: [7]}
    assert values(pool.read([Keyframe("a", 2.5)])) == {0: [0], 1: [1], 2: [2], 4: [3], 5: [4.5]}
    assert values(pool.read([Keyframe("a", 4.3)])) == {0: [1], 1: [2], 2: [3], 4: [5], 5: [6.25]}
    assert values(pool.read([Keyframe("a", 0.2)])) == {4: [1], 5: [2]}


def test_keyframes_of_half_seconds_are_found_exactly(pool: MemoryPool) -> None:
    for second in range(20):
        write(pool, "a", second / 2 if second % 2 else second // 2, [second / 2])
    assert values(pool.read([Keyframe("a", 4.5)])) == {0: [1.5], 1: [2.5], 2: [3.5], 4: [5.5], 5: [6.5]}
    assert values(pool.read([Keyframe("a", 4)])) == {0: [1], 1: [2], 2: [3], 4: [5], 5: [6]}


def test_whole_seconds_are_remembered_at_their_very_slot_only() -> None:
    pool = MemoryPool(dim=1, max_per_second=1, length=(1, 1), rate=3)
    for second in (6, 8, 14):
        write(pool, "a", second, [float(second)])
    assert values(pool.read([Keyframe("a", 10)])) == {}
    assert values(pool.read([Keyframe("a", 11)])) == {0: [8], 2: [14]}


def test_state_holds_times_between_seconds(pool: MemoryPool) -> None:
    write(pool, "a", 3, [3.0])
    assert pool.state_dict()["seconds"].dtype == torch.int64
    write(pool, "a", 2.2, [2.2])
    buffer = io.BytesIO()
    torch.save(pool.state_dict(), buffer)
    buffer.seek(0)
    again = MemoryPool(dim=3, max_per_second=2, length=(3, 2), rate=1)
    again.load_state_dict(torch.load(buffer, weights_only=True))
    for clip in (Keyframe("a", 1), Keyframe("a", 1.2), Keyframe("a", 4)):
        assert values(again.read([clip])) == values(pool.read([clip]))
    assert Keyframe("a", 2.2) in again
    assert values(again.read([Keyframe("a", 1.2)])) == {4: [pytest.approx(2.2)], 5: [3.0]}
