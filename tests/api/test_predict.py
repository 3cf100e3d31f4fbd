"""Predictions from Python: those of tools/predict_video.py, for files, frames and boxes of every kind."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from messages import says

from alphaction import ActionDetector
from alphaction.api import Prediction, tracks_of
from alphaction.data.annotations import read_boxes
from alphaction.data.video.file import VideoFile
from alphaction.evaluation import read_detections
from alphaction.utils.errors import UserError
from alphaction.workflows.detect import DetectedBoxes
from alphaction.workflows.predict.video import predict_video
from alphaction.workflows.predict.video_options import VideoOptions

FPS = 12


def frames_of(video: Path) -> np.ndarray:
    """Return all frames of a video."""
    movie = VideoFile(video)
    info = movie.info()
    return np.stack(movie.frames_at([i / info.fps for i in range(info.frames)], size=None))


def scores_of(results: list[Prediction]) -> dict[float, np.ndarray]:
    """Return second -> scores, of the seconds with persons."""
    return {result.second: result.scores() for result in results if result.persons}


@pytest.fixture(scope="module")
def video(toy) -> Path:
    return toy / "videos" / "val_000.mp4"


@pytest.fixture(scope="module")
def boxes(toy) -> Path:
    return toy / "boxes" / "val_person_detections.csv"


@pytest.fixture(scope="module")
def by_second(boxes, video) -> dict[int, np.ndarray]:
    """The same boxes in pixels."""
    table = read_boxes(boxes)
    size = VideoFile(video).info()
    scale = np.array([size.width, size.height] * 2)
    found = {}
    for keyframe in table.keyframes:
        if keyframe.video == "val_000":
            corners, scores = table.lookup(*keyframe)
            found[keyframe.second] = np.column_stack([corners * scale, scores])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["remembering", "plain"])
def test_scores_are_those_of_predict_video(kind, request, toy, video, boxes, tmp_path):
    detector = request.getfixturevalue(kind)
    objects = toy / "boxes" / "val_object_detections.csv" if kind == "remembering" else None
    options = VideoOptions(
        video=video, output=tmp_path / "out.mp4", detections=boxes, object_boxes=objects, csv=tmp_path / "out.csv"
    )
    cfg = detector.cfg
    cfg.defrost()
    cfg.TEST.ACTION_THRESH = 0.0
    predict_video(cfg, detector.path, options)
    expected = read_detections(tmp_path / "out.csv")

    results = detector.predict(video, boxes, stream=False, objects=objects)

    assert [result.second for result in results] == list(range(4))
    got = {(result.second, person.box): person.scores for result in results for person in result.persons}
    assert len(got) == len(expected.boxes)
    rows = dict(zip(detector.label_map.ids, detector.classes, strict=True))
    seconds = [keyframe.second for keyframe in expected.keyframes]
    width, height = results[0].size
    for box, class_id, score in zip(expected.box_index, expected.row_class_ids, expected.scores, strict=True):
        corners = expected.boxes[box] * [width, height, width, height]
        second = seconds[expected.keyframe_index[box]]
        near = min(got, key=lambda key: abs(key[0] - second) * 1e6 + np.abs(np.array(key[1]) - corners).max())
        assert got[near][rows[class_id]] == pytest.approx(score, abs=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["remembering", "plain"])
def test_frames_give_what_their_file_gives(kind, request, video, boxes, by_second):
    detector = request.getfixturevalue(kind)
    expected = scores_of(detector.predict(video, boxes, False))
    array = frames_of(video)
    given = {
        "array": array,
        "tensor": torch.from_numpy(array),
        "channels first": torch.from_numpy(array).permute(0, 3, 1, 2),
        "generator": (frame for frame in array),
    }
    for name, frames in given.items():
        found = scores_of(detector.predict(frames, by_second, False, fps=FPS))
        assert found.keys() == expected.keys(), name
        for second in expected:
            np.testing.assert_allclose(found[second], expected[second], atol=1e-5, err_msg=name)
    captured = scores_of(detector.predict(cv2.VideoCapture(str(video)), by_second, False))
    np.testing.assert_allclose(captured[1], expected[1], atol=0.02)  # OpenCV converts the colors otherwise
    named = scores_of(detector.predict(array, boxes, False, fps=FPS, name="val_000"))
    np.testing.assert_allclose(named[1], expected[1], atol=1e-5)


@pytest.mark.slow
def test_results_come_before_the_frames_end(plain, remembering, video, by_second):
    array = frames_of(video)
    for detector, ahead in ((plain, 0), (remembering, 1)):
        taken = 0

        def frames():
            nonlocal taken
            for taken, frame in enumerate(array, start=1):  # noqa: B007
                yield frame

        results = detector.predict(frames(), by_second, fps=FPS)
        assert taken <= 1  # the first one, for the size
        next(results)
        assert FPS * ahead < taken < FPS * (ahead + 1)  # a clip has 8 frames after its second
        next(results)
        assert taken < FPS * (ahead + 2)


@pytest.mark.slow
def test_persons_and_their_actions(plain, video, boxes, by_second):
    results = list(plain.predict(video, boxes))
    first = results[0]
    person = first.persons[0]
    assert first.video == str(video)
    assert first.frame.shape == (*first.size[::-1], 3)
    assert tuple(person.scores) == plain.classes
    assert person.top(2)[0][1] >= person.top(2)[1][1]
    moving = plain.label_map.groups.count("movement")
    assert len(person.actions(0.0)) == len(plain.classes) - moving + 1  # movements exclude each other
    assert all(score >= plain.thresholds[name] for name, score in person.actions())
    only = plain.classes[1]
    assert person.actions({**dict.fromkeys(plain.classes, 1.1), only: 0.0}) == [(only, person.scores[only])]
    with pytest.raises(KeyError, match="no class is called"):
        person.scores["no such class"]
    corners = sorted(tuple(row[:4].round(3)) for row in by_second[0] if row[4] >= 0.5)
    assert sorted(tuple(np.round(each.box, 3)) for each in first.persons) == corners
    tracks = tracks_of(results)
    assert sum(len(track.seconds) for track in tracks) == sum(len(result.persons) for result in results)
    assert tracks[0].scores[only][0] == tracks[0].persons[0].scores[only]
    assert f"#{person.id} " in str(first)


@pytest.mark.slow
def test_pictures(plain, video, boxes, tmp_path):
    result = next(plain.predict(video, boxes))
    picture = result.draw()
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3
    assert min(picture.shape[:2]) >= min(result.size)
    assert not np.array_equal(result.draw(threshold=0.0), result.draw(threshold=1.0))
    assert result._repr_png_().startswith(b"\x89PNG")
    assert result.save(tmp_path / "one.png").stat().st_size > 1000


@pytest.mark.slow
def test_several_videos(plain, toy):
    videos = sorted((toy / "videos").glob("train_*.mp4"))
    assert len(videos) == 2
    boxes = read_boxes(toy / "boxes" / "train_person_detections.csv")
    results = plain.predict(videos, boxes, stream=False)
    assert [result.video for result in results] == [str(path) for path in videos for _ in range(4)]
    pattern = plain.predict(str(toy / "videos" / "train_*.mp4"), boxes, stream=False)
    assert [str(result) for result in pattern] == [str(result) for result in results]
    says(refused(plain, videos, {0: [[1, 1, 9, 9]]}), "a dict of boxes is that of one video")


@pytest.mark.slow
def test_a_detector_finds_who_is_there(plain, video, boxes, by_second):
    width, height = VideoFile(video).info().width, VideoFile(video).info().height
    calls = []

    class Finds:
        def detect(self, frames):
            found = []
            for frame in frames:
                assert frame.shape == (height, width, 3)
                rows = by_second[len(calls)]
                calls.append(frame)
                scale = np.array([width, height] * 2)
                found.append(DetectedBoxes(rows[:, :4] / scale, rows[:, 4].astype("float32"), ["person"] * len(rows)))
            return found

    expected = scores_of(plain.predict(video, boxes, False))
    found = scores_of(plain.predict(video, stream=False, detector=Finds()))
    for second in expected:
        np.testing.assert_allclose(found[second], expected[second], atol=1e-5)
    calls.clear()
    found = scores_of(plain.predict(iter(frames_of(video)), stream=False, detector=Finds(), fps=FPS))
    np.testing.assert_allclose(found[2], expected[2], atol=1e-5)


@pytest.mark.slow
def test_nobody_is_there(plain, video, caplog):
    results = plain.predict(video, {}, stream=False, end=3)
    assert [(result.second, result.persons) for result in results] == [(0, ()), (1, ()), (2, ())]
    assert results[0].scores().shape == (0, len(plain.classes))
    assert results[0].draw().shape[2] == 3
    assert "no box of a person scores" in caplog.text


@pytest.mark.slow
def test_parts_of_a_video(plain, video, boxes):
    assert [result.second for result in islice(plain.predict(video, boxes, start=2, end=4), 9)] == [2, 3]
    assert [result.second for result in plain(video, boxes, stream=False, start=2, end=4)] == [2, 3]


def refused(predicting: ActionDetector, *args, **how) -> str:
    """Return the message of a prediction that is refused before anything is asked for."""
    with pytest.raises(UserError) as error:
        predicting.predict(*args, **how)
    return str(error.value)


@pytest.mark.slow
def test_wrong_arguments(plain, video, boxes, tmp_path):
    says(refused(plain, "no.mp4", boxes), "video=", "no.mp4")
    says(refused(plain, video, boxes, start=99), "start=99: ", "ends at")
    says(refused(plain, None, boxes), "None is neither a video nor frames")
    says(refused(plain, video, boxes, start=3, end=2), "expected 0 <= start < end")
    says(refused(plain, video, boxes, fps=3), "fps= goes with frames")
    says(refused(plain, video, boxes, detector="x"), "give one of them")
    says(refused(plain, video, tmp_path / "no.csv"), "boxes=", "no.csv")
    says(refused(plain, video, detector="fasterrcnn_resnet50_fpn_v3"), "Did you mean", "boxes={second")
    says(refused(plain, video, detector=3), "without a method detect")
    says(refused(plain, video, detector="yolo.pth"), "detector_weights=FILE")
    says(refused(plain, video, detector="yolo.onnx"), "yolo.onnx", "boxes={second")
    # Before weights of a detector are looked for.
    says(refused(plain, "no.mp4"), "video=", "no.mp4")
    says(refused(plain, video, start=99), "start=99: ", "ends at")
    says(refused(plain, 3.5, boxes, fps=3), "3.5 is neither a video nor frames")
    says(refused(plain, video, [[1, 2, 3, 4]]), "boxes= is a list", "dict.fromkeys(range(60), array)")
    says(refused(plain, video, np.zeros((3, 4))), "boxes= is a ndarray", "dict(enumerate(arrays))")
    says(refused(plain, video, 3), "boxes= is a int", "expected the path of a file")
    says(refused(plain, cv2.VideoCapture(), {}, fps=3), "the VideoCapture is not open")


@pytest.mark.parametrize(
    ("frames", "fps", "expected"),
    [
        (np.zeros((9, 8, 8, 3), "uint8"), None, ["fps= is missing"]),
        (np.zeros((9, 8, 8, 3), "uint8"), 0, ["fps=0", "above 0"]),
        (np.zeros((9, 8, 8, 3), "uint8"), float("nan"), ["fps=nan"]),
        (np.zeros((9, 8, 8, 3), "uint8"), "25", ["fps='25'"]),
        (np.zeros((9, 8, 8, 3), "float32"), 25, ["float32", "(frames * 255)"]),
        (np.full((9, 8, 8, 3), 200.0), 25, ["float64", "frames.round()"]),
        (np.zeros((9, 8, 8, 3), "int64"), 25, ["int64", "astype('uint8')"]),
        (np.zeros((9, 8, 8), "uint8"), 25, ["without colors", "repeat"]),
        (np.zeros((9, 8, 8, 1), "uint8"), 25, ["without colors"]),
        (np.zeros((9, 8, 8, 4), "uint8"), 25, ["fourth channel"]),
        (np.zeros((8, 8, 3), "uint8"), 25, ["one picture"]),
        (np.zeros((1, 9, 8, 8, 3), "uint8"), 25, ["a batch of one video", "frames[0]"]),
        (torch.zeros((3, 9, 8, 8), dtype=torch.uint8), 25, ["begins with the colors", "permute(1, 2, 3, 0)"]),
        (np.zeros((0, 8, 8, 3), "uint8"), 25, ["there are no frames"]),
        (np.zeros((9, 0, 8, 3), "uint8"), 25, ["expected uint8 RGB"]),
        ([], 25, ["there are no frames"]),
        (iter([]), 25, ["there are no frames"]),
        ([np.zeros((8, 8), "uint8")], 25, ["frame 0", "without colors"]),
        (["a.mp4", np.zeros((8, 8, 3), "uint8")], 25, ["frame 0 is a str"]),
    ],
)
@pytest.mark.slow
def test_wrong_frames(plain, frames, fps, expected):
    says(refused(plain, frames, {0: [[1, 1, 5, 5]]}, fps=fps), *expected)


@pytest.mark.slow
def test_frames_that_change_their_size(plain):
    frames = [np.zeros((64, 64, 3), "uint8")] * 30 + [np.zeros((32, 64, 3), "uint8")] * 3
    with pytest.raises(UserError, match="frame 30 is 64x32, the first one 64x64"):
        plain.predict(frames, {0: [[1, 1, 50, 50]]}, False, fps=12)


@pytest.mark.parametrize(
    ("boxes", "units", "expected"),
    [
        ({0: [[0.1, 0.1, 0.5, 0.9]]}, "pixels", ["fractions", 'box_units="fractions"']),
        ({0: [[1, 1, 50, 50]]}, "fractions", ["not a fraction"]),
        ({0: [[1, 1, 50, 50]]}, "percent", ["box_units='percent'"]),
        ({0: [[50, 1, 5, 50]]}, "pixels", ["no area", "x, y, width, height"]),
        ({0: [[900, 1, 950, 50]]}, "pixels", ["outside of the frame", "64x64"]),
        ({0: [[1, 1, 950, 50]]}, "pixels", ["far beyond"]),
        ({0: [1, 1, 50, 50]}, "pixels", ["shape [4]", "[[x1, y1, x2, y2]]"]),
        ({0: [[1, 1, 50]]}, "pixels", ["shape [1, 3]"]),
        ({0: [["a", 1, 5, 5]]}, "pixels", ["expected numbers"]),
        ({0: [[1, 1, float("nan"), 50]]}, "pixels", ["not a finite number"]),
        ({0: [[1, 1, 50, 50, 3]]}, "pixels", ["score 3"]),
        ({0.5: [[1, 1, 50, 50]]}, "pixels", ["0.5", "whole seconds"]),
        ({-1: [[1, 1, 50, 50]]}, "pixels", ["-1", "whole seconds"]),
        ({"a": [[1, 1, 50, 50]]}, "pixels", ["'a' is not a second"]),
        ({70: [[1, 1, 50, 50]]}, "pixels", ["past the end"]),
    ],
)
@pytest.mark.slow
def test_wrong_boxes(plain, boxes, units, expected):
    says(refused(plain, np.zeros((24, 64, 64, 3), "uint8"), boxes, fps=12, box_units=units), *expected)


@pytest.mark.slow
def test_boxes_as_fractions_and_beyond_the_edge(plain):
    frames = np.random.default_rng(0).integers(0, 255, (24, 64, 64, 3), "uint8")
    (pixels, _) = plain.predict(frames, {0: [[-3, 16, 32, 66]]}, False, fps=12)
    (fractions, _) = plain.predict(frames, {0: torch.tensor([[0, 0.25, 0.5, 1]])}, False, fps=12, box_units="fractions")
    assert pixels.persons[0].box == fractions.persons[0].box == (0, 16, 32, 64)
    assert pixels.persons[0].scores == fractions.persons[0].scores
