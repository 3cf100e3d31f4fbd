"""Losses, accuracies and probabilities of the three groups of action classes.

Axes: N persons, C classes of all groups, K classes of a group.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.layers import sigmoid_focal_loss, softmax_focal_loss
from alphaction.utils.errors import UserError

# Of the classes in order: how a person moves (usually one class at a time), handles objects, deals with others.
GROUPS = ("movement", "object", "person")


class ActionLoss(nn.Module):
    """Focal losses over groups of classes. A group may be empty.

    The movement classes exclude each other: softmax, and the first labeled class is the target. A person without a
    movement label counts for the other groups only. With ``exclusive_movement`` off, or with a single movement class
    (whose softmax would always be 1), they are independent like all others: sigmoids.

    Args:
        group_sizes: number of movement, object and person classes.
        weights: factor of each group's loss.
        exclusive_movement: see above.
        gamma: of the focal losses, 0 or more.
        alpha: of the focal losses, in [0, 1]; negative: off.
    """

    def __init__(
        self,
        group_sizes: tuple[int, int, int],
        weights: tuple[float, float, float] = (1.2, 49.0, 17.0),
        *,
        exclusive_movement: bool = True,
        gamma: float = 2.0,
        alpha: float = -1.0,
    ) -> None:
        super().__init__()
        self.group_sizes = group_sizes
        self.weights = weights
        self.exclusive_movement = exclusive_movement and group_sizes[0] > 1
        self.gamma = gamma
        self.alpha = alpha

    @classmethod
    def from_config(cls, cfg: CfgNode) -> ActionLoss:
        """Read MODEL.ROI_ACTION_HEAD.

        Raises:
            UserError: if there is no class, or NUM_CLASSES is not the sum of the groups.
        """
        head = cfg.MODEL.ROI_ACTION_HEAD
        sizes = (
            head.NUM_PERSON_MOVEMENT_CLASSES,
            head.NUM_OBJECT_MANIPULATION_CLASSES,
            head.NUM_PERSON_INTERACTION_CLASSES,
        )
        if min(sizes) < 0 or sum(sizes) < 1 or sum(sizes) != head.NUM_CLASSES:
            raise UserError(
                f"MODEL.ROI_ACTION_HEAD.NUM_CLASSES is {head.NUM_CLASSES}, but its groups hold {sizes[0]} + {sizes[1]} "
                f"+ {sizes[2]} = {sum(sizes)} (NUM_PERSON_MOVEMENT_CLASSES, NUM_OBJECT_MANIPULATION_CLASSES, "
                "NUM_PERSON_INTERACTION_CLASSES). Make them agree, or remove all four to take them from the label map."
            )
        return cls(
            sizes,
            (head.POSE_LOSS_WEIGHT, head.OBJECT_LOSS_WEIGHT, head.PERSON_LOSS_WEIGHT),
            exclusive_movement=head.EXCLUSIVE_MOVEMENT,
            gamma=head.FOCAL_LOSS.GAMMA,
            alpha=head.FOCAL_LOSS.ALPHA,
        )

    @property
    def num_classes(self) -> int:
        """C."""
        return sum(self.group_sizes)

    def forward(
        self, logits: Tensor, labels: Tensor, boxes_per_process: Tensor | float | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return weighted losses and accuracies, both scalars by name, without waiting for the device.

        Args:
            logits: [N, C]. N = 0 gives zeros that are connected to the graph.
            labels: [N, C] multi-hot.
            boxes_per_process: what the sums over persons are divided by: the mean N over all processes. None: N, or 1.

        Returns:
            ``loss_movement``, ``loss_object``, ``loss_person`` to be added up (a group without classes has none), and
            ``accuracy_movement`` and so on: the share of persons with the right movement; of right decisions at
            probability 0.5 for sigmoids.
        """
        normalizer = self._normalizer(logits, boxes_per_process)
        losses, accuracies = {}, {}
        for group, weight, group_logits, group_labels in self._split(logits, labels):
            if self._is_exclusive(group):
                per_person, accuracy = self._softmax_group(group_logits, group_labels)
            else:
                elements = sigmoid_focal_loss(group_logits, group_labels, self.gamma, self.alpha)
                per_person = elements.mean(dim=1)
                right = (group_logits > 0) == (group_labels > 0.5)
                accuracy = right.sum() / max(1, right.numel())
            losses[f"loss_{group}"] = weight * per_person.sum() / normalizer
            accuracies[f"accuracy_{group}"] = accuracy
        return losses, accuracies

    def undecided(self) -> float:
        """Return the total loss of a network that knows nothing: all logits 0."""
        labels = torch.zeros(1, self.num_classes)
        labels[0, 0] = 1.0
        losses, _ = self(torch.zeros(1, self.num_classes), labels)
        return sum(losses.values()).item()

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return float32 [N, C] probabilities of [N, C] logits."""
        parts = [
            part.softmax(dim=1) if self._is_exclusive(group) else part.sigmoid()
            for group, _, part, _ in self._split(logits.float(), logits)
        ]
        return torch.cat(parts, dim=1)

    def _is_exclusive(self, group: str) -> bool:
        return group == "movement" and self.exclusive_movement

    def _split(self, logits: Tensor, labels: Tensor) -> Iterator[tuple[str, float, Tensor, Tensor]]:
        """Yield (group, weight, logits [N, K], labels [N, K]) of every group that has classes."""
        columns = (logits.split(self.group_sizes, dim=1), labels.split(self.group_sizes, dim=1))
        for group, weight, size, *parts in zip(GROUPS, self.weights, self.group_sizes, *columns, strict=True):
            if size:
                yield group, weight, *parts

    def _softmax_group(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of each person, [N], and the accuracy over those that have a label."""
        labeled = (labels > 0.5).any(dim=1)
        target = labels.argmax(dim=1)
        loss = softmax_focal_loss(logits, target, self.gamma, self.alpha)
        right = (logits.argmax(dim=1) == target) & labeled
        return torch.where(labeled, loss, 0.0), right.sum() / labeled.sum().clamp(min=1)

    @staticmethod
    def _normalizer(logits: Tensor, boxes_per_process: Tensor | float | None) -> Tensor | float:
        if boxes_per_process is None:
            return float(max(1, len(logits)))
        if isinstance(boxes_per_process, Tensor):
            # No person anywhere: the sums are 0, and 0 / 0 must not become NaN.
            return torch.where(boxes_per_process > 0, boxes_per_process, 1.0)
        return boxes_per_process if boxes_per_process > 0 else 1.0
