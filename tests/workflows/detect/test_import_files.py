"""Boxes of another detector in several files, or a folder of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from alphaction.data.annotations import AnnotationTable
from alphaction.data.formats.rows import NoBoxesError
from alphaction.data.video.file import VideoInfo
from alphaction.utils.errors import UserError
from alphaction.workflows.detect.import_boxes import EMPTY_KEYFRAMES, REPEATED, ImportRules
from alphaction.workflows.detect.import_files import find_box_files, import_files, refuse_input


def info(video: str) -> VideoInfo:
    return VideoInfo(320, 200, 10.0, 6.0, math.floor(60))


@pytest.fixture
def annotations() -> AnnotationTable:
    videos, seconds = ["a", "a", "b", "b"], [0, 1, 0, 1]
    return AnnotationTable.from_columns(videos, seconds, np.tile([0.2, 0.2, 0.6, 0.8], (4, 1)), [1] * 4, source="t.csv")


@pytest.fixture
def folder(tmp_path) -> Path:
    """A file for each video, one that is empty, one of another video, and what is no csv."""
    folder = tmp_path / "boxes"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.csv").write_text("a,0,0.2,0.2,0.6,0.8,0.5\na,0,0.1,0.1,0.2,0.2,0.9\na,1,0.2,0.2,0.6,0.8,0.9\n")
    (folder / "inner" / "b.CSV").write_text("b,1,0.2,0.2,0.6,0.8,0.7\na,0,0.2,0.2,0.6,0.8,0.6\n")
    (folder / "empty.csv").write_text("")
    (folder / "other.csv").write_text("other,1,0.2,0.2,0.6,0.8,0.7\n")
    (folder / "notes.md").write_text("#")
    (folder / ".hidden.csv").write_text("x")
    return folder


def test_the_files_of_a_folder(folder):
    names = [path.name for path in find_box_files([folder / "other.csv", folder], "csv")]
    assert names == ["other.csv", "a.csv", "empty.csv", "b.CSV"]
    assert find_box_files([folder], "yolo") == [folder]
    with pytest.raises(UserError, match=r"boxes: the folder holds no coco file \(\.json, "):
        find_box_files([folder], "coco")
    with pytest.raises(UserError, match=r"--import: .*othr\.csv does not exist.* Did you mean .*other\.csv"):
        find_box_files([folder / "othr.csv"], "csv")
    with pytest.raises(UserError, match=r"also a file of --import"):
        refuse_input([folder / "a.csv", folder / "other.csv"], folder / "other.csv")


def test_boxes_of_several_files_are_one_table(folder, annotations):
    files = find_box_files([folder], "csv")
    table = import_files(files, "csv", annotations, info, ImportRules())
    assert list(table.keyframes) == [("a", 0), ("a", 1), ("b", 1)]
    boxes, scores = table.lookup("a", 0)
    np.testing.assert_allclose(boxes, [[0.1, 0.1, 0.2, 0.2], [0.2, 0.2, 0.6, 0.8]])
    np.testing.assert_allclose(scores, [0.9, 0.6])
    assert (table.counts["boxes read"], table.counts["boxes kept"], table.counts[REPEATED]) == (5, 4, 1)
    assert table.counts[EMPTY_KEYFRAMES] == 1
    table = import_files(files, "csv", annotations, info, ImportRules(max_per_frame=1))
    assert table.scores.tolist() == pytest.approx([0.9, 0.9, 0.7])
    assert table.counts["boxes beyond 1 of a keyframe left out"] == 2


def test_frames_are_numbered_alike_in_all_files(tmp_path, annotations):
    box = "0.2,0.2,0.6,0.8,0.9"
    (tmp_path / "a.csv").write_text(f"a,0,{box}\na,10,{box}\n")
    (tmp_path / "b.csv").write_text(f"b,10,{box}\nb,30,{box}\n")
    files = find_box_files([tmp_path], "csv")
    table = import_files(files, "csv", annotations, info, ImportRules(frames=True))
    assert list(table.keyframes) == [("a", 0), ("a", 1), ("b", 1)]
    with pytest.raises(NoBoxesError):  # alone, its frames would count from 1
        import_files(files[1:], "csv", annotations, info, ImportRules(frames=True))


def test_files_without_a_box_for_the_dataset(folder, annotations):
    files = [folder / "empty.csv", folder / "other.csv"]
    with pytest.raises(NoBoxesError, match=r"2 files, of which none has a box for t\.csv") as caught:
        import_files(files, "csv", annotations, info, ImportRules())
    assert caught.value.reason == f"{files[0]} has no rows; none of its videos (a, b) is in {files[1]}"
