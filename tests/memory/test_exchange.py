"""Packing of person features for the other processes (the collective itself: tests/integration)."""

from __future__ import annotations

import torch

from alphaction.memory import FeatureExchange


def test_one_process_gets_back_what_it_gave():
    exchange = FeatureExchange(capacity=5)
    features = torch.randn(3, 4)
    big = 2**24 + 1  # not a float32
    clips = torch.tensor([0, 0, 1])
    exchange.start(torch.tensor([7, 7, big]), clips, features, torch.tensor([0.5, 1.0, 0.25]), torch.tensor(2.5))
    records = exchange.finish()
    assert records.indices.tolist() == [7, 7, big]
    assert torch.equal(records.features, features)
    assert records.scores.tolist() == [0.5, 1.0, 0.25]
    assert records.tags.tolist() == [2.5] * 3
    assert exchange.finish() is None


def test_no_persons():
    exchange = FeatureExchange(capacity=2)
    nobody = torch.zeros(0, dtype=torch.long)
    exchange.start(nobody, nobody, torch.zeros(0, 4), torch.zeros(0), torch.tensor(1.0))
    assert len(exchange.finish().indices) == 0


def test_half_precision_features_are_stored_as_float32():
    exchange = FeatureExchange(capacity=1)
    one = torch.tensor([0])
    exchange.start(one, one, torch.ones(1, 2, dtype=torch.bfloat16), torch.ones(1), torch.tensor(1.0))
    assert exchange.finish().features.dtype == torch.float32


def test_a_clip_that_occurs_twice_is_remembered_once():
    exchange = FeatureExchange(capacity=5)
    indices, clips = torch.tensor([4, 4, 9, 4]), torch.tensor([0, 0, 1, 2])
    features = torch.arange(4.0)[:, None]
    exchange.start(indices, clips, features, torch.ones(4), torch.tensor(1.0))
    records = exchange.finish()
    assert records.indices.tolist() == [9, 4]
    assert records.features.flatten().tolist() == [2.0, 3.0]


def test_records_that_are_not_finite_are_left_out():
    exchange = FeatureExchange(capacity=3)
    features = torch.tensor([[1.0, 2.0], [float("nan"), 2.0], [3.0, float("inf")]])
    exchange.start(torch.tensor([0, 0, 1]), torch.tensor([0, 0, 1]), features, torch.ones(3), torch.tensor(0.5))
    records = exchange.finish().finite()
    assert records.features.tolist() == [[1.0, 2.0]]
    assert records.tags.tolist() == [0.5]
    exchange.start(torch.tensor([0]), torch.tensor([0]), features[:1], torch.ones(1), torch.tensor(float("inf")))
    assert len(exchange.finish().finite().indices) == 0
