from __future__ import annotations

import json

import pytest
from workflows.detect.stubs import NAMES, StubNetwork, StubSource

from alphaction.data.annotations import Keyframe, read_boxes
from alphaction.utils.errors import UserError
from alphaction.workflows.detect import PersonDetector
from alphaction.workflows.detect import detect_dataset as detecting
from alphaction.workflows.detect.detect_dataset import detect_dataset

KEYFRAMES = [Keyframe("a", second) for second in (0, 4, 8, 60)] + [Keyframe("b", 12)]
OPTIONS = {"score": 0.5, "model": "stub"}


FOUND = [(1, 0.9), (2, 0.8), (1, 0.6)]


def run(output, source, options=OPTIONS, batch_size=2, stop_after=None, keyframes=KEYFRAMES, found=FOUND):
    network = StubNetwork(found)
    made = []

    def make():
        made.append(network)
        detector = PersonDetector(network, NAMES)
        if stop_after is not None:
            whole = detector.detect

            def detect(frames):
                if len(network.batches) == stop_after:
                    raise KeyboardInterrupt
                return whole(frames)

            detector.detect = detect
        return detector

    table = None
    try:
        table = detect_dataset(make, source, keyframes, output, batch_size=batch_size, options=options)
    finally:
        run.batches = network.batches if made else None
    return table


def test_writes_a_csv_that_read_boxes_reads(tmp_path):
    output = tmp_path / "new" / "boxes.csv"
    table = run(output, StubSource())
    assert run.batches == [2, 2, 1]
    rows = output.read_text().splitlines()
    # The box of second 60 begins where it ends, so it has no area: that keyframe has no row.
    assert rows[:2] == ["a,0000,0.0,0.0,0.75,0.2,0.9", "a,0000,0.0,0.4,0.75,0.6,0.6"]
    assert rows[-1] == "b,0012,0.15,0.4,0.75,0.6,0.6"
    assert len(rows) == 8 == len(table)
    read = read_boxes(output)
    assert list(read.keyframes) == [Keyframe("a", 0), Keyframe("a", 4), Keyframe("a", 8), Keyframe("b", 12)]
    assert list(tmp_path.glob("new/*")) == [output]


def test_a_failed_write_leaves_the_old_file_and_what_was_found(tmp_path, monkeypatch):
    output = tmp_path / "boxes.csv"
    output.write_text("old")
    monkeypatch.setattr(detecting, "write_box_csv", lambda path, table: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(output, StubSource())
    assert output.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boxes.csv", "boxes.csv.partial"]


def test_gzip_output(tmp_path):
    run(tmp_path / "boxes.csv.gz", StubSource())
    assert (tmp_path / "boxes.csv.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert len(read_boxes(tmp_path / "boxes.csv.gz")) == 8


def test_an_interrupted_run_continues(tmp_path):
    whole = tmp_path / "whole.csv"
    run(whole, StubSource())
    output = tmp_path / "boxes.csv"
    with pytest.raises(KeyboardInterrupt):
        run(output, StubSource(), stop_after=2)
    assert not output.exists()
    # The process was killed in the middle of a write.
    partial = tmp_path / "boxes.csv.partial"
    with partial.open("a") as file:
        file.write('{"video": "b", "sec')
    source = StubSource()
    run(output, source)
    # Second 60, without a detection, is finished as well.
    assert source.asked == [12]
    assert run.batches == [1]
    assert output.read_bytes() == whole.read_bytes()
    assert not partial.exists()


def test_a_complete_partial_file_needs_no_detector(tmp_path):
    output = tmp_path / "boxes.csv"
    with pytest.raises(UserError):
        run(output, StubSource(broken={12}))
    run(output, StubSource(), keyframes=KEYFRAMES[:4])
    assert run.batches is None
    assert len(read_boxes(output)) == 6


def test_another_run_is_not_mixed_in(tmp_path):
    output = tmp_path / "boxes.csv"
    with pytest.raises(KeyboardInterrupt):
        run(output, StubSource(), stop_after=1)
    with pytest.raises(UserError, match=r"other options \(score: 0.5 before, 0.3 now\).*--output"):
        run(output, StubSource(), {**OPTIONS, "score": 0.3})


def test_a_run_that_found_nothing_yet_does_not_hold_its_options(tmp_path):
    (tmp_path / "boxes.csv.partial").write_text(json.dumps({"options": {"score": 0.9}}) + "\n")
    run(tmp_path / "boxes.csv", StubSource(), keyframes=KEYFRAMES[:4])
    assert len(read_boxes(tmp_path / "boxes.csv")) == 6


def test_a_partial_file_cut_in_its_first_line_starts_anew(tmp_path):
    (tmp_path / "boxes.csv.partial").write_text('{"options": {"sc')
    run(tmp_path / "boxes.csv", StubSource())
    assert run.batches == [2, 2, 1]


def test_a_damaged_partial_file_is_named(tmp_path):
    lines = [json.dumps({"options": OPTIONS}), "{}", ""]
    (tmp_path / "boxes.csv.partial").write_text("\n".join(lines))
    with pytest.raises(UserError, match="boxes.csv.partial, line 2: .*Remove the file"):
        run(tmp_path / "boxes.csv", StubSource())


def test_unreadable_frames_are_listed_and_tried_again(tmp_path):
    output = tmp_path / "boxes.csv"
    with pytest.raises(UserError, match="1 of 5 keyframes could not be read:\n  1. a second 4: the file is damaged"):
        run(output, StubSource(broken={4}))
    assert run.batches == [1, 2, 1]
    assert not output.exists()
    source = StubSource()
    run(output, source)
    assert source.asked == [4]
    assert len(read_boxes(output)) == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (OPTIONS, "found nothing that scores 0.5 or more on 5 keyframes; .*boxes.csv was not written. Lower --score"),
        ({**OPTIONS, "score": 0.0}, "found nothing on 5 keyframes; .* was not written. Raise --short-side"),
    ],
)
def test_a_detector_that_finds_nothing_writes_nothing(tmp_path, options, message):
    output = tmp_path / "boxes.csv"
    with pytest.raises(UserError, match=message):
        run(output, StubSource(), options, found=[])
    assert list(tmp_path.iterdir()) == []
    # Another score may be tried at once.
    run(output, StubSource(), {**OPTIONS, "score": 0.3})


def test_keyframes_between_seconds_are_continued_too(tmp_path):
    keyframes = [Keyframe("a", second) for second in (0, 0.5, 1, 1.24)]
    output = tmp_path / "boxes.csv"
    with pytest.raises(KeyboardInterrupt):
        run(output, StubSource(), stop_after=1, keyframes=keyframes)
    table = run(output, StubSource(), keyframes=keyframes)
    assert run.batches == [2]
    assert list(table.keyframes) == list(read_boxes(output).keyframes) == keyframes
    assert output.read_text().splitlines()[2].startswith("a,0000.500,")
