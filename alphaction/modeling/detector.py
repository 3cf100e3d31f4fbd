"""The whole model: a backbone, and a head that classifies the actions of the persons in given boxes.

Axes: B clips, N persons and M objects of all clips, D pooled channels, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.data.normalize import normalize_clips
from alphaction.data.sample import ClipBatch
from alphaction.memory import MemoryFeatures
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.freeze import freeze
from alphaction.modeling.interaction import InteractionInputs
from alphaction.modeling.roi_head import ActionHead


@dataclass(frozen=True)
class PooledFeatures:
    """The pooled features of the persons and objects of a batch.

    Attributes:
        person: float32 [N, D].
        object: float32 [M, D]; None if the model does not use objects.
    """

    person: Tensor
    object: Tensor | None

    def to(self, device: torch.device | str) -> PooledFeatures:
        """Return a copy on ``device``."""
        return PooledFeatures(self.person.to(device), None if self.object is None else self.object.to(device))


@dataclass(frozen=True)
class TrainOutput:
    """What a training step returns.

    Attributes:
        losses: weighted scalars by name; their sum is to be minimized.
        accuracies: scalars by name, for the log.
        person_features: float32 [N, D], detached; what the memory remembers.
    """

    losses: dict[str, Tensor]
    accuracies: dict[str, Tensor]
    person_features: Tensor


class DetectionModel(nn.Module):
    """Classifies the actions of the persons in a batch of clips.

    Frames come as uint8, as the data loader gives them, and are normalized here, on the device. Float frames are taken
    to be normalized already.

    Args:
        backbone: maps (slow, fast) frames to (slow, fast) features, either of which may be None.
        head: pools boxes from the features and classifies them.
        pixel_mean: subtracted from each channel, RGB, in gray levels.
        pixel_std: divides each channel after that.
        to_bgr: reverse the channels after normalizing, for weights trained on BGR frames.
        frozen: modules of the backbone that stay in evaluation mode, or the backbone itself: see :func:`freeze`.
    """

    def __init__(
        self,
        backbone: nn.Module,
        head: ActionHead,
        *,
        pixel_mean: Sequence[float],
        pixel_std: Sequence[float],
        to_bgr: bool = False,
        frozen: Sequence[nn.Module] = (),
    ) -> None:
        super().__init__()
        self.backbone = backbone
        # A tuple, so that the modules are not registered a second time.
        self.frozen = tuple(frozen)
        # "roi_heads.action" is what the published checkpoints call it.
        self.roi_heads = nn.ModuleDict({"action": head})
        # Numbers, not buffers: they stay exact in a model of half precision, and checkpoints do not hold them.
        self.pixel_mean = tuple(pixel_mean)
        self.pixel_std = tuple(pixel_std)
        self.to_bgr = to_bgr

    @classmethod
    def from_config(cls, cfg: CfgNode) -> DetectionModel:
        """Build what MODEL and the pixel statistics of INPUT describe, with random weights, on the CPU.

        Raises:
            UserError: if a name is not registered or widths do not fit; the message names the key and the remedy.
        """
        backbone = build_backbone(cfg)
        frozen = freeze(backbone, cfg.MODEL.BACKBONE.FREEZE)
        return cls(
            backbone,
            ActionHead.from_config(cfg, backbone.dim_out, backbone.stride),
            pixel_mean=cfg.INPUT.PIXEL_MEAN,
            pixel_std=cfg.INPUT.PIXEL_STD,
            to_bgr=cfg.INPUT.TO_BGR,
            frozen=frozen,
        )

    @property
    def head(self) -> ActionHead:
        """The action head."""
        return self.roi_heads["action"]

    @property
    def uses_objects(self) -> bool:
        """Whether predictions depend on the object boxes of a batch."""
        structure = self.head.ia_structure
        return structure is not None and structure.uses_objects

    @property
    def uses_memory(self) -> bool:
        """Whether predictions depend on a memory pool: two passes are then needed at test time."""
        structure = self.head.ia_structure
        return structure is not None and structure.uses_memory

    def train(self, mode: bool = True) -> DetectionModel:
        """Set the mode of all modules but the frozen ones, which stay in evaluation mode."""
        super().train(mode)
        for module in self.frozen:
            module.eval()
        return self

    def forward(
        self,
        batch: ClipBatch,
        memory: MemoryFeatures | None = None,
        *,
        boxes_per_process: Tensor | float | None = None,
    ) -> TrainOutput:
        """Run a training step's forward pass. Every parameter that is trained takes part, even if there are no boxes.

        Args:
            batch: clips with labels.
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
        """Return the pooled features of the persons and, if the model uses them, the objects of a batch (pass 1).

        Args:
            batch: frames uint8, or normalized floats; or feature maps, as :meth:`feature_maps` returns them.
        """
        kept = batch.features
        features = self._run_backbone(batch) if kept is None else (kept[:, :, None].float(), None)
        boxes, clip_index = batch.boxes, batch.clip_index
        if not self.uses_objects:
            return PooledFeatures(self.head.pooler(features, boxes, clip_index), None)
        boxes = torch.cat([boxes, batch.object_boxes])
        clip_index = torch.cat([clip_index, batch.object_clip_index])
        person, objects = self.head.pooler(features, boxes, clip_index).split(
            [len(batch.boxes), len(batch.object_boxes)]
        )
        return PooledFeatures(person, objects)

    @torch.inference_mode()
    def feature_maps(self, batch: ClipBatch) -> Tensor:
        """Return the features of clips, pooled over time, both pathways together: [B, dim_out, H', W'].

        They are what boxes are pooled from where MODEL.ROI_ACTION_HEAD.MEAN_BEFORE_POOLER is on: each channel is
        pooled by itself, so that two pathways may as well be one.
        """
        maps = [self.head.pooler.over_time(maps) for maps in self._run_backbone(batch) if maps is not None]
        return torch.cat(maps, dim=1)[:, :, 0]

    def predict_from_features(
        self, pooled: PooledFeatures, batch: ClipBatch, memory: MemoryFeatures | None = None
    ) -> Tensor:
        """Return logits [N, C] (pass 2).

        Args:
            pooled: what :meth:`extract_features` returned for the batch.
            batch: the batch, whose frames are not used and may be None.
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

    def _run_backbone(self, batch: ClipBatch) -> tuple[Tensor | None, Tensor | None]:
        """Return the (slow, fast) feature maps of a batch, without a graph if the whole backbone is frozen."""
        batch = normalize_clips(batch, self.pixel_mean, self.pixel_std, self.to_bgr)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.backbone not in self.frozen):
            return self.backbone(batch.slow, batch.fast)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return float32 [N, C] probabilities: a softmax over each exclusive group, a sigmoid for other classes."""
        return self.head.loss.probabilities(logits)


def build_detection_model(cfg: CfgNode) -> DetectionModel:
    """Build the model that a config describes; see :meth:`DetectionModel.from_config`."""
    return DetectionModel.from_config(cfg)
