"""Losses, accuracies and probabilities of the groups of action classes.

Axes: N persons, C classes of all groups, K classes of a group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.config.class_groups import GROUPS, MOVEMENT, HeadGroup, head_groups, value_names
from alphaction.layers import sigmoid_focal_loss, softmax_focal_loss


class ActionLoss(nn.Module):
    """Focal losses over groups of classes. A group may be empty.

    The classes of an exclusive group exclude each other: softmax, and the first labeled class is the target. A person
    without a label of the group counts for the other groups only. The classes of all other groups, and one that is
    alone in its group (whose softmax would always be 1), are independent: sigmoids.

    Classes may have weights (:meth:`weigh_classes`). A softmax has that of its target class. A sigmoid has its
    class's, for persons with the class and without it alike. (Cui et al. have one label a sample, whose weight goes to
    all sigmoids of the sample; a person here has several labels.) So each class is still learned with its own share of
    positives, and its probabilities keep their meaning.

    Args:
        group_sizes: number of movement, object and person classes, AVA's groups.
        weights: factor of each of their losses.
        exclusive_movement: whether the movements exclude each other.
        own_groups: further groups, whose channels lie behind.
        gamma: of the focal losses, 0 or more.
        alpha: of the focal losses, in [0, 1]; negative: off.
    """

    def __init__(
        self,
        group_sizes: tuple[int, int, int],
        weights: tuple[float, float, float] = (1.2, 49.0, 17.0),
        *,
        exclusive_movement: bool = True,
        own_groups: Sequence[HeadGroup] = (),
        gamma: float = 2.0,
        alpha: float = -1.0,
    ) -> None:
        super().__init__()
        ava = [
            HeadGroup(name, size, exclusive_movement and name == MOVEMENT, weight)
            for name, size, weight in zip(GROUPS, group_sizes, weights, strict=True)
        ]
        self.groups = (*ava, *own_groups)
        self.gamma = gamma
        self.alpha = alpha
        self.group_sizes = tuple(group.size for group in self.groups)
        self._names = value_names([group.name for group in self.groups])
        # Of the training data, not of the network: checkpoints do not hold it, and their names are a contract.
        self.register_buffer("class_weights", None, persistent=False)

    @classmethod
    def from_config(cls, cfg: CfgNode) -> ActionLoss:
        """Read MODEL.ROI_ACTION_HEAD.

        Raises:
            UserError: if there is no class, or NUM_CLASSES is not the sum of the groups.
        """
        head, groups = cfg.MODEL.ROI_ACTION_HEAD, head_groups(cfg)
        ava = groups[: len(GROUPS)]
        return cls(
            tuple(group.size for group in ava),
            tuple(group.weight for group in ava),
            exclusive_movement=head.EXCLUSIVE_MOVEMENT,
            own_groups=groups[len(GROUPS) :],
            gamma=head.FOCAL_LOSS.GAMMA,
            alpha=head.FOCAL_LOSS.ALPHA,
        )

    @property
    def num_classes(self) -> int:
        """C."""
        return sum(self.group_sizes)

    def weigh_classes(self, weights: Tensor) -> None:
        """Multiply the loss of each class by its weight from now on.

        Args:
            weights: [C], 0 or more; mean 1 in a group leaves its loss as large as it is.
        """
        if weights.shape != (self.num_classes,):
            raise ValueError(f"{self.num_classes} classes need as many weights, not {list(weights.shape)}")
        self.class_weights = weights.float()

    def forward(
        self, logits: Tensor, labels: Tensor, boxes_per_process: Tensor | float | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return weighted losses and accuracies, both scalars by name, without waiting for the device.

        Args:
            logits: [N, C]. N = 0 gives zeros that are connected to the graph.
            labels: [N, C] multi-hot.
            boxes_per_process: what the sums over persons are divided by: the mean N over all processes. None: N, or 1.

        Returns:
            ``loss_movement``, ``loss_object``, ``loss_person`` and so on, to be added up (a group without classes has
            none), and ``accuracy_movement`` and so on: of an exclusive group the share of labeled persons with the
            right class; else that of right decisions at probability 0.5. Names: :func:`value_names`.
        """
        normalizer = self._normalizer(logits, boxes_per_process)
        losses, accuracies = {}, {}
        parts = zip(self._split(logits, labels), self._group_weights(), strict=True)
        for (name, group, group_logits, group_labels), class_weights in parts:
            if group.softmax:
                per_person, accuracy = self._softmax_group(group_logits, group_labels, class_weights)
            else:
                elements = sigmoid_focal_loss(group_logits, group_labels, self.gamma, self.alpha)
                if class_weights is not None:
                    elements = elements * class_weights
                per_person = elements.mean(dim=1)
                right = (group_logits > 0) == (group_labels > 0.5)
                accuracy = right.sum() / max(1, right.numel())
            losses[f"loss_{name}"] = group.weight * per_person.sum() / normalizer
            accuracies[f"accuracy_{name}"] = accuracy
        return losses, accuracies

    def undecided(self) -> float:
        """Return the total loss of a network that knows nothing: all logits 0."""
        labels = torch.zeros(1, self.num_classes)
        labels[0, 0] = 1.0
        for start, group in zip(accumulate(self.group_sizes, initial=0), self.groups, strict=False):
            if group.softmax:
                labels[0, start] = 1.0  # Without a label the group would add nothing.
        losses, _ = self(torch.zeros(1, self.num_classes), labels)
        return sum(losses.values()).item()

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return float32 [N, C] probabilities of [N, C] logits."""
        parts = [
            part.softmax(dim=1) if group.softmax else part.sigmoid()
            for _, group, part, _ in self._split(logits.float(), logits)
        ]
        return torch.cat(parts, dim=1)

    def _split(self, logits: Tensor, labels: Tensor) -> Iterator[tuple[str, HeadGroup, Tensor, Tensor]]:
        """Yield (name, group, logits [N, K], labels [N, K]) of every group that has classes."""
        columns = (logits.split(self.group_sizes, dim=1), labels.split(self.group_sizes, dim=1))
        for name, group, *parts in zip(self._names, self.groups, *columns, strict=True):
            if group.size:
                yield name, group, *parts

    def _group_weights(self) -> Sequence[Tensor | None]:
        """Return the weights of the classes, [K], of every group that has classes; None: all alike."""
        sizes = [size for size in self.group_sizes if size]
        return [None] * len(sizes) if self.class_weights is None else self.class_weights.split(sizes)

    def _softmax_group(self, logits: Tensor, labels: Tensor, class_weights: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the loss of each person, [N], and the accuracy over those that have a label."""
        labeled = (labels > 0.5).any(dim=1)
        target = labels.argmax(dim=1)
        loss = softmax_focal_loss(logits, target, self.gamma, self.alpha)
        if class_weights is not None:
            loss = loss * class_weights[target]
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
