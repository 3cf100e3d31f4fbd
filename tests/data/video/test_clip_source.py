"""The timeline of whole movies and of one-second clips, and errors about their files."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
from messages import says

from alphaction.data.tables import open_source
from alphaction.data.video.one_second_clips import OneSecondClipSource
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.errors import DataError, UserError

WINDOW = list(range(-32, 32))


def problems(source, video, seconds):
    return source.check(video, np.array(seconds)).sentences()


@pytest.fixture(scope="module")
def movies(tmp_path_factory, make_video):
    """Movies of 4 s: at 25 and 7 frames a second."""
    folder = tmp_path_factory.mktemp("movies")
    make_video(folder / "fast.mp4")
    make_video(folder / "slow.mkv", fps=7, frames=28)
    (folder / "notes.txt").write_text("not a video")
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory, make_video):
    """Seconds 3 to 6 of one movie at 25 frames a second, cut into clips; names in both spellings."""
    folder = tmp_path_factory.mktemp("clips")
    for second in range(3, 7):
        name = f"{second:04d}" if second % 2 else str(second)
        make_video(folder / "film" / f"{name}.mp4", frames=25, first_number=25 * (second - 3))
    return folder


def test_movie_window_around_the_keyframe(movies, frame_numbers):
    frames = MovieSource(movies).read("fast", 2, WINDOW, 25)
    assert frames.dtype == np.uint8
    assert frames.shape == (64, 48, 64, 3)
    assert frame_numbers(frames) == list(range(18, 82))


def test_movie_edges_repeat(movies, frame_numbers):
    source = MovieSource(movies)
    assert frame_numbers(source.read("fast", 0, WINDOW, 25)) == [0] * 32 + list(range(32))
    assert frame_numbers(source.read("fast", 3, WINDOW, 25)) == [*range(43, 100), *[99] * 7]
    assert frame_numbers(source.read("fast", 4, WINDOW, 25))[31:] == [99] * 33  # the very end still counts


def test_timeline_of_another_rate(movies, frame_numbers):
    source = MovieSource(movies)
    slots = list(range(-3, 4))
    nearest = [min(range(28), key=lambda frame: abs(frame / 7 - (2 + slot / 25))) for slot in slots]
    assert frame_numbers(source.read("slow", 2, slots, 25)) == nearest
    assert frame_numbers(source.read("slow", 2, slots, 0)) == [11, 12, 13, 14, 15, 16, 17]
    assert frame_numbers(source.read("fast", 2, slots, 5)) == [35, 40, 45, 50, 55, 60, 65]


def test_movie_size_rule(movies):
    frames = MovieSource(movies).read("fast", 1, [0, 1], 25, lambda size: (size[0] // 4, size[1] // 2))
    assert frames.shape == (2, 24, 16, 3)


def test_files_stay_open_up_to_a_limit(movies, tmp_path):
    for number in range(10):
        (tmp_path / f"copy{number}.mp4").symlink_to(movies / "fast.mp4")
    source = MovieSource(tmp_path)
    for number in (*range(10), 3):
        source.read(f"copy{number}", 1, [0], 25)
    assert [state.path.stem for state in source._open] == [f"copy{n}" for n in (2, 4, 5, 6, 7, 8, 9, 3)]
    assert pickle.loads(pickle.dumps(source)).read("copy1", 1, [0], 25).shape == (1, 48, 64, 3)


def test_forked_process_opens_its_own_files(movies, frame_numbers):
    source = MovieSource(movies)
    source.read("fast", 1, [0], 25)
    parents_file = next(iter(source._open.values()))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            right = frame_numbers(source.read("fast", 2, [0, 1], 25)) == [50, 51]
            status = 0 if right and next(iter(source._open.values())) is not parents_file else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert frame_numbers(source.read("fast", 1, [0, 1], 25)) == [25, 26]


def test_missing_movie_names_the_nearest(movies):
    with pytest.raises(UserError, match=r'"fats".*"fast"'):
        MovieSource(movies).read("fats", 1, [0], 25)


def test_movie_named_with_its_suffix(movies, frame_numbers):
    assert frame_numbers(MovieSource(movies).read("fast.mp4", 1, [0], 25)) == [25]


def test_movie_named_in_another_spelling(tmp_path, make_video):
    make_video(tmp_path / "Kitchen 3.mp4")
    make_video(tmp_path / "kitchen-4.mp4")
    source = MovieSource(tmp_path)
    for name in ("Kitchen 3", "Kitchen 3.mp4", "kitchen_3", "videos/Kitchen 3.MP4", "0a1b2c3d-Kitchen_3.mp4"):
        assert source.path(name) == tmp_path / "Kitchen 3.mp4"
    make_video(tmp_path / "Kitchen-3.mp4")
    with pytest.raises(UserError, match='holds no kitchen_3.mp4.*Did you mean "Kitchen'):
        MovieSource(tmp_path).path("kitchen_3")


def test_two_files_of_one_name(tmp_path, make_video):
    make_video(tmp_path / "a.mp4", frames=3)
    make_video(tmp_path / "a.mkv", frames=3)
    with pytest.raises(UserError, match=r"a\.mkv, a\.mp4"):
        MovieSource(tmp_path).probe("a")


def test_broken_movie_error_names_file_second_and_remedy(tmp_path, movies):
    whole = (movies / "fast.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError) as caught:
        MovieSource(tmp_path).read("cut", 2, [0], 25)
    for part in ("cut.mp4", "second 2", "Invalid data", "PyAV", "ffmpeg -i", "remove its rows"):
        assert part in str(caught.value)


def test_second_beyond_the_movie(movies):
    with pytest.raises(UserError, match=r"fast\.mp4 .*second 9.* 4\.00 s"):
        MovieSource(movies).read("fast", 9, WINDOW, 25)


def test_movie_problems(movies, tmp_path):
    source = MovieSource(movies)
    assert problems(source, "fast", [0, 3, 4]) == []
    [problem] = problems(source, "slow", [1, 5, 8, 9])
    says(problem, "slow.mkv", "4.00 s", "3 of its 4", "second 5, 8, 9")
    [missing] = problems(source, "nothing", [1])
    assert '"nothing"' in missing
    whole = (movies / "slow.mkv").read_bytes()
    (tmp_path / "slow.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    [cut] = problems(MovieSource(tmp_path), "slow", [1, 3])
    says(cut, "4.00 s", "cut off")


def test_clip_window_crosses_files(clips, frame_numbers):
    assert frame_numbers(OneSecondClipSource(clips).read("film", 5, WINDOW[:-7], 25)) == list(range(18, 75))
    assert frame_numbers(OneSecondClipSource(clips).read("film", 5, WINDOW, 25)) == list(range(18, 82))


def test_clip_own_rate(clips, frame_numbers):
    assert frame_numbers(OneSecondClipSource(clips).read("film", 5, WINDOW, 0)) == list(range(18, 82))


def test_missing_neighbors_repeat(clips, frame_numbers):
    source = OneSecondClipSource(clips)
    assert frame_numbers(source.read("film", 3, WINDOW, 25)) == [0] * 32 + list(range(32))
    assert frame_numbers(source.read("film", 6, WINDOW, 25)) == [*range(43, 100), *[99] * 7]


def test_clip_errors(clips, tmp_path):
    source = OneSecondClipSource(clips)
    with pytest.raises(UserError, match=r"film: 1 of 1 .*second 9 .*9\.mp4 and 0009"):
        source.read("film", 9, [0], 25)
    assert problems(source, "film", [3, 4, 6]) == []
    [problem] = problems(source, "film", [3, 7, 8])
    says(problem, "2 of 3", "second 7, 8")
    [problem] = problems(source, "flim", [3])
    assert '"film"' in problem
    (tmp_path / "film").mkdir()
    (tmp_path / "film" / "3.mp4").write_bytes(b"junk" * 100)
    [problem] = problems(OneSecondClipSource(tmp_path), "film", [3])
    assert "3.mp4: " in problem


def test_damage_in_the_middle_of_a_movie(movies, tmp_path):
    data = bytearray((movies / "fast.mp4").read_bytes())
    middle = slice(len(data) * 4 // 10, len(data) * 6 // 10)
    data[middle] = b"\xff" * (middle.stop - middle.start)
    (tmp_path / "fast.mp4").write_bytes(data)
    source = MovieSource(tmp_path)
    assert problems(source, "fast", [0]) == []
    [problem] = problems(source, "fast", [0, 2, 3])
    assert "fast.mp4 (wanted for second 2)" in problem


def test_an_empty_clip_is_found_wherever_it_lies(clips, tmp_path):
    whole = (clips / "film" / "4.mp4").read_bytes()
    (tmp_path / "film").mkdir()
    for second in range(50):
        (tmp_path / "film" / f"{second}.mp4").write_bytes(whole)
    (tmp_path / "film" / "26.mp4").write_bytes(b"")
    source = OneSecondClipSource(tmp_path)
    assert problems(source, "film", range(26)) == []
    [problem] = problems(source, "film", range(50))
    assert "26.mp4: is empty" in problem


def test_any_spelling_of_a_second_is_read(clips, tmp_path):
    (tmp_path / "film").mkdir()
    for name, of in (("3.MP4", "0003.mp4"), ("00004.mp4", "4.mp4"), ("0005.mp4", "0003.mp4"), ("5.mp4", "0005.mp4")):
        (tmp_path / "film" / name).write_bytes((clips / "film" / of).read_bytes())
    source = OneSecondClipSource(tmp_path)
    assert problems(source, "film", [3, 4, 5]) == []
    assert [source.path("film", second).name for second in (3, 4, 5)] == ["3.MP4", "00004.mp4", "5.mp4"]
    assert source.read("film", 4, [-1, 0, 25], 25).shape[0] == 3


def test_clip_probe(clips):
    info = OneSecondClipSource(clips).probe("film")
    assert (info.width, info.height, info.fps) == (64, 48, 25.0)
    assert info.duration == len(list((clips / "film").iterdir()))  # of the video, not of its first clip


def test_missing_folders(tmp_path):
    with pytest.raises(UserError, match="videos .*/nowhere"):
        MovieSource(tmp_path / "nowhere")
    with pytest.raises(UserError, match="clips .*/nowhere"):
        OneSecondClipSource(tmp_path / "nowhere")


def test_open_source(clips, movies):
    from alphaction.config.paths_catalog import DatasetSpec

    fields = dict.fromkeys(DatasetSpec.__dataclass_fields__)
    assert isinstance(open_source(DatasetSpec(**{**fields, "clips": clips, "videos": movies})), OneSecondClipSource)
    assert isinstance(open_source(DatasetSpec(**{**fields, "videos": movies})), MovieSource)
    with pytest.raises(UserError, match="`videos`.*`clips`"):
        open_source(DatasetSpec(**fields))


def test_keyframes_between_seconds(movies, clips, frame_numbers):
    movie, cut = MovieSource(movies), OneSecondClipSource(clips)
    assert frame_numbers(movie.read("fast", 1.52, [-40, -1, 0, 1, 40], 25)) == [0, 37, 38, 39, 78]
    assert frame_numbers(movie.read("fast", 1.5, [0], 25)) == [37]  # of two equally near frames the earlier one
    assert frame_numbers(cut.read("film", 4.52, [-14, -13, 0, 11, 12, 37], 25)) == [24, 25, 38, 49, 50, 75]
    assert frame_numbers(cut.read("film", 4.5, [0], 25)) == [37]
    assert frame_numbers(cut.read("film", 6.96, [0, 1, 2], 25)) == [99, 99, 99]  # nothing is after clip 6
    assert problems(movie, "fast", [0.5, 3.9]) == []
    assert problems(cut, "film", [3.5, 4, 4.5, 6.2]) == []
    says(problems(cut, "film", [2.5, 3.5])[0], "1 of 2 annotated keyframes", "second 2.5 (looked for 2.mp4")
    says(problems(movie, "fast", [1, 4.5, 5])[0], "2 of its 3 annotated keyframes are beyond that: second 4.5, 5")


@pytest.mark.parametrize("name", ["../outside/film", "{outside}/film", "x/../../outside/film"])
def test_clips_are_read_in_their_folder_alone(clips, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "film").symlink_to(clips / "film", target_is_directory=True)
    (tmp_path / "clips").mkdir()
    source, video = OneSecondClipSource(tmp_path / "clips"), name.format(outside=outside)
    for use in (lambda: source.probe(video), lambda: source.read(video, 5, [0], 25)):
        with pytest.raises(DataError) as caught:
            use()
        says(str(caught.value), video, tmp_path / "clips")
    assert video in problems(source, video, [5])[0]


def test_folders_of_clips_that_are_links_are_read_where_asked_for(clips, tmp_path, frame_numbers):
    (tmp_path / "film").symlink_to(clips / "film", target_is_directory=True)
    with pytest.raises(DataError) as caught:
        OneSecondClipSource(tmp_path).read("film", 5, [0], 25)
    says(str(caught.value), "film", "link", clips / "film", "DATASETS.FOLLOW_LINKS True")
    assert frame_numbers(OneSecondClipSource(tmp_path, follow_links=True).read("film", 5, [0], 25)) == [50]
    # Links to single files are ordinary: caches and data stores make them.
    (tmp_path / "linked").mkdir()
    for clip in (clips / "film").iterdir():
        (tmp_path / "linked" / clip.name).symlink_to(clip)
    assert frame_numbers(OneSecondClipSource(tmp_path).read("linked", 5, [0], 25)) == [50]
