"""Files that a video prediction reads and writes are checked before any work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alphaction.utils.errors import UserError
from alphaction.workflows.detect.detector_weights import DEFAULT_MODEL
from alphaction.workflows.predict.video_options import VideoOptions


@pytest.fixture
def options(tmp_path) -> VideoOptions:
    """Options that are in order, of files that hold nothing."""
    for name in ("a.mp4", "weights.mp4", "persons.csv", "things.csv", "old.csv", "old.mp4"):
        (tmp_path / name).write_text("")
    return VideoOptions(
        tmp_path / "a.mp4", tmp_path / "out.mp4", tmp_path / "persons.csv", object_boxes=tmp_path / "things.csv"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"csv": "persons.csv", "force": True}, "--csv .*persons.csv: .*--detections"),
        ({"tracks": "link.csv", "force": True}, "--tracks .*link.csv: .*--object-boxes"),
        ({"output": "a.mp4", "force": True}, "--output .*a.mp4: .*--video"),
        ({"csv": "new.csv", "tracks": "sub/../new.csv"}, "--tracks .*new.csv: .*--csv"),
        ({"output": "old.mp4"}, "--output .*old.mp4 .*--force"),
        ({"csv": "old.csv"}, "--csv .*old.csv .*--force"),
        ({"tracks": "old.csv"}, "--tracks .*old.csv .*--force"),
        ({"csv": "."}, "--csv .*folder"),
        ({"csv": "/proc/x.csv"}, "--csv /proc/x.csv: "),
        ({"tracks": "a.mp4/x.csv"}, "--tracks .*x.csv: .*a.mp4 is a file"),
        ({"output": "weights.mp4", "force": True}, "--output .*weights.mp4: .*the weights"),
        ({"video": "nowhere/a.mp4"}, "--video: .*nowhere/a.mp4 .*/a.mp4"),
        ({"detections": "person.csv"}, "--detections: .*person.csv .*persons.csv"),
        ({"object_boxes": "thing.csv"}, "--object-boxes: .*thing.csv"),
        ({"detections": None, "detector": DEFAULT_MODEL, "detector_weights": "w.pth"}, "--detector-weights: .*w.pth"),
    ],
)
def test_files_that_cannot_be_meant_are_refused(options, tmp_path, changes, message):
    (tmp_path / "link.csv").hardlink_to(tmp_path / "things.csv")
    paths = {key: tmp_path / value for key, value in changes.items() if isinstance(value, str) and key != "detector"}
    with pytest.raises(UserError, match=message):
        replace(options, **(changes | paths)).check({"the weights": tmp_path / "weights.mp4"})


def test_messages_name_only_what_was_given(options, tmp_path):
    with pytest.raises(UserError, match="--start -1: .*0 <= start < end"):
        replace(options, start=-1.0).check()
    with pytest.raises(UserError, match="--start 3, --end 0"):
        replace(options, start=3.0, end=0.0).check()


def test_every_option_out_of_range_is_named(options):
    with pytest.raises(UserError) as caught:
        replace(options, min_score=3.0, max_classes=-1, scale=0, detector="fasterrcnn_resnet50").check()
    for problem in ("--min-score 3.0: expected", "--max-classes -1: expected", "--scale 0: expected"):
        assert problem in str(caught.value)
    assert '--detector "fasterrcnn_resnet50" ' in str(caught.value)


def test_what_exists_is_replaced_on_demand(options, tmp_path):
    options.check()
    replace(options, output=tmp_path / "old.mp4", csv=Path(tmp_path / "old.csv"), force=True).check()
