"""Validation of datasets in files: videos under two names, places in files, what cannot be read, the report."""

from __future__ import annotations

import json
import logging
import shutil

import pytest
from messages import says

from alphaction.checks.findings import Finding
from alphaction.config.paths_catalog import splits_of
from alphaction.utils.errors import UserError
from alphaction.workflows.inspect.report_text import format_report
from alphaction.workflows.inspect.validate_dataset import validate_all, validate_dataset
from alphaction.workflows.inspect.validation_report import Report


def test_one_video_under_two_names_and_in_two_splits(toy_copy):
    train, val = (toy_copy.files[split] for split in ("train", "val"))
    copied, name = toy_copy.video(0), val.read_text().split(",")[0]
    (toy_copy.videos / f"{name}.mp4").unlink()
    shutil.copyfile(copied, toy_copy.videos / f"{name}.mp4")
    message = next(f.message for f in toy_copy.validate().of_level("error") if f.check == "leakage")
    says(
        message,
        f'videos "{copied.stem}" (copy_train) and "{name}" (copy_val)',
        f"first: {val}, line 1 ",
    )

    rows = [line for line in train.read_text().splitlines() if line.startswith(copied.stem)]
    last = max(row.split(",")[1] for row in rows)
    train.write_text("\n".join(row for row in train.read_text().splitlines() if row not in rows
                               or row.split(",")[1] != last) + "\n")  # fmt: skip
    val.write_text("\n".join(row for row in rows if row.split(",")[1] == last) + "\n")
    note = next(f for f in toy_copy.validate("train").findings if f.check == "leakage")
    assert note.level == "note"
    assert f"1 video ({copied.stem}) in both copy_train and copy_val" in note.message


def test_links_to_one_file(toy_copy):
    train, val = (toy_copy.files[split] for split in ("train", "val"))
    linked, name = toy_copy.video(0), val.read_text().split(",")[0]
    (toy_copy.videos / f"{name}.mp4").unlink()
    (toy_copy.videos / f"{name}.mp4").symlink_to(linked)
    report = toy_copy.validate()
    message = next(f.message for f in report.of_level("error") if f.check == "leakage")
    assert f'videos "{linked.stem}" (copy_train) and "{name}" (copy_val)' in message
    assert [f.check for f in report.of_level("error")] == ["leakage"]
    # The file's full name is another name, too; rows of both within a split count twice.
    first = train.read_text().splitlines()[0]
    train.write_text(train.read_text() + first.replace(linked.stem, linked.name) + "\n")
    twice = next(f for f in toy_copy.validate("train").of_level("warning") if f.check == "duplicates")
    assert f'videos "{linked.stem}" (copy_train) and "{linked.name}" (copy_train)' in twice.message


def test_unknown_dataset(toy_copy):
    with pytest.raises(UserError, match='"copy_trian".*"copy_train"'):
        validate_dataset(toy_copy.cfg(), "copy_trian")
    with pytest.raises(UserError, match='"kopy".*"copy"'):
        validate_all(toy_copy.cfg(), "kopy")
    assert splits_of(toy_copy.cfg(), "copy") == ["copy_train", "copy_val"]
    assert splits_of(toy_copy.cfg(), "ava_video_v2.2") == ["ava_video_train_v2.2", "ava_video_val_v2.2"]


def test_broken_label_map_and_missing_files(toy_copy):
    toy_copy.files["label_map"].write_text('label { name: "sit" }\n')
    report = toy_copy.validate()
    assert {f.check for f in report.of_level("error")} == {"label map"}
    assert len(report.of_level("error")) == 1
    assert '"sit"' in report.findings[0].message
    assert "copy_train" in report.of_level("note")[0].message
    toy_copy.files["val"].unlink()
    files = [f.message for f in toy_copy.validate().of_level("error") if f.check == "files"]
    assert len(files) == 1
    assert "val.csv" in files[0]


def test_report_is_json_and_text():
    findings = [
        Finding("note", "a", "one", "s_train"),
        Finding("error", "b", "two", "s_val"),
        Finding("note", "a", "one", "s_val"),
    ]
    report = Report.of("s", findings, {})
    assert report.to_dict() == {
        "dataset": "s",
        "ok": False,
        "findings": [
            {"level": "error", "check": "b", "message": "two", "dataset": "s_val"},
            {"level": "note", "check": "a", "message": "one", "dataset": "s_train + s_val"},
        ],
        "facts": {},
    }
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
    says(format_report(report).splitlines()[-1], "s: NOT READY: 1 error, no warnings, 1 note")
    assert Report.of("s", [], {}).verdict().startswith("s: ready: no errors, no warnings, no notes")
    with pytest.raises(ValueError, match="level"):
        Finding("fatal", "a", "b")


def test_nothing_is_logged_while_checking(toy_copy, caplog):
    with caplog.at_level(logging.WARNING):
        toy_copy.validate()
    assert not caplog.records
