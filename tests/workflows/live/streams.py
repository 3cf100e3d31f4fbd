"""Streams for tests of live sources: videos that PyAV has encoded, sent by a server that ends where it is told to."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import av
import numpy as np


def encoded(numbers: Sequence[int], size: tuple[int, int] = (64, 48), fps: int = 25, pixels: str = "yuv420p") -> bytes:
    """Return a stream (MPEG-TS, MPEG-2, a key frame every 5) whose frames are gray, each with its number's value."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.options = {"g": "5", "qmax": "2", "bf": "0"}
        for number in numbers:
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), number, np.uint8), format="rgb24")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return buffer.getvalue()


@contextmanager
def serving(*answers: bytes, lasts: float = 0.1, stays: float = 0.0) -> Iterator[str]:
    """Give one connection after the other its bytes, then refuse; yield the address.

    Args:
        answers: what is sent.
        lasts: seconds over which each is sent.
        stays: seconds for which a connection stays open afterwards.
    """
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with server:
            for answer in answers:
                try:
                    connection, _ = server.accept()
                    with connection:
                        for start in range(0, len(answer), 188 * 20):
                            connection.sendall(answer[start : start + 188 * 20])
                            time.sleep(lasts * 188 * 20 / len(answer))
                        time.sleep(stays)
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
    # A server that waits for a connection that never comes is woken up.
    if thread.is_alive():
        with socket.socket() as last:
            last.connect_ex(server.getsockname()) if server.fileno() >= 0 else None


def grays(images: Sequence[np.ndarray]) -> list[int]:
    """Return the mean value of each frame."""
    return [round(float(image.mean())) for image in images]
