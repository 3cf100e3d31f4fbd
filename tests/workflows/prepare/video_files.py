"""Videos whose frames differ from one another, written in the ways that real ones are."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from alphaction.utils.atomic import replacing


def frame(number: int, size: tuple[int, int]) -> np.ndarray:
    """Return tinted stripes, RGB uint8 [H, W, 3], that move with ``number``; neighbors differ by 9 levels and more."""
    x, y = np.meshgrid(np.arange(size[0]) / size[0], np.arange(size[1]) / size[1])
    phase = 0.9 * number
    stripes = 128 + 60 * np.sin(2 * np.pi * (2 * x + y) + phase)
    tint = 30 * np.sin(3 * y - phase)
    return np.stack([stripes + tint, stripes, stripes - 2 * tint], axis=2).astype(np.uint8)


def write_movie(
    path: Path,
    *,
    seconds: float = 3.0,
    fps: str = "25",
    size: tuple[int, int] = (96, 64),
    times: Sequence[float] | None = None,
    sound: float = 0.0,
    sound_codec: str = "aac",
    rotated: bool = False,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
) -> Path:
    """Write a video.

    Args:
        seconds: length; fps: frames a second. Or:
        times: when each frame is shown, in seconds (a variable frame rate).
        sound: add a sound track that is so many seconds longer.
        rotated: mark it as turned by 90 degrees clockwise, as phones do (mp4).
    """
    rate = Fraction(fps)
    base = 1 / rate if times is None else Fraction(1, 1000)
    count = round(seconds * rate) if times is None else len(times)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.gop_size = 30
        stream.options = {"crf": "10", "threads": "1"} if codec == "libx264" else {"qscale": "2"}
        if times is not None:
            stream.time_base = stream.codec_context.time_base = base
        audio = container.add_stream(sound_codec, rate=16000) if sound else None
        for number in range(count):
            picture = av.VideoFrame.from_ndarray(frame(number, size), format="rgb24")
            picture.time_base, picture.pts = base, number if times is None else round(times[number] * 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
        if audio is not None:
            samples = np.zeros((1, round(16000 * (float(count / rate) + sound))), np.float32)
            noise = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            noise.sample_rate = 16000
            container.mux([*audio.encode(noise), *audio.encode()])
    if rotated:
        data = bytearray(path.read_bytes())
        matrix = data.index(b"tkhd") + 4 + 40
        one = 1 << 16
        data[matrix : matrix + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
        path.write_bytes(bytes(data))
    return path


def crash(movie: Path, on_second: Callable[[], None]) -> str:
    """A job that ends its process for one movie, as a decoder's bug does, and raises for another."""
    if movie.stem == "deadly":
        time.sleep(0.2)  # while others are in work
        os._exit(9)
    if movie.stem == "odd":
        raise ValueError("an odd value")
    on_second()
    return f"{movie.stem} is cut"


def write_slowly(movie: Path, on_second: Callable[[], None]) -> str:
    """A job that is finished at once for the movie "quick", and holds a file half written for others."""
    if movie.stem != "quick":
        with replacing(movie.with_suffix(".txt")) as part:
            part.write_text("half")
            (movie.parent / f"{movie.stem} started").touch()
            time.sleep(60)
    while not (movie.parent / "slow started").exists():
        time.sleep(0.01)
    return "done"
