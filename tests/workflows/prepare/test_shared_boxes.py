"""Equal boxes of several files of a split."""

from __future__ import annotations

import pytest
from data.formats.cvat_files import attribute, box, job, track
from workflows.prepare.importing import INFO, listed

from alphaction.workflows.prepare.import_rows import ReadingRules, import_annotations
from alphaction.workflows.prepare.shared_boxes import share_boxes
from alphaction.workflows.prepare.split_tables import build_table


def read(folder, *texts):
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{number}.txt")
        paths[-1].write_text(text)
    return import_annotations(paths, ReadingRules(), info={"a": INFO}.__getitem__, video_names=["a"])


def shared(folder, *texts) -> tuple[list[tuple], str]:
    """Return (second, left side in pixels, labels, person) of each box, and the note."""
    parts, note = share_boxes(read(folder, *texts), lambda video: (640, 480))
    ids = {"walk": 1, "talk": 2}
    table = build_table(parts, [[tuple(ids[label] for label in labels) for labels in part.labels()] for part in parts])
    rows = []
    for k, (_, second) in enumerate(table.keyframes):
        for row in range(*table.row_offsets[k : k + 2].tolist()):
            labels = table.label_ids[slice(*table.label_offsets[row : row + 2].tolist())].tolist()
            rows.append((second, round(table.boxes[row, 0] * 640, 2), labels, int(table.person_ids[row])))
    return rows, note


def of_action(frames, x, id, action) -> str:
    return track(*[box(frame, x, attributes=attribute("action", action)) for frame in frames], id=id)


def test_an_export_for_each_class_is_one_box_with_all_labels(tmp_path):
    walk = track(box(0, 10), box(25, 20), label="walk")
    talk = track(box(0, 10.01), box(25, 20), box(50, 30), id=3, label="talk")
    rows, note = shared(tmp_path, job(walk), job(talk))
    assert rows == [(0, 10, [1, 2], 0), (1, 20, [1, 2], 0), (2, 30, [2], 3)]
    assert note == "2 boxes stand in another file, too: merged into one person with the labels of both"
    assert rows[:2] == shared(tmp_path, job(walk, talk.replace("0.01", "0.00").replace("4.01", "4.00")))[0][:2]


def test_jobs_that_overlap_show_the_same_persons(tmp_path):
    first = job(of_action((0, 25, 50), 10, 0, "walk"), of_action((0, 25, 50), 90, 1, "talk"), stop=60)
    second = job(of_action((50, 75), 90, 0, "talk"), of_action((50, 75), 10.5, 1, "walk"), start=40)
    rows, note = shared(tmp_path, first, second)
    assert [row for row in rows if row[0] == 2] == [(2, 10, [1], 0), (2, 90, [2], 1), (2, 10.5, [1], 1)]
    assert [row for row in rows if row[0] == 3] == [(3, 90, [2], 0), (3, 10.5, [1], 1)]
    assert note.startswith("1 box stands in another file, too")


def test_two_persons_of_one_file_stay_two(tmp_path):
    twice = job(of_action((0,), 10, 0, "walk"), of_action((0,), 10, 1, "talk"))
    assert shared(tmp_path, twice) == ([(0, 10, [1], 0), (0, 10, [2], 1)], "")
    rows, note = shared(tmp_path, twice, job(of_action((0,), 10, 1, "walk"), of_action((0,), 10, 5, "walk")))
    assert rows == [(0, 10, [1], 0), (0, 10, [1, 2], 1)]
    assert note.startswith("2 boxes stand")


def test_persons_of_tables_are_as_written(tmp_path):
    rows = "a,0,0.1,0.1,0.2,0.2,walk,{}\n"
    parts = read(tmp_path, rows.format(1), rows.format(2))
    assert share_boxes(parts, lambda video: (640, 480)) == (parts, "")


@pytest.mark.parametrize("second", [2, 4])
def test_other_moments_and_boxes_are_left_alone(tmp_path, second):
    parts = read(tmp_path, job(track(box(0, 10), label="walk")), job(track(box(25 * second, 10), label="talk")))
    found, note = share_boxes(parts, lambda video: (640, 480))
    assert not note
    assert [listed(part) for part in found] == [listed(part) for part in parts]
    assert found[0] is parts[0]
