"""Labels of annotation files become class ids: collected, or matched with a label map."""

from __future__ import annotations

from pathlib import Path

import pytest

from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.data.formats.rows import RowBuilder, RowTable
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.class_collection import resolve_classes


def part(*labels: tuple, source: str = "file.xml", **more) -> RowTable:
    """Return an imported file with one box for each tuple of labels."""
    rows = RowBuilder()
    for second, some in enumerate(labels):
        rows.add("v", second, (0.1, 0.1, 0.5, 0.5), some, place=f"row {second}")
    return rows.build(Path(source), **more)


def table_of(label_map: LabelMap) -> list[tuple[int, str, str]]:
    return sorted((entry.id, entry.name, entry.group) for entry in label_map)


def test_names_are_numbered_in_order_and_negatives_stay():
    found = resolve_classes([part(("wave", "sit"), ()), part(("jump",))], None)
    assert table_of(found.label_map) == [(1, "jump", "object"), (2, "sit", "object"), (3, "wave", "object")]
    assert found.class_ids == [[(3, 2), ()], [(1,)]]
    assert "3 classes" in found.comment
    assert "--class-group movement" in found.comment
    assert max(map(len, found.comment.splitlines())) <= 110


def test_spellings_that_differ_in_case_and_space_are_one_class():
    found = resolve_classes([part(("Walk",), ("Walk",), ("walk ",))], None)
    assert table_of(found.label_map) == [(1, "Walk", "object")]
    assert found.class_ids == [[(1,), (1,), (1,)]]
    assert any('labels "walk " and "Walk" are taken as one class' in note for note in found.notes)


def test_ids_of_files_that_name_them_are_kept():
    found = resolve_classes([part((7,), (3,), class_names={3: "sit", 7: "run", 9: "unused"})], None)
    assert table_of(found.label_map) == [(3, "sit", "object"), (7, "run", "object")]
    assert found.class_ids == [[(7,), (3,)]]


def test_files_that_number_alike_named_classes_differently_agree_by_name():
    parts = [part((1,), (2,), class_names={1: "sit", 2: "run"}), part((1,), class_names={1: "run"})]
    found = resolve_classes(parts, None)
    assert table_of(found.label_map) == [(1, "run", "object"), (2, "sit", "object")]
    assert found.class_ids == [[(2,), (1,)], [(1,)]]


def test_ids_without_names_get_names_and_a_notice():
    found = resolve_classes([part((4,), (0,))], None, "movement")
    assert table_of(found.label_map) == [(0, "class 0", "movement"), (4, "class 4", "movement")]
    assert found.class_ids == [[(4,), (0,)]]
    assert any("--label-map FILE" in note for note in found.notes)
    assert not any("--class-group" in note for note in found.notes)


def test_groups_come_from_the_file_then_from_the_flag():
    parts = [part(("sit", "hug"), class_groups={"sit": "movement"})]
    assert table_of(resolve_classes(parts, None).label_map) == [(1, "hug", "object"), (2, "sit", "movement")]
    assert table_of(resolve_classes(parts, None, "person").label_map) == [(1, "hug", "person"), (2, "sit", "movement")]
    contrary = part(("sit",), class_groups={"sit": "person"}, source="other.xml")
    with pytest.raises(UserError, match=r'other.xml: class "sit" is of group person here and of group movement'):
        resolve_classes([*parts, contrary], None)


def test_names_match_a_label_map_in_any_case():
    label_map = LabelMap((ActionClass(5, "walk left", "movement"), ActionClass(9, "Sit", "movement")), "label map x")
    found = resolve_classes([part(("Walk  Left", "sit"), (9,), ("5",))], label_map)
    assert found.class_ids == [[(5, 9), (9,), (5,)]]
    assert found.label_map is label_map
    assert found.comment == ""
    assert found.notes == ()


def test_names_that_differ_by_case_only_in_the_label_map_need_the_exact_one():
    label_map = LabelMap((ActionClass(1, "sit", "movement"), ActionClass(2, "Sit", "movement")), "label map x")
    assert resolve_classes([part(("Sit",), ("sit",))], label_map).class_ids == [[(2,), (1,)]]
    with pytest.raises(UserError, match='"SIT"'):
        resolve_classes([part(("SIT",))], label_map)


