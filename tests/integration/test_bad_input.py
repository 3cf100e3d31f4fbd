"""Mistakes of a user: one clear message before training starts, and a non-zero exit status."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from messages import says

from alphaction.utils.errors import UserError


@pytest.fixture
def broken(runner, toy_folder, tmp_path) -> Path:
    """A copy of the toy dataset to break; the runner uses it."""
    runner.data = tmp_path / "data"
    shutil.copytree(toy_folder, runner.data)
    return runner.data / "toy"


def edit(path: Path, change) -> None:
    """Replace the lines of a text file by ``change(lines)``."""
    path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))


def replace_column(column: int, value: str, row: int):
    def change(lines: list[str]) -> list[str]:
        cells = lines[row].split(",")
        cells[column] = value
        return [*lines[:row], ",".join(cells), *lines[row + 1 :]]

    return change


def message_of(runner, output, *extra) -> str:
    with pytest.raises(UserError) as error:
        runner.train(output, "--skip-final-test", *extra)
    assert not (output / "metrics.jsonl").exists()  # no iteration has been run
    return str(error.value)


def test_annotations_that_are_missing(runner, broken, tmp_path):
    (broken / "annotations" / "train.csv").rename(broken / "annotations" / "trian.csv")
    message = message_of(runner, tmp_path / "out")
    says(message, "train.csv", "trian.csv")


def test_a_corrupt_video(runner, broken, tmp_path):
    (broken / "videos" / "train_001.mp4").write_bytes(b"no video at all" * 100)
    assert "train_001.mp4" in message_of(runner, tmp_path / "out")


def test_a_truncated_video(runner, broken, tmp_path):
    video = broken / "videos" / "train_002.mp4"
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    assert "train_002.mp4" in message_of(runner, tmp_path / "out")


def test_a_missing_video(runner, broken, tmp_path):
    (broken / "videos" / "train_003.mp4").unlink()
    assert "train_003" in message_of(runner, tmp_path / "out")


@pytest.mark.parametrize(
    ("column", "value", "row", "expected"),
    [
        pytest.param(4, "80", 3, ("train.csv", "line 4", "pixel"), id="pixel coordinates"),
        pytest.param(6, "99", 5, ("line 6", "99"), id="unknown class id"),
        pytest.param(1, "70", 0, ("train_000", "70"), id="second beyond the video"),
    ],
)
def test_a_wrong_value_in_one_row(runner, broken, tmp_path, column, value, row, expected):
    edit(broken / "annotations" / "train.csv", replace_column(column, value, row))
    message = message_of(runner, tmp_path / "out")
    for part in expected:
        assert part in message


def test_an_empty_split(runner, broken, tmp_path):
    (broken / "annotations" / "train.csv").write_text("")
    message = message_of(runner, tmp_path / "out")
    says(message, "train.csv", "empty")


def test_detections_that_match_no_keyframe(runner, broken, tmp_path):
    boxes = broken / "boxes" / "val_person_detections.csv"
    edit(boxes, lambda lines: [line.replace("val_", "video_") for line in lines])
    with pytest.raises(UserError) as error:
        runner.train(tmp_path / "out")
    says(str(error.value), "val_person_detections.csv", "video_000", "val_000")


def test_an_unknown_dataset_lists_the_known_ones(runner, tmp_path):
    message = message_of(runner, tmp_path / "out", "DATASETS.TRAIN", "toy_trian")
    says(message, "toy_train", "ava_video_train_v2.2")


def test_other_class_numbers_than_the_label_map(runner, tmp_path):
    head = "MODEL.ROI_ACTION_HEAD."
    options = (f"{head}NUM_CLASSES 3 {head}NUM_PERSON_MOVEMENT_CLASSES 3 {head}NUM_OBJECT_MANIPULATION_CLASSES 0 "
               f"{head}NUM_PERSON_INTERACTION_CLASSES 0").split()  # fmt: skip
    message = message_of(runner, tmp_path / "out", *options)
    assert f"{head}NUM_CLASSES 13" in message


@pytest.mark.parametrize(
    ("script", "override", "expected", "status"),
    [
        ("train_net.py", ["SOLVER.BASE_RL", "0.1"], "SOLVER.BASE_LR", 2),
        ("test_net.py", ["MODEL.WEIGHT", "nowhere.pth"], "nowhere.pth", 4),
    ],
)
def test_a_command_line_ends_with_one_message_and_no_traceback(runner, tmp_path, script, override, expected, status):
    process = runner.command([], script, tmp_path, *override)
    assert process.returncode == status
    assert process.stderr.startswith("error: ")
    assert expected in process.stderr
    assert "Traceback" not in process.stderr


def test_scaling_makes_no_good_values_of_bad_ones(runner, toy_folder, tmp_path):
    extra = "SOLVER.REFERENCE_GPUS 2 SOLVER.EVAL_PERIOD -1 SOLVER.VIDEOS_PER_BATCH 0".split()
    message = message_of(runner, tmp_path / "out", "--adjust-lr", *extra)
    says(
        message,
        "SOLVER.EVAL_PERIOD is -1",
        "SOLVER.VIDEOS_PER_BATCH is 0",
    )
