"""What is printed on annotation files: a line for each of a few, sums over many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from alphaction.data.formats.rows import RowBuilder, RowTable, Segment, TakenFor
from alphaction.workflows.prepare.import_report import import_lines

BOX = (0.1, 0.1, 0.5, 0.5)
RULE = "actions are taken from the attribute: action"


def part(video: str, *labels: tuple, notes=(RULE,), folder: str = "/data/xml", **counts: int) -> RowTable:
    """Return an imported file with a box at each second for each tuple of labels; None: a keyframe without a box."""
    rows = RowBuilder()
    for second, some in enumerate(labels):
        rows.add(video, second, BOX if some is not None else None, some or (), place=f"row {second}")
    rows.notes += notes
    rows.counts |= counts
    return rows.build(Path(folder) / f"{video}.xml", format="cvat")


def test_up_to_three_files_have_a_line_each():
    parts = [part("a", ("sit",), ("sit", "wave"), ()), part("b", ("run",), None, points=2)]
    assert import_lines(parts) == [
        "/data/xml/a.xml (cvat): 1 video, 3 keyframes with boxes, 3 boxes, 3 labels; boxes without action: 1",
        f"  {RULE}",
        "/data/xml/b.xml (cvat): 1 video, 1 keyframe with boxes, 1 box, 1 label; keyframes without boxes: 1; points: 2",
        f"  {RULE}",
    ]


def test_many_files_are_summed_and_notes_given_once():
    parts = [part(f"v{k}", ("sit",), (), points=k) for k in range(5)]
    parts += [part("w", notes=(RULE, "nothing is annotated")), part("x", None, notes=(RULE, "turned"))]
    assert import_lines([*parts, parts[0]]) == [
        "7 files (cvat 7): 5 videos, 10 keyframes with boxes, 10 boxes, 5 labels; boxes without action: 5; keyframes "
        "without boxes: 1; points: 10",
        "  without any box: 2 of 7 files (w.xml, x.xml)",
        f"  {RULE}",
        "  nothing is annotated (1 of 7 files: w.xml)",
        "  turned (1 of 7 files: x.xml)",
    ]


def test_keyframes_of_a_video_in_two_files_count_once():
    parts = [part("v", ("sit",), None, folder=f"/data/job{k}") for k in range(4)]
    parts.append(part("v", ("sit",), ("sit",), folder="/data/job4"))
    assert import_lines(parts)[0].startswith("5 files (cvat 5): 1 video, 2 keyframes with boxes, 6 boxes, 6 labels")


def test_notes_that_differ_by_file_are_one():
    parts = []
    for k in range(4):
        taken = TakenFor(f"cam{k}", "name")
        parts.append(replace(part(f"cam{k}", ("sit",), notes=(taken.note, f"{k + 3} turned")), taken_for=taken))
    parts += [part("z", ("sit",), notes=())]
    assert import_lines(parts)[1:] == [
        "  the file names no video: taken for cam0 (by the name of the file or its folder) "
        "(cam0.xml; likewise 3 other files)",
        "  3 turned (cam0.xml; likewise 3 other files)",
    ]


def test_a_note_on_most_files_names_the_others():
    parts = [part(f"v{k}", ("sit",)) for k in range(4)] + [part("w", ("sit",), notes=())]
    assert import_lines(parts)[1] == f"  {RULE} (all files but 1: w.xml)"


def test_segments_are_counted_by_label():
    segments = (Segment("v", 0, 1, "sit", "region 1"),)
    parts = [replace(part(f"v{k}"), segments=segments) for k in range(4)]
    assert "4 temporal segments (label sit 4)" in import_lines(parts)[0]
