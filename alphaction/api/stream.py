"""Predicting a video part by part, so that results come while the rest is not read yet.

A network with a memory of what comes needs the persons of the seconds ahead, so its results are so much behind. What is
computed is what tools/predict_video.py computes from the same boxes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice

import numpy as np
from yacs.config import CfgNode

from alphaction.api.footage import Footage
from alphaction.api.people import People
from alphaction.api.results import ByClass, Classes, Person, Prediction
from alphaction.data.collate import BatchCollator
from alphaction.data.dataset import ActionDataset
from alphaction.data.loader import CPU_TEST_BATCH, build_test_loader
from alphaction.data.sample import ClipBatch
from alphaction.engine.inference import ExtractedClips, classify_batch, extract_batch, fill_memory
from alphaction.engine.out_of_memory import naming_what_helps, prediction_advice
from alphaction.engine.setup import Runtime
from alphaction.memory import MemoryPool
from alphaction.memory.window import MemoryWindow
from alphaction.modeling import DetectionModel
from alphaction.utils.logging import get_logger
from alphaction.workflows.predict.predictor import clips_of_persons
from alphaction.workflows.predict.tracker import IouTracker


@dataclass(frozen=True)
class Network:
    """A network that predicts.

    Attributes:
        cfg: its config.
        model: optimized for inference.
        runtime: where it runs.
        classes: what it knows.
    """

    cfg: CfgNode
    model: DetectionModel
    runtime: Runtime
    classes: Classes

    @property
    def ahead(self) -> int:
        """How many seconds after a clip's own its memory looks at."""
        if not self.model.uses_memory:
            return 0
        window = MemoryWindow.from_config(self.cfg)
        return window.after * window.rate


@dataclass(frozen=True)
class _Part:
    """Some seconds of a video, read and not classified yet; ``clips`` is empty where nobody is."""

    seconds: Sequence[int]
    frames: Sequence[Callable[[], np.ndarray]]
    clips: Sequence[ExtractedClips]


class VideoStream:
    """The results of one video, in the order of its seconds.

    Args:
        network: what predicts.
        footage: the video.
        people: the boxes.
        one_by_one: take one second after the other, so that few frames are kept; else as many as are fast.
    """

    def __init__(self, network: Network, footage: Footage, people: People, *, one_by_one: bool = False) -> None:
        self._network, self._footage, self._people = network, footage, people
        self._pool = MemoryPool.from_config(network.cfg) if network.model.uses_memory else None
        self._tracker = IouTracker(footage.size[0] / footage.size[1])
        most = network.cfg.TEST.VIDEOS_PER_BATCH
        on_cpu = network.runtime.device.type == "cpu"
        self._step = 1 if one_by_one else min(most, CPU_TEST_BATCH) if on_cpu else most

    def results(self) -> Iterator[Prediction]:
        """Yield what there is at each second; where nobody is, too.

        Raises:
            UserError: the video or its boxes cannot be read.
        """
        seconds, waiting, empty = iter(self._footage.seconds), deque[_Part](), True
        while some := list(islice(seconds, self._step)):
            with self._explained():
                part = self._read(some)
            empty = empty and not part.clips
            waiting.append(part)
            while waiting and waiting[0].seconds[-1] + self._network.ahead <= some[-1]:
                yield from self._classify(waiting.popleft())
        while waiting:
            yield from self._classify(waiting.popleft())
        if empty:
            get_logger().warning(
                "%s: no box of a person scores TEST.BOX_THRESH %g or more: nothing is predicted. A lower one is given "
                "when the detector is loaded: TEST__BOX_THRESH=0.1.",
                self._footage.title,
                self._network.cfg.TEST.BOX_THRESH,
            )

    def _explained(self) -> AbstractContextManager:
        return naming_what_helps(f"predicting {self._footage.title}", prediction_advice(self._network.cfg))

    def _read(self, seconds: Sequence[int]) -> _Part:
        """Return some seconds with the features of their persons; a memory takes note of them."""
        network, footage = self._network, self._footage
        frames = [footage.frame_at(second) for second in seconds]
        persons, objects = self._people.at(seconds)
        if not (persons.scores >= np.float32(network.cfg.TEST.BOX_THRESH)).any():
            return _Part(seconds, frames, ())
        dataset = clips_of_persons(
            network.cfg, network.classes.label_map, footage.key, footage.source, persons, objects
        )
        clips = [
            extract_batch(network.model, batch, network.runtime, network.cfg.SOLVER.AMP)
            for batch in _batches(network.cfg, dataset)
        ]
        if self._pool is not None:
            fill_memory(self._pool, clips, dataset, network.runtime)
        return _Part(seconds, frames, clips)

    def _classify(self, part: _Part) -> list[Prediction]:
        with self._explained():
            found = self._persons(part)
        footage, classes = self._footage, self._network.classes
        return [
            Prediction(footage.title, second, footage.fps, footage.size, tuple(found.get(second, ())), classes, frame)
            for second, frame in zip(part.seconds, part.frames, strict=True)
        ]

    def _persons(self, part: _Part) -> dict[int, list[Person]]:
        """Return the persons of each second that has any."""
        network = self._network
        rows: dict[int, list[tuple[np.ndarray, float, np.ndarray]]] = {}
        for clips in part.clips:
            scores = classify_batch(network.model, clips, network.runtime, self._pool, network.cfg.SOLVER.AMP)
            batch = clips.batch
            for row, clip in enumerate(batch.clip_index.tolist()):
                entry = batch.unit_boxes[row].numpy(), float(batch.scores[row]), scores[row].numpy()
                rows.setdefault(int(batch.keyframes[clip].second), []).append(entry)
        return {second: self._follow(second, entries) for second, entries in sorted(rows.items())}

    def _follow(self, second: int, entries: Sequence[tuple[np.ndarray, float, np.ndarray]]) -> list[Person]:
        """Return the persons of the next second, who get the ids that they had before."""
        classes, (width, height) = self._network.classes, self._footage.size
        ids = self._tracker.update(second, np.array([box for box, _, _ in entries]))
        persons = [
            Person(
                person,
                tuple((box * (width, height, width, height)).tolist()),
                box_score,
                ByClass(zip(classes.label_map.names, scores.tolist(), strict=True)),
                classes,
            )
            for person, (box, box_score, scores) in zip(ids, entries, strict=True)
        ]
        return sorted(persons, key=lambda person: person.id)


def _batches(cfg: CfgNode, dataset: ActionDataset) -> Iterator[ClipBatch]:
    """Yield the batches of a dataset, read by this process."""
    collate = BatchCollator(cfg.DATALOADER.SIZE_DIVISIBILITY)
    for requests in build_test_loader(cfg, dataset).batch_sampler:
        yield collate([dataset[request] for request in requests])