def test_all_unknown_labels_are_listed_with_counts_and_the_nearest():
    label_map = LabelMap((ActionClass(1, "walk left", "movement"), ActionClass(2, "sit", "movement")), "label map x")
    with pytest.raises(UserError) as error:
        resolve_classes([part(("wlak left",), ("sit",), ("wlak left", 12), ("fly",))], label_map)
    text = str(error.value)
    assert text.startswith("3 of the 4 labels")
    assert "label map x" in text
    assert '"wlak left" (2 boxes; the first: file.xml, row 0). Did you mean "walk left"?' in text
    assert "class id 12 (1 box; the first: file.xml, row 2). Nearest: " in text
    assert '"fly" (1 box; the first: file.xml, row 3).' in text


def test_ids_from_zero_are_recognized():
    label_map = LabelMap((ActionClass(1, "a", "object"), ActionClass(2, "b", "object")), "label map x")
    with pytest.raises(UserError, match="file.xml start at 0 .* add 1 to each"):
        resolve_classes([part((0,), (1,))], label_map)


def test_nothing_to_learn_and_mixtures_are_errors():
    with pytest.raises(UserError, match=r"file.xml: no box has an action"):
        resolve_classes([part((), ())], None)
    with pytest.raises(UserError, match=r'name some classes \("sit"\) and only number others \(3\)') as error:
        resolve_classes([part(("sit",)), part((5,), (3,), source="b.csv")], None)
    assert str(error.value).endswith("The first of each: file.xml, row 0; b.csv, row 1.")


def test_accents_in_both_codings_are_one_class():
    composed, taken_apart = "\u00e9crire", "e\u0301crire"
    found = resolve_classes([part((composed,), (taken_apart,), (taken_apart,))], None)
    assert table_of(found.label_map) == [(1, composed, "object")]
    assert not any("taken as one class" in note and composed not in note for note in found.notes)
    label_map = LabelMap((ActionClass(4, composed, "movement"),), "label map x")
    assert resolve_classes([part((taken_apart,))], label_map).class_ids == [[(4,)]]


def test_ids_that_begin_at_0_get_a_notice():
    notes = resolve_classes([part((4,), (0,))], None).notes
    assert any("begin at 0" in note for note in notes)
    assert not any("begin at 0" in note for note in resolve_classes([part((4,), (1,))], None).notes)


def test_names_that_are_numbers_are_their_own_ids():
    found = resolve_classes([part(("10",), ("2",), ("1",))], None)
    assert table_of(found.label_map) == [(1, "1", "object"), (2, "2", "object"), (10, "10", "object")]
    assert found.class_ids == [[(10,), (2,), (1,)]]
    assert table_of(resolve_classes([part(("7",), ("wave",))], None).label_map) == [
        (1, "7", "object"),
        (2, "wave", "object"),
    ]
    label_map = LabelMap((ActionClass(1, "wave", "object"), ActionClass(10, "sit", "object")), "label map")
    assert resolve_classes([part(("10",), ("1",))], label_map).class_ids == [[(10,), (1,)]]


def test_an_action_without_a_name_is_refused_with_its_place():
    with pytest.raises(UserError, match=r"file\.xml, row 1: an action without a name"):
        resolve_classes([part(("wave",), (" ",))], None)
    with pytest.raises(UserError, match=r"file\.xml, row 1: the class id 2147483648 is not one from 0"):
        resolve_classes([part((1,), (2**31,))], None)


def test_a_text_as_long_as_a_book_is_no_action():
    with pytest.raises(UserError, match=r'file\.xml, row 1: the action "aaa.*" has 1,001 characters') as error:
        resolve_classes([part(("wave",), ("a" * 1001,))], None)
    assert len(str(error.value)) < 400
    assert resolve_classes([part(("a" * 1000,))], None).label_map.names == ("a" * 1000,)
