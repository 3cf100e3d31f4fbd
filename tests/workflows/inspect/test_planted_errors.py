"""Every usual mistake, planted one by one into copies of two datasets, is found and explained."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from messages import says

from alphaction.workflows.inspect.report_text import format_report
from alphaction.workflows.inspect.validation_report import Report


def only(report: Report, level: str, check: str) -> str:
    """Return the message of the first finding of a level, which must be of this check."""
    found = report.of_level(level)
    assert found, format_report(report)
    assert {finding.check for finding in found} == {check}, format_report(report)
    return found[0].message


def changed(cells: list[str], columns: slice, function) -> list[str]:
    row = list(cells)
    row[columns] = [f"{value:.4f}" for value in function(np.array(row[columns], dtype=float))]
    return row


def test_as_it_is(any_copy):
    report = any_copy.validate(thorough=True)
    assert report.ok
    assert len(report.of_level("warning")) <= 1
    assert [facts["truth_mAP"] for facts in report.facts.values()] == [1.0, 1.0]
    assert all(facts["recall"] > 0.9 for facts in report.facts.values() if "recall" in facts)


def test_pixel_coordinates(any_copy):
    any_copy.change(
        "train", lambda rows: [changed(row, slice(2, 6), lambda v: v * [768, 576, 768, 576]) for row in rows]
    )
    report = any_copy.validate()
    message = only(report, "error", "annotations")
    says(message, f"{any_copy.files['train']}, line 1: ", "pixels", "frame's width")
    assert list(report.facts) == ["copy_val"]  # the other split is checked all the same


def test_width_and_height_for_corners(any_copy):
    any_copy.change(
        "train", lambda rows: [changed(row, slice(2, 6), lambda v: [*v[:2], *(v[2:] - v[:2])]) for row in rows]
    )
    message = only(any_copy.validate("train"), "error", "annotations")
    corners = np.loadtxt(any_copy.files["train"], delimiter=",", usecols=range(2, 6))
    first = int(np.argmax((corners[:, 2:] < corners[:, :2]).any(axis=1))) + 1
    says(
        message,
        f"{any_copy.files['train']}, line {first}: ",
        "x2 = x1 + width",
    )


def test_zero_based_class_ids(any_copy):
    any_copy.change("train", lambda rows: [[*row[:6], str(int(row[6]) - 1), *row[7:]] for row in rows])
    lines = any_copy.files["train"].read_text().splitlines()
    first = next(number for number, line in enumerate(lines, start=1) if line.split(",")[6] == "0")
    message = only(any_copy.validate("train"), "error", "annotations")
    says(message, f", line {first}: class id 0 ", "add 1")


def test_class_missing_from_the_label_map(any_copy):
    label_map = any_copy.files["label_map"]
    blocks = label_map.read_text().split("label {")
    gone = next(block for block in blocks if "label_id: 3\n" in block or "label_id: 3 " in block)
    label_map.write_text("label {".join(block for block in blocks if block != gone))
    report = any_copy.validate()
    assert {finding.dataset for finding in report.of_level("error")} == {"copy_train", "copy_val"}
    lines = any_copy.files["train"].read_text().splitlines()
    first = next(number for number, line in enumerate(lines, start=1) if line.split(",")[6] == "3")
    message = only(report, "error", "annotations")
    says(
        message,
        f"train.csv, line {first}: class id 3 ",
        label_map,
    )


def test_milliseconds(any_copy):
    any_copy.change("train", lambda rows: [[row[0], str(int(row[1]) * 1000), *row[2:]] for row in rows])
    any_copy.files.pop("train_boxes", None)
    report = any_copy.validate("train")
    found = [finding for finding in report.of_level("error") if finding.check == "timestamps"]
    assert len(found) == 1
    lines = any_copy.files["train"].read_text().splitlines()
    first = next(number for number, line in enumerate(lines, start=1) if int(line.split(",")[1]) > 0)
    says(
        found[0].message,
        f"train.csv, line {first}: second 1000 ",
        "second column by 1000",
    )


def test_frame_numbers(any_copy):
    fps = any_copy.validate("train").facts["copy_train"]["fps"][0]
    any_copy.change("train", lambda rows: [[row[0], str(round(int(row[1]) * fps)), *row[2:]] for row in rows])
    found = [finding for finding in any_copy.validate("train").of_level("error") if finding.check == "timestamps"]
    assert f"frames per second ({fps:g})" in found[0].message


def test_video_missing(any_copy):
    video = any_copy.video(1)
    video.unlink()
    message = only(any_copy.validate("train"), "error", "videos")
    lines = any_copy.files["train"].read_text().splitlines()
    first = next(number for number, line in enumerate(lines, start=1) if line.startswith(video.stem))
    says(
        message,
        f'video "{video.stem}"',
        f"{any_copy.files['train']}, line {first}.",
    )


def test_video_cut_off(any_copy):
    video = any_copy.video(1)
    data = video.read_bytes()
    video.unlink()
    video.write_bytes(data[: len(data) // 2])
    message = only(any_copy.validate("train", thorough=True), "error", "videos")
    says(message, video, "download it again", f"{any_copy.files['train']}, line ")


def test_every_row_twice(any_copy):
    any_copy.change("train", lambda rows: [*rows, *rows])
    count = len(any_copy.files["train"].read_text().splitlines()) // 2
    message = only(any_copy.validate("train"), "error", "duplicates")
    assert f"train.csv, line {count + 1} repeats line 1: {count} rows" in message


def test_a_box_twice_under_another_person_id(any_copy):
    rows = any_copy.files["train"].read_text().splitlines()
    any_copy.change("train", lambda rows: [*rows, *([*row[:7], "900"] for row in rows[:3])])
    report = any_copy.validate("train")
    duplicates, truth = (next(f.message for f in report.of_level("error") if f.check == check)
                         for check in ("duplicates", "ground truth"))  # fmt: skip
    says(duplicates, "train.csv, line 1 ", f"train.csv, line {len(rows) + 1} ")
    assert "not 1.0" in truth
    assert report.facts["copy_train"]["truth_mAP"] < 1


def test_a_box_twice_with_slightly_other_coordinates(any_copy):
    def nearly(row: list[str]) -> list[str]:
        return [*changed(row, slice(2, 6), lambda v: v + 0.0005)[:7], "900"]

    any_copy.change("train", lambda rows: [*rows, *map(nearly, rows[:5])])
    found = [finding for finding in any_copy.validate("train").of_level("error") if finding.check == "duplicates"]
    assert "95%" in found[0].message


def test_detections_of_other_videos(any_copy):
    any_copy.change("val_boxes", lambda rows: [["Video-" + row[0], *row[1:]] for row in rows])
    message = only(any_copy.validate("val"), "error", "person boxes")
    video = any_copy.files["val"].read_text().split(",")[0]
    says(
        message,
        f"{any_copy.files['val_boxes']}, line 1: ",
        f'"Video-{video}"',
    )


def test_some_detections_of_other_videos(any_copy):
    any_copy.change("val_boxes", lambda rows: [*rows, ["other", *rows[0][1:]]])
    total = len(any_copy.files["val_boxes"].read_text().splitlines())
    report = any_copy.validate("val")
    assert report.ok
    message = only(report, "warning", "person boxes")
    assert f'val_person_detections.csv, line {total}: video "other" ' in message


def test_validation_is_training(any_copy):
    shutil.copyfile(any_copy.files["train"], any_copy.files["val"])
    any_copy.change("val_boxes", lambda rows: rows)
    (any_copy.folder / "dataset.yaml").write_text(
        "".join(line for line in (any_copy.folder / "dataset.yaml").read_text().splitlines(keepends=True)
                if "person_boxes" not in line)
    )  # fmt: skip
    report = any_copy.validate()
    message = only(report, "error", "leakage")
    assert report.findings[0].check == "leakage"  # it explains what else is found
    count = report.facts["copy_train"]["keyframes"]
    says(
        message,
        f"{any_copy.files['val']}, line 1 (video ",
        f"{any_copy.files['train']}, line 1 (video ",
        f"{count} of {count} keyframes of copy_val (100.0%)",
    )
    # Also when only one of the two is asked for.
    assert only(any_copy.validate("val"), "error", "leakage") == message


@pytest.mark.parametrize("role", ["train", "val_boxes"])
def test_empty_csv(any_copy, role):
    any_copy.files[role].write_text("")
    message = only(any_copy.validate(), "error", "annotations" if role == "train" else "person boxes")
    assert str(any_copy.files[role]) in message


def test_label_map_with_tabs(any_copy):
    expected = any_copy.validate().facts
    label_map = any_copy.files["label_map"]
    lines = label_map.read_text().splitlines()
    label_map.write_text("\n".join(line.replace("  ", "\t").replace(": ", ":\t") for line in lines) + "\n")
    report = any_copy.validate()
    assert report.ok
    assert report.facts == expected
    note = next(finding.message for finding in report.of_level("note") if finding.check == "label map")
    first = next(number for number, line in enumerate(label_map.read_text().splitlines(), start=1) if "\t" in line)
    assert f"{label_map}, line {first}: " in note
