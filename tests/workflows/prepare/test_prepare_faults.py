"""What is wrong with times, boxes and videos is named with the remedy that helps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from workflows.prepare.video_files import write_movie

from alphaction.data.formats.rows import RowBuilder, RowTable
from alphaction.toy import ToyOptions, make_toy_dataset
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.beyond_end import refuse_beyond_end
from alphaction.workflows.prepare.prepare import prepare_dataset
from alphaction.workflows.prepare.prepare_options import PrepareOptions
from alphaction.workflows.prepare.video_library import VideoLibrary


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Path:
    """A toy dataset of 1 + 1 videos of 6 seconds at 10 frames per second; tests must not change it."""
    options = ToyOptions(num_train=1, num_val=1, seconds=6, fps=10.0, width=128, height=96)
    return make_toy_dataset(tmp_path_factory.mktemp("toy") / "world", options)


def prepare(toy: Path, folder: Path, train: str, **more) -> str:
    """Prepare with the rows ``train`` for training, and return what was printed."""
    path = folder / "train.csv"
    path.write_text(train)
    files = {"train": (path,), "val": (toy / "annotations/val.csv",)}
    lines: list[str] = []
    options = PrepareOptions(name="own", videos=toy / "videos", output=folder / "own", **files, **more)
    prepare_dataset(options, say=lines.append, progress=False)
    return "\n".join(lines)


def imported(seconds: list[int], format: str) -> RowTable:
    rows = RowBuilder()
    for second in seconds:
        rows.add("train_000", second, (0.1, 0.1, 0.5, 0.5), ("sit",), place="row")
    return rows.build(Path("file"), format=format)


@pytest.mark.parametrize(
    ("seconds", "format", "remedy"),
    [
        ([1, 2, 3, 50], "ava", "Correct the seconds"),
        ([10, 20, 50, 1], "ava", r"All would fit as frame numbers: divide .* \(10\)"),
        ([10, 20, 50, 1], "cvat", "is this another cut"),
        ([1, 2, 7, 8], "labelstudio", "is this another cut"),
    ],
)
def test_the_remedy_for_late_times_depends_on_who_counted_them(toy, seconds, format, remedy):
    library = VideoLibrary(toy / "videos")
    with pytest.raises(UserError, match=remedy) as error:
        refuse_beyond_end({"train": [imported(seconds, format)]}, library)
    assert ("frame numbers" in str(error.value)) == ("frame numbers" in remedy)


def test_boxes_in_another_form_get_the_command_that_converts_them(toy, tmp_path):
    pixels = tmp_path / "boxes.csv"
    pixels.write_text("val_000,1,20,20,60,60,0.9\n")
    with pytest.raises(UserError, match="looks like pixels") as error:
        prepare(toy, tmp_path, "train_000,1,0.1,0.1,0.5,0.5,1\n", person_boxes=(pixels,))
    command = f"tools/detect_persons.py --dataset-name own --import {pixels} --from csv"
    assert command in str(error.value)
    assert "leave out --person-boxes now" in str(error.value)


def test_how_boxes_were_read_is_printed(toy, tmp_path):
    text = prepare(toy, tmp_path, "video,second,x,y,w,h,action_id\ntrain_000,1,12.8,9.6,64,48,1\n")
    assert "  boxes are read as x, y, width, height in pixels, as the header says" in text
    written = (tmp_path / "own/annotations/own_train.csv").read_text().split(",")
    assert [float(value) for value in written[2:6]] == pytest.approx([0.1, 0.1, 0.6, 0.6])


@pytest.mark.parametrize(
    ("rate", "frames", "text"),
    [
        (1, 1, "1 video, 1 second in all; 96x64 pixels; 1 frame per second"),
        (30, 5, "1 video, 0.2 seconds in all; 96x64 pixels; 30 frames per second"),
        (10, 12, "1 video, 1.2 seconds in all; 96x64 pixels; 10 frames per second"),
    ],
)
def test_the_summary_of_short_videos_reads_well(tmp_path, rate, frames, text):
    write_movie(tmp_path / "a.mp4", fps=str(rate), seconds=frames / rate)
    library = VideoLibrary(tmp_path)
    library.probe(False)
    assert library.summary() == [f"{tmp_path}: {text}"]


def test_two_videos_of_one_name_leave_no_strange_summary(toy, tmp_path):
    for name in ("clip.mp4", "clip.MKV"):
        shutil.copy(toy / "videos" / "val_000.mp4", tmp_path / name)
    library = VideoLibrary(tmp_path)
    library.probe(False)
    first, second = library.summary()
    assert first == f"{tmp_path}: 1 video, none of which can be used:"
    assert "clip.MKV" in second


def test_xml_on_one_long_line_for_both_splits(toy, tmp_path):
    """Messages on the dataset look for the rows of a video in its file, which is no csv here."""
    boxes = "".join(
        f'<box frame="{frame}" outside="0" xtl="10" ytl="10" xbr="60" ybr="80"{" " * 3000}></box>'
        for frame in range(60)
    )
    meta = "<meta><task><size>60</size><mode>interpolation</mode><source>train_000.mp4</source></task></meta>"
    path = tmp_path / "long.xml"
    path.write_text(f'<annotations>{meta}<track id="0" label="wave">{boxes}</track></annotations>')
    lines: list[str] = []
    files = {"train": (path,), "val": (path,)}
    options = PrepareOptions(name="own", videos=toy / "videos", output=tmp_path / "own", **files)
    prepare_dataset(options, say=lines.append, progress=False)
    assert "6 boxes, 6 labels" in "\n".join(lines)
