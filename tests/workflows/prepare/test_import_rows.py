"""Rows of a file are merged: equal boxes are one, keyframes without boxes stay."""

from __future__ import annotations

from pathlib import Path

from workflows.prepare.importing import empty_keyframes, listed

from alphaction.data.formats.rows import RowBuilder
from alphaction.workflows.prepare.import_rows import merge_equal_boxes

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
    found = merge_equal_boxes(rows)
    assert listed(found) == [
        ("b", 3, OTHER, ("wave", "sit"), 1),
        ("a", 2, BOX, ("sit", "wave"), 4),
        ("b", 3, OTHER, (), 2),
    ]
    assert empty_keyframes(found) == [("a", 9)]
    assert found.counts == {"points left out": 2, "rows merged into the box of another row": 1}
    assert [found.source.where(row) for row in range(4)] == [f"t.xml, row {number}" for number in (0, 2, 4, 1)]
    assert found.class_groups == {"sit": "movement"}


def test_a_track_for_each_action_of_a_person_is_one_box():
    builder = RowBuilder()
    builder.add("a", 0, BOX, ("wave",), 1, place="track 1", merge_key=-2)
    builder.add("a", 0, BOX, ("sit",), 2, place="track 2", merge_key=-2)
    found = merge_equal_boxes(builder.build(Path("t.xml")))
    assert (found.labels(), found.person_ids.tolist()) == ([("wave", "sit")], [1])
