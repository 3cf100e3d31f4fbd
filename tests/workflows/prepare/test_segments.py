"""Temporal segments: left out and counted, or given to boxes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from workflows.prepare.importing import imported, listed
from workflows.prepare.preparing import SECONDS, prepare, write_rows

from alphaction.data.annotations import read_annotations, read_label_map
from alphaction.data.formats.rows import RowBuilder, Segment
from alphaction.data.video.file import VideoInfo
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.segments import use_segments, with_labels

BOX = [0.1, 0.1, 0.5, 0.9]


def table(tmp_path, seconds=(), segments=(), labels=(), video="a", name="a.csv"):
    """Return imported rows: a box a second, and segments (start, end, label)."""
    rows = RowBuilder()
    for second in seconds:
        rows.add(video, second, BOX, labels, place=f"second {second}")
    rows.segments += [Segment(video, *segment, place="s") for segment in segments]
    return rows.build(tmp_path / name, spelling="xyxy", pixels=False, format="ava")


class Videos:
    """Videos of 30 seconds."""

    def stated_end(self, video: str) -> float:
        return 30.0


def spread(parts, options) -> tuple[dict, list[str]]:
    """Return split -> second -> labels, and the notes."""
    found, notes = use_segments(parts, replace(options, segments="spread"), Videos())
    return {split: {row[1]: row[3] for part in some for row in listed(part)} for split, some in found.items()}, notes


def test_labels_go_to_the_boxes_of_their_seconds_of_their_split(tmp_path, options):
    segments = [(1.0, 3.0, "wave"), (2.9995, 4.2, "jump"), (8, 9, "wave")]
    parts = {
        "train": [table(tmp_path, (), segments), table(tmp_path, range(6), (), ("sit",), name="b.csv")],
        "val": [table(tmp_path, range(3), (), ("sit",), name="c.csv")],
    }
    found, notes = spread(parts, options)
    assert found["train"] == {
        0: ("sit",), 1: ("sit", "wave"), 2: ("sit", "wave"), 3: ("sit", "wave", "jump"), 4: ("sit", "jump"),
        5: ("sit",),
    }  # fmt: skip
    assert found["val"] == dict.fromkeys(range(3), ("sit",))
    assert notes == [
        "train: 3 temporal segments (labels wave 2, jump 1): labels go to 4 boxes of their time",
        "train: 1 segment meets no box (the first: wave, a from 8.00 to 9.00 s)",
        "train: 2 seconds of temporal segments without a box: a at 8, 9",
    ]


def test_a_segment_between_two_seconds_goes_to_the_nearer_one(tmp_path, options):
    segments = [(1.2, 1.4, "early"), (2.6, 2.9, "late"), (3.4, 3.6, "middle"), (7.4, 7.6, "far")]
    found, notes = spread({"train": [table(tmp_path, range(6), segments)]}, options)
    assert found["train"] == {0: (), 1: ("early",), 2: (), 3: ("late", "middle"), 4: (), 5: ()}
    assert any("3 segments lie between two seconds" in note for note in notes)
    assert any("1 segment meets no box (the first: far" in note for note in notes)


def test_without_being_asked_segments_are_left_out(tmp_path, options):
    part = table(tmp_path, range(3), [(0, 1, "wave")], ("sit",))
    found, notes = use_segments({"train": [part]}, options, None)
    assert found["train"] == [part]
    assert notes == [
        "1 temporal segment (label wave 1) left out: with --segments spread, labels go to the boxes of their time"
    ]
    assert use_segments({"train": [table(tmp_path, [1])]}, replace(options, segments="spread"), None)[1] == [
        "--segments spread: no file has temporal segments"
    ]


def test_segments_alone_say_which_command_makes_boxes(tmp_path, options, refused):
    part = table(tmp_path, (), [(0, 1, "wave"), (3, 4, "wave"), (5, 6, "jump")])
    alone = refused(
        lambda: use_segments({"train": [part], "val": [part]}, options, None),
        "holds 3 temporal segments (labels wave 2, jump 1) and no boxes",
        f"tools/detect_persons.py --videos {options.videos} --output persons.csv",
        "--segments spread --person-boxes persons.csv",
        "--train ... BOXES_FILE --segments spread",
    )
    assert alone.count("a.csv") == 1
    given = replace(options, person_boxes=(tmp_path / "p.csv",))
    refused(lambda: use_segments({"train": [part]}, given, None), "add --segments spread.")


def test_further_labels_keep_their_rows(tmp_path):
    rows = table(tmp_path, range(3), (), ("sit",))
    more = with_labels(rows, [(2, "wave"), (0, "wave"), (0, "sit")])
    assert more.labels() == [("sit", "wave"), ("sit",), ("sit", "wave")]
    assert more.take(more.numbers == 2).labels() == [("sit", "wave")]


def segment_file(path, spans):
    """Write a VIA project that has only temporal segments: (video, start, end, label)."""
    videos = list(dict.fromkeys(span[0] for span in spans))
    attribute = {
        "aname": "TEMPORAL-SEGMENTS",
        "anchor_id": "FILE1_Z2_XY0",
        "type": 4,
        "options": {"default": "Default"},
    }
    project = {
        "project": {}, "config": {}, "attribute": {"1": attribute},
        "file": {str(i): {"fid": str(i), "fname": f"{video}.mp4", "type": 4} for i, video in enumerate(videos)},
        "view": {str(i): {"fid_list": [str(i)]} for i in range(len(videos))},
        "metadata": {
            f"m{n}": {"vid": str(videos.index(video)), "z": [start, end], "xy": [], "av": {"1": label}}
            for n, (video, start, end, label) in enumerate(spans)
        },
    }  # fmt: skip
    path.write_text(json.dumps(project), encoding="utf-8")
    return path


@pytest.fixture
def segmented(toy, tmp_path, options):
    """The toy videos with temporal segments only, and detected persons at every second."""
    names = sorted(path.stem for path in (toy / "videos").iterdir())
    spans = [(name, 0.5, 3.2, "wave") for name in names] + [(names[0], 4.9, 5.0, "jump")]
    persons = [[name, second, *BOX, 0.9] for name in names for second in range(SECONDS)]
    persons += [[name, 2, 0.6, 0.1, 0.9, 0.9, 0.3] for name in names]
    return replace(
        options,
        train=(segment_file(tmp_path / "segments.json", spans),),
        val=(),
        label_map=None,
        person_boxes=(write_rows(tmp_path / "persons.csv", persons),),
        segments="spread",
    )


def test_detected_persons_become_the_boxes_of_segments(segmented, tmp_path):
    catalog, printed = prepare(segmented)
    assert "6 temporal segments (labels wave 5, jump 1)" in printed
    assert "persons.csv: taken for annotated: 16 boxes of score 0.5 or more, in 16 keyframes; boxes outs" in printed
    folder = catalog.parent / "annotations"
    label_map = read_label_map(next(folder.glob("*.pbtxt")))
    tables = [read_annotations(folder / f"own_{split}.csv", label_map) for split in ("train", "val")]
    names = {
        (keyframe.video, keyframe.second): [label_map.find(int(i)).name for i in table.labels(row)]
        for table in tables
        for row, keyframe in enumerate(table.keyframes)
    }
    first = min(video for video, _ in names)
    assert names[first, 5] == ["jump"]
    assert {second for video, second in names if video == first} == {1, 2, 3, 5}
    assert all(labels == ["wave"] for (_, second), labels in names.items() if second < 5)
    assert (catalog.parent / "boxes").is_dir()


def test_no_person_at_the_time_of_a_segment(segmented, tmp_path):
    persons = write_rows(tmp_path / "late.csv", [["toy_train_000", 0, *BOX, 0.9]])
    with pytest.raises(UserError, match=r"no box lies at the time of a temporal segment:(.|\n)*late.csv"):
        prepare(replace(segmented, person_boxes=(persons,)))


def test_boxes_in_another_form_name_the_command_that_converts_them(segmented, tmp_path, refused):
    persons = write_rows(tmp_path / "pixels.csv", [["toy_train_000", 1, 10, 10, 50, 90, 0.9]])
    refused(
        lambda: prepare(replace(segmented, person_boxes=(persons,))),
        f"--videos {segmented.videos} --import {persons} --from csv --output persons.csv",
    )


def test_a_segment_of_a_video_that_is_not_there_stops_nothing(tmp_path):
    path = segment_file(tmp_path / "s.json", [("lost", 0, 2, "wave")])
    found = imported(path, {"a": VideoInfo(64, 48, 10.0, 6.0, 60)})
    assert [segment.video for segment in found.segments] == ["lost.mp4"]


def test_seconds_of_segments_without_a_box_are_named(tmp_path, options):
    parts = {"train": [table(tmp_path, [1, 2, 7], [(1, 4, "wave"), (3, 5.5, "jump"), (7, 7.5, "wave")], ("sit",))]}
    _, notes = spread(parts, replace(options, val=None))
    assert "3 seconds of temporal segments without a box: a at 3, 4, 5" in notes
    boxes = tmp_path / "persons.csv"
    boxes.write_text("a,3,0.1,0.1,0.5,0.9,0.9\n")
    _, notes = spread(parts, replace(options, person_boxes=(boxes,)))
    assert any(
        note.endswith("a at 3, 4, 5 (--person-boxes gives boxes only to videos in which no box is annotated)")
        for note in notes
    )


def test_a_segment_beyond_the_end_of_its_video_is_looked_at_up_to_there(tmp_path, options):
    parts = {"train": [table(tmp_path, [1], [(0.0, 2.0**31, "wave")])]}
    _, notes = spread(parts, replace(options, val=None))
    assert any("30 seconds of temporal segments without a box" in note for note in notes), notes
