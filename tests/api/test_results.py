"""What a prediction tells, and what other packages make of it."""

from __future__ import annotations

import json
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
from api.samples import CLASSES, NAMES, TWO, prediction
from messages import says

from alphaction.api import events_of, to_fiftyone, tracks_of
from alphaction.utils.errors import UserError


def test_actions_are_those_above_their_thresholds():
    first, second = TWO
    assert first.top(1) == [(NAMES[0], 0.9)]
    assert first.actions() == [(NAMES[0], 0.9), (NAMES[1], 0.7)]
    assert second.actions() == []
    assert second.actions(0.5) == [(NAMES[1], 0.5)]
    assert second.actions({NAMES[1]: 0.4}) == [(NAMES[1], 0.5)]
    assert str(first) == f"#1 {NAMES[0]} 90%, {NAMES[1]} 70%"
    assert str(prediction(*TWO)) == f"street.mp4, second 2: 2 persons: {first}; #4 {NAMES[1]} 50%"
    with pytest.raises(KeyError, match="walk/run"):
        first.scores["walk/rum"]
    with pytest.raises(KeyError):
        first.actions({"walk/rum": 0.1})


def test_of_an_exclusive_group_one_action_is_told():
    classes = replace(CLASSES, exclusive=("object",))
    one = replace(TWO[0], _classes=classes)
    assert one.actions(0.0) == [(NAMES[0], 0.9)]
    assert one.actions({NAMES[0]: 1.0}) == [(NAMES[1], 0.7)]


def test_arrays_and_plain_values():
    result = prediction(*TWO)
    np.testing.assert_array_equal(result.boxes(), [[10, 20, 60, 90], [100, 20, 150, 100]])
    np.testing.assert_allclose(result.scores(), [[0.9, 0.7, 0.1], [0.2, 0.5, 0.1]])
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["persons"][1] == {
        "id": 4, "box": [100, 20, 150, 100], "box_score": 0.9, "actions": [],
        "scores": dict(zip(NAMES, (0.2, 0.5, 0.1), strict=True)),
    }  # fmt: skip
    assert plain["persons"][0]["actions"] == [NAMES[0], NAMES[1]]
    assert plain["fps"] == 25.0
    assert prediction().boxes().shape == (0, 4)


def test_the_picture_shows_what_reaches_its_threshold():
    one, other = TWO
    shown = prediction(one, other).draw(scale=1)
    assert shown.shape == (100, 200, 3)
    np.testing.assert_array_equal(prediction(one, other).draw(scale=1, threshold=None), shown)
    assert not np.array_equal(prediction(one, other).draw(scale=1, threshold=0.05), shown)
    assert prediction(one).draw().shape == (400, 800, 3)
    np.testing.assert_array_equal(prediction().draw(scale=1), 90)


def test_tracks():
    results = [prediction(*TWO, second=0), prediction(TWO[1], second=1), prediction(TWO[0], second=0, video="b.mp4")]
    tracks = tracks_of(iter(results))
    assert [(track.video, track.id, list(track.seconds)) for track in tracks] == [
        ("street.mp4", 1, [0]),
        ("street.mp4", 4, [0, 1]),
        ("b.mp4", 1, [0]),
    ]
    assert tracks[1].scores[NAMES[1]] == [0.5, 0.5]
    np.testing.assert_array_equal(tracks[1].boxes, [TWO[1].box] * 2)
    assert json.loads(json.dumps(tracks[1].to_dict())) == {
        "video": "street.mp4", "id": 4, "seconds": [0, 1], "boxes": [[100, 20, 150, 100]] * 2,
        "scores": dict(zip(NAMES, ([0.2] * 2, [0.5] * 2, [0.1] * 2), strict=True)),
    }  # fmt: skip
    with pytest.raises(KeyError, match="Did you mean"):
        tracks[0].scores["walk/rum"]
    assert tracks[1].top(1) == [(NAMES[1], 0.5)]
    assert str(tracks[1]).startswith("#4, seconds 0 to 1: ")


def test_events():
    moments = [(*TWO,), (TWO[0],), (), (TWO[0],)]
    results = [prediction(*persons, second=second / 2) for second, persons in enumerate(moments)]
    told = [(event.person, event.action, event.start, event.end) for event in events_of(iter(results))]
    assert told == [
        (1, NAMES[0], 0.0, 0.75),
        (1, NAMES[1], 0.0, 0.75),
        (1, NAMES[0], 1.25, 1.75),
        (1, NAMES[1], 1.25, 1.75),
    ]
    bridged = events_of([*results, prediction(TWO[0], second=7, video="b.mp4")], longest_gap=0.5)
    assert [(event.video, event.start, event.end, round(event.score, 6)) for event in bridged[::2]] == [
        ("street.mp4", 0.0, 1.75, 0.9),
        ("b.mp4", 6.5, 7.5, 0.9),
    ]


