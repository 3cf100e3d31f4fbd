"""From a decoded frame to the pixels that a clip is made of: RGB, upright, resized."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np

from alphaction.data.video.opening import require_frame_size

Size = tuple[int, int]
"""Width and height in pixels."""

# From PyAV 17 on, the conversion to RGB starts one thread per core by default; before, it had only one.
_SINGLE_THREAD = {"threads": 1} if int(av.__version__.split(".")[0]) >= 17 else {}


class FrameConverter:
    """Decoded frame -> RGB array of the wanted size, remembering the last one.

    Args:
        size: (width, height) of the video -> of the result; None keeps it.
        path: the video, for errors.
    """

    def __init__(self, size: Callable[[Size], Size] | None, path: Path) -> None:
        self._size = size
        self._path = path
        self._target: Size | None = None
        self._last: tuple[av.VideoFrame, np.ndarray] | None = None

    def __call__(self, frame: av.VideoFrame) -> np.ndarray:
        """Return the frame as it is shown, uint8 [H, W, 3]; the same frame gives the same array.

        Raises:
            BrokenVideoError: it is too large, or becomes so: a strip of 65535x2 whose short side is enlarged.
        """
        if self._last is not None and self._last[0] is frame:
            return self._last[1]
        require_frame_size(frame.width, frame.height, self._path)
        rgb = frame.to_ndarray(format="rgb24", **_SINGLE_THREAD)
        quarter_turns = round(frame.rotation / 90) % 4
        if quarter_turns:
            rgb = np.ascontiguousarray(np.rot90(rgb, quarter_turns))
        shown = (rgb.shape[1], rgb.shape[0])
        if self._target is None:
            self._target = shown if self._size is None else self._size(shown)
            require_frame_size(*self._target, self._path)
        if shown != self._target:
            rgb = cv2.resize(rgb, self._target, interpolation=cv2.INTER_LINEAR)
        self._last = (frame, rgb)
        return rgb
