"""Cutting movies: the clips show what the movie shows, runs resume, and one bad movie does not stop the rest."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest
from workflows.prepare.video_files import crash, frame, write_movie, write_slowly

from alphaction.data.video.file import VideoFile
from alphaction.data.video.one_second_clips import OneSecondClipSource
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare import movie_cutter, movie_pool
from alphaction.workflows.prepare.movie_cutter import clip_size
from alphaction.workflows.prepare.movie_pool import run_in_processes
from alphaction.workflows.prepare.movies import CutSummary, cut_movie, cut_movies, find_movies

CODEC_ERROR = 3.0
VARIABLE = np.cumsum(np.random.default_rng(3).uniform(0.015, 0.12, 50)) - 0.015


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def snapshot(folder) -> dict:
    """Contents and times of change of all clips and keyframes."""
    files = [path for path in sorted(folder.rglob("[!.]*")) if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean absolute difference of each pair of frames, in gray levels."""
    return np.abs(a.astype(float) - b.astype(float)).mean(axis=(1, 2, 3))


@pytest.mark.parametrize(
    ("name", "movie", "fps", "seconds"),
    [
        ("25.mp4", {}, None, 4),
        ("12.mp4", {"fps": "12"}, None, 4),
        ("12_to_25.mkv", {"fps": "12"}, 25, 4),
        ("29.97.mp4", {"fps": "30000/1001"}, None, 4),
        ("29.97_to_25.mp4", {"fps": "30000/1001", "sound": 0.5}, 25, 4),
        ("variable.mkv", {"times": VARIABLE}, 25, 4),
        ("odd.mkv", {"size": (97, 63), "pix_fmt": "yuv444p"}, None, 4),
        ("phone.mp4", {"rotated": True, "seconds": 2.4}, None, 3),
        ("counted.avi", {"seconds": 2.5}, None, 3),
    ],
)
def test_clips_show_what_the_movie_shows(tmp_path, name, movie, fps, seconds):
    path = write_movie(tmp_path / "movies" / name, **movie)
    report = cut_movie(path, tmp_path / "clips" / path.stem, tmp_path / "keyframes", fps=fps)
    movies, clips = MovieSource(tmp_path / "movies"), OneSecondClipSource(tmp_path / "clips")
    shown = movies.probe(path.stem)
    size = (2 * round(shown.width / 2), 2 * round(shown.height / 2))
    info = VideoFile(clips.path(path.stem, 0)).info()
    rate = round(fps or shown.fps)
    assert (info.width, info.height, info.fps, info.frames) == (*size, rate, rate)
    assert report.seconds == range(seconds)  # of 3.0 s, second 3 is a keyframe too: the very end
    for second in report.seconds:
        slots = range(-rate - 3, rate + 3)  # from the second before to the second after
        expected = movies.read(path.stem, second, slots, rate, lambda _: size)
        cut = clips.read(path.stem, second, slots, rate)
        assert difference(expected, cut).max() < CODEC_ERROR
        keyframe = cv2.imread(str(tmp_path / "keyframes" / f"{second}.jpg"))[:, :, ::-1]
        at = list(slots).index(0)
        assert difference(expected[at : at + 1], keyframe[None]).max() < CODEC_ERROR


def test_the_measure_tells_neighboring_frames_apart():
    frames = np.stack([frame(number, (96, 64)) for number in range(80)])
    assert difference(frames[1:], frames[:-1]).min() > 3 * CODEC_ERROR


def test_clip_size():
    assert clip_size((1280, 720), 360) == (640, 360)
    assert clip_size((720, 1281), 360) == (360, 640)
    assert clip_size((320, 241), 360) == (320, 240)  # never enlarged
    assert clip_size((1, 501), None) == (2, 500)


def test_short_side_reduces_the_clips_and_the_keyframes(tmp_path):
    movie = write_movie(tmp_path / "a.mp4", seconds=1.2, size=(192, 128))
    cut_movie(movie, tmp_path / "clips", tmp_path / "keyframes", short_side=64)
    info = VideoFile(tmp_path / "clips" / "0.mp4").info()
    assert (info.width, info.height) == (96, 64)
    assert cv2.imread(str(tmp_path / "keyframes" / "1.jpg")).shape == (64, 96, 3)


