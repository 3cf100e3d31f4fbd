"""Cameras, streams at addresses, files and frames as sources."""

from __future__ import annotations

import functools
import http.server
import io
import re
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from messages import refused
from workflows.live.streams import encoded, grays, serving

from alphaction.data.video.addresses import without_password
from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.timed_frame import TimedFrame
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils import limits
from alphaction.utils.errors import DataError, UserError
from alphaction.workflows.live.camera import CameraReader, CaptureReader
from alphaction.workflows.live.prediction import video_name
from alphaction.workflows.live.source import LiveSource, is_live_address, open_live


class Camera:
    """What OpenCV's VideoCapture is to the reader: ``frames`` pictures in gray values, one every ``pause`` seconds."""

    def __init__(self, frames: int, pause: float = 0.0, first: int = 0, shape: tuple[int, ...] = (6, 8, 3)) -> None:
        self._numbers, self._pause, self._shape = iter(range(first, first + frames)), pause, shape

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def get(self, what: int) -> float:
        return 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        time.sleep(self._pause)
        number = next(self._numbers, None)
        return (False, None) if number is None else (True, np.full(self._shape, number, np.uint8))

    def release(self) -> None:
        pass


class NoCamera(Camera):
    def isOpened(self) -> bool:  # noqa: N802
        return False


def camera(*connections: Camera, reconnect: float = 0.0) -> LiveSource:
    """Return a source of a camera that is each of these in turn, and then gone."""
    found = iter(connections)
    return LiveSource(CameraReader(0, lambda number: next(found, NoCamera(0))), keep=2.0, reconnect=reconnect)


def taken_until_lost(source: LiveSource, pause: float = 0.0) -> tuple[list[TimedFrame], str]:
    """Return the frames that one gets who needs ``pause`` seconds for each, and the error that they end with."""
    found = []
    try:
        for frame in source.frames():
            found.append(frame)
            time.sleep(pause)
    except DataError as error:
        return found, str(error)
    raise AssertionError("it ended without an error")


def why_not(video: Any, **options: Any) -> str:
    """Return the message with which a source does not open."""
    return refused(lambda: open_live(video, **options))


def test_a_camera_never_waits_and_the_newest_frame_wins():
    source = camera(Camera(60, pause=0.005))
    taken, error = taken_until_lost(source, pause=0.03)
    assert all(frame.image[0, 0, 0] == frame.number for frame in taken)
    taken = [frame.number for frame in taken]
    assert re.fullmatch(r"camera 0: lost after 0.\d s. Was it unplugged\?", error)
    assert source.is_live
    assert taken == sorted(set(taken))
    assert taken[-1] == 59
    assert len(taken) < 40
    assert source.dropped == 60 - len(taken)
    assert source.window.taken == 60  # the window has those that nobody took


def test_a_camera_that_comes_back(caplog):
    source = camera(Camera(3, 0.01), NoCamera(0), Camera(3, 0.01, first=100), reconnect=1.2)
    frames, error = taken_until_lost(source)
    assert "s. Was it unplugged? It did not come back in time: there is no such camera" in error
    assert "s. Was it unplugged? It is opened again, for 1.2 s at most" in caplog.text
    assert source.reconnects == 1
    before = max(frame.time for frame in frames if frame.number < 3)
    after = min(frame.time for frame in frames if frame.number >= 3)
    assert after - before > 0.7  # 0.25 s and 0.5 s were waited
    assert grays(source.window.read("camera 0", before, [-1, 0, 90], 0))[-1] == 2
    assert grays(source.window.read("camera 0", after, [-90, 0], 0)) == [100, 100]


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 1), (6, 8, 4)])
def test_a_camera_in_gray_or_with_a_fourth_channel(shape):
    source = camera(Camera(2, 0.01, first=50, shape=shape))
    frames, _ = taken_until_lost(source)
    assert frames[-1].image.shape == (6, 8, 3)
    assert frames[-1].image.max() in (50, 51)


def test_a_camera_that_is_not_there():
    with pytest.raises(DataError, match=r"camera 7: there is no such camera, or another program uses it. This machine"):
        open_live("7", keep=1.0)


