"""The loss on the annotated persons of an evaluated dataset."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from engine.toy_trainer import make_batch

from alphaction.engine.setup import Runtime
from alphaction.engine.validation_loss import LossOnTruth
from alphaction.modeling.roi_head.losses import ActionLoss

RUNTIME = Runtime(torch.device("cpu"), rank=0, world_size=1, seed=0)
LEFT, RIGHT, FAR = [0.0, 0.0, 0.4, 0.8], [0.5, 0.1, 0.9, 0.9], [0.9, 0.9, 1.0, 1.0]
NEAR_LEFT, NEARER_LEFT = [0.0, 0.0, 0.4, 0.6], [0.0, 0.0, 0.4, 0.7]
LOSS = ActionLoss((2, 1, 1))
LABELS = torch.tensor([[1.0, 0, 0, 1], [0, 1, 1, 0]])
LOGITS = torch.tensor([[0.3, -2.0, 1.0, 0.5], [2.0, 0.1, -1.0, 3.0], [-1.0, 0.7, 0.2, -0.4]])


class Dataset:
    """Its clips have the annotated boxes and labels that it is given."""

    def __init__(self, *clips: tuple[list[list[float]], torch.Tensor]) -> None:
        self.clips = clips

    def annotated_persons(self, index: int) -> tuple[np.ndarray, torch.Tensor]:
        boxes, labels = self.clips[index]
        return np.array(boxes).reshape(-1, 4), labels


def batch_of(*clips: tuple[int, list[list[float]]]):
    """Return a batch of clips (position in the dataset, boxes)."""
    boxes = [box for _, of_clip in clips for box in of_clip]
    batch = make_batch(0, [1.0] * len(boxes))
    counts = torch.tensor([len(of_clip) for _, of_clip in clips])
    return replace(
        batch,
        indices=torch.tensor([index for index, _ in clips]),
        clip_index=torch.repeat_interleave(torch.arange(len(clips)), counts),
        unit_boxes=torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4),
    )


def test_each_person_counts_once_with_the_box_that_overlaps_it_best():
    on_truth = LossOnTruth(Dataset(([LEFT, RIGHT, FAR], torch.cat([LABELS, LABELS[:1]]))), LOSS)
    on_truth.add(batch_of((0, [NEAR_LEFT, RIGHT, NEARER_LEFT])), LOGITS)
    result = on_truth.result(RUNTIME)
    terms, _ = LOSS(LOGITS[[2, 1]], LABELS)  # as training computes it
    assert result.terms == pytest.approx(
        {name: value.item() for name, value in terms.items()} | {"loss": sum(terms.values()).item()}
    )
    assert (result.persons, result.annotated) == (2, 3)
    assert str(result) == f"loss {result.terms['loss']:.4f} on the 2 of 3 annotated persons whom a box overlaps"


def test_batches_do_not_matter():
    dataset = Dataset(([LEFT], LABELS[:1]), ([], LABELS[:0]), ([RIGHT], LABELS[1:]))
    together, apart = LossOnTruth(dataset, LOSS), LossOnTruth(dataset, LOSS)
    together.add(batch_of((0, [LEFT]), (1, [FAR]), (2, [RIGHT])), LOGITS)
    for position, boxes in enumerate(([LEFT], [FAR], [RIGHT])):
        apart.add(batch_of((position, boxes)), LOGITS[position : position + 1])
    assert apart.result(RUNTIME).terms == pytest.approx(together.result(RUNTIME).terms, rel=1e-6)


def test_an_annotated_person_of_another_clip_does_not_match():
    on_truth = LossOnTruth(Dataset(([LEFT], LABELS[:1]), ([RIGHT], LABELS[1:])), LOSS)
    on_truth.add(batch_of((0, [RIGHT]), (1, [LEFT])), LOGITS[:2])
    result = on_truth.result(RUNTIME)
    assert (result.terms, result.persons, result.annotated) == ({}, 0, 2)
    assert str(result) == "no loss: no box overlaps one of 2 annotated persons"


def test_a_process_without_clips_has_no_loss():
    assert LossOnTruth(Dataset(), LOSS).result(RUNTIME).terms == {}
