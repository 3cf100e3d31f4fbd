"""A call of ``predict``: which videos are meant, who is in them, and the results of one after the other."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
from yacs.config import CfgNode

from alphaction.api.footage import Footage, files_of, is_frames, open_file, open_frames
from alphaction.api.live_footage import is_live, open_live_footage
from alphaction.api.people import DetectedPeople, GivenBoxes, People, given_boxes
from alphaction.api.results import Prediction
from alphaction.api.stream import VideoStream
from alphaction.api.wording import python_words
from alphaction.data.dataset import wants_objects
from alphaction.utils.errors import UserError
from alphaction.workflows.detect.detected_boxes import Detector
from alphaction.workflows.predict.network import Network
from alphaction.workflows.predict.person_boxes import BoxFiles


class PeopleOf:
    """Says who is in a video: given boxes, or a detector.

    Args:
        cfg: of the network.
        boxes, objects, units: see :meth:`ActionDetector.predict`.
        detector: finds the persons where there are no boxes.
    """

    def __init__(self, cfg: CfgNode, boxes: Any, objects: Any, units: str, detector: Detector | None) -> None:
        self._boxes, self._units, self._detector = boxes, units, detector
        self._objects = objects if wants_objects(cfg) else None
        self._files = BoxFiles()

    def __call__(self, footage: Footage) -> People:
        """Return who is in ``footage``.

        Raises:
            UserError: the boxes are wrong, or not of this video.
        """
        things = None
        if self._objects is not None:
            things = given_boxes(self._objects, footage, self._units, self._files, objects=True)
        if self._detector is not None:
            return DetectedPeople(self._detector, footage, things)
        return GivenBoxes(given_boxes(self._boxes, footage, self._units, self._files), things)


def footages_of(
    video: Any, fps: float | None, start: float, end: float | None, name: str, reconnect: float, cfg: CfgNode
) -> tuple[Footage, list[Path]]:
    """Return what is to be predicted: the first video, opened, and the files of the others.

    For the arguments see :meth:`ActionDetector.predict`.

    Raises:
        UserError: there are no such videos or frames, or arguments do not go together.
    """
    if is_live(video):
        if start != 0.0 or end is not None:
            raise UserError("start= and end= go with video files; a live video starts now, and ends when you stop")
        if fps is not None and not isinstance(video, cv2.VideoCapture):
            raise UserError("fps= goes with frames; a live video has times of its own")
        return open_live_footage(video, name, cfg, reconnect), []
    if is_frames(video):
        if start != 0.0 or end is not None:
            raise UserError("start= and end= go with video files; of frames, give only those that you want")
        return open_frames(video, fps, name, cfg), []
    if fps is not None:
        raise UserError("fps= goes with frames; a video file has its own")
    first, *others = files_of(video)
    return open_file(first, cfg, start, end), others


def check_people(
    videos: int,
    boxes: Any,
    objects: Any,
    detector: Any,
    detector_weights: str | os.PathLike | None,
    box_units: str,
) -> None:
    """Refuse arguments of :meth:`ActionDetector.predict` that do not go together; there are so many ``videos``.

    Raises:
        UserError: says which.
    """
    if boxes is None and box_units != "pixels":
        raise UserError("box_units= goes with boxes=, a dict")
    if boxes is not None and (detector is not None or detector_weights is not None):
        raise UserError("boxes= and detector= both say who is there: give one of them")
    if videos > 1 and (isinstance(boxes, Mapping) or isinstance(objects, Mapping)):
        raise UserError(
            f"a dict of boxes is that of one video, and these are {videos}: predict one at a time, or "
            "give a file or a BoxTable that names the videos"
        )


def results_of(
    network: Network, first: Footage, others: Sequence[Path], start: float, end: float | None, people: PeopleOf
) -> Iterator[Prediction]:
    """Return the results of one video after the other, which are computed when they are asked for.

    The boxes of the first video are checked at once.

    Raises:
        UserError: a video or its boxes cannot be read.
    """
    try:
        stream = VideoStream(network, first, people(first), one_by_one=math.isinf(first.end))
    except BaseException:
        first.close()
        raise

    def results() -> Iterator[Prediction]:
        with python_words():
            with closing(first):
                yield from stream.results()
            for path in others:
                footage = open_file(path, network.cfg, start, end)
                yield from VideoStream(network, footage, people(footage)).results()

    return results()
