"""Writing videos and pictures with PyAV and OpenCV: no ffmpeg binary is needed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from alphaction.data.video.sound import Sound
from alphaction.utils.drawing import jpeg_bytes

JPEG_QUALITY = 95


def write_video(
    path: Path,
    frames: Iterable[np.ndarray],
    fps: float,
    container_format: str | None = None,
    *,
    independent_seconds: bool = False,
    fast_to_decode: bool = False,
    sound: Sound | None = None,
) -> None:
    """Encode frames as H.264 where PyAV has an encoder for it and the container takes it well, else as MPEG-4.

    Args:
        path: the file.
        frames: RGB, uint8 [height, width, 3], even height and width, all of one size.
        fps: frames per second.
        container_format: "mp4", "matroska", ...; None: what the file's name says.
        independent_seconds: encode every frame on its own and all alike, as Motion JPEG: what one second shows leaves
            no trace in another, nor in places of the same frame that are 16 pixels away.
        fast_to_decode: H.264 without arithmetic coding: the same picture, decoded in about 0.6 of the time from a file
            that is a tenth larger.
        sound: written beside the frames, from their start.
    """
    with av.open(str(path), "w", format=container_format) as container:
        stream = None
        for number, frame in enumerate(frames, start=1):
            if stream is None:
                shape = frame.shape[1], frame.shape[0]
                stream = add_stream(
                    container, *shape, fps, independent=independent_seconds, fast_to_decode=fast_to_decode
                )
                if sound is not None:
                    sound.attach(container)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            if sound is not None:
                sound.mux_until(container, number / fps)
        if stream is not None:
            container.mux(stream.encode(None))
            if sound is not None:
                sound.mux_until(container, math.inf)


def add_stream(
    container: av.container.OutputContainer,
    width: int,
    height: int,
    fps: float,
    *,
    independent: bool = False,
    fast_to_decode: bool = False,
    low_delay: bool = False,
) -> av.VideoStream:
    """Add a video stream; one thread, so that the bytes do not depend on the machine's number of cores.

    Args:
        container: open for writing.
        width: of the frames, even.
        height: of the frames, even.
        fps: frames per second.
        independent: as ``independent_seconds`` of :func:`write_video`.
        fast_to_decode: as there.
        low_delay: each frame is encoded when it comes, so that a file that is cut off lacks little.
    """
    # AVI stores no time of showing, so that H.264, whose frames are not in order, would begin late.
    h264 = "libx264" in av.codecs_available and container.format.name != "avi"
    # 236 is twice libavcodec's FF_QP2LAMBDA: the quality that ffmpeg calls -qscale 2.
    options = {"crf": "18", "preset": "superfast"} if h264 else {"flags": "+qscale", "global_quality": "236"}
    if h264 and fast_to_decode:
        options["coder"] = "cavlc"
    if h264 and low_delay:
        options["tune"] = "zerolatency"
    codec, pix_fmt = "libx264" if h264 else "mpeg4", "yuv420p"
    if independent:
        # Motion JPEG with one quantizer: blocks of 16 x 16 pixels depend on their own pixels only.
        codec, pix_fmt, options = "mjpeg", "yuvj420p", {"qmin": "2", "qmax": "2"}
    rate = Fraction(fps).limit_denominator(1001)
    stream = container.add_stream(codec, rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
    stream.codec_context.thread_count = 1
    # A key frame every second keeps seeking cheap.
    stream.codec_context.gop_size = max(1, round(fps))
    return stream


def write_jpeg(path: Path, image: np.ndarray) -> None:
    """Write a picture, RGB uint8 [height, width, 3], as JPEG, regardless of the file's suffix."""
    path.write_bytes(jpeg_bytes(image, JPEG_QUALITY))
