"""Predicting one part of a video after the other, while the rest is not read yet or has not happened.

What is computed is what tools/predict_video.py computes from the same boxes. Nothing is kept that no later clip reads.

Sizes in shapes: n boxes of a moment, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from yacs.config import CfgNode

from alphaction.data.annotations import BoxTable
from alphaction.data.collate import BatchCollator
from alphaction.data.dataset import ActionDataset
from alphaction.data.keyframes import exact_time
from alphaction.data.loader import build_test_loader
from alphaction.data.sample import ClipBatch
from alphaction.data.video.clip_source import ClipSource
from alphaction.engine.inference import ExtractedClips, classify_batch, extract_batch, fill_memory
from alphaction.memory import MemoryPool
from alphaction.utils.logging import get_logger
from alphaction.workflows.predict.network import Network, clip_reach
from alphaction.workflows.predict.predictor import clips_of_persons


@dataclass(frozen=True, eq=False)
class ScoredPersons:
    """The persons of one moment, best box first.

    Attributes:
        second: the moment.
        boxes: float64 [n, 4] as fractions of the frame.
        box_scores: float32 [n].
        scores: float32 [n, C] of the classes.
    """

    second: int | float
    boxes: np.ndarray
    box_scores: np.ndarray
    scores: np.ndarray


class GrowingVideo:
    """The clips of a video, of which some come after others, and the memory of their persons.

    Args:
        network: what predicts.
        video: its name in ``source`` and in the tables of boxes.
        source: the frames.
    """

    def __init__(self, network: Network, video: str, source: ClipSource) -> None:
        self._network, self._video, self._source = network, video, source
        self._pool = MemoryPool.from_config(network.cfg) if network.model.uses_memory else None

    @property
    def remembered(self) -> int:
        """The number of moments whose persons are remembered."""
        return 0 if self._pool is None else len(self._pool)

    def read(self, persons: BoxTable, objects: BoxTable | None) -> list[ExtractedClips]:
        """Return the clips at some moments with the features of their persons, of which a memory takes note.

        Args:
            persons: boxes; moments at which none scores TEST.BOX_THRESH have no clip.
            objects: boxes; None: there are none.

        Raises:
            UserError: frames cannot be read.
        """
        network = self._network
        if not (persons.scores >= np.float32(network.cfg.TEST.BOX_THRESH)).any():
            return []
        label_map = network.classes.label_map
        dataset = clips_of_persons(network.cfg, label_map, self._video, self._source, persons, objects)
        clips = [
            extract_batch(network.model, batch, network.runtime, network.cfg.SOLVER.AMP)
            for batch in _batches(network.cfg, dataset)
        ]
        if self._pool is not None:
            fill_memory(self._pool, clips, dataset, network.runtime)
        return clips

    def classify(self, clips: list[ExtractedClips]) -> Iterator[ScoredPersons]:
        """Yield who is at each moment of some clips, in their order, from what is remembered by now.

        What only those before them read is forgotten.

        Args:
            clips: later than those of the calls before.
        """
        network = self._network
        for some in clips:
            scores = classify_batch(network.model, some, network.runtime, self._pool, network.cfg.SOLVER.AMP).numpy()
            batch = some.batch
            clip_index = batch.clip_index.numpy()
            for clip, keyframe in enumerate(batch.keyframes):
                rows = np.flatnonzero(clip_index == clip)
                yield ScoredPersons(
                    keyframe.second, batch.unit_boxes.numpy()[rows], batch.scores.numpy()[rows], scores[rows]
                )
            if self._pool is not None:
                self._pool.forget(self._video, self._pool.window.earliest(batch.keyframes[-1].second))


class OnlinePredictor:
    """Classifies what persons do at one moment after the other, from the past alone.

    A memory of the past (MODEL.IA_STRUCTURE.LENGTH (n, 0)) gives what it gives for a file. Slots for seconds that are
    yet to come stay empty, which the log tells once.

    Args:
        network: what predicts.
        video: its name in ``source``.
        source: the frames.

    Attributes:
        reach: seconds after a moment whose frames must be there before it can be classified.
    """

    def __init__(self, network: Network, video: str, source: ClipSource) -> None:
        self._network, self._video = network, video
        self._clips = GrowingVideo(network, video, source)
        self.reach = clip_reach(network.cfg, source.probe(video).fps)[1]
        note_unknown_future(network)

    @property
    def remembered(self) -> int:
        """The number of moments whose persons are remembered."""
        return self._clips.remembered

    def classify(
        self, second: float, boxes: np.ndarray, scores: np.ndarray, objects: BoxTable | None = None
    ) -> np.ndarray:
        """Return the class scores of the persons at a moment, float32 [n, C].

        Args:
            second: later than those before, to the thousandth.
            boxes: float64 [n, 4] x1, y1, x2, y2 as fractions of the frame.
            scores: float [n] of the boxes. Those below TEST.BOX_THRESH are not classified: their row is NaN.
            objects: boxes of objects at that moment, for networks that use them.

        Raises:
            UserError: its frames cannot be read.
        """
        second = exact_time(second)
        result = np.full((len(boxes), self._network.classes.label_map.num_classes), np.nan, dtype=np.float32)
        persons = BoxTable.from_columns([self._video] * len(boxes), [second] * len(boxes), boxes, scores)
        for found in self._clips.classify(self._clips.read(persons, objects)):
            # The table has the best box first, and of equally good ones the first.
            best_first = np.argsort(-np.asarray(scores).astype(np.float32), kind="stable")
            result[best_first[: len(found.scores)]] = found.scores
        return result


def note_unknown_future(network: Network) -> None:
    """Warn where the memory of a network looks at seconds that have not happened yet in a live video."""
    if not network.ahead:
        return
    before, after = network.cfg.MODEL.IA_STRUCTURE.LENGTH
    get_logger().warning(
        "the memory of this network also looks at the %d seconds after a moment (MODEL.IA_STRUCTURE.LENGTH (%d, %d)), "
        "which have not happened yet in a live video: it sees nobody there. One that is trained with LENGTH (%d, 0) "
        "gives here what it gives for a file.",
        network.ahead,
        before,
        after,
        before,
    )


def _batches(cfg: CfgNode, dataset: ActionDataset) -> Iterator[ClipBatch]:
    """Yield the batches of a dataset, read by this process."""
    collate = BatchCollator(cfg.DATALOADER.SIZE_DIVISIBILITY)
    for requests in build_test_loader(cfg, dataset).batch_sampler:
        yield collate([dataset[request] for request in requests])
