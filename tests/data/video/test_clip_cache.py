"""The cache of decoded clips: the same frames as without it, whatever happens to videos, entries and the disk."""

from __future__ import annotations

import dataclasses
import errno
import logging
import multiprocessing
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from messages import says

from alphaction.config import get_cfg
from alphaction.config.paths_catalog import DatasetSpec
from alphaction.data import cache_entry
from alphaction.data.dataset import ActionDataset
from alphaction.data.loader import build_train_loader
from alphaction.data.transforms import ResizeRule
from alphaction.data.video.clip_cache import CachedClipSource, with_cache
from alphaction.data.video.one_second_clips import OneSecondClipSource
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.errors import UserError

WINDOW = list(range(-8, 8))
HALF = ResizeRule(24, 100)


@pytest.fixture
def movies(tmp_path, make_video):
    """A movie of 2 s."""
    make_video(tmp_path / "movies" / "film.mp4", frames=50)
    return tmp_path / "movies"


@pytest.fixture
def clips(tmp_path, make_video):
    """Seconds 3 to 5 of one movie, cut into clips."""
    for second in range(3, 6):
        make_video(tmp_path / "clips" / "film" / f"{second}.mp4", frames=25, first_number=25 * (second - 3))
    return tmp_path / "clips"


@pytest.fixture
def decoded(monkeypatch):
    """Number of clips that sources decode, as the length of a list."""
    calls = []
    for source in (MovieSource, OneSecondClipSource):
        frames = source.frames

        def counted(self, *args, _frames=frames, **kwargs):
            calls.append(args)
            return _frames(self, *args, **kwargs)

        monkeypatch.setattr(source, "frames", counted)
    return calls


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def movie_cache(movies: Path) -> CachedClipSource:
    return CachedClipSource(MovieSource(movies), movies.parent / "cache")


def test_a_clip_is_decoded_once(movies, decoded):
    plain = MovieSource(movies).read("film", 1, WINDOW, 25, HALF)
    decoded.clear()
    cold = movie_cache(movies).read("film", 1, WINDOW, 25, HALF)
    warm = movie_cache(movies).read("film", 1, WINDOW, 25, HALF)  # a new source, as another run has
    assert len(decoded) == 1
    for frames in (cold, warm):
        assert frames.dtype == np.uint8
        assert frames.flags.writeable
        assert np.array_equal(frames, plain)
    [entry] = entries(movies.parent / "cache")
    assert entry.name.startswith("0001-")
    assert entry.parent.name.startswith("film-")
    assert np.array_equal(np.load(entry, allow_pickle=False), plain)
    # what GETTING_STARTED promises of the room
    assert plain.nbytes == 16 * 24 * 32 * 3
    assert plain.nbytes < entry.stat().st_size <= plain.nbytes + 200


def test_everything_that_decides_the_frames_is_in_the_key(movies, clips):
    source, cache = movie_cache(movies), movies.parent / "cache"
    arguments = {"video": "film", "second": 1, "slots": WINDOW, "fps": 25, "size": HALF}
    changes = [
        {},
        {"second": 0},
        {"slots": WINDOW[1:]},
        {"slots": [slot * 2 for slot in WINDOW]},
        {"fps": 12.5},
        {"fps": 0},
        {"size": ResizeRule(12, 100)},
        {"size": None},
        {"video": "film.mp4"},
    ]
    for number, change in enumerate(changes, 1):
        asked = {**arguments, **change}
        expected = MovieSource(movies).read(**asked)
        for _ in range(2):
            assert np.array_equal(source.read(**asked), expected)
        assert len(entries(cache)) == number
    # another rule that comes to the same size shares the entry
    source.read(**{**arguments, "size": ResizeRule(24, 32)})
    assert len(entries(cache)) == len(changes)
    # a video of the same name elsewhere has entries, and a sub-folder, of its own
    CachedClipSource(OneSecondClipSource(clips), cache).read("film", 4, WINDOW, 25, HALF)
    assert len({entry.parent for entry in entries(cache)}) == 3


@pytest.mark.parametrize("keep_size", [True, False])
def test_a_changed_video_is_decoded_anew(movies, make_video, frame_numbers, keep_size):
    source, path = movie_cache(movies), movies / "film.mp4"
    assert frame_numbers(source.read("film", 1, [0], 25)) == [25]
    other = make_video(movies.parent / "other.mp4", frames=50, first_number=60)
    longest = max(path.stat().st_size, other.stat().st_size)
    if keep_size:
        # bytes after the last box are ignored
        for file in (path, other):
            file.write_bytes(file.read_bytes().ljust(longest, b"\0"))
        assert frame_numbers(movie_cache(movies).read("film", 1, [0], 25)) == [25]
    os.replace(other, path)
    # by the very source that has the old file open, and by a new one
    for changed in (source, movie_cache(movies)):
        assert frame_numbers(changed.read("film", 1, [0], 25)) == [85]


