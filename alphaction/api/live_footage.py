"""A camera, a stream at an address or OpenCV's reader of one: videos that go on whether or not they are predicted."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from yacs.config import CfgNode

from alphaction.api.footage import Footage
from alphaction.data.keyframes import exact_interval, multiple
from alphaction.data.moments import Moments
from alphaction.data.video.frame_times import TIME_TOLERANCE
from alphaction.utils import limits
from alphaction.utils.errors import UserError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted
from alphaction.workflows.live.source import LiveSource, is_live_address, open_live
from alphaction.workflows.predict.network import clip_reach

# Seconds that a clip waits in the window while the one before is classified and persons are detected.
_PATIENCE = 4.0
# Frames per second that are expected, until the video has told its own.
_USUAL_RATE = 25.0


def is_live(video: Any) -> bool:
    """Return whether this goes on by itself: the number of a camera, an address, or OpenCV's reader of either."""
    if isinstance(video, cv2.VideoCapture):
        # Files say how many frames they have.
        return video.isOpened() and video.get(cv2.CAP_PROP_FRAME_COUNT) <= 0
    if isinstance(video, str | os.PathLike):
        return is_live_address(os.fspath(video))
    return isinstance(video, int | np.integer) and not isinstance(video, bool)


def open_live_footage(video: Any, name: str, cfg: CfgNode, reconnect: float) -> Footage:
    """Return a live video, whose keyframes are as many as there is time for: of several, the latest.

    Args:
        video: see :func:`is_live`.
        name: of OpenCV's reader.
        cfg: says which frames a clip has, and how far keyframes are apart.
        reconnect: seconds for which one that was lost is opened again; 0: its end is the end. OpenCV's reader is not
            ours to open.

    Raises:
        UserError: it cannot be opened.
    """
    if isinstance(video, str | os.PathLike):
        video = os.fspath(video)
    elif isinstance(video, cv2.VideoCapture):
        reconnect = 0.0
    else:
        video = int(video)
    if not reconnect >= 0:
        raise UserError(f"reconnect={reconnect}: expected seconds, 0 or more")
    before, after = clip_reach(cfg, _USUAL_RATE)
    source = open_live(video, keep=before + after + _PATIENCE, name=name, reconnect=reconnect)
    expected, (before, after) = before + after, clip_reach(cfg, source.fps)
    if before + after > expected:  # of a slow video, if clips have a number of its frames
        source.close()
        source = open_live(video, keep=before + after + _PATIENCE, name=name, reconnect=reconnect)
    moments = LatestMoments(source, cfg.TEST.STRIDE, before, after)

    def frame_at(second: float) -> Callable[[], np.ndarray]:
        frame = source.window.read(source.title, second, [0], 0)[0]
        return lambda: frame

    return Footage(
        source.title,
        source.title,
        source.window,
        source.size,
        source.fps,
        moments,
        Moments.between(cfg.TEST.STRIDE, 0.0, limits.VIDEO_SECONDS),
        math.inf,
        frame_at,
        is_live=True,
        is_there=lambda second: source.window.covers(second, before, after),
        close=source.close,
    )


class LatestMoments:
    """The moments of a live video whose clips are complete: whenever one is asked for, the latest.

    Args:
        source: the video.
        stride: seconds between moments.
        before, after: seconds around a moment that its clip reaches.

    Attributes:
        passed: moments that were left out, as there was no time for them.
    """

    def __init__(self, source: LiveSource, stride: float, before: float, after: float) -> None:
        self._source, self._stride = source, stride
        self._before, self._after = before, after
        self.passed = 0

    def __iter__(self) -> Iterator[int | float]:
        step, due = exact_interval(self._stride), 0
        for frame in self._source.frames():
            latest = math.floor((frame.time - self._after + TIME_TOLERANCE) / step)
            if latest < due:
                continue
            moment = multiple(step, latest)
            self.passed += latest - due
            due = latest + 1
            # Nothing was seen in an interruption.
            if self._source.window.covers(moment, self._before, self._after):
                yield moment
        if self.passed:
            get_logger().info(
                "%s: %s left out, as there was no time for more", self._source.title, counted(self.passed, "moment")
            )
