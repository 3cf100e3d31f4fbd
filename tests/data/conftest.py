"""Tiny videos whose frames carry their own number, which tells a test what frame was chosen; small files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from alphaction.data.annotations import ActionClass, LabelMap

_STEP = 15


def numbered_frame(number: int, size: tuple[int, int]) -> np.ndarray:
    """Return a gray frame: number % 16 in the brightness of its left half, number // 16 in that of the right."""
    frame = np.empty((size[1], size[0], 3), dtype=np.uint8)
    frame[:, : size[0] // 2] = 8 + _STEP * (number % 16)
    frame[:, size[0] // 2 :] = 8 + _STEP * (number // 16)
    return frame


@pytest.fixture(scope="session")
def frame_numbers() -> Callable[[np.ndarray], list[int]]:
    """Function: frames [T, H, W, 3] -> the number that each carries."""

    def read(frames: np.ndarray) -> list[int]:
        width = frames.shape[2]
        digits = [
            np.rint((frames[:, :, columns].mean(axis=(1, 2, 3)) - 8) / _STEP).astype(int)
            for columns in (slice(2, width // 2 - 2), slice(width // 2 + 2, width - 2))
        ]
        return (digits[0] + 16 * digits[1]).tolist()

    return read


@pytest.fixture(scope="session")
def make_video() -> Callable[..., Path]:
    """Function that writes a video of numbered frames."""

    def make(
        path: Path,
        *,
        fps: str | int = 25,
        frames: int = 100,
        size: tuple[int, int] = (64, 48),
        codec: str = "libx264",
        gop: int = 20,
        times: Sequence[float] | None = None,
        audio_only: bool = False,
        options: dict[str, str] | None = None,
        first_number: int = 0,
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        rate = Fraction(fps)
        with av.open(str(path), "w", options=options or {}) as container:
            if audio_only:
                stream = container.add_stream("aac", rate=16000)
                sound = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
                sound.sample_rate = 16000
                for packet in [*stream.encode(sound), *stream.encode()]:
                    container.mux(packet)
                return path
            stream = container.add_stream(codec, rate=rate)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            stream.gop_size = gop
            stream.options = {"bf": "2", "crf": "8", "threads": "1"} if codec == "libx264" else {"qscale": "2"}
            if times is not None:
                stream.time_base = Fraction(1, 1000)
                stream.codec_context.time_base = Fraction(1, 1000)
            for number in range(frames):
                image = numbered_frame(first_number + number, size)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.time_base = 1 / rate if times is None else Fraction(1, 1000)
                frame.pts = number if times is None else round(times[number] * 1000)
                for packet in stream.encode(frame):
                    container.mux(packet)
            for packet in stream.encode():
                container.mux(packet)
        return path

    return make


@pytest.fixture
def label_map() -> LabelMap:
    """Four classes; ids with a gap (4 is free), so that ids and channels differ."""
    return LabelMap(
        (
            ActionClass(1, "stand", "movement"),
            ActionClass(2, "walk", "movement"),
            ActionClass(3, "talk to", "person"),
            ActionClass(5, "carry", "object"),
        ),
        source="label map four.pbtxt",
    )