def test_a_video_replaced_while_it_is_read_is_not_stored(movies, make_video, frame_numbers, monkeypatch):
    other = make_video(movies.parent / "other.mp4", frames=50, first_number=60)
    read = MovieSource.read

    def read_then_replaced(self, *args, **kwargs):
        frames = read(self, *args, **kwargs)
        if other.exists():
            os.replace(other, movies / "film.mp4")
        return frames

    monkeypatch.setattr(MovieSource, "read", read_then_replaced)
    source = movie_cache(movies)
    assert frame_numbers(source.read("film", 1, [0], 25)) == [25]
    assert entries(movies.parent / "cache") == []
    assert frame_numbers(source.read("film", 1, [0], 25)) == [85]
    assert len(entries(movies.parent / "cache")) == 1


def test_every_one_second_clip_that_is_read_counts(clips, make_video, frame_numbers, decoded):
    cache = clips.parent / "cache"

    def read(second=4, fps=25):
        frames = CachedClipSource(OneSecondClipSource(clips), cache).read("film", second, WINDOW, fps)
        return frame_numbers(frames)

    assert read() == list(range(17, 33))
    assert read() == list(range(17, 33))
    assert len(decoded) == 1
    make_video(clips / "film" / "3.mp4", frames=25, first_number=100)  # before the keyframe
    assert read() == [*range(117, 125), *range(25, 33)]
    (clips / "film" / "3.mp4").unlink()
    assert read() == [25] * 8 + list(range(25, 33))
    make_video(clips / "film" / "3.mp4", frames=25, first_number=0)
    assert read() == list(range(17, 33))
    # FPS 0 takes the rate of the first clip, which need not be among those that are read
    make_video(clips / "film" / "1.mp4", fps=25, frames=25)
    assert read(second=5, fps=0)[8:] == list(range(50, 58))
    make_video(clips / "film" / "1.mp4", fps=5, frames=5)
    assert read(second=5, fps=0)[8:12] == [50, 55, 60, 65]
    with pytest.raises(UserError, match="second 7"):
        read(second=7)


