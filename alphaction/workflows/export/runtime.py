"""An exported network in the place of a detector: what predicts uses it as it uses one with weights.

Axes: B clips, N persons and M objects of all clips, D channels of a pooled feature, C classes.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.checkpoint.exported_file import ACTIONS, WHOLE, ExportedFile, read_exported
from alphaction.data.sample import ClipBatch
from alphaction.memory import MemoryFeatures
from alphaction.modeling.detector import PooledFeatures
from alphaction.modeling.optimize import mark_optimized
from alphaction.modeling.roi_head import ActionLoss
from alphaction.utils.errors import CheckpointError
from alphaction.workflows.export import graph
from alphaction.workflows.export.runners import Runner, open_runner


def actions_path(path: Path) -> Path:
    """Return the file beside an exported network with a memory that classifies from pooled features."""
    return path.with_name(f"{path.stem}.actions{path.suffix}")


class _Head(nn.Module):
    """What is asked of an action head besides its result."""

    def __init__(self, loss: ActionLoss) -> None:
        super().__init__()
        self.loss = loss


class ExportedNetwork(nn.Module):
    """Predicts as :class:`~alphaction.modeling.DetectionModel` does, in two steps.

    A network without memory has its answer when the frames are read; its logits then travel in place of the features of
    persons. One with a memory needs a second file for the second step.

    Args:
        file: what the file says of itself.
        loss: makes probabilities of logits.
        whole: runs the file.
        actions: runs the other file; None: the network has no memory.
    """

    def __init__(self, file: ExportedFile, loss: ActionLoss, whole: Runner, actions: Runner | None) -> None:
        super().__init__()
        self.file = file
        self.head = _Head(loss)
        self._whole, self._actions = whole, actions
        self._axes = {port["name"]: port["axes"] for port in (*file.facts["inputs"], *file.facts["outputs"])}
        mark_optimized(self)

    @property
    def uses_objects(self) -> bool:
        """Whether predictions depend on the object boxes of a batch."""
        return graph.OBJECT_BOXES in self.file.inputs

    @property
    def uses_memory(self) -> bool:
        """Whether predictions depend on a memory."""
        return graph.MEMORY in self.file.inputs

    def extract_features(self, batch: ClipBatch) -> PooledFeatures:
        """Return the pooled features of persons and objects, or the logits of a network without memory (pass 1)."""
        name = graph.PERSON_FEATURES if self.uses_memory else graph.LOGITS
        if len(batch.boxes) == 0:
            nobody = batch.boxes.new_zeros(0, self._axes[name][1])
            return PooledFeatures(nobody, None)
        given = {
            graph.SLOW: batch.slow,
            graph.FAST: batch.fast,
            graph.SIZES: batch.sizes,
            graph.BOXES: batch.boxes,
            graph.CLIP_INDEX: batch.clip_index,
            graph.BOX_SCORES: batch.scores,
            graph.OBJECT_BOXES: batch.object_boxes,
            graph.OBJECT_CLIP_INDEX: batch.object_clip_index,
        }
        if self.uses_memory:
            shape = (len(batch), *self._axes[graph.MEMORY][1:])
            given |= {graph.MEMORY: torch.zeros(shape), graph.MEMORY_PRESENT: torch.zeros(shape[:-1], dtype=torch.bool)}
        found = self._whole({key: value for key, value in given.items() if key in self.file.inputs})
        objects = found.get(graph.OBJECT_FEATURES)
        device = batch.boxes.device
        return PooledFeatures(found[name].to(device), None if objects is None else objects.to(device))

    def predict_from_features(
        self, pooled: PooledFeatures, batch: ClipBatch, memory: MemoryFeatures | None = None
    ) -> Tensor:
        """Return logits [N, C] (pass 2); for the arguments see :class:`~alphaction.modeling.DetectionModel`."""
        if self._actions is None:
            return pooled.person
        if len(pooled.person) == 0:
            return pooled.person.new_zeros(0, self.head.loss.num_classes)
        if memory is None:
            shape = (len(batch), *self._axes[graph.MEMORY][1:])
            memory = MemoryFeatures(torch.zeros(shape), torch.zeros(shape[:-1], dtype=torch.bool), current_slot=0)
        given = {
            graph.PERSON_FEATURES: pooled.person,
            graph.CLIP_INDEX: batch.clip_index,
            graph.BOX_SCORES: batch.scores,
            graph.OBJECT_FEATURES: pooled.object,
            graph.OBJECT_CLIP_INDEX: batch.object_clip_index,
            graph.MEMORY: memory.features,
            graph.MEMORY_PRESENT: memory.present,
        }
        found = self._actions({key: value for key, value in given.items() if value is not None})
        return found[graph.LOGITS].to(pooled.person.device)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return float32 [N, C] probabilities."""
        return self.head.loss.probabilities(logits)


def load_exported(cfg: CfgNode, file: ExportedFile, device: torch.device) -> ExportedNetwork:
    """Return an exported network, ready to predict.

    Args:
        cfg: its config.
        file: what it says of itself.
        device: where it is wanted, see :func:`open_runner`.

    Raises:
        UserError: onnxruntime is missing.
        CheckpointError: the file, or that beside it, is damaged or missing.
    """
    if file.part != WHOLE:
        raise CheckpointError(
            f"{file.path}: the part of an export that needs no frames. Give the file beside it that takes them."
        )
    actions = None
    if graph.MEMORY in file.inputs:
        actions = open_runner(_other_part(file), device)
    return ExportedNetwork(file, ActionLoss.from_config(cfg), open_runner(file, device), actions)


def _other_part(file: ExportedFile) -> ExportedFile:
    path = actions_path(file.path)
    other = read_exported(path)
    if other is None:
        raise CheckpointError(
            f"{path}: not there. A network with a memory is exported as two files, {file.path.name} and {path.name}: "
            "keep them beside each other."
        )
    if other.part != ACTIONS or other.export_id != file.export_id:
        raise CheckpointError(
            f"{path}: not of the same export as {file.path.name}. Export the checkpoint {file.made_from} again."
        )
    return other
