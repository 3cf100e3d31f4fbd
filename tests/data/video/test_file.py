"""Which frames a file yields for which times."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from alphaction.data.video import frame_converter
from alphaction.data.video.file import BrokenVideoError, VideoFile


def nearest(times, shown_at):
    return [int(np.argmin(np.abs(np.asarray(shown_at) - time))) for time in times]


@pytest.mark.parametrize("fps", ["7", "25", "30000/1001"])
def test_frame_nearest_to_each_time(tmp_path, make_video, frame_numbers, fps):
    rate = 30000 / 1001 if "/" in fps else float(fps)
    path = make_video(tmp_path / "movie.mp4", fps=fps, frames=int(4 * rate))
    movie = VideoFile(path)
    shown_at = np.arange(int(4 * rate)) / rate
    for first in (0.0, 0.613, 1.0, 1.99, 2.52, 3.3):
        times = [first + i / 25 for i in range(20)]
        assert frame_numbers(np.stack(movie.frames_at(times, None))) == nearest(times, shown_at), first
    assert movie.fps == pytest.approx(rate)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mkv", "libx264"),
        ("a.mov", "libx264"),
        ("a.avi", "mpeg4"),
        ("a.webm", "libvpx"),
        ("a.flv", "libx264"),
        ("a.ts", "libx264"),  # no index: seeks land late, and time 0 is 80 ms into the stream's own clock
        ("b_frames.avi", "libx264"),  # decoding order only: frames are counted
        ("a.h264", "libx264"),  # no timestamps at all: frames are counted
    ],
)
def test_every_container_gives_the_same_frames(tmp_path, make_video, frame_numbers, name, codec):
    movie = VideoFile(make_video(tmp_path / name, codec=codec, frames=90))
    for first, expected in [(2.0, [50, 52, 54, 56]), (0.4, [10, 12, 14, 16]), (3.4, [85, 87, 89, 89])]:
        times = [first + 0.08 * i for i in range(4)]
        assert frame_numbers(np.stack(movie.frames_at(times, None))) == expected
    assert movie.frames_at([-1.0, -0.5], None)[0].shape == (48, 64, 3)
    assert frame_numbers(np.stack(movie.frames_at([-1.0, 0.0], None))) == [0, 0]
    assert movie.end_near(3.5) >= 3.5
    assert movie.end_near(60.0) == pytest.approx(3.6, abs=0.05)


def test_variable_frame_rate_follows_timestamps(tmp_path, make_video, frame_numbers):
    times = [0, 0.04, 0.1, 0.9, 1.0, 1.03, 1.5, 3.0]
    movie = VideoFile(make_video(tmp_path / "vfr.mkv", frames=len(times), times=times))
    wanted = [0.05, 0.06, 0.4, 0.6, 1.01, 1.2, 1.3, 2.0, 2.4, 2.9]
    assert frame_numbers(np.stack(movie.frames_at(wanted, None))) == nearest(wanted, times)


def test_time_zero_is_the_start_of_the_container(tmp_path, make_video, frame_numbers):
    late = [5 + i / 25 for i in range(50)]
    movie = VideoFile(make_video(tmp_path / "late.mkv", frames=50, times=late))
    assert frame_numbers(np.stack(movie.frames_at([0.0, 0.2, 1.0], None))) == [0, 5, 25]


def test_of_two_equally_near_frames_the_earlier(tmp_path, make_video, frame_numbers):
    movie = VideoFile(make_video(tmp_path / "slow.mp4", fps=10, frames=30))
    assert frame_numbers(np.stack(movie.frames_at([1.05, 1.15, 1.25], None))) == [10, 11, 12]


def test_only_used_frames_are_converted(tmp_path, make_video, monkeypatch):
    movie = VideoFile(make_video(tmp_path / "movie.mp4"))
    sizes = []
    monkeypatch.setattr(
        frame_converter.cv2,
        "resize",
        lambda image, size, interpolation: sizes.append(size) or image[: size[1], : size[0]],
    )
    frames = movie.frames_at([1.0, 1.0, 1.01, 2.0, 9.0, 10.0], lambda size: (size[0] // 2, size[1] // 2))
    assert sizes == [(32, 24)] * 3
    assert frames[0] is frames[1] is frames[2]
    assert frames[4] is frames[5]


def test_info(tmp_path, make_video):
    info = VideoFile(make_video(tmp_path / "movie.mp4", fps=7, frames=98, size=(96, 64))).info()
    assert (info.width, info.height, info.fps, info.frames) == (96, 64, 7.0, 98)
    assert info.duration == pytest.approx(14.0)


def rotate_display_matrix(path, degrees_clockwise):
    """Write a phone's rotation into the track header of an mp4 file."""
    matrices = {90: (0, 1, 0, -1, 0, 0), 180: (-1, 0, 0, 0, -1, 0), 270: (0, -1, 0, 1, 0, 0)}
    a, b, u, c, d, v = matrices[degrees_clockwise]
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    data[start : start + 36] = struct.pack(">9i", a * one, b * one, u, c * one, d * one, v, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_of_phones_is_applied(tmp_path, make_video, degrees):
    path = make_video(tmp_path / "phone.mp4", frames=10, first_number=3)  # left half brighter than the right
    upright = VideoFile(path).frames_at([0.0], None)[0]
    rotate_display_matrix(path, degrees)
    movie = VideoFile(path)
    turned = movie.frames_at([0.0], None)[0]
    np.testing.assert_array_equal(turned, np.rot90(upright, -degrees // 90))
    info = movie.info()
    assert (info.width, info.height) == ((64, 48) if degrees == 180 else (48, 64))


def test_truncated_files(tmp_path, make_video):
    whole = make_video(tmp_path / "movie.mkv")
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    movie = VideoFile(cut)
    end = movie.end_near(3.5)
    assert 0.5 < end < 3.0
    with pytest.raises(BrokenVideoError, match=r"\d\.\d\d s"):
        movie.frames_at([3.5], None, must_reach=3.5)

    no_index = tmp_path / "no_index.mp4"  # an mp4 file's table of frames is at its end
    whole = make_video(tmp_path / "movie.mp4")
    no_index.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(BrokenVideoError, match="Invalid data"):
        VideoFile(no_index)


def test_damaged_frames(tmp_path, make_video):
    path = make_video(tmp_path / "movie.mp4", options={"movflags": "faststart"}, gop=10)
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + 8 + (len(data) - data.index(b"mdat")) // 2
    data[middle:] = b"\xff" * (len(data) - middle)
    path.write_bytes(bytes(data))
    movie = VideoFile(path)
    assert movie.info().duration == pytest.approx(4.0)
    with pytest.raises(BrokenVideoError, match=r"decoding .*Invalid data"):
        movie.frames_at([3.5], None)


def test_files_without_video(tmp_path, make_video):
    with pytest.raises(BrokenVideoError, match="no video stream"):
        VideoFile(make_video(tmp_path / "sound.mp4", audio_only=True))
    (tmp_path / "text.mp4").write_text("not a video\n" * 50)
    with pytest.raises(BrokenVideoError, match="does not open"):
        VideoFile(tmp_path / "text.mp4")
    (tmp_path / "empty.mp4").write_bytes(b"")
    with pytest.raises(BrokenVideoError, match="does not open"):
        VideoFile(tmp_path / "empty.mp4")
