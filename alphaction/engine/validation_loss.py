"""The loss of the training on an evaluated dataset: what tells overfitting where the mean AP does not yet.

It is taken over the annotated persons that a classified box overlaps with an IoU of at least 0.5, as a detection needs
in the mean AP. Each of them counts once, with the box that overlaps it best and with its own labels, and the loss is
the sum over them divided by their number: the same function, with the same weights of the groups, as in training,
where the boxes are the annotated ones. Persons that no box overlaps have no logits and do not count.

Axes: n annotated persons and N classified boxes of a batch, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alphaction.data.dataset import ActionDataset
from alphaction.data.sample import ClipBatch
from alphaction.engine.setup import Runtime
from alphaction.evaluation.average_precision import GroundTruth, find_overlaps
from alphaction.modeling.roi_head.losses import ActionLoss
from alphaction.utils.distributed import gather_ragged
from alphaction.utils.messages import counted

IOU_THRESHOLD = 0.5
TOTAL = "loss"
"""Name of the sum of all terms, as in training."""


@dataclass(frozen=True)
class ValidationLoss:
    """The result.

    Attributes:
        terms: "loss", and "loss_GROUP" of each group as in training; empty where no person counts.
        persons: annotated persons that count.
        annotated: annotated persons of all evaluated clips.
    """

    terms: dict[str, float]
    persons: int
    annotated: int

    def __str__(self) -> str:
        """Return a line for the log."""
        people = f"{self.persons} of {counted(self.annotated, 'annotated person')}"
        if not self.terms:
            return f"no loss: no box overlaps one of {counted(self.annotated, 'annotated person')}"
        return f"loss {self.terms[TOTAL]:.4f} on the {people} whom a box overlaps"


class LossOnTruth:
    """Adds up the loss of one process's share of a dataset; nothing waits for the device before :meth:`result`.

    Args:
        dataset: which is evaluated.
        loss: of the training.
    """

    def __init__(self, dataset: ActionDataset, loss: ActionLoss) -> None:
        self._dataset = dataset
        self._loss = loss
        no_one = torch.zeros(0, loss.num_classes)
        self._names = list(loss(no_one, no_one)[0])
        self._sums: list[Tensor] = []  # float32 [terms] of a batch each
        self._persons = self._annotated = 0

    def add(self, batch: ClipBatch, logits: Tensor) -> None:
        """Add a batch.

        Args:
            batch: on the CPU.
            logits: float32 [N, C] of its boxes, on any device.
        """
        boxes, labels = _matched(self._dataset, batch)
        self._annotated += len(labels)
        labels, boxes = labels[boxes >= 0], boxes[boxes >= 0]
        self._persons += len(boxes)
        if len(boxes):
            boxes, labels = (part.to(logits.device, non_blocking=True) for part in (boxes, labels))
            terms, _ = self._loss(logits[boxes], labels, 1.0)
            self._sums.append(torch.stack([terms[name] for name in self._names]))

    def result(self, runtime: Runtime) -> ValidationLoss:
        """Return the loss over the shares of all processes, on each of them; every process calls this.

        The sums of the batches are added in the order of the dataset, so that the number of processes does not matter.
        """
        none = torch.zeros(0, len(self._names), device=runtime.device)
        sums = torch.cat(gather_ragged(torch.stack(self._sums) if self._sums else none)).double().cpu().sum(0)
        counts = torch.tensor([[self._persons, self._annotated]], device=runtime.device)
        persons, annotated = torch.cat(gather_ragged(counts)).sum(0).tolist()
        if not persons:
            return ValidationLoss({}, 0, annotated)
        means = (sums / persons).tolist()
        return ValidationLoss({TOTAL: sum(means), **dict(zip(self._names, means, strict=True))}, persons, annotated)


def _matched(dataset: ActionDataset, batch: ClipBatch) -> tuple[Tensor, Tensor]:
    """Return, for each annotated person of a batch, the box that overlaps it best, int64 [n], and labels [n, C].

    The box is its position in the batch; -1: none overlaps enough. Of boxes that overlap equally the first is taken.
    """
    persons = [dataset.annotated_persons(index) for index in batch.indices.tolist()]
    counts = [len(boxes) for boxes, _ in persons]
    truth = GroundTruth(
        keyframe=np.repeat(np.arange(len(persons)), counts),
        boxes=np.concatenate([boxes for boxes, _ in persons]),
        label_box=np.zeros(0, np.int64),
        label_class=np.zeros(0, np.int64),
    )
    pairs = find_overlaps(truth, batch.clip_index.numpy(), batch.unit_boxes.numpy(), IOU_THRESHOLD)
    best = np.full(len(truth.boxes), -1)
    # The best last, so that it stays; among equals, the first box.
    order = np.lexsort((-pairs.detection, pairs.iou))
    best[pairs.ground_truth[order]] = pairs.detection[order]
    return torch.from_numpy(best), torch.cat([labels for _, labels in persons])
