from __future__ import annotations

import torch

from alphaction.memory.padding import counter_random, pad_by_clip, rank_in_clip


def test_rank_by_order_and_by_priority() -> None:
    clip_index = torch.tensor([2, 0, 2, 0, 2])
    assert rank_in_clip(clip_index, 4).tolist() == [0, 0, 1, 1, 2]
    priority = torch.tensor([0.1, 0.5, 0.9, 0.5, 0.4])
    assert rank_in_clip(clip_index, 4, priority).tolist() == [2, 0, 0, 1, 1]


def test_padding_keeps_the_first_rows_of_each_clip() -> None:
    values = torch.arange(1.0, 11.0).view(5, 2)
    padded, taken = pad_by_clip(values, torch.tensor([0, 0, 0, 2, 2]), 3, 2, torch.tensor([1.0, 3.0, 2.0, 0.0, 0.0]))
    assert padded.tolist() == [[[3, 4], [5, 6]], [[0, 0], [0, 0]], [[7, 8], [9, 10]]]
    assert taken.tolist() == [[True, True], [False, False], [True, True]]


def test_gradients_reach_the_rows_that_were_kept() -> None:
    values = torch.ones(3, 1, requires_grad=True)
    pad_by_clip(values, torch.tensor([0, 0, 0]), 1, 2)[0].sum().backward()
    assert values.grad.tolist() == [[1.0], [1.0], [0.0]]


def test_no_rows() -> None:
    padded, taken = pad_by_clip(torch.empty(0, 3), torch.empty(0, dtype=torch.int64), 2, 4)
    assert padded.shape == (2, 4, 3)
    assert not padded.any()
    assert not taken.any()


def test_counter_random_is_splitmix64() -> None:
    # The first outputs of the published generator for seed 0, less the sign bit.
    expected = [value & (2**63 - 1) for value in (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)]
    assert counter_random(torch.zeros(3, dtype=torch.int64), torch.arange(3)).tolist() == expected
