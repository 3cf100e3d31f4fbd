"""The whole model: a backbone, and a head that classifies the actions of the persons in given boxes.

Axes: B clips, N persons and M objects of all clips, D pooled channels, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.data.sample import ClipBatch
from alphaction.memory.features import MemoryFeatures
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.interaction import InteractionInputs
from alphaction.modeling.roi_head import ActionHead


@dataclass(frozen=True)
class PooledFeatures:
    """What is left of the frames of a batch once persons and objects are pooled.

    Attributes:
        person: float32 [N, D].
        object: float32 [M, D]; None where the model does not look at objects.
    """

    person: Tensor
    object: Tensor | None

    def to(self, device: torch.device | str) -> PooledFeatures:
        """Return a copy on ``device``."""
        return PooledFeatures(self.person.to(device), None if self.object is None else self.object.to(device))


@dataclass(frozen=True)
class TrainOutput:
    """What a training step needs to know.

    Attributes:
        losses: weighted scalars by name; their sum is to be minimized.
        accuracies: scalars by name, for the log.
        person_features: float32 [N, D], detached; what the memory remembers.
    """

    losses: dict[str, Tensor]
    accuracies: dict[str, Tensor]
    person_features: Tensor


class ActionDetector(nn.Module):
    """Finds what the persons in a batch of clips do.

    Args:
        backbone: maps (slow, fast) frames to (slow, fast) features, either of which may be None.
        head: pools boxes from the features and classifies them.
    """

    def __init__(self, backbone: nn.Module, head: ActionHead) -> None:
        super().__init__()
        self.backbone = backbone
        # "roi_heads.action" is what the published checkpoints call it.
        self.roi_heads = nn.ModuleDict({"action": head})

    @property
    def head(self) -> ActionHead:
        """The action head."""
        return self.roi_heads["action"]

    @property
    def uses_objects(self) -> bool:
        """Whether the object boxes of a batch matter."""
        structure = self.head.ia_structure
        return structure is not None and structure.uses_objects

    @property
    def uses_memory(self) -> bool:
        """Whether predictions depend on a memory pool: two passes are then needed at test time."""
        structure = self.head.ia_structure
        return structure is not None and structure.uses_memory

    def forward(
        self,
        batch: ClipBatch,
        memory: MemoryFeatures | None = None,
        *,
        boxes_per_process: Tensor | float | None = None,
    ) -> TrainOutput:
        """Run a training step's forward pass. Every parameter takes part, even where a batch has no boxes.

        Args:
            batch: normalized clips with labels.
            memory: what the pool remembers around the clips; None: nothing.
            boxes_per_process: mean number of persons over all processes, which the losses are divided by; None: the
                number in this batch.

        Raises:
            ValueError: if the batch has no labels.
        """
        if batch.labels is None:
            raise ValueError("a training step needs labels; extract_features and predict_from_features do without")
        pooled = self.extract_features(batch)
        logits = self.predict_from_features(pooled, batch, memory)
        losses, accuracies = self.head.loss(logits, batch.labels, boxes_per_process)
        return TrainOutput(losses, accuracies, pooled.person.detach())

    def extract_features(self, batch: ClipBatch) -> PooledFeatures:
        """Return the pooled features of the persons and, where they matter, of the objects of a batch (pass 1).

        Args:
            batch: normalized clips.
        """
        features = self.backbone(batch.slow, batch.fast)
        boxes, clip_index = batch.boxes, batch.clip_index
        if not self.uses_objects:
            return PooledFeatures(self.head.pooler(features, boxes, clip_index), None)
        boxes = torch.cat([boxes, batch.object_boxes])
        clip_index = torch.cat([clip_index, batch.object_clip_index])
        person, objects = self.head.pooler(features, boxes, clip_index).split(
            [len(batch.boxes), len(batch.object_boxes)]
        )
        return PooledFeatures(person, objects)

    def predict_from_features(
        self, pooled: PooledFeatures, batch: ClipBatch, memory: MemoryFeatures | None = None
    ) -> Tensor:
        """Return logits [N, C] (pass 2).

        Args:
            pooled: what :meth:`extract_features` returned for the batch.
            batch: whose frames are not looked at, and may be None.
            memory: what the pool remembers around the clips; their own second is filled in from ``pooled``,
                unless MODEL.IA_STRUCTURE.MEMORY_OWN_SECOND is off.
        """
        inputs = InteractionInputs(
            persons=pooled.person,
            clip_index=batch.clip_index,
            scores=batch.scores,
            num_clips=len(batch),
            objects=pooled.object,
            object_clip_index=batch.object_clip_index,
            memory=memory,
        )
        return self.head(inputs)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return float32 [N, C] probabilities: a softmax over the movement classes, a sigmoid for every other one."""
        return self.head.loss.probabilities(logits)


def build_detection_model(cfg: CfgNode) -> ActionDetector:
    """Build the model that MODEL describes, with random weights, on the CPU.

    Raises:
        UserError: if a name is not registered or widths do not fit; the message names the key and the remedy.
    """
    backbone = build_backbone(cfg)
    return ActionDetector(backbone, ActionHead.from_config(cfg, backbone.dim_out))