def test_a_stream_that_comes_back(caplog):
    with serving(encoded(range(20, 40)), encoded(range(120, 140)), lasts=0.3) as address:
        source = open_live(address, keep=5.0, reconnect=1.0)
        assert (source.size, source.fps, source.is_live) == ((64, 48), 25.0, True)
        frames, error = taken_until_lost(source)
    assert error.startswith(f"{address}: the stream has ended. It did not come back in time: the connection is refused")
    assert source.reconnects == 1
    assert source.window.taken == source.dropped + len(frames) == 40
    kept = list(source.window._kept)
    assert [frame.part for frame in kept] == [0] * 20 + [1] * 20
    assert np.allclose(np.diff([frame.time for frame in kept[:20]]), 0.04, atol=1e-4)
    assert kept[20].time - kept[19].time > 0.2
    assert np.abs(np.array(grays([frame.image for frame in kept])) - [*range(20, 40), *range(120, 140)]).max() <= 2
    assert "is opened again, for 1 s at most (--reconnect)" in caplog.text


class Mute(CaptureReader):
    """Opens again, and gives no frame."""

    is_live = True

    def open(self, wait: float) -> None:
        self.fps = 25.0


def test_the_reason_of_a_loss_is_a_sentence():
    source = LiveSource(Mute(Camera(2), "mute"), keep=2.0, reconnect=0.4)
    _, error = taken_until_lost(source)
    assert "mute: the stream has ended. It did not come back in time: it gave no frame. Wait longer with" in error


def test_without_reconnecting_the_end_of_a_stream_is_its_end():
    with serving(encoded(range(10))) as address:
        source = open_live(address, keep=5.0, reconnect=0)
        assert [frame.number for frame in source.frames()][-1] == 9


def test_a_frame_size_that_changes(caplog):
    with serving(encoded(range(20, 40)), encoded(range(30, 50), size=(80, 80))) as address:
        frames, _ = taken_until_lost(open_live(address, keep=5.0, reconnect=0.6))
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    assert caplog.text.count("its frames are 80x80; they are resized to 64x48") == 1


def test_damaged_packets_are_left_out_and_counted(caplog):
    whole = bytearray(encoded(range(100)))
    middle = slice(len(whole) // 2, len(whole) // 2 + 3000)
    whole[middle] = np.random.default_rng(1).integers(0, 255, 3000, np.uint8).tobytes()
    with serving(bytes(whole)) as address:
        source = open_live(address, keep=9.0, reconnect=0)
        for _ in source.frames():
            pass
    assert source.corrupt >= 1
    assert 80 <= source.window.taken < 100
    assert caplog.text.count("it is left out, and others like it are counted") == 1


def test_streams_that_do_not_open():
    with serving(b"this is no video" * 400) as address:
        assert "something answers, but not with a video" in why_not(address, keep=1.0)
    assert why_not("rtsp://me:secret@127.0.0.1:9/x", keep=1.0).startswith(
        "rtsp://me:***@127.0.0.1:9/x: the connection is refused: nothing listens there"
    )
    assert "no machine is called no.such.invalid" in why_not("http://no.such.invalid/x", keep=1.0)
    assert 'Did you mean "rtsp"?' in why_not("rtspp://camera/1", keep=1.0)


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://me:secret@127.0.0.1:9/x",
        "rtsp://me:se@secret@127.0.0.1:9/x",
        "rtsp://me:secret/x@127.0.0.1:9/x",
        "http://127.0.0.1:9/v.mjpg?user=me&pwd=secret&rate=0",
        "rtsp://127.0.0.1:9/user=me_password=secret_channel=1.sdp",
        "http://me:secret@[x",
        "rtspp://me:secret@x",
    ],
)
def test_nothing_of_a_traceback_has_the_password(address):
    with pytest.raises(UserError) as caught:
        open_live(address, keep=1.0)
    told = "".join(traceback.format_exception(caught.value))
    assert "***" in told
    assert "secret" not in told
    assert "secret" not in video_name(address)


def test_an_address_without_a_password_is_shown_as_it_is():
    for address in ("rtsp://x:554/ch@1", "http://[::1]:80/a@b", "rtsp://me@x/1?channel=1&subtype=0"):
        assert without_password(address) == address


def test_a_stream_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(limits, "STREAM_ANSWER_SECONDS", 0.3)
    with serving(b"", stays=1.0) as address:
        assert "no answer within 0.3 seconds. Is the camera on" in why_not(address, keep=1.0)


def test_a_stream_without_video():
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mpegts") as container:
        stream = container.add_stream("mp2", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 1152), np.int16), format="s16", layout="stereo")
        sound.sample_rate = 44100
        for _ in range(50):
            for packet in stream.encode(sound):
                container.mux(packet)
    with serving(buffer.getvalue()) as address:
        assert "it holds no video stream (what it holds: audio)" in why_not(address, keep=1.0)


