"""What is odd about files that can be read."""

from __future__ import annotations

from alphaction.checks.check_files import check_files
from alphaction.data.annotations import ActionClass, AnnotationTable, Keyframe, LabelMap
from alphaction.data.tables import DatasetTables

BOX = [[0.1, 0.1, 0.5, 0.5]]


def tables(label_map: LabelMap, excluded=()) -> DatasetTables:
    annotations = AnnotationTable.from_columns(["v", "v"], [1, 2], BOX * 2, [1, 1], source="truth.csv")
    return DatasetTables("s_val", label_map, annotations.without({Keyframe(*each) for each in excluded}), source=None)


def test_exclusions_of_other_videos():
    sound = LabelMap((ActionClass(1, "stand", "movement"),))
    assert not list(check_files(tables(sound, [("v", 1), ("w", 7)])))
    [finding] = check_files(tables(sound, [("V", 1), ("W", 7)]))
    assert (finding.level, finding.check, finding.dataset) == ("warning", "exclusions", "s_val")
    assert '"V"' in finding.message


def test_classes_without_a_type_and_names_with_spaces():
    odd = LabelMap((ActionClass(1, "stand", "object"), ActionClass(2, "walk\taway", "object")),
                   source="classes.pbtxt", untyped=(1,))  # fmt: skip
    untyped, spaces = check_files(tables(odd))
    assert "classes.pbtxt: classes 1 " in untyped.message
    assert "'walk\\taway'" in spaces.message


def test_own_groups_that_are_spelled_almost_alike():
    groups = ("posture", "posure", "left arm", "right arm", "arm 1", "arm 2")
    classes = [ActionClass(1, "stand", "movement")]
    classes += [ActionClass(number, f"class {number}", group) for number, group in enumerate(groups, start=2)]
    [finding] = check_files(tables(LabelMap(tuple(classes), source="classes.pbtxt")))
    assert (finding.level, finding.check) == ("warning", "label map")
    assert 'classes.pbtxt: the groups "posture" and "posure" are spelled almost alike' in finding.message
