"""Tracks, and the rule for actions, by themselves."""

from __future__ import annotations

import pytest
from workflows.prepare.importing import import_text

from alphaction.data.formats.action_attributes import AttributeUse, person_id
from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.formats.tracks import Knot, TrackPath, TrackSample, frame_of
from alphaction.utils.errors import UserError


def sample_track(knots: list[Knot], fps: float, **more) -> list[TrackSample]:
    path = TrackPath(knots, fps, **more)
    return list(path.samples(path.grid(1)))


def box(x: float) -> tuple[float, float, float, float]:
    return (x, 0.0, x + 0.1, 0.5)


def xs(samples) -> list[tuple[int, float]]:
    return [(sample.second, round(sample.box[0], 6)) for sample in samples]


@pytest.mark.parametrize(
    ("second", "fps", "frame"), [(0, 25, 0), (3, 25, 75), (1, 30000 / 1001, 30), (17, 30000 / 1001, 509), (1, 12.5, 12)]
)
def test_the_frame_of_a_second_is_the_nearest(second, fps, frame):
    assert frame_of(second, fps) == frame


def test_a_track_ends_with_its_last_knot_unless_told():
    knots = [Knot(0, box(0.0)), Knot(20, box(0.2))]
    assert xs(sample_track(knots, 10)) == [(0, 0.0), (1, 0.1), (2, 0.2)]
    assert xs(sample_track(knots, 10, last_frame=35)) == [(0, 0.0), (1, 0.1), (2, 0.2), (3, 0.2)]


def test_knots_may_come_in_any_order_and_the_later_of_a_frame_counts():
    knots = [Knot(10, box(0.5)), Knot(0, box(0.0)), Knot(10, box(0.3))]
    assert xs(sample_track(knots, 10)) == [(0, 0.0), (1, 0.3)]


def test_a_track_that_begins_between_two_seconds_begins_at_the_next():
    assert xs(sample_track([Knot(13, box(0.3)), Knot(33, box(0.5))], 10)) == [(2, 0.37), (3, 0.47)]
    assert sample_track([Knot(13, box(0.3)), Knot(17, box(0.5))], 10) == []
    assert sample_track([], 10) == []


def test_labels_hold_until_the_next_knot():
    samples = sample_track([Knot(0, box(0), labels="a"), Knot(11, box(0), labels="b"), Knot(20, box(0))], 10)
    assert [sample.labels for sample in samples] == ["a", "a", None]


def test_a_step_rounds_the_ends_of_a_track_to_the_frames_that_were_shown():
    # Frames 1, 5, 9, 13 were shown at 10 fps: second 1 (frame 10) is between 9 and 13, nearer to 9.
    knots = [Knot(frame, box(frame / 100)) for frame in (1, 5, 9)]
    assert xs(sample_track(knots, 10, step=4)) == [(0, 0.01), (1, 0.09)]
    assert xs(sample_track(knots, 10)) == []
    hidden = Knot(13, box(0.13), shown=False, continues=False)
    assert xs(sample_track([*knots, hidden], 10, step=4)) == [(0, 0.01), (1, 0.1)]
    assert xs(sample_track([*knots, hidden], 12, step=4)) == [(0, 0.01)]  # frame 12 is nearer to 13, which hides it
    assert sample_track([Knot(13, box(0)), Knot(16, box(0), False, False)], 10, step=3) == []


def test_named_attributes_exclude_others_but_not_checkboxes():
    rule = ActionRule(
        AttributeUse({"Activity": "select", "shirt": "select", "talking": "checkbox", "occluded": "checkbox"})
    )
    answers = {"Activity": ["run"], "shirt": ["red"], "talking": ["true"], "occluded": ["true"]}
    assert rule.actions(("person",), answers) == ("run", "talking")
    assert rule.counts['values of the attribute "shirt", which is not taken for an action'] == 1


def test_without_a_named_attribute_every_choice_is_an_action():
    rule = ActionRule(AttributeUse({"mood": "radio", "age": "number", "track_id": "text"}))
    assert rule.actions(("person",), {"mood": ["glad"], "age": ["30"], "track_id": ["3"]}) == ("glad",)
    assert rule.actions(("person",), {"mood": ["None"]}) == ()


def test_labels_count_only_without_attributes():
    assert ActionRule(AttributeUse({})).actions(("wave", "Person"), {}) == ("wave",)
    assert ActionRule(AttributeUse({"track_id": "number"})).actions(("wave",), {"track_id": ["2"]}) == ("wave",)
    assert ActionRule(AttributeUse({"action": "select"})).actions(("wave",), {}) == ()


def test_the_person_id_of_an_attribute():
    assert person_id({"Person ID": ["12"], "action": ["3"]}) == 12
    assert person_id({"track_id": ["left one"]}) is None


def test_which_attributes_are_actions_is_always_told():
    kinds = {"doing": "select", "mood": "radio", "occluded": "checkbox", "age": "number"}
    rule = ActionRule(AttributeUse(kinds))
    assert rule.attributes == {"doing", "mood"}
    assert rule.notes == [
        "actions are taken from the attributes: doing, mood; other attributes: occluded, age (all of these? "
        "--action-attribute NAME ... chooses)"
    ]
    assert ActionRule(AttributeUse({"action": "select", "shirt": "text"})).notes == [
        "actions are taken from the attribute: action; other attributes: shirt"
    ]
    assert ActionRule(AttributeUse({})).notes == [
        "actions are taken from the labels of the boxes, as no attribute can be an action"
    ]


def test_attributes_that_are_actions_can_be_named():
    kinds = {"doing": "select", "mood": "radio", "occluded": "checkbox"}
    rule = ActionRule(AttributeUse(kinds), wanted=("Doing", "occluded"))
    answers = {"doing": ["sit"], "mood": ["m"], "occluded": ["true"]}
    assert rule.actions(("person",), answers) == ("sit", "occluded")
    assert rule.counts == {}  # the user has said so
    assert rule.notes == ["actions are taken from the attributes: doing, occluded; other attributes: mood"]
    with pytest.raises(UserError, match='--action-attribute "doings": no file has such .* Did you mean "doing"'):
        ActionRule(AttributeUse(kinds), wanted=("doings",))


def test_a_track_that_no_video_could_hold_is_refused(tmp_path):
    sequence = [{"frame": frame, "x": 1, "y": 1, "width": 9, "height": 9} for frame in (1, 9_000_000)]
    result = {"id": "r", "type": "videorectangle", "value": {"sequence": sequence, "labels": ["sit"]}}
    task = {"id": 3, "data": {"video": "clip_01.mp4"}, "annotations": [{"result": [result]}]}
    message = r'annotations.txt, task 3, region "r": it lasts until second 900000\d, and no video is that long'
    with pytest.raises(UserError, match=message):
        import_text(tmp_path, [task], naming=FrameNaming(frame_rate=1))