@pytest.fixture
def web(tmp_path) -> Iterator[tuple[str, Path]]:
    """The address of a web server, and the folder that it serves."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", tmp_path
        server.shutdown()


def test_a_file_on_a_server_is_read_like_a_file(web):
    address, folder = web
    (folder / "v.ts").write_bytes(encoded(range(30)))
    source = open_live(f"{address}/v.ts", keep=1.0)
    assert not source.is_live
    assert [frame.number for frame in source.frames()] == list(range(30))
    assert (source.dropped, source.reconnects) == (0, 0)
    assert "has no such stream (404)" in why_not(f"{address}/w.ts", keep=1.0)


def test_a_real_file_has_the_times_and_clips_of_every_other_reader(shared_dir):
    path = shared_dir / "pets/videos/pets_03.mp4"
    source = open_live(path, keep=20.0)
    frames = list(source.frames())
    assert len(frames) == 98
    assert np.allclose(np.diff([frame.time for frame in frames]), 1 / 7)
    assert (source.is_live, source.dropped, source.size, source.fps) == (False, 0, (768, 576), 7.0)
    assert source.decode_seconds > 0
    movie: ClipSource = MovieSource(path.parent)
    for second, fps in ((0, 0), (5, 25), (13, 10)):
        slots = list(range(-8, 9, 4))
        expected = movie.read("pets_03", second, slots, fps)
        assert np.array_equal(source.window.read("x", second, slots, fps), expected)


def test_an_iterator_is_read_a_few_frames_ahead_and_nothing_is_lost():
    given: list[int] = []

    def frames() -> Iterator[np.ndarray]:
        for number in range(200):
            given.append(number)
            yield np.full((4, 6, 3), number, np.uint8)

    source = open_live(frames(), keep=1.0, fps=25.0)
    for frame in source.frames():
        assert frame.time == frame.number / 25
        assert source.window.taken == frame.number + 1  # the same, however far ahead it was read
        assert len(given) <= frame.number + 7
        assert len(source.window._kept) <= 28
    assert frame.number == 199


def test_an_error_of_the_program_comes_after_its_frames():
    def frames() -> Iterator[np.ndarray]:
        yield np.zeros((4, 6, 3), np.uint8)
        raise ZeroDivisionError("mine")

    found = open_live(frames(), keep=1.0, fps=25.0).frames()
    assert next(found).number == 0
    with pytest.raises(ZeroDivisionError, match="mine"):
        next(found)
    assert "frame 0 is float64 [4, 6], expected uint8" in why_not([np.zeros((4, 6))], keep=1.0, fps=25.0)
    assert "it ends before its first frame" in why_not([], keep=1.0, fps=25.0)
    assert "fps= is missing" in why_not([], keep=1.0)


def test_a_source_that_is_closed_ends():
    source = open_live((np.zeros((4, 6, 3), np.uint8) for _ in iter(int, 1)), keep=1.0, fps=25.0)
    for frame in source.frames():
        if frame.number == 5:
            source.close()
    assert frame.number == 5
    assert not source._thread.is_alive()


def test_frames_of_which_too_few_fit_into_memory(monkeypatch):
    monkeypatch.setattr(limits, "LIVE_BYTES", 1 << 20)
    frame = np.zeros((480, 640, 3), np.uint8)
    assert "3.0 s of 640x480 frames, 25 a second" in why_not([frame] * 9, keep=3.0, fps=25.0)
    source = open_live([frame] * 9, keep=3.0, fps=25.0, stored=lambda size: (64, 48))
    assert len(list(source.frames())) == 9


def test_a_capture_that_a_program_has_opened(shared_dir):
    capture = cv2.VideoCapture(str(shared_dir / "pets/videos/pets_03.mp4"))
    source = open_live(capture, keep=1.0, name="mine")
    assert (source.is_live, source.title, source.fps) == (False, "mine", 7.0)
    assert len(list(source.frames())) == 98
    capture.release()
    with pytest.raises(UserError, match="the VideoCapture is not open"):
        open_live(capture, keep=1.0)


def test_what_names_a_live_source():
    live = ["0", "12", "rtsp://camera/1", "HTTP://camera/video"]
    files = ["./0", "video.mp4", "0.mp4", "-1", "c:/videos/a.mp4", "a b://x"]
    assert [is_live_address(video) for video in live] == [True] * len(live)
    assert [is_live_address(video) for video in files] == [False] * len(files)