@pytest.mark.parametrize("damage", ["empty", "truncated", "no checksum", "one bit", "longer", "another's", "folder"])
def test_a_damaged_entry_is_decoded_again(movies, damage, caplog, decoded):
    source = movie_cache(movies)
    right = source.read("film", 1, WINDOW, 25, HALF)
    other = source.read("film", 0, WINDOW, 25, HALF)
    first, entry = entries(movies.parent / "cache")
    data = entry.read_bytes()
    flipped = data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]
    content = {
        "empty": b"",
        "truncated": data[: len(data) // 2],
        "no checksum": data[:-4],
        "one bit": flipped,
        "longer": data + b"\0",
        "another's": first.read_bytes(),
    }
    assert not np.array_equal(right, other)
    if damage == "folder":
        entry.unlink()
        entry.mkdir()
    else:
        entry.write_bytes(content[damage])
    decoded.clear()
    assert np.array_equal(source.read("film", 1, WINDOW, 25, HALF), right)
    assert len(decoded) == 1
    says(caplog.text, f"DATALOADER.CLIP_CACHE: {entry} ", "decoded again")
    if damage != "folder":
        assert entry.read_bytes() == data
        assert np.array_equal(source.read("film", 1, WINDOW, 25, HALF), right)
        assert len(decoded) == 1


def test_a_full_disk_is_told_once(movies, monkeypatch, caplog, frame_numbers):
    source, cache = movie_cache(movies), movies.parent / "cache"
    source.read("film", 0, [0], 25)
    before = entries(cache)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache_entry, "_checksum", full)  # asked for after most of an entry is written
    assert frame_numbers(source.read("film", 1, [0, 1], 25)) == [25, 26]
    monkeypatch.undo()
    assert frame_numbers(source.read("film", 1, [2, 3], 25)) == [27, 28]
    assert entries(cache) == before  # nothing new, and no half of an entry
    assert frame_numbers(source.read("film", 0, [0], 25)) == [0]
    [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
    says(warning.getMessage(), f"DATALOADER.CLIP_CACHE {cache}: ", "No space left")


def test_a_video_whose_size_changes_is_not_stored(movies, monkeypatch):
    """The key speaks of the size that the file shows at its start."""
    source = movie_cache(movies)
    info = source.probe("film")
    monkeypatch.setattr(MovieSource, "_probe", lambda *_: dataclasses.replace(info, width=info.width * 2))
    assert movie_cache(movies).read("film", 1, [0], 25).shape == (1, 48, 64, 3)
    assert entries(movies.parent / "cache") == []


def read_many(source: CachedClipSource, result) -> None:
    result.put([source.read("film", second, WINDOW, 25, HALF).tobytes() for second in (0, 1) * 3])


def test_processes_share_a_folder(movies):
    context = multiprocessing.get_context("fork")
    results, source = context.Queue(), movie_cache(movies)
    processes = [context.Process(target=read_many, args=(source, results)) for _ in range(3)]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    expected = [MovieSource(movies).read("film", second, WINDOW, 25, HALF).tobytes() for second in (0, 1)] * 3
    assert found == [expected] * 3
    assert len(entries(movies.parent / "cache")) == 2


def test_the_rest_is_the_other_sources(movies):
    plain, source = MovieSource(movies), pickle.loads(pickle.dumps(movie_cache(movies)))
    assert source.probe("film") == plain.probe("film")
    assert source.frame_size("film") == (64, 48)
    assert source.check("film", np.array([0, 1])).sentences() == []
    [problem] = source.check("film", np.array([7])).sentences()
    assert plain.check("film", np.array([7])).sentences() == [problem]
    with pytest.raises(UserError, match="gone.mp4"):
        source.read("gone", 1, [0], 25)
    assert with_cache(plain, "") is plain


def test_the_folder_is_expanded(movies, monkeypatch):
    monkeypatch.setenv("HOME", str(movies.parent))
    source = with_cache(MovieSource(movies), "~/kept/clips")
    source.read("film", 1, [0], 25)
    assert len(entries(movies.parent / "kept" / "clips")) == 1


@pytest.fixture
def training(tmp_path, make_video):
    """Config with every random choice on, and files of a small dataset."""
    make_video(tmp_path / "videos" / "wide.mp4")
    make_video(tmp_path / "videos" / "tall.mp4", fps=7, frames=28, size=(48, 80))
    rows = [f"{video},{second},0.1,0.2,0.5,0.9,{label},1" for video in ("wide", "tall") for second, label in
            ((0, 1), (1, 2), (2, 1), (3, 2))]  # fmt: skip
    (tmp_path / "truth.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "labels.pbtxt").write_text(
        "".join(f'label {{ name: "{n}" label_id: {i} label_type: PERSON_MOVEMENT }}\n' for i, n in ((1, "a"), (2, "b")))
    )
    cfg = get_cfg()
    cfg.INPUT.FRAME_NUM, cfg.INPUT.FRAME_SAMPLE_RATE, cfg.INPUT.TAU, cfg.INPUT.ALPHA = 16, 1, 8, 4
    cfg.INPUT.MIN_SIZE_TRAIN = 24
    cfg.INPUT.COLOR_JITTER = cfg.INPUT.SLOW_JITTER = True
    cfg.SOLVER.VIDEOS_PER_BATCH, cfg.SOLVER.MAX_ITER = 4, 2
    spec = DatasetSpec(
        name="toy",
        videos=tmp_path / "videos",
        clips=None,
        label_map=tmp_path / "labels.pbtxt",
        eval_label_map=None,
        annotations=tmp_path / "truth.csv",
        person_boxes=None,
        object_boxes=None,
        exclusions=None,
        source="a test",
    )
    return cfg, spec


def epoch(cfg, spec, workers: int, cache: Path | str) -> list[bytes]:
    cfg.DATALOADER.NUM_WORKERS, cfg.DATALOADER.CLIP_CACHE = workers, str(cache)
    dataset = ActionDataset.from_config(cfg, spec, training=True)
    return [
        b"".join(value.numpy().tobytes() for value in (batch.slow, batch.fast, batch.boxes, batch.labels))
        for batch in build_train_loader(cfg, dataset, seed=3)
    ]


def test_an_epoch_is_the_same_without_a_cold_and_a_warm_cache(training, tmp_path, decoded):
    cfg, spec = training
    plain = epoch(cfg, spec, 0, "")
    assert len(plain) == 2
    assert len(decoded) == 8
    for workers in (0, 2):
        cache = tmp_path / f"cache{workers}"
        cold, cold_count = epoch(cfg, spec, workers, cache), len(decoded)
        kept = entries(cache)
        assert len(kept) == 8
        times = [entry.stat().st_mtime_ns for entry in kept]
        warm = epoch(cfg, spec, workers, cache)
        assert plain == cold == warm
        assert entries(cache) == kept
        assert [entry.stat().st_mtime_ns for entry in kept] == times
        if workers == 0:
            assert cold_count == len(decoded) == 16
    # the jitter goes on: another seed's clips begin elsewhere, and become further entries
    cfg.DATALOADER.NUM_WORKERS, cfg.DATALOADER.CLIP_CACHE = 0, str(tmp_path / "cache0")
    dataset = ActionDataset.from_config(cfg, spec, training=True)
    for _ in build_train_loader(cfg, dataset, seed=4):
        pass
    assert len(entries(tmp_path / "cache0")) > 8


def test_keyframes_between_seconds_have_entries_of_their_own(movies):
    source = movie_cache(movies)
    for second in (1, 1.25, 1.0):
        expected = MovieSource(movies).read("film", second, WINDOW, 25)
        assert np.array_equal(source.read("film", second, WINDOW, 25), expected)
    names = [entry.name.partition("-")[0] for entry in entries(movies.parent / "cache")]
    assert names == ["0001", "0001.250"]
