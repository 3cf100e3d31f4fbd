"""Frames from fewer decoded packets are those of a decoder that gets every packet."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import pytest

from alphaction.data.video import file as video_file
from alphaction.data.video.encoder import write_video
from alphaction.data.video.file import VideoFile
from alphaction.data.video.opening import open_quickly
from alphaction.data.video.packet_plan import PacketPlan, make_plan

PYRAMID = "bframes=3:b-adapt=0:b-pyramid=normal:keyint=25"
ONE_OF_THREE = "bframes=2:b-adapt=0:b-pyramid=none:weightp=0:keyint=250:scenecut=0"


def write(path, x264="", *, codec="libx264", count=75, times=None, container=None, seed=0):
    """Write moving noise, 25 frames a second or at ``times`` (milliseconds)."""
    picture = np.random.default_rng(seed).integers(0, 256, (48, 64 + count, 3), dtype=np.uint8)
    with av.open(str(path), "w", options=container or {}) as output:
        stream = output.add_stream(codec, rate=25, options={"x264-params": x264} if x264 else {})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        base = Fraction(1, 25) if times is None else Fraction(1, 1000)
        stream.time_base = stream.codec_context.time_base = base
        stream.codec_context.thread_count = 1
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:, number : number + 64]), format="rgb24")
            frame.time_base, frame.pts = base, number if times is None else times[number]
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.fixture
def decoded(monkeypatch):
    """Frames that decoders yield while packets are planned."""
    frames = []
    original = PacketPlan.frames

    def counted(self, stream):
        for frame in original(self, stream):
            frames.append(frame.pts)
            yield frame

    monkeypatch.setattr(PacketPlan, "frames", counted)
    return frames


MILLISECONDS = np.cumsum(np.random.default_rng(1).integers(10, 90, 75)).tolist()
KINDS = {
    "pyramid.mp4": {"x264": PYRAMID},
    "open_gop.mp4": {"x264": "open-gop=1:keyint=20:min-keyint=10:bframes=3"},
    "open_gop.mkv": {"x264": "open-gop=1:keyint=20:min-keyint=10:bframes=3"},
    "open_gop.ts": {"x264": "open-gop=1:keyint=20:min-keyint=10:bframes=3"},
    "no_b_frames.mp4": {"x264": "bframes=0"},
    "interlaced.mp4": {"x264": "interlaced=1:bframes=3"},
    "refresh.mp4": {"x264": "intra-refresh=1:keyint=20"},
    "fragments.mp4": {"x264": PYRAMID, "container": {"movflags": "frag_keyframe+empty_moov"}},
    "varying.mp4": {"x264": PYRAMID, "times": MILLISECONDS},
    "varying.mkv": {"x264": PYRAMID, "times": MILLISECONDS},
    "b_frames.avi": {"x264": PYRAMID},
    "raw.h264": {"x264": PYRAMID},
    "old.mp4": {"codec": "mpeg4"},
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("from_first_frame", [False, True])
def test_frames_are_those_of_a_decoder_that_gets_every_packet(tmp_path, name, from_first_frame):
    path = write(tmp_path / name, **KINDS[name])
    movie, every = VideoFile(path, from_first_frame), VideoFile(path, from_first_frame)
    for first, step, count in [(0.0, 0.08, 20), (1.13, 0.08, 12), (-0.3, 0.04, 20), (2.0, 0.003, 9), (2.7, 0.1, 9)]:
        times = [first + step * i for i in range(count)]
        frames = movie.frames_at(times, None)
        expected = list(every.stream(times))
        assert len(frames) == count
        np.testing.assert_array_equal(np.stack(frames), np.stack(expected), err_msg=f"{name} from {first}")


def test_only_wanted_frames_and_those_they_refer_to_are_decoded(tmp_path, decoded):
    """Of every three frames, one is referred to by others."""
    movie = VideoFile(write(tmp_path / "movie.mp4", ONE_OF_THREE))
    movie.frames_at([i / 25 for i in range(0, 49, 3)], None)
    assert len(decoded) == 17  # and none after the last one
    decoded.clear()
    movie.frames_at([1.0, 1.04], None)  # frames 25 and 26, between 24 and 27
    assert len(decoded) <= 10 + 2
    assert VideoFile(movie.path).frames_at([0.5], None)[0].shape == (48, 64, 3)


def test_an_opened_file_has_the_same_header(tmp_path):
    for name, container, quickly in (
        ("plain.mp4", {}, True),
        ("fast.mov", {}, True),
        ("fragments.mp4", {"movflags": "frag_keyframe+empty_moov"}, False),
        ("plain.mkv", {}, False),
    ):
        path = write(tmp_path / name, PYRAMID, container=container)
        opened, nothing_decoded = open_quickly(path)
        with opened:
            assert nothing_decoded is quickly, name
        movie, careful = VideoFile(path), VideoFile(path)
        next(careful.stream([0.0]))
        assert movie.info() == careful.info()
    path = tmp_path / "movie_in_disguise.mp4"
    path.write_bytes((tmp_path / "plain.mkv").read_bytes())
    opened, nothing_decoded = open_quickly(path)
    with opened:
        assert not nothing_decoded


def test_a_decoder_that_keeps_frames_back_is_given_every_packet(tmp_path, monkeypatch):
    path = write(tmp_path / "movie.mp4", PYRAMID)
    times = [0.2 + 0.08 * i for i in range(12)]
    expected = list(VideoFile(path).stream(times))
    original = PacketPlan.frames

    def fewer(self, stream):
        yield from (frame for index, frame in enumerate(original(self, stream)) if index != 9)

    monkeypatch.setattr(PacketPlan, "frames", fewer)
    movie = VideoFile(path)
    for _ in range(3):
        np.testing.assert_array_equal(np.stack(movie.frames_at(times, None)), np.stack(expected))


def damaged(path):
    """Flip bits in the data of some frames so that three or more are whole no longer, and the others still decode."""
    whole = path.read_bytes()
    for seed in range(100):
        data, places = bytearray(whole), np.random.default_rng(seed)
        for _ in range(4):
            data[int(places.integers(len(data) // 5, len(data) * 4 // 5))] ^= 1 << int(places.integers(8))
        path.write_bytes(data)
        with suppress(av.InvalidDataError), av.open(str(path)) as container:
            if sum(frame.is_corrupt for frame in container.decode(video=0)) > 2:
                return path
    raise AssertionError(path)


@pytest.mark.parametrize("first", [0.0, 0.44, 1.2])
def test_damaged_frames_look_as_they_do_to_a_decoder_that_gets_every_packet(tmp_path, first):
    """Lost parts are taken from other frames, also from those that would be left out."""
    path = damaged(write(tmp_path / "movie.mp4", ONE_OF_THREE, container={"movflags": "faststart"}))
    times = [first + 0.12 * i for i in range(6)]
    np.testing.assert_array_equal(
        np.stack(VideoFile(path).frames_at(times, None)), np.stack(list(VideoFile(path).stream(times)))
    )


def test_if_time_stamps_are_wrong_all_frames_of_a_clip_are_counted(tmp_path):
    """Packets are in decoding order; without this table of MP4 their frames seem to be shown in it."""
    path = write(tmp_path / "movie.mp4", PYRAMID)
    path.write_bytes(path.read_bytes().replace(b"ctts", b"free", 1))
    movie, counted = VideoFile(path), VideoFile(path)
    counted._count_frames()
    times = [-0.7 + 0.1 * i for i in range(36)]
    np.testing.assert_array_equal(np.stack(movie.frames_at(times, None)), np.stack(counted.frames_at(times, None)))


def test_packets_are_not_held_without_limit(tmp_path, monkeypatch):
    path = write(tmp_path / "movie.mp4", PYRAMID)
    expected = VideoFile(path).frames_at([2.0], None)
    with av.open(str(path)) as container:
        monkeypatch.setattr("alphaction.data.video.packet_plan._MOST_PACKETS", 20)
        stream = container.streams.video[0]
        assert make_plan(container.demux(stream), stream, [2.0], 0.0) is None
    np.testing.assert_array_equal(VideoFile(path).frames_at([2.0], None), expected)


def test_a_file_that_does_not_answer_is_not_asked_again(tmp_path, monkeypatch):
    movie, asked = VideoFile(write(tmp_path / "movie.mp4", PYRAMID)), []

    def late(*_):
        asked.append(1)
        raise av.error.ExitError(1, "late")

    monkeypatch.setattr(video_file, "make_plan", late)
    with pytest.raises(video_file.BrokenVideoError, match="no answer within"):
        movie.frames_at([1.0], None)
    assert len(asked) == 1


@pytest.mark.parametrize("fast", [False, True])
def test_videos_that_are_fast_to_decode_have_no_arithmetic_coding(tmp_path, fast):
    path = tmp_path / "clip.mp4"
    write_video(path, [np.full((48, 64, 3), 9 * i, np.uint8) for i in range(9)], 25, fast_to_decode=fast)
    with av.open(str(path)) as container:
        header = container.streams.video[0].codec_context.extradata
    parameters = header[header.index(b"\x68") + 1]  # picture parameter set: two numbers 0 of one bit, then the flag
    assert bool(parameters & 0x20) is not fast
