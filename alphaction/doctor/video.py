"""Whether videos can be read and written: clips of a few frames are made and decoded."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from types import ModuleType

from alphaction.doctor.finding import Finding, State
from alphaction.doctor.packages import imported
from alphaction.utils.imports import install

# Codec -> encoders that can make a clip of it, and what they are told to be quick and silent.
_CODECS = {
    "h264": {"libx264": {"preset": "ultrafast"}, "libopenh264": {}},
    "hevc": {"libx265": {"preset": "ultrafast", "x265-params": "log-level=none"}},
    "vp9": {"libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"}},
    "av1": {"libaom-av1": {"cpu-used": "8", "usage": "realtime"}, "libsvtav1": {"preset": "12"}},
    "mpeg4": {"mpeg4": {}},
}
# Without these hardly any video can be read.
_NEEDED = ("h264",)
_SIDE, _FRAMES = 64, 3


def decoders() -> Iterator[Finding]:
    """Yield for each usual codec whether it is decoded, and what videos are written with."""
    av, problem = imported("av")
    if problem:
        return
    libraries = ", ".join(f"{name} {'.'.join(map(str, version))}" for name, version in av.library_versions.items())
    yield Finding("FFmpeg", f"in PyAV: {libraries}", facts={"libraries": dict(av.library_versions)})
    os.environ.setdefault("SVT_LOG", "0")  # SVT-AV1 has no other way to be silent
    level = av.logging.get_level()
    av.logging.set_level(av.logging.PANIC)
    try:
        for codec, encoders in _CODECS.items():
            yield _decoder(av, codec, encoders)
    finally:
        av.logging.set_level(level)
    if "libx264" in av.codecs_available:
        yield Finding("output", "videos are written as H.264", facts={"encoder": "libx264"})
    else:
        text = "videos are written as MPEG-4, which browsers do not play: this PyAV has no libx264"
        fix = install("--upgrade", "--force-reinstall", "av")
        yield Finding("output", text, State.NOTE, fix, {"encoder": "mpeg4"})


def _decoder(av: ModuleType, codec: str, encoders: dict[str, dict[str, str]]) -> Finding:
    """Return whether a codec is decoded."""
    facts = {"codec": codec, "tried": False}
    state = State.PROBLEM if codec in _NEEDED else State.NOTE
    fix = install("--upgrade", "--force-reinstall", "av")
    try:
        av.codec.Codec(codec, "r")
    except (ValueError, av.FFmpegError) as error:
        return Finding(codec, f"cannot be read: this PyAV has no decoder ({error})", state, fix, facts)
    for encoder, options in encoders.items():
        try:
            clip = _make(av, encoder, options)
        except (ValueError, OSError, RuntimeError):  # not in this build
            continue
        facts["tried"] = True
        try:
            count = _count(av, clip)
        except (ValueError, OSError, RuntimeError) as error:
            return Finding(codec, f"cannot be read ({error})", state, fix, facts)
        if count != _FRAMES:
            return Finding(codec, f"cannot be read: {count} of {_FRAMES} frames were decoded", state, fix, facts)
        return Finding(codec, "is read", facts=facts)
    return Finding(codec, "has a decoder; not tried, as this PyAV cannot make a clip", facts=facts)


def _make(av: ModuleType, encoder: str, options: dict[str, str]) -> io.BytesIO:
    """Return a Matroska file of a few gray frames."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream(encoder, rate=10, options=options)
        stream.width = stream.height = _SIDE
        stream.pix_fmt = "yuv420p"
        for _ in range(_FRAMES):
            frame = av.VideoFrame(_SIDE, _SIDE, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([128]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    return file


def _count(av: ModuleType, clip: io.BytesIO) -> int:
    with av.open(clip) as container:
        return sum(1 for _ in container.decode(video=0))
