"""Rows of a file become imported annotations: equal boxes are one, keyframes without boxes stay."""

from __future__ import annotations

from pathlib import Path

from alphaction.data.formats.rows import RowBuilder
from alphaction.workflows.prepare.imported import ImportedAnnotations

BOX, OTHER = (0.1, 0.2, 0.3, 0.4), (0.5, 0.5, 1.0, 1.0)


def test_equal_boxes_of_a_keyframe_are_merged_in_the_order_of_the_file():
    builder = RowBuilder()
    builder.add("b", 3, OTHER, ("wave",), 1, place="row 0")
    builder.add("a", 9, None, place="row 1")
    builder.add("a", 2, BOX, ("sit", "wave"), 4, place="row 2")
    builder.add("b", 3, OTHER, ("sit", "wave"), 1, place="row 3")
    builder.add("b", 3, OTHER, (), 2, place="row 4")
    builder.add("b", 3, None, place="row 5")
    builder.add("a", 9, None, place="row 6")
    builder.count("points left out", 2)
    rows = builder.build(Path("t.xml"), class_groups={"sit": "movement"})
    found = ImportedAnnotations.from_rows(rows, "cvat")
    assert list(zip(found.videos, found.seconds.tolist(), found.labels, found.person_ids.tolist(), strict=True)) == [
        ("b", 3, ("wave", "sit"), 1),
        ("a", 2, ("sit", "wave"), 4),
        ("b", 3, (), 2),
    ]
    assert found.boxes.tolist() == [list(OTHER), list(BOX), list(OTHER)]
    assert found.empty_keyframes == (("a", 9),)
    assert found.counts == {"points left out": 2, "rows merged into the box of another row": 1}
    assert [found.place(row) for row in range(3)] == ["t.xml, row 0", "t.xml, row 2", "t.xml, row 4"]
    assert (found.format, found.class_groups) == ("cvat", {"sit": "movement"})


def test_a_track_for_each_action_of_a_person_is_one_box():
    builder = RowBuilder()
    builder.add("a", 0, BOX, ("wave",), 1, place="track 1", merge_key=-2)
    builder.add("a", 0, BOX, ("sit",), 2, place="track 2", merge_key=-2)
    found = ImportedAnnotations.from_rows(builder.build(Path("t.xml")), "cvat")
    assert (found.labels, found.person_ids.tolist()) == ([("wave", "sit")], [1])
