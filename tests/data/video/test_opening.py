"""Files that are damaged, hostile or only unusual: each opens, or is refused by name."""

from __future__ import annotations

import os
import re
import struct

import av
import numpy as np
import pytest
from messages import refused, says

from alphaction.data.video.file import BrokenVideoError, VideoFile
from alphaction.data.video.open_video import OpenVideo
from alphaction.data.video.sound import Sound
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils import limits
from alphaction.utils.errors import DataError

TITLE = "a title of the film"


def tagged(path, codec, latin=True):
    """Write a video whose title, also that of its streams, is in Latin-1."""
    with av.open(str(path), "w") as container:
        container.metadata["title"] = TITLE
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata["title"] = stream.metadata["comment"] = TITLE
        for number in range(10):
            image = np.full((48, 64, 3), 20 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    assert TITLE.encode() in data
    path.write_bytes(data.replace(TITLE.encode(), TITLE.replace("film", "f\xeflm").encode("latin-1")))
    return path


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mov", "mpeg4"), ("a.avi", "mpeg4"), ("a.mkv", "libx264"), ("a.webm", "libvpx"),
     ("a.flv", "flv1")],
)  # fmt: skip
def test_tags_need_not_be_utf8(tmp_path, name, codec):
    path = tagged(tmp_path / name, codec)
    info = MovieSource(tmp_path).probe("a")
    assert (info.width, info.height, info.fps) == (64, 48, 10)
    assert VideoFile(path).frames_at([0.5], None)[0].mean() == pytest.approx(100, abs=4)
    assert Sound.of(path, 0, 1, "mp4") is None


def test_a_codec_without_a_decoder_is_named_and_what_to_do(tmp_path, make_video):
    path = make_video(tmp_path / "rare.mp4", frames=10)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    message = refused(lambda: MovieSource(tmp_path).probe("rare"), path, "decoder", "codec", "ffmpeg -i")
    assert "download" not in message
    [problem] = MovieSource(tmp_path).check("rare", np.array([0])).problems
    says(problem, path, "decoder")


def test_a_header_cannot_claim_more_pixels_than_any_camera_has(tmp_path, make_video, monkeypatch):
    path = make_video(tmp_path / "wide.mp4", frames=10)
    monkeypatch.setattr(limits, "FRAME_PIXELS", 64 * 47)
    with pytest.raises(BrokenVideoError, match="64x48") as caught:
        VideoFile(path)
    says(str(caught.value), path)


def test_the_decoder_itself_refuses_sizes_that_only_the_frames_have(tmp_path):
    path = tmp_path / "film.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for _ in range(3):
            black = np.zeros((48, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(black, format="rgb24")))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    for found in re.finditer(rb"\xff\xc0\x00\x11\x08", bytes(data)):
        data[found.end() : found.end() + 4] = struct.pack(">HH", 65000, 65000)
    path.write_bytes(data)
    refused(lambda: MovieSource(tmp_path).read("film", 0, [0], 25), path)


def test_resizing_a_strip_cannot_take_gigabytes(tmp_path, make_video):
    make_video(tmp_path / "strip.mkv", frames=5, size=(2048, 16))
    message = refused(
        lambda: MovieSource(tmp_path).read("strip", 0, [0], 25, lambda size: (size[0] * 256, size[1] * 256)),
        "strip.mkv", "524288x4096",
    )  # fmt: skip
    assert len(message) < 1000


@pytest.mark.parametrize("content", ["ffconcat version 1.0\nfile other.ts\n", "#EXTM3U\n#EXTINF:9,\nother.ts\n"])
def test_a_playlist_is_no_video(tmp_path, make_video, content):
    make_video(tmp_path / "other.ts", frames=10)
    (tmp_path / "list.mp4").write_text(content, encoding="utf-8")
    refused(lambda: MovieSource(tmp_path).probe("list"), "list.mp4", "does not open")


@pytest.mark.parametrize("name", ["concat:a|b.mp4", "http:x.mp4", "50%.mp4", "bytes \udcff.mp4"])
def test_a_name_is_only_a_name(tmp_path, make_video, name):
    make_video(tmp_path / "plain.mp4", frames=10).rename(tmp_path / name)
    assert MovieSource(tmp_path).probe(name.removesuffix(".mp4")).frames == 10


def test_unbelievable_rates_and_lengths_count_as_unknown(tmp_path, make_video):
    path = make_video(tmp_path / "film.avi", codec="mpeg4", frames=10)
    data = bytearray(path.read_bytes())
    rate = data.index(b"strh") + 28
    data[rate : rate + 8] = struct.pack("<II", 1, 0xFFFFFFFF)
    path.write_bytes(data)
    assert 0 < VideoFile(path).fps <= limits.FRAMES_PER_SECOND
    data[rate : rate + 8] = struct.pack("<II", 0xFFFFFFFF, 1)
    path.write_bytes(data)
    assert VideoFile(path).info().duration is None
    with pytest.raises(BrokenVideoError, match="no video lasts"):
        VideoFile(path).end_near(1e12)


def test_packets_without_a_frame_come_to_an_end(tmp_path, make_video, monkeypatch):
    path = make_video(tmp_path / "late.mp4", frames=40)
    monkeypatch.setattr(limits, "PACKETS_WITHOUT_FRAME", 3)
    original = OpenVideo.packets
    monkeypatch.setattr(OpenVideo, "packets", lambda self: map(Silent, original(self)))
    with pytest.raises(BrokenVideoError, match="4 packets in a row"):
        VideoFile(path, from_first_frame=True).frames_at([0.0], None)


class Silent:
    """A packet that holds no frame."""

    pts = None

    def __init__(self, packet):
        self.size = packet.size

    def decode(self):
        return []


def test_every_kind_of_failure_names_the_file(tmp_path, make_video, monkeypatch):
    path = make_video(tmp_path / "odd.mp4", frames=10)
    errors = (
        ZeroDivisionError("Fraction(1, 0)"),
        OverflowError("too large"),
        MemoryError(),
        TypeError("None"),
        UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "bad"),
        EOFError(),
        av.InvalidDataError(1, "x"),
    )
    for error in errors:

        def broken(*args, error=error):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(VideoFile, "_nearest_frames", broken)
            refused(lambda: MovieSource(tmp_path).read("odd", 0, [0], 25), path, "decoding fails", "second 0")
    with pytest.raises(DataError):  # where nobody turns it into a message of its own
        VideoFile(tmp_path / "missing.mp4")


def test_videos_are_opened_for_reading_in_one_place(repo_root):
    found = []
    for path in sorted((repo_root / "alphaction").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        calls = re.findall(r"av\.open\([^)]*\)?[^)\n]*|VideoCapture\(", text)
        found += [path.relative_to(repo_root / "alphaction").as_posix() for call in calls if '"w"' not in call]
    # alphaction doctor reads clips that it has just made, in memory.
    assert found == ["data/video/addresses.py", "data/video/opening.py", "doctor/video.py"]


def test_a_pipe_is_no_video(tmp_path):
    """Opening one waits for who writes into it."""
    os.mkfifo(tmp_path / "pipe.mp4")
    refused(lambda: VideoFile(tmp_path / "pipe.mp4"), tmp_path / "pipe.mp4", "pipe")
