"""Which videos a command line means, and where they go."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from alphaction.data.formats.rows import NoBoxesError
from alphaction.utils.errors import UserError
from alphaction.workflows.detect.detector_weights import DEFAULT_MODEL
from alphaction.workflows.predict.video_list import find_videos, jobs_for, named_paths, split_keys
from alphaction.workflows.predict.video_options import VideoFailure, VideoOptions


@pytest.fixture
def videos(tmp_path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("b.MP4", "a 1.mov", ".c.mp4", "notes.md"):
        (folder / name).write_text("")
    return folder


@pytest.mark.parametrize("key", ["MODEL.WEIGHT", "MODEL.WEIGT", "OUTPUT_DIR"])
def test_keys_are_told_from_videos(key):
    assert split_keys(["GOPR0001.MP4", "a.mp4", key, "B.MP4"]) == (["GOPR0001.MP4", "a.mp4"], [key, "B.MP4"])
    assert split_keys(["A.B.MP4", "LIST.TXT"]) == (["A.B.MP4", "LIST.TXT"], [])


def test_files_folders_and_lists(videos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    listing = videos / "list.txt"
    listing.write_text("\ufeffb.MP4\n\n# not this\nvideos/a 1.mov\r\nmissing.mp4\n", encoding="utf-8")
    both = [videos / "a 1.mov", videos / "b.MP4"]
    assert list(find_videos([videos])) == both
    assert list(find_videos([both[1], videos])) == [both[1], both[0]]
    missing = f"{listing}, line 5: missing.mp4 does not exist (looked in {tmp_path} and {videos})"
    assert find_videos([listing]) == {both[1]: "", Path("videos/a 1.mov"): "", Path("missing.mp4"): missing}
    assert find_videos([Path("missing.mp4")]) == {Path("missing.mp4"): ""}
    job = jobs_for(VideoOptions(videos, tmp_path / "out", detector=DEFAULT_MODEL), find_videos([listing]), one=False)[
        -1
    ]
    with pytest.raises(UserError) as caught:
        job.check()
    assert str(caught.value) == missing
    failure = VideoFailure.of(job.video, caught.value)
    assert str(failure) == failure.short == missing


def test_folders_inside_a_folder_are_named(videos, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("alphaction"), "propagate", True)
    assert len(find_videos([videos])) == 2
    assert not caplog.messages
    (videos / "more" / "cam 1").mkdir(parents=True)
    (videos / "more" / "cam 1" / "c.mp4").write_text("")
    assert len(find_videos([videos])) == 2
    assert caplog.messages == [
        f"--video {videos}: 1 more video lies in folders inside it (more/cam 1), which are not searched"
    ]


def test_patterns_stand_for_their_files(videos, monkeypatch):
    assert named_paths([f"{videos}/*.m[oO]*", "x.mp4"]) == [videos / "a 1.mov", Path("x.mp4")]
    (videos / "take [1].mp4").write_text("")
    assert named_paths([str(videos / "take [1].mp4")]) == [videos / "take [1].mp4"]
    monkeypatch.chdir(videos)
    with pytest.raises(UserError, match=rf"--video \*\.avi: no file has a name of this pattern .*{videos}"):
        named_paths(["*.avi"])


def test_addresses_are_no_files(tmp_path):
    with pytest.raises(UserError, match=r"--video rtsp://x/y: this is an address, which is predicted live and alone"):
        named_paths(["rtsp://x/y"])
    (tmp_path / "list.txt").write_text("\nhttps://x/y.mp4\n")
    with pytest.raises(UserError, match=r"list\.txt, line 2: https://x/y\.mp4: this is an address"):
        find_videos([tmp_path / "list.txt"])


def test_a_failure_is_short_in_the_summary():
    error = UserError("a b.mp4: it does not open as a video (no moov). Copy or download it again.")
    failure = VideoFailure.of(Path("a b.mp4"), error)
    assert (str(failure), failure.short) == (str(error), "it does not open as a video (no moov)")
    error = NoBoxesError('x.csv: no row names the video "a". Did you mean "b"?', "no row of x.csv names it")
    assert str(VideoFailure.of(Path("a.mp4"), error)) == "a.mp4: no row of x.csv names it"


def test_what_names_no_video(videos, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    for path, message in (
        ("empty", "the folder holds no video"),
        (".", "the folder holds no video.* Videos lie in .*videos"),
        ("empty.txt", "names no video"),
        ("binary.txt", "one path a line"),
        ("emty.txt", "emty.txt does not exist.*empty.txt"),
    ):
        with pytest.raises(UserError, match=message):
            find_videos([tmp_path / path])


def test_one_video_is_written_to_the_file_or_under_its_name(videos, tmp_path):
    template = VideoOptions(videos / "b.MP4", tmp_path / "out.mkv")
    (job,) = jobs_for(template, {videos / "b.MP4": ""}, one=True)
    assert job == template
    (job,) = jobs_for(replace(template, output=tmp_path / "out"), {videos / "b.MP4": ""}, one=True)
    assert job.output == tmp_path / "out" / "b.mp4"
    (job,) = jobs_for(replace(template, output=videos), {videos / "a 1.mov": ""}, one=True)
    assert job.output == videos / "a 1.mp4"


def test_several_videos_are_written_to_a_folder(videos, tmp_path, caplog):
    both, template = find_videos([videos]), VideoOptions(videos, tmp_path / "out")
    jobs = jobs_for(template, both, one=False)
    assert [job.video for job in jobs] == list(both)
    assert [job.output for job in jobs] == [tmp_path / "out/a 1.mp4", tmp_path / "out/b.mp4"]
    with pytest.raises(UserError, match=r"out\.mp4: this is one video, and --video names 2 videos\. Name a folder"):
        jobs_for(replace(template, output=tmp_path / "out.mp4"), both, one=False)
    with pytest.raises(UserError, match=r"b\.MP4 and .*b\.mkv would both be written to .*b\.mp4"):
        jobs_for(template, {**both, videos / "b.mkv": ""}, one=False)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("a\0b.mp4", "line 2: a zero byte"),
        ("x" * 5000 + ".mp4", "does not exist"),
        ("~nobody_here/a.mp4", "does not exist"),
    ],
)
def test_lines_that_name_no_file(tmp_path, line, problem):
    listing = tmp_path / "list.txt"
    listing.write_text(f"# videos\n{line}\n")
    try:
        said = next(iter(find_videos([listing]).values()))
    except UserError as error:
        said = str(error)
    assert problem in said
    assert "list.txt, line 2" in said
