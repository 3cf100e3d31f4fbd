"""Pictures of an example inside the page: its keyframe with the box, and a strip of the person around that second.

All frames are uint8 RGB arrays [height, width, 3].
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from yacs.config import CfgNode

from alphaction.data.keyframes import Keyframe
from alphaction.data.temporal import clip_slots, spread_slots
from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.whole_movies import MovieSource
from alphaction.evaluation.analysis import Example
from alphaction.utils.drawing import Color, jpeg_bytes
from alphaction.utils.errors import UserError

STRIP_FRAMES = 5
_FRAME_SIDE = 480  # pixels of the longer side, at most
_SMALLEST_FRAME = 320  # and at least: a box would be coarse on less
_DECODED_SIDE = 960
_TILE = 128
_GAP = 2
_QUALITY = 72
_CONTEXT = 1.5  # the strip shows so many times the box's longer side
_SMALLEST_CROP = 0.2  # of the frame's shorter side
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Picture:
    """An example with its pictures.

    Attributes:
        example: what it is.
        frame, strip: data URIs of JPEG files; "" without a picture.
        frame_size, strip_size: width and height in pixels.
        offsets: seconds of the strip's frames, relative to the keyframe.
        times: the same in words; "start" and "end": the video has no such frame, and its first or last one is shown.
        problem: why there is no picture; "" if there is one.
    """

    example: Example
    frame: str = ""
    strip: str = ""
    frame_size: tuple[int, int] = (0, 0)
    strip_size: tuple[int, int] = (0, 0)
    offsets: tuple[float, ...] = ()
    times: tuple[str, ...] = ()
    problem: str = ""


@dataclass
class Photographer:
    """Makes the pictures of examples until its time is up.

    Attributes:
        cfg: how clips are cut.
        seconds: how long frames may be read.
        left_out: examples that got no picture as the time was up.
    """

    cfg: CfgNode
    seconds: float
    left_out: int = 0
    _spent: float = field(default=0.0, init=False)

    def pictures(self, source: ClipSource | None, examples: Iterable[Example], color: Color) -> list[Picture]:
        """Return the examples with their pictures; a video that cannot be read is said there."""
        return [self._picture(source, example, color) for example in examples]

    def _picture(self, source: ClipSource | None, example: Example, color: Color) -> Picture:
        if source is None:
            return Picture(example, problem="the videos are not there")
        if self._spent >= self.seconds:
            self.left_out += 1
            return Picture(example, problem=f"left out: frames were read for {self.seconds:g} s already")
        start = time.monotonic()
        try:
            return self._taken(source, example, color)
        except UserError as error:
            return Picture(example, problem=str(error))
        finally:
            self._spent += time.monotonic() - start

    def _taken(self, source: ClipSource, example: Example, color: Color) -> Picture:
        inputs = self.cfg.INPUT
        slots = spread_slots(clip_slots(inputs.FRAME_NUM, inputs.FRAME_SAMPLE_RATE, inputs.CLIP_OFFSET), STRIP_FRAMES)
        frames = _read(source, example.keyframe, slots, inputs.FPS)
        rate = inputs.FPS or source.probe(example.keyframe.video).fps or 1.0
        middle = slots.index(0)
        frame = draw_box(resized(frames[middle], _FRAME_SIDE), example.box, color)
        strip = draw_strip(frames, example.box, middle, color)
        offsets = tuple(slot / rate for slot in slots)
        second, end = example.keyframe.second, _end(source, example.keyframe.video)
        return Picture(
            example,
            jpeg(frame),
            jpeg(strip),
            (frame.shape[1], frame.shape[0]),
            (strip.shape[1], strip.shape[0]),
            offsets,
            tuple(time_text(offset, float(second), end) for offset in offsets),
        )


def _end(source: ClipSource, video: str) -> float | None:
    """Return where a video ends, in seconds; None: unknown, or the source has it in parts."""
    return source.probe(video).duration if isinstance(source, MovieSource) else None


def time_text(offset: float, second: float, end: float | None) -> str:
    """Return when a frame is, seen from the keyframe at ``second`` of a video that ends at ``end`` seconds."""
    if offset == 0:
        return "keyframe"
    if second + offset < 0:
        return "start"
    if end is not None and second + offset >= end:
        return "end"
    return f"{offset:+.1f} s".replace("-", "\u2212")


def _read(source: ClipSource, keyframe: Keyframe, slots: tuple[int, ...], fps: float) -> np.ndarray:
    def size(full: tuple[int, int]) -> tuple[int, int]:
        return scaled(full, _DECODED_SIDE)

    return source.read(keyframe.video, keyframe.second, slots, fps, size)


def scaled(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Return a size (width, height) shrunk so that no side is longer; at least one pixel each."""
    factor = min(1.0, longest / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def resized(frame: np.ndarray, longest: int) -> np.ndarray:
    """Return a frame none of whose sides is longer; a small one is enlarged by a whole factor."""
    height, width = frame.shape[:2]
    factor = -(-_SMALLEST_FRAME // max(height, width))
    if factor > 1:
        return cv2.resize(frame, (width * factor, height * factor), interpolation=cv2.INTER_CUBIC)
    size = scaled((width, height), longest)
    return frame if size == (width, height) else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


def draw_box(frame: np.ndarray, box: Box, color: Color) -> np.ndarray:
    """Return a frame with a box (fractions of it) in that color, and a dark line around it for light scenes."""
    frame = frame.copy()
    height, width = frame.shape[:2]
    x1, x2 = (round(min(max(x, 0.0), 1.0) * (width - 1)) for x in (box[0], box[2]))
    y1, y2 = (round(min(max(y, 0.0), 1.0) * (height - 1)) for y in (box[1], box[3]))
    cv2.rectangle(frame, (x1, y1), (x2, y2), (15, 15, 20), 4)
    cv2.rectangle(frame, (x1, y1), (x2, y2), color, 2)
    return frame


def draw_strip(frames: np.ndarray, box: Box, middle: int, color: Color) -> np.ndarray:
    """Return the surroundings of a box in each frame side by side, squares of equal size; the box in frame ``middle``.

    Args:
        frames: uint8 [n, H, W, 3].
        box: x1, y1, x2, y2 as fractions of the frame.
        middle: the keyframe.
        color: of the box.
    """
    height, width = frames.shape[1:3]
    left, top, side = _crop(box, width, height)
    tiles = []
    for index, frame in enumerate(frames):
        tile = frame[top : top + side, left : left + side]
        shrinks = side > _TILE
        tile = cv2.resize(tile, (_TILE, _TILE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        if index == middle:
            inner = tuple(
                (value * length - start) / side
                for value, length, start in zip(box, (width, height) * 2, (left, top) * 2, strict=True)
            )
            tile = draw_box(tile, inner, color)
        tiles += [tile, np.full((_TILE, _GAP, 3), 128, np.uint8)]
    return np.concatenate(tiles[:-1], axis=1)


def _crop(box: Box, width: int, height: int) -> tuple[int, int, int]:
    """Return left, top and side in pixels of a square around a box, within the frame."""
    across, down = (box[2] - box[0]) * width, (box[3] - box[1]) * height
    shorter = min(width, height)
    side = round(min(max(_CONTEXT * max(across, down), _SMALLEST_CROP * shorter, 1.0), shorter))
    left = round((box[0] + box[2]) / 2 * width - side / 2)
    top = round((box[1] + box[3]) / 2 * height - side / 2)
    return min(max(left, 0), width - side), min(max(top, 0), height - side), side


def jpeg(frame: np.ndarray) -> str:
    """Return a frame as the data URI of a JPEG file."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg_bytes(frame, _QUALITY)).decode("ascii")
