"""The sound of a video stays with its pictures: of the same length, and in time with them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from alphaction.data.video.encoder import write_video
from alphaction.data.video.file import VideoFile
from alphaction.data.video.sound import BrokenSoundError, Sound

FPS, SECONDS = 10, 6
BEEP = (2.0, 3.0)  # a tone sounds and the pictures are white


def write_beep(path: Path, codec: str = "aac", rate: int = 48000, layout: str = "stereo", late: float = 0.0) -> Path:
    """Write 6 s of black pictures and silence with a white second of 1 kHz; ``late``: where the sound begins."""
    with av.open(str(path), "w", format="mpegts" if path.suffix == ".ts" else None) as container:
        # After a seek in MPEG-TS, MPEG-4's decoder shows pictures that lack their key frame.
        video = container.add_stream("libx264" if path.suffix == ".ts" else "mpeg4", rate=FPS)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream(codec, rate=rate, layout=layout)
        for index in range(SECONDS * FPS):
            white = BEEP[0] <= index / FPS < BEEP[1]
            picture = np.full((48, 64, 3), 255 if white else 0, dtype=np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            if index / FPS >= late:
                frame = av.AudioFrame.from_ndarray(_samples(index, rate, layout), format="fltp", layout=layout)
                frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), index * rate // FPS
                container.mux(sound.encode(frame))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    return path


def _samples(index: int, rate: int, layout: str) -> np.ndarray:
    time = np.arange(index * rate // FPS, (index + 1) * rate // FPS) / rate
    tone = np.where((time >= BEEP[0]) & (time < BEEP[1]), 0.5 * np.sin(2 * np.pi * 1000 * time), 0)
    return np.tile(tone.astype(np.float32), (2 if layout == "stereo" else 1, 1))


def heard(path: Path) -> tuple[str, float, tuple[float, float]]:
    """Return codec, end, and begin and end of the tone, in seconds from the start of the video."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=48000)
        times, end = [], 0.0
        for decoded in container.decode(stream):
            for frame in resampler.resample(decoded):
                samples = frame.to_ndarray()[0]
                begin = float(frame.pts * frame.time_base) - container.start_time / av.time_base
                times.append(begin + np.flatnonzero(np.abs(samples) > 0.2) / 48000)
                end = begin + len(samples) / 48000
        loud = np.concatenate(times)
        return stream.codec_context.codec.canonical_name, end, (float(loud.min()), float(loud.max()))


def rewrite(path: Path, output: Path, start: float, end: float) -> Sound:
    """Write a part of the video and its sound to another file, frame by frame."""
    container = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov", ".avi": "avi"}[output.suffix]
    times = (start + np.arange(round((end - start) * FPS)) / FPS).tolist()
    movie, sound = VideoFile(path), Sound.of(path, start, end, container)
    write_video(output, movie.stream(times), FPS, container, sound=sound)
    movie.close()
    sound.close()
    return sound


@pytest.mark.parametrize(("start", "end"), [(0.0, 6.0), (1.5, 4.0)])
@pytest.mark.parametrize(
    ("source", "codec", "rate", "output", "result"),
    [
        ("a.mp4", "aac", 48000, "b.mp4", "sound copied (aac)"),
        ("a.mp4", "aac", 22050, "b.mkv", "sound copied (aac)"),
        ("a.ts", "aac", 44100, "b.mp4", "sound copied (aac)"),
        ("a.mkv", "flac", 44100, "b.mp4", "sound encoded (aac)"),
        ("a.mkv", "flac", 44100, "b.mkv", "sound copied (flac)"),
        ("a.mov", "pcm_s16le", 44100, "b.mov", "sound copied (pcm_s16le)"),
        ("a.mov", "pcm_s16le", 8000, "b.mp4", "sound encoded (aac)"),
        ("a.ts", "mp2", 48000, "b.mov", "sound encoded (aac)"),
        ("a.mp4", "aac", 48000, "b.avi", "sound encoded ("),
    ],
)
def test_sound_is_of_the_right_length_and_in_time(tmp_path, start, end, source, codec, rate, output, result):
    path, new = write_beep(tmp_path / source, codec, rate), tmp_path / output
    before = heard(path)[2]  # a codec's own delay is the source's
    sound = rewrite(path, new, start, end)
    assert str(sound).startswith(result)
    assert sound.problem is None
    _, length, beep = heard(new)
    assert length == pytest.approx(end - start, abs=0.1)
    assert beep == pytest.approx((before[0] - start, before[1] - start), abs=0.04)
    movie = VideoFile(new)
    bright = [frame.mean() > 128 for frame in movie.frames_at([BEEP[0] - start - 0.1, BEEP[0] - start + 0.1], None)]
    assert bright == [False, True]


@pytest.mark.parametrize("codec", ["aac", "flac"])
def test_sound_that_begins_late_stays_late(tmp_path, codec):
    path = write_beep(tmp_path / "a.mkv", codec, late=1.0)
    rewrite(path, tmp_path / "b.mp4", 0.0, 6.0)
    assert heard(tmp_path / "b.mp4")[2] == pytest.approx(BEEP, abs=0.04)


def test_a_video_without_sound_has_none(tmp_path):
    write_video(tmp_path / "a.mp4", [np.zeros((48, 64, 3), np.uint8)] * 5, FPS)
    assert Sound.of(tmp_path / "a.mp4", 0, 0.5, "mp4") is None


def test_sound_that_breaks_off_ends_early_and_says_so(tmp_path, monkeypatch):
    path = write_beep(tmp_path / "a.mp4")
    sound = Sound.of(path, 0.0, 6.0, "mp4")
    packets = Sound._copies

    def broken(self, output):
        for number, packet in enumerate(packets(self, output)):
            if number == 100:
                raise av.InvalidDataError(1, "Invalid data found")
            yield packet

    monkeypatch.setattr(Sound, "_copies", broken)
    write_video(tmp_path / "b.mp4", [np.zeros((48, 64, 3), np.uint8)] * 60, FPS, "mp4", sound=sound)
    assert "Invalid data found" in sound.problem
    assert heard(tmp_path / "b.mp4")[1] == pytest.approx(100 * 1024 / 48000, abs=0.03)
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60


def test_sound_that_cannot_be_read_at_all(tmp_path, monkeypatch):
    path = write_beep(tmp_path / "a.mp4")

    def broken(self):
        raise av.InvalidDataError(1, "Invalid data found")
        yield

    monkeypatch.setattr(Sound, "_demuxed", broken)
    with pytest.raises(BrokenSoundError, match="Invalid data found"):
        Sound.of(path, 0.0, 6.0, "mp4")