def test_seconds_of_a_range(tmp_path):
    movie = write_movie(tmp_path / "a.mp4", seconds=4.5, fps="10")
    report = cut_movie(movie, tmp_path / "clips", None, start=2, end=4)
    assert (report.written, report.kept, report.seconds, report.ends_at) == (2, 0, range(2, 4), None)
    assert names(tmp_path / "clips") == ["2.mp4", "3.mp4"]
    report = cut_movie(movie, tmp_path / "clips", None, start=2, end=90)
    assert (report.written, report.kept, report.seconds) == (1, 2, range(2, 5))
    assert report.ends_at == pytest.approx(4.5)
    with pytest.raises(UserError, match=r"a.mp4: it ends at 4.50 s, .* 895.* --start 0 --end 0"):
        cut_movie(movie, tmp_path / "clips", None, start=895, end=1805)


def test_a_rate_below_one_frame_a_second(tmp_path):
    movie = write_movie(tmp_path / "lapse.mkv", fps="1/2", seconds=8)
    cut_movie(movie, tmp_path / "clips", None, end=4)
    cut_movie(movie, tmp_path / "clips", None, end=6)  # the kept clips pass for what these options give
    assert len(names(tmp_path / "clips")) == 6


def test_a_second_run_decodes_nothing(tmp_path, monkeypatch):
    movie = write_movie(tmp_path / "a.mp4", seconds=2.5)
    cut_movie(movie, tmp_path / "out" / "clips", tmp_path / "out" / "keyframes")
    before = snapshot(tmp_path / "out")
    assert len(before) == 6
    monkeypatch.setattr(VideoFile, "stream", None)
    report = cut_movie(movie, tmp_path / "out" / "clips", tmp_path / "out" / "keyframes")
    assert (report.written, report.kept) == (0, 3)
    assert snapshot(tmp_path / "out") == before


def test_only_what_is_missing_is_made_again(tmp_path, monkeypatch):
    movie = write_movie(tmp_path / "a.mp4", seconds=4.5)
    clips, keyframes = tmp_path / "out" / "clips", tmp_path / "out" / "keyframes"
    cut_movie(movie, clips, keyframes)
    before = snapshot(tmp_path / "out")
    (clips / "1.mp4").write_bytes(b"")
    (keyframes / "3.jpg").unlink()
    asked = []
    stream = VideoFile.stream
    monkeypatch.setattr(
        VideoFile, "stream", lambda self, times, **more: asked.extend(times) or stream(self, times, **more)
    )
    report = cut_movie(movie, clips, keyframes)
    assert (report.written, report.kept) == (2, 3)
    assert asked == [1 + k / 25 for k in range(25)] + [3.0]
    after = snapshot(tmp_path / "out")
    assert {name: content for name, (content, _) in after.items()} == {
        name: content for name, (content, _) in before.items()
    }
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"clips/1.mp4", "keyframes/3.jpg"}


def test_far_apart_seconds_are_sought_not_decoded_through(monkeypatch):
    monkeypatch.setattr(movie_cutter, "_LONGEST_SKIP", 3)
    assert list(movie_cutter._runs([0, 1, 4, 8, 9])) == [[0, 1, 4], [8, 9]]
    assert list(movie_cutter._runs([])) == []


def test_an_interrupted_run_leaves_whole_files_only_and_goes_on(tmp_path):
    movie = write_movie(tmp_path / "a.mp4", seconds=4.5)
    whole = tmp_path / "whole"
    cut_movie(movie, whole / "clips", whole / "keyframes")
    seconds = []

    def interrupt():
        seconds.append(1)
        if len(seconds) == 2:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        cut_movie(movie, out / "clips", out / "keyframes", on_second=interrupt)
    assert names(out / "clips") == ["0.mp4", "1.mp4"]
    cut_movie(movie, out / "clips", out / "keyframes")
    expected = {name: content for name, (content, _) in snapshot(whole).items()}
    assert {name: content for name, (content, _) in snapshot(out).items()} == expected


def test_clips_of_other_options_are_not_mixed(tmp_path):
    movie = write_movie(tmp_path / "a.mp4", seconds=1.5)
    cut_movie(movie, tmp_path / "clips", None)
    with pytest.raises(UserError, match=r"0.mp4 .* 96x64 .* 25 .* 96x64 and 12.* remove"):
        cut_movie(movie, tmp_path / "clips", None, fps=12)
    with pytest.raises(UserError, match="48x32 and 25"):
        cut_movie(movie, tmp_path / "clips", None, short_side=32)


