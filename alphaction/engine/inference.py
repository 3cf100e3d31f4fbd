"""Predictions of a detector for a whole dataset, on one process or many.

Pass 1 extracts the pooled features of every clip; pass 2 predicts from them. In between, a model with memory stores the
features of all clips, so that the frames are read only once.

Axes: N persons of a batch or of the dataset, M objects, C classes, D channels of a pooled feature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor
from tqdm import tqdm

from alphaction.data.dataset import ActionDataset
from alphaction.data.sample import ClipBatch
from alphaction.engine.setup import Runtime, autocast_for
from alphaction.engine.validation_loss import LossOnTruth
from alphaction.evaluation import Predictions
from alphaction.memory import MemoryPool
from alphaction.modeling.detector import DetectionModel, PooledFeatures
from alphaction.modeling.optimize import optimize_for_inference
from alphaction.utils.distributed import gather_ragged, gather_rows, share_buffers
from alphaction.utils.host_copy import HostCopy
from alphaction.utils.progress import doing

Result = TypeVar("Result")
_BATCHES_AT_ONCE = 16  # of a process, when features are exchanged: all at once would be there several times


@dataclass(frozen=True)
class ExtractedClips:
    """A batch after pass 1, on the CPU: boxes and keyframes without frames, and pooled features."""

    batch: ClipBatch
    pooled: PooledFeatures


@torch.inference_mode()
def predict_dataset(
    model: DetectionModel,
    dataset: ActionDataset,
    loader: Iterable[ClipBatch],
    runtime: Runtime,
    *,
    pool: MemoryPool | None = None,
    amp: str = "off",
    loss: LossOnTruth | None = None,
) -> Predictions:
    """Predict every clip of ``dataset``: each process its share from ``loader``; the result holds all shares.

    Args:
        model: the detector itself, not its DistributedDataParallel wrapper; unless it is optimized for inference, a
            copy of it that is does the work.
        dataset: evaluation set, for its keyframes and classes.
        loader: yields this process's clips, each once.
        runtime: device and processes.
        pool: an empty memory for pass 1 to fill, or None if the model reads none.
        amp: SOLVER.AMP.
        loss: takes in the logits of this process's share; None: no loss is wanted.

    Raises:
        StopAsked: if the run is to end early.
    """
    was_training = model.training
    model.eval()
    doing("sharing batch norms for an evaluation", joint=True)
    share_buffers(model)
    try:
        fast = optimize_for_inference(model, share_weights=True)
        extracted: _OneBehind[ExtractedClips] = _OneBehind()
        doing("reading the first clips of an evaluation", limited=False)
        for batch in runtime.stop.between(tqdm(loader, desc="clips", disable=None if runtime.is_main else True)):
            doing(f"evaluating the clips from {batch.keyframes[0].video}, second {batch.keyframes[0].second}")
            extracted.add(_extract(fast, batch, runtime, amp))
            doing("reading the next clips of an evaluation", limited=False)
        clips = extracted.all()
        doing("gathering what was evaluated", joint=True)
        if pool is not None:
            fill_memory(pool, clips, dataset, runtime)
        predicted: _OneBehind[Tensor] = _OneBehind()
        for number, clip in enumerate(runtime.stop.between(clips), start=1):
            doing(f"classifying batch {number} of {len(clips)} of an evaluation")
            predicted.add(_predict(fast, clip, runtime, pool, amp, loss))
        shares = predicted.all()
    finally:
        model.train(was_training)
    doing("gathering the results of an evaluation", joint=True)
    predictions = _collect(clips, shares, dataset, runtime)
    doing("computing the mean AP", limited=False)
    return predictions


@torch.inference_mode()
def extract_batch(model: DetectionModel, batch: ClipBatch, runtime: Runtime, amp: str = "off") -> ExtractedClips:
    """Return one batch after pass 1, for those who predict clips as they come.

    Args:
        model: optimized for inference.
        batch: the clips.
        runtime: device.
        amp: SOLVER.AMP.
    """
    return _extract(model, batch, runtime, amp)()


@torch.inference_mode()
def classify_batch(
    model: DetectionModel, clips: ExtractedClips, runtime: Runtime, pool: MemoryPool | None = None, amp: str = "off"
) -> Tensor:
    """Return the class probabilities of one batch, float32 [N, C] on the CPU: pass 2; see :func:`extract_batch`.

    Args:
        pool: what the model remembers; it holds the clips' surroundings (:func:`fill_memory`).
    """
    return _predict(model, clips, runtime, pool, amp, None)()


class _OneBehind(Generic[Result]):
    """Results of a device: each is taken when the next one is underway, so that the device need not wait for that."""

    def __init__(self) -> None:
        self._taken: list[Result] = []
        self._underway: Callable[[], Result] | None = None

    def add(self, underway: Callable[[], Result]) -> None:
        """Add a result that is underway, as what waits for it, and take the one before."""
        self._take()
        self._underway = underway

    def all(self) -> list[Result]:
        """Return all results."""
        self._take()
        return self._taken

    def _take(self) -> None:
        if self._underway is not None:
            self._taken.append(self._underway())
            self._underway = None


def _extract(model: DetectionModel, batch: ClipBatch, runtime: Runtime, amp: str) -> Callable[[], ExtractedClips]:
    """Start pass 1 of a batch; return what waits for it."""
    with autocast_for(amp, runtime.device):
        pooled = model.extract_features(batch.to(runtime.device))
    person, found = _to_host(pooled.person), None if pooled.object is None else _to_host(pooled.object)
    batch = batch.without_frames()
    return lambda: ExtractedClips(batch, PooledFeatures(person(), None if found is None else found()))


def _to_host(tensor: Tensor) -> Callable[[], Tensor]:
    """Start to copy a tensor to the host; return what waits for it."""
    copy = HostCopy(tensor)
    # What all clips leave behind is too much for page-locked memory.
    return (lambda: copy.wait().clone()) if tensor.is_cuda else copy.wait


def fill_memory(pool: MemoryPool, clips: list[ExtractedClips], dataset: ActionDataset, runtime: Runtime) -> None:
    """Give every process the person features of all of them, some batches at a time."""
    batches = int(gather_rows(torch.tensor([len(clips)], device=runtime.device)).max())
    for start in range(0, batches, _BATCHES_AT_ONCE):
        some = clips[start : start + _BATCHES_AT_ONCE]
        parts = (
            torch.cat([torch.zeros(0, pool.dim), *(clip.pooled.person.float() for clip in some)]),
            torch.cat([torch.zeros(0), *(clip.batch.scores for clip in some)]),
            torch.cat([torch.zeros(0, dtype=torch.long), *(clip.batch.person_indices() for clip in some)]),
        )
        features, scores, indices = (torch.cat(gather_ragged(part.to(runtime.device))).cpu() for part in parts)
        present, position = torch.unique(indices, return_inverse=True)
        pool.write([dataset.keyframes[i] for i in present.tolist()], features, position, scores=scores)


def _predict(
    model: DetectionModel,
    clip: ExtractedClips,
    runtime: Runtime,
    pool: MemoryPool | None,
    amp: str,
    loss: LossOnTruth | None,
) -> Callable[[], Tensor]:
    """Start pass 2 of a batch; return what waits for its class probabilities, float32 [N, C] on the CPU."""
    batch = clip.batch.to(runtime.device)
    memory = pool.read(batch.keyframes, device=runtime.device) if pool is not None else None
    with autocast_for(amp, runtime.device):
        logits = model.predict_from_features(clip.pooled.to(runtime.device), batch, memory).float()
    if loss is not None:
        loss.add(clip.batch, logits)
    return _to_host(model.probabilities(logits))


def _collect(
    clips: list[ExtractedClips], shares: list[Tensor], dataset: ActionDataset, runtime: Runtime
) -> Predictions:
    """Put the shares of all processes together, in dataset order, on every process."""
    no_index = torch.zeros(0, dtype=torch.long)
    no_boxes = torch.zeros(0, 4, dtype=torch.float64)
    no_scores = torch.zeros(0, dataset.label_map.num_classes)
    parts = (
        torch.cat([no_index, *(clip.batch.person_indices() for clip in clips)]),
        torch.cat([no_boxes, *(clip.batch.unit_boxes for clip in clips)]),
        torch.cat([no_scores, *shares]),
    )
    indices, boxes, scores = (torch.cat(gather_ragged(part.to(runtime.device))).cpu() for part in parts)
    order = torch.argsort(indices, stable=True)
    return Predictions(
        dataset.keyframes, indices[order].numpy(), boxes[order].numpy(), scores[order].numpy(), dataset.label_map.ids
    )
