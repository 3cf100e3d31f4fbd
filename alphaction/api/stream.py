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

from alphaction.api.footage import Footage
from alphaction.api.people import People
from alphaction.api.results import ByClass, Person, Prediction
from alphaction.data.loader import CPU_TEST_BATCH
from alphaction.engine.inference import ExtractedClips
from alphaction.engine.out_of_memory import naming_what_helps, prediction_advice
from alphaction.utils.logging import get_logger
from alphaction.workflows.predict.network import Network
from alphaction.workflows.predict.online import GrowingVideo, ScoredPersons, note_unknown_future
from alphaction.workflows.predict.tracker import IouTracker, longest_miss

_HISTORY = 2.0  # seconds of a track, from which its next box is expected


@dataclass(frozen=True)
class _Part:
    """Some seconds of a video, read and not classified yet; ``clips`` is empty where nobody is."""

    seconds: Sequence[float]
    frames: Sequence[Callable[[], np.ndarray]]
    clips: list[ExtractedClips]


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
        self._clips = GrowingVideo(network, footage.key, footage.source)
        self._tracker = IouTracker(
            footage.size[0] / footage.size[1],
            max_missed=longest_miss(network.cfg.TEST.STRIDE),
            history=_HISTORY,
        )
        self._ahead = 0 if footage.is_live else network.ahead
        if footage.is_live:
            note_unknown_future(network)
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
            if part is None:
                continue
            empty = empty and not part.clips
            waiting.append(part)
            while waiting and waiting[0].seconds[-1] + self._ahead <= some[-1]:
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

    def _read(self, seconds: Sequence[float]) -> _Part | None:
        """Return some seconds with the features of their persons, of which a memory takes note.

        None: while a detector looked for them, a live video went on too far.
        """
        frames = [self._footage.frame_at(second) for second in seconds]
        people = self._people.at(seconds)
        if not all(self._footage.is_there(second) for second in seconds):
            get_logger().warning(
                "%s: second %g is left out: by the time that its persons were found, its frames were gone",
                self._footage.title,
                seconds[0],
            )
            return None
        return _Part(seconds, frames, self._clips.read(*people))

    def _classify(self, part: _Part) -> list[Prediction]:
        with self._explained():
            found = {persons.second: self._follow(persons) for persons in self._clips.classify(part.clips)}
        footage, classes = self._footage, self._network.classes
        return [
            Prediction(footage.title, second, footage.fps, footage.size, tuple(found.get(second, ())), classes, frame)
            for second, frame in zip(part.seconds, part.frames, strict=True)
        ]

    def _follow(self, found: ScoredPersons) -> list[Person]:
        """Return the persons of the next second, who get the ids that they had before."""
        classes, (width, height) = self._network.classes, self._footage.size
        ids = self._tracker.update(found.second, found.boxes)
        persons = [
            Person(
                person,
                tuple((box * (width, height, width, height)).tolist()),
                float(box_score),
                ByClass(zip(classes.label_map.names, scores.tolist(), strict=True)),
                classes,
            )
            for person, box, box_score, scores in zip(ids, found.boxes, found.box_scores, found.scores, strict=True)
        ]
        return sorted(persons, key=lambda person: person.id)