def test_clips_of_another_movie_of_that_name_are_not_kept(tmp_path):
    movie = write_movie(tmp_path / "a.mp4", seconds=1.5)
    clips, keyframes = tmp_path / "clips", tmp_path / "keyframes"
    cut_movie(movie, clips, keyframes)
    data = movie.read_bytes()
    movie.unlink()
    movie.write_bytes(data)  # the same movie, copied
    assert cut_movie(movie, clips, keyframes).kept == 2
    write_movie(movie, seconds=2.5)
    with pytest.raises(UserError, match=r"a\.mp4: .*clips was cut from another file .* Remove that folder"):
        cut_movie(movie, clips, keyframes)
    shutil.rmtree(clips)
    with pytest.raises(UserError, match="keyframes was cut from another file"):
        cut_movie(movie, clips, keyframes)
    shutil.rmtree(keyframes)
    assert cut_movie(movie, clips, keyframes).written == 3


def test_clips_of_unknown_origin_are_kept(tmp_path):
    movie = write_movie(tmp_path / "a.mp4", seconds=1.5)
    cut_movie(movie, tmp_path / "clips", None)
    (tmp_path / "clips" / movie_cutter.SOURCE_RECORD).unlink()
    assert cut_movie(movie, tmp_path / "clips", None).kept == 2


def test_a_damaged_clip_is_named(tmp_path):
    movie = write_movie(tmp_path / "a.mp4", seconds=1.5)
    cut_movie(movie, tmp_path / "clips", None)
    (tmp_path / "clips" / "0.mp4").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"0\.mp4.* is damaged .* Remove it"):
        cut_movie(movie, tmp_path / "clips", None)


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.mp4"])
def test_sound_that_outlasts_the_picture_is_no_cut_off_movie(tmp_path, name):
    codecs = {"codec": "libvpx", "sound_codec": "libopus"} if name == "a.webm" else {}
    movie = write_movie(tmp_path / name, seconds=2.5, sound=3.0, **codecs)
    assert cut_movie(movie, tmp_path / "clips", None).seconds == range(3)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_the_end_of_a_whole_movie_is_found_without_reading_all_of_it(tmp_path, name, monkeypatch):
    movie = write_movie(tmp_path / name, seconds=4.5)
    sought = VideoFile._last_packet_end
    calls = []
    monkeypatch.setattr(VideoFile, "_last_packet_end", lambda self, enough: calls.append(1) or sought(self, enough))
    assert cut_movie(movie, tmp_path / "clips", None).seconds == range(5)
    assert len(calls) == 1


