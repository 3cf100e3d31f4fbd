"""Tracks, names of videos, and the rule for actions, by themselves."""

from __future__ import annotations

import pytest

from alphaction.preparation.importers.actions import ActionRule, person_id
from alphaction.preparation.importers.names import VideoNames
from alphaction.preparation.importers.tracks import Knot, frame_of, sample_track
from alphaction.utils.errors import UserError


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


@pytest.mark.parametrize(
    ("raw", "video"),
    [
        ("clip_01", "clip_01"), ("clip_01.mp4", "clip_01"), ("CLIP 01.MKV", "clip_01"), ("a/b/clip_01.mov", "clip_01"),
        ("C:\\videos\\clip_01.avi", "clip_01"), ("v1.2", "v1.2"), ("v1.2.mp4", "v1.2"), ("12345678-x.mp4", "x"),
        ("/data/upload/4/0a1b2c3d-v1.2.mp4", "v1.2"), ("day2/cam", "day2/cam"), ("cam.mp4", "day2/cam"),
    ],
)  # fmt: skip
def test_names_of_tools_are_matched(raw, video):
    assert VideoNames(["clip_01", "v1.2", "x", "day2/cam"], "file").match(raw) == video


def test_an_exact_name_wins_over_the_upload_prefix():
    assert VideoNames(["0a1b2c3d-x", "x"], "file").match("/data/upload/4/0a1b2c3d-x.mp4") == "0a1b2c3d-x"


def test_ambiguous_and_unknown_names_are_errors():
    names = VideoNames(["Clip-1", "clip 1", "walk"], "file.xml")
    with pytest.raises(UserError, match=r'file.xml, track 3: video "clip_1.mp4" fits Clip-1, clip 1'):
        names.match("clip_1.mp4", place="track 3")
    with pytest.raises(UserError, match=r'video "/x/wlak.mp4" is not among the videos. Did you mean "walk"'):
        names.match("/x/wlak.mp4")
    with pytest.raises(UserError, match="not named"):
        names.match("")


def test_the_second_name_is_tried_where_the_first_is_unknown():
    assert VideoNames(["walk"], "file").match("task 7", "walk.mp4") == "walk"


def test_named_attributes_exclude_others_but_not_checkboxes():
    rule = ActionRule({"Activity": "select", "shirt": "select", "talking": "checkbox", "occluded": "checkbox"})
    answers = {"Activity": ["run"], "shirt": ["red"], "talking": ["true"], "occluded": ["true"]}
    assert rule.actions(("person",), answers) == ("run", "talking")
    assert rule.counts['values of the attribute "shirt", which is not taken for an action'] == 1


def test_without_a_named_attribute_every_choice_is_an_action():
    rule = ActionRule({"mood": "radio", "age": "number", "track_id": "text"})
    assert rule.actions(("person",), {"mood": ["glad"], "age": ["30"], "track_id": ["3"]}) == ("glad",)
    assert rule.actions(("person",), {"mood": ["None"]}) == ()


def test_labels_count_only_without_attributes():
    assert ActionRule({}).actions(("wave", "Person"), {}) == ("wave",)
    assert ActionRule({"track_id": "number"}).actions(("wave",), {"track_id": ["2"]}) == ("wave",)
    assert ActionRule({"action": "select"}).actions(("wave",), {}) == ()


def test_the_person_id_of_an_attribute():
    assert person_id({"Person ID": ["12"], "action": ["3"]}) == 12
    assert person_id({"track_id": ["left one"]}) is None
