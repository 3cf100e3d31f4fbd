"""Rows past the end of their video: an error with its remedy, or left out and counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from workflows.prepare.preparing import prepare, write_rows

from alphaction.data.formats.rows import RowBuilder, RowTable
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.beyond_end import drop_beyond_end, refuse_beyond_end
from alphaction.workflows.prepare.video_library import VideoLibrary

BOX = [0.1, 0.1, 0.5, 0.5]


@pytest.fixture
def library(toy) -> VideoLibrary:
    """Videos of 6 seconds at 10 frames per second."""
    return VideoLibrary(toy / "videos")


def rows_at(*seconds: float, video: str = "train_000", format: str = "ava") -> RowTable:
    rows = RowBuilder()
    for _ in seconds:
        rows.add(video, 0, BOX, ("sit",), place=f"line {len(rows) + 1}")
    return replace(rows.build(Path("a.csv"), format=format), numbers=np.array(seconds))


def csv_rows(seconds, video="train_000") -> list:
    return [[video, second, *BOX, 1] for second in seconds]


def test_the_message_names_rows_and_the_option(options, tmp_path):
    late = write_rows(tmp_path / "late.csv", csv_rows([*range(9), 8]))
    with pytest.raises(UserError) as error:
        prepare(replace(options, train=(late,)))
    assert str(error.value) == (
        "annotated seconds lie beyond the end of 1 video. Correct the seconds (they count from the start of the video),"
        " remove the rows, or get the whole video. Or add --beyond-end drop, which leaves these rows out and counts "
        f"them.\n  - {late}, line 8: train_000 ends at 6.00 s, but 2 of its 9 annotated seconds lie beyond: 7, 8"
    )


def test_dropped_rows_are_counted_for_each_video(options, tmp_path):
    rows = [*csv_rows([*range(9), 8]), *csv_rows([5, 7], "train_001"), ["train_002", 9, "", "", "", "", "", ""]]
    train = write_rows(tmp_path / "late.csv", [[*row, ""][:8] for row in rows])
    catalog, text = prepare(replace(options, train=(train,), beyond_end="drop"))
    written = (catalog.parent / "annotations/own_train.csv").read_text().splitlines()
    assert [(video, int(second)) for video, second in (line.split(",")[:2] for line in written)] == [
        *(("train_000", second) for second in range(7)),
        ("train_001", 5),
    ]
    assert "  - beyond the end of their video and left out (--beyond-end drop): 4 of " in text
    assert "train_000 ends at 6.00 s: 2 rows at 7, 8 s; train_001 ends at 6.00 s: 1 row at 7 s" in text
    assert "train_002 ends at 6.00 s: 1 row at 9 s" in text


def test_the_last_frame_counts_as_the_end(library):
    part = rows_at(0, 6, 6.05)
    refuse_beyond_end({"train": [part]}, library)
    kept, notes = drop_beyond_end({"train": [part]}, library)
    assert kept["train"][0] is part
    assert notes == []


def test_fractions_of_seconds(library):
    kept, notes = drop_beyond_end({"train": [rows_at(0.5, 5.5, 6.5, 7.25)]}, library)
    assert kept["train"][0].numbers.tolist() == [0.5, 5.5]
    assert notes == [
        "beyond the end of their video and left out (--beyond-end drop): 2 of 4 rows; train_000 ends at 6.00 s: 2 rows "
        "at 6.5, 7.25 s"
    ]


def test_the_data_decide_not_the_header(library):
    info = library.info("train_000")
    library.infos["train_000"] = replace(info, duration=3.0)
    refuse_beyond_end({"train": [rows_at(1, 5)]}, library)
    library.infos["train_000"] = replace(info, duration=60.0)
    kept, _ = drop_beyond_end({"train": [rows_at(1, 50)]}, library)
    assert kept["train"][0].numbers.tolist() == [1]


def test_another_unit_is_said_and_refused_where_nothing_is_left(library):
    part = rows_at(10, 20, 50, 1)
    with pytest.raises(UserError, match=r"All would fit as frame numbers.* If the seconds are right, add --beyond-end"):
        refuse_beyond_end({"train": [part]}, library)
    kept, notes = drop_beyond_end({"train": [part]}, library)
    assert kept["train"][0].numbers.tolist() == [1]
    assert notes == [
        "beyond the end of their video and left out (--beyond-end drop): 3 of 4 rows; train_000 ends at 6.00 s: 3 rows "
        "at 10, 20, 50 s; are the others right? All would fit as frame numbers: divide the second column by the frames "
        "per second (10) and keep whole seconds."
    ]
    with pytest.raises(UserError, match="nothing is left of the val annotations.*All would fit as frame numbers"):
        drop_beyond_end({"train": [part], "val": [rows_at(12, video="val_000")]}, library)


def test_a_file_of_both_splits_is_counted_once(options, tmp_path, library):
    late = write_rows(tmp_path / "late.csv", [*csv_rows([1, 7]), *csv_rows([2], "val_000")])
    both = replace(options, train=(late,), val=(late,))
    with pytest.raises(UserError) as error:
        prepare(both)
    assert str(error.value).count("train_000 ends at") == 1
    _, text = prepare(replace(both, beyond_end="drop"))
    assert "(--beyond-end drop): 1 of 3 rows; train_000 ends at 6.00 s: 1 row at 7 s" in text


def test_a_split_of_which_nothing_is_left(library):
    late, good = rows_at(900, 905, format="cvat"), rows_at(1, video="val_000")
    with pytest.raises(UserError, match="nothing is left of the train annotations.*another cut.*\n  - a.csv, line 1"):
        drop_beyond_end({"train": [late], "val": [good]}, library)
    kept, notes = drop_beyond_end({"train": [late, good]}, library)
    assert [len(part) for part in kept["train"]] == [0, 1]
    assert notes[0].startswith("beyond the end of their video and left out (--beyond-end drop): 2 of 3 rows;")


def test_times_of_frames_are_no_seconds_in_another_unit(library):
    part = replace(rows_at(*range(0, 60, 2)), of_frames=True)
    message = r"numbers of frames: were these counted at another rate, .*--frame-rate FPS.*Or add --beyond-end drop"
    with pytest.raises(UserError, match=message):
        refuse_beyond_end({"train": [part]}, library)
    parts, _ = drop_beyond_end({"train": [part]}, library)
    assert parts["train"][0].numbers.tolist() == [0, 2, 4, 6]


def test_numbers_of_frames_of_a_tool_get_the_remedy_for_frames(library):
    part = replace(rows_at(40, 41, format="cvat"), of_frames=True)
    with pytest.raises(UserError, match=r"--frame-rate FPS, --first-frame N.*--beyond-end drop"):
        refuse_beyond_end({"train": [part]}, library)


def test_a_file_of_both_splits_is_told_once(library):
    part = rows_at(1, 2, 3, 9)
    with pytest.raises(UserError) as error:
        refuse_beyond_end({"train": [part], "val": [part]}, library)
    assert str(error.value).count("train_000 ends at") == 1
    kept, notes = drop_beyond_end({"train": [part], "val": [part]}, library)
    assert [len(some[0]) for some in kept.values()] == [3, 3]
    assert "1 of 4 rows; train_000 ends at 6.00 s: 1 row at 9 s" in notes[0]
    assert notes[0].count("train_000") == 1