@pytest.fixture(scope="module")
def bad_movies(tmp_path_factory):
    """Two good movies, and one of each fault."""
    folder = tmp_path_factory.mktemp("bad")
    write_movie(folder / "good.mp4", seconds=1.5)
    write_movie(folder / "good_too.mkv", seconds=2.5, sound=0.5)
    whole = write_movie(folder / "cut_off.mkv", seconds=6).read_bytes()
    (folder / "cut_off.mkv").write_bytes(whole[: len(whole) * 6 // 10])
    whole = write_movie(folder / "no_index.mp4").read_bytes()
    (folder / "no_index.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "text.avi").write_text("no video\n" * 99)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "notes.txt").write_text("nothing")
    return folder


@pytest.mark.parametrize("processes", [1, 2])
def test_one_bad_movie_does_not_stop_the_rest(tmp_path, bad_movies, processes):
    summary = CutSummary()
    movies = find_movies(bad_movies)
    assert [movie.name for movie in movies if movie.suffix == ".txt"] == []
    summary.failures = cut_movies(
        movies, tmp_path / "clips", tmp_path / "keyframes", processes=processes, on_report=summary.add
    )
    reasons = {failure.movie.name: failure.reason for failure in summary.failures}
    assert list(reasons) == ["cut_off.mkv", "empty.mp4", "no_index.mp4", "text.avi"]
    assert "does not open as a video" in reasons["no_index.mp4"]
    assert "does not open as a video" in reasons["text.avi"]
    assert "6.00 s" in reasons["cut_off.mkv"]
    assert names(tmp_path / "clips" / "good") == ["0.mp4", "1.mp4"]
    assert names(tmp_path / "keyframes" / "good_too") == ["0.jpg", "1.jpg", "2.jpg"]
    kept = names(tmp_path / "clips" / "cut_off")
    assert 1 <= len(kept) <= 4  # the whole seconds before the cut
    text = str(summary)
    assert "2 of 6 movies are cut: 5 seconds written, 0 were there already" in text
    assert "4 failed:" in text
    assert str(bad_movies / "cut_off.mkv") in text


def test_a_movie_that_cannot_be_written_is_a_failure(tmp_path):
    movie = write_movie(tmp_path / "a.mp4", seconds=1.5)
    (tmp_path / "clips").write_text("a file where the folder should be")
    (failure,) = cut_movies([movie], tmp_path / "clips", None)
    assert failure.movie == movie
    assert "writing fails" in failure.reason
    assert "clips" in failure.reason


def test_a_crashing_decoder_is_blamed_alone(tmp_path):
    movies = [tmp_path / f"{name}.mp4" for name in ("a", "deadly", "b", "odd", "c", "d")]
    done = list(run_in_processes(crash, movies, 2))
    found = {movie.stem: result for movie, result in done}
    assert len(done) == len(movies)
    assert "its worker process died" in found.pop("deadly")
    assert found.pop("odd") == "ValueError: an odd value"
    assert found == {name: f"{name} is cut" for name in "abcd"}


def test_stopping_ends_the_workers_and_removes_what_is_half_written(tmp_path):
    movies = [tmp_path / "slow.mp4", tmp_path / "quick.mp4"]
    results = run_in_processes(write_slowly, movies, 2)
    assert next(results) == (movies[1], "done")
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 20  # of a job of 60 seconds
    assert [path.name for path in tmp_path.iterdir()] == ["slow started"]


def test_a_worker_that_is_stopped_on_its_way_out_says_nothing():
    """The end of the pool terminates workers that may be running their exit handlers: a traceback came of it."""
    code = """
import atexit, multiprocessing, os, signal
from pathlib import Path
from alphaction.workflows.prepare import movie_pool

movie_pool._start_worker(multiprocessing.Value("q", 0), multiprocessing.Value("q", 0))
assert movie_pool._work(lambda movie, count: count() or signal.getsignal(signal.SIGTERM), Path()) is movie_pool._stop
atexit.register(os.kill, os.getpid(), signal.SIGTERM)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGTERM, "", "")


def test_an_error_of_one_movie_does_not_stop_this_process(tmp_path):
    movies = [tmp_path / "odd.mp4", tmp_path / "other.mp4"]
    assert [result for _, result in run_in_processes(crash, movies, 1)] == ["ValueError: an odd value", "other is cut"]


def test_ctrl_c_waits_until_all_workers_have_started():
    """Also where another thread takes it, in which no mask holds it back."""
    ended, passed = threading.Event(), []
    other = threading.Thread(target=ended.wait)

    def work() -> None:
        with movie_pool._signals_held_back():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
            passed.append("block")
        passed.append("end")

    other.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        ended.set()
        other.join()
    assert passed == ["block"]


def test_movies_of_one_name_are_refused(tmp_path):
    with pytest.raises(UserError, match=r'a/x.mp4 and .*b/x.mkv would both be cut into the folder "x"'):
        cut_movies([tmp_path / "a" / "x.mp4", tmp_path / "b" / "x.mkv"], tmp_path / "clips", None)
    assert not (tmp_path / "clips").exists()


def test_options_are_checked_first(tmp_path):
    movies = [tmp_path / "missing.mp4"]
    for options, message in [
        ({"start": -1}, "start -1"),
        ({"start": 5, "end": 5}, "end 5 is not after start 5"),
        ({"fps": 0.2}, "fps 0.2"),
        ({"short_side": 1}, "short side 1"),
        ({"processes": 0}, "0 processes"),
    ]:
        with pytest.raises(UserError, match=message):
            cut_movies(movies, tmp_path / "clips", None, **options)


def test_a_folder_without_movies(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        find_movies(tmp_path / "none")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UserError, match=r"holds no video \(1 other file\)"):
        find_movies(tmp_path)