def test_supervision_draws_the_persons():
    supervision = pytest.importorskip("supervision")
    found = prediction(*TWO).to_supervision()
    np.testing.assert_array_equal(found.xyxy, [[10, 20, 60, 90], [100, 20, 150, 100]])
    np.testing.assert_allclose(found.confidence, [0.9, 0.5])
    assert found.class_id.tolist() == [0, 1]
    assert found.tracker_id.tolist() == [1, 4]
    assert found.data["class_name"].tolist() == [NAMES[0], NAMES[1]]
    assert found.data["actions"].tolist() == [f"{NAMES[0]} 90%, {NAMES[1]} 70%", f"{NAMES[1]} 50%"]
    assert found.data["scores"].shape == (2, 3)
    assert found.metadata["class_names"] == list(NAMES)
    # Its own operations hold: filters, merging, annotators, zones.
    assert found[found.confidence > 0.6].tracker_id.tolist() == [1]
    assert len(supervision.Detections.merge([found, prediction(TWO[0]).to_supervision()])) == 3
    frame = prediction().frame.copy()
    drawn = supervision.BoxAnnotator().annotate(frame.copy(), found)
    drawn = supervision.LabelAnnotator().annotate(drawn, found, labels=["a", "b"])
    drawn = supervision.TraceAnnotator().annotate(drawn, found)
    assert not np.array_equal(drawn, frame)
    assert not np.array_equal(supervision.LabelAnnotator().annotate(frame.copy(), found), frame)
    zone = supervision.PolygonZone(np.array([[0, 0], [80, 0], [80, 100], [0, 100]]))
    assert zone.trigger(found).tolist() == [True, False]


def test_supervision_has_nobody_where_nobody_is():
    pytest.importorskip("supervision")
    empty = prediction().to_supervision()
    assert len(empty) == 0
    assert empty.data["scores"].shape == (0, 3)
    assert prediction(*TWO).to_supervision(threshold=0.6).tracker_id.tolist() == [1]


def stand_in() -> types.ModuleType:
    """Return a module with the constructors of FiftyOne that are called, whose fields are attributes as there."""
    module = types.ModuleType("fiftyone")
    module.__spec__ = types.SimpleNamespace(name="fiftyone")

    class Document(types.SimpleNamespace):
        pass

    class Sample(Document):
        def __init__(self, filepath):
            super().__init__(filepath=filepath, frames={}, media_type="video")

    for name in ("Detection", "Detections", "Frame"):
        setattr(module, name, type(name, (Document,), {}))
    module.Sample = Sample
    return module


@pytest.fixture
def fiftyone(monkeypatch):
    """FiftyOne, or what stands for it where it is not installed."""
    try:
        import fiftyone
    except ImportError:
        monkeypatch.setitem(sys.modules, "fiftyone", stand_in())
        return sys.modules["fiftyone"]
    return fiftyone


def test_fiftyone_samples(fiftyone, tmp_path):
    videos = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for video in videos:
        video.write_bytes(b"")
    results = [prediction(*TWO, video=str(video), second=second) for video in videos for second in (0, 2)]
    samples = to_fiftyone(iter(results))
    assert [sample.filepath for sample in samples] == [str(video) for video in videos]
    assert samples[0].media_type == "video"
    assert sorted(samples[0].frames) == [1, 51]
    found = samples[0].frames[51].actions.detections
    assert [(each.label, each.index) for each in found] == [(NAMES[0], 1), (NAMES[1], 1), (NAMES[1], 4)]
    assert [each.confidence for each in found] == [0.9, 0.7, 0.5]
    assert found[0].bounding_box == pytest.approx([0.05, 0.2, 0.25, 0.7])
    assert found[0].box_score == 0.9
    (sample,) = to_fiftyone([results[0]], field="alphaction", threshold=0.8)
    assert [each.label for each in sample.frames[1].alphaction.detections] == [NAMES[0], NAMES[1]]


def test_fiftyone_needs_files(fiftyone):
    with pytest.raises(UserError, match="frames is not a file"):
        to_fiftyone([prediction(*TWO, video="frames")])


def test_a_missing_package_is_one_line(monkeypatch):
    for name in ("supervision", "fiftyone"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError) as error:
        prediction(*TWO).to_supervision()
    says(str(error.value), "pip install supervision")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="pip install fiftyone"):
        to_fiftyone([])
