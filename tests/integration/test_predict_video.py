"""tools/predict_video.py: its scores are those of an evaluation, its video has the input's frames."""

from __future__ import annotations

import csv
import logging
import subprocess
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from data.video.test_sound import heard, write_beep
from integration.harness import SMALL, Runner
from messages import says

from alphaction.config import load_cfg
from alphaction.data.annotations import read_annotations, read_label_map
from alphaction.data.video.file import VideoFile
from alphaction.data.video.sound import BrokenSoundError, Sound
from alphaction.evaluation import evaluate_files, read_detections
from alphaction.evaluation.tubes.tube_file import read_tubes
from alphaction.utils.errors import UserError
from alphaction.workflows.detect import DetectedBoxes
from alphaction.workflows.detect.detector_weights import DEFAULT_MODEL
from alphaction.workflows.predict.video import predict_video, predict_videos
from alphaction.workflows.predict.video_list import find_videos, jobs_for
from alphaction.workflows.predict.video_options import STRAIGHT, VideoOptions

pytestmark = pytest.mark.slow

VIDEO = "val_001"


@pytest.fixture(scope="module")
def trained(repo_root, toy_folder, subprocess_env, tmp_path_factory) -> Path:
    """The folder of a short run with its final evaluation; a model with a memory and objects."""
    output = tmp_path_factory.mktemp("run")
    Runner(repo_root, toy_folder, subprocess_env).train(output, "SOLVER.MAX_ITER", "2")
    return output


@pytest.fixture
def cfg(repo_root, toy_folder, trained):
    """The run's config."""
    overrides = ["DATASETS.DATA_DIR", str(toy_folder), "OUTPUT_DIR", str(trained), *SMALL]
    return load_cfg(repo_root / "config_files" / "tiny" / "toy.yaml", overrides)


@pytest.fixture
def options(toy_folder, tmp_path) -> VideoOptions:
    """One validation video with its detections; seconds that are not annotated have no boxes, as in an evaluation."""
    toy = toy_folder / "toy"
    label_map = read_label_map(toy / "annotations" / "toy_action_list.pbtxt")
    annotated = read_annotations(toy / "annotations" / "val.csv", label_map)
    rows = (toy / "boxes" / "val_person_detections.csv").read_text().splitlines()
    kept = [row for row in rows if annotated.index_of(row.split(",")[0], int(row.split(",")[1])) is not None]
    (tmp_path / "persons.csv").write_text("\n".join(kept) + "\n")
    return VideoOptions(
        video=toy / "videos" / f"{VIDEO}.mp4",
        output=tmp_path / "out" / "actions.mp4",
        detections=tmp_path / "persons.csv",
        object_boxes=toy / "boxes" / "val_object_detections.csv",
    )


def rows_of(path: Path) -> tuple[list[tuple], np.ndarray]:
    """Return (second, box, class) of the rows about the video, and their scores."""
    table = read_detections(path)
    rows = {}
    for box, class_id, score in zip(table.box_index, table.row_class_ids, table.scores, strict=True):
        keyframe = table.keyframes[table.keyframe_index[box]]
        if keyframe.video == VIDEO:
            rows[keyframe.second, tuple(table.boxes[box]), int(class_id)] = score
    return sorted(rows), np.array([rows[key] for key in sorted(rows)])


def own_rows(source: Path, target: Path) -> Path:
    """Copy the rows about the video."""
    rows = [row for row in source.read_text().splitlines() if row.startswith(VIDEO)]
    target.write_text("\n".join(rows) + "\n")
    return target


def test_scores_equal_the_evaluation_s_and_the_video_the_input_s_shape(cfg, trained, options, toy_folder):
    folder = options.output.parent
    more = {"tubes": folder / "tubes.json", "events": folder / "events.csv"}
    options = replace(options, csv=folder / "scores.csv", tracks=folder / "tracks.csv", scale=1, **more)
    result = predict_video(cfg, trained / "model_final.pth", options)

    expected_rows, expected = rows_of(trained / "inference" / "toy_val" / "detections.csv")
    rows, scores = rows_of(options.csv)
    assert len(rows) > 100
    assert rows == expected_rows
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-5)

    movie, original = VideoFile(options.output), VideoFile(options.video)
    assert movie.info() == original.info()
    assert (result.frames, result.size, result.fps) == (72, (160, 120), 12)
    assert [path.name for path in folder.iterdir() if "part" in path.name] == []

    label_map = toy_folder / "toy" / "annotations" / "toy_action_list.pbtxt"
    tracks = read_annotations(options.tracks, read_label_map(label_map))
    assert (len(tracks), tracks.num_labels) == (len({row[:2] for row in rows}), 0)
    assert len(np.unique(tracks.person_ids)) == result.persons
    (tubes,) = read_tubes(options.tubes)
    assert (tubes.video, len(tubes.persons), tubes.fps) == (options.video.name, result.persons, 12)
    keyframes = [keyframe for person in tubes.persons for keyframe in person.keyframes]
    assert len(keyframes) == len(tracks)
    assert all(keyframe.box_score >= cfg.TEST.BOX_THRESH for keyframe in keyframes)
    assert sum(len(keyframe.scores) for keyframe in keyframes) == len(rows)
    events = [event for person in tubes.persons for event in person.events]
    assert len(options.events.read_text().splitlines()) == 1 + len(events)
    truth = own_rows(toy_folder / "toy" / "annotations" / "val.csv", folder / "truth.csv")
    own = own_rows(trained / "inference" / "toy_val" / "detections.csv", folder / "own.csv")
    expected, found = (evaluate_files(truth, file, label_map).mAP for file in (own, options.csv))
    assert found == pytest.approx(expected, abs=1e-3)
    assert found > 0


class Stub:
    """Finds a person at the same place of every frame, and something else beside."""

    def detect(self, frames):
        boxes = np.array([[0.2, 0.2, 0.5, 0.9], [0.6, 0.6, 0.7, 0.7]])
        return [DetectedBoxes(boxes, np.array([0.9, 0.8], dtype=np.float32), ["person", "cup"]) for _ in frames]


def test_a_detector_can_give_the_boxes_of_a_part_of_the_video(cfg, trained, options):
    options = replace(options, detections=None, object_boxes=None, detector=DEFAULT_MODEL, start=1.5, end=4.0)
    # The stub's person is not on the frames, which flow would follow.
    result = predict_video(cfg, trained / "model_final.pth", replace(options, between=STRAIGHT), Stub())
    assert (result.frames, result.keyframes, result.persons) == (30, 3, 1)
    assert (result.scale, result.size) == (3, (480, 360))
    frame = VideoFile(options.output).frames_at([1.0], size=None)[0]
    right, wrong = VideoFile(options.video).frames_at([2.5, 3.5], size=lambda size: (480, 360))
    # Beside the box nothing is drawn: the part starts where it should. The box itself is red.
    beside = np.index_exp[120:, 270:]
    difference = np.abs(frame[beside].astype(int) - right[beside]).mean()
    assert difference < 4
    assert difference < 0.7 * np.abs(frame[beside].astype(int) - wrong[beside]).mean()
    edge = frame[200:300, 95:98].reshape(-1, 3).mean(axis=0)
    assert edge[0] > edge[1] + 60


def test_what_moves_can_stand_in_for_persons(cfg, trained, options, caplog):
    options = replace(options, detections=None, object_boxes=None, detector="motion")
    with caplog.at_level(logging.INFO):
        result = predict_video(cfg, trained / "model_final.pth", options)
    assert (result.frames, result.seconds) == (72, 6)
    assert result.keyframes >= 3
    assert result.persons >= 1
    assert "moving regions, not persons" in caplog.text


def test_an_onnx_file_can_find_the_persons(cfg, trained, options, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from workflows.detect.onnx_model.files import write_model

    # Frames of 160 x 120 fill the input: a person at 0.2, 0.2, 0.5, 0.9, and a cup.
    rows = np.array([[[32, 24, 80, 108, 0.9, 0], [96, 72, 112, 84, 0.85, 1]]], dtype=np.float32)
    names = {"names": "{0: 'person', 1: 'cup'}"}
    file = write_model(tmp_path / "y.onnx", {"output0": rows}, shape=(1, 3, 120, 160), metadata=names)
    options = replace(options, detections=None, object_boxes=None, onnx=file, start=1.5, end=3.0)
    options = replace(options, tracks=tmp_path / "tracks.csv")
    result = predict_video(cfg, trained / "model_final.pth", options)
    assert result.persons == 1
    box = options.tracks.read_text().splitlines()[0].split(",")[2:6]
    np.testing.assert_allclose(np.array(box, dtype=float), [0.2, 0.2, 0.5, 0.9], atol=1e-3)


class Nobody:
    """Finds nothing."""

    def detect(self, frames):
        return [DetectedBoxes(np.zeros((0, 4)), np.zeros(0, dtype=np.float32), []) for _ in frames]


@pytest.mark.parametrize("changes", [{}, {"detections": None, "detector": DEFAULT_MODEL, "object_boxes": None}])
def test_without_a_person_the_frames_stay_plain(cfg, trained, options, changes, caplog):
    cfg.TEST.BOX_THRESH = 1.0
    folder = options.output.parent
    options = replace(options, csv=folder / "s.csv", tracks=folder / "t.csv", scale=1, end=2.0, **changes)
    result = predict_video(cfg, trained / "model_final.pth", options, Nobody())
    assert (result.frames, result.persons, result.keyframes) == (24, 0, 0)
    says(caplog.text, "TEST.BOX_THRESH 1 ", "seconds 0 to 1")
    assert options.csv.read_text() == options.tracks.read_text() == ""
    frame, plain = (VideoFile(path).frames_at([1.0], size=None)[0] for path in (options.output, options.video))
    assert np.abs(frame.astype(int) - plain).mean() < 4


def test_avi_starts_at_zero(cfg, trained, options):
    options = replace(options, output=options.output.with_suffix(".avi"), scale=1, end=2.0)
    predict_video(cfg, trained / "model_final.pth", options)
    with av.open(str(options.output)) as container:
        assert [frame.time for frame in container.decode(video=0)][:2] == pytest.approx([0, 1 / 12])


def test_options_that_cannot_work_are_refused_first(cfg, trained, options, tmp_path):
    def message(**changes) -> str:
        with pytest.raises(UserError) as caught:
            predict_video(cfg, trained / "model_final.pth", replace(options, **changes))
        return str(caught.value)

    assert "--detections FILE" in message(detections=None)
    assert "--detector" in message(detector=DEFAULT_MODEL)
    missing = message(video=options.video.with_name("val_010.mp4"))
    assert "--video" in missing
    says(missing, "val_010.mp4 ", options.video)
    assert "--video" in message(output=options.video)
    assert ".mp4" in message(output=tmp_path / "out.gif")
    assert "6.00 s" in message(start=9.0)
    assert "0 <= start < end" in message(start=3.0, end=2.0)
    assert "--min-score 3" in message(min_score=3.0)
    assert "--scale 100000: 160x120" in message(scale=100000)
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    assert "bad.mp4" in (text := message(video=tmp_path / "bad.mp4"))
    assert "annotations" not in text
    # What is wrong with the boxes is said before the model is loaded.
    (tmp_path / "other.csv").write_text("elsewhere,0,0,0,1,1,0.9\n")
    missing = replace(options, detections=tmp_path / "other.csv")
    with pytest.raises(UserError, match='"val_001"'):
        predict_video(cfg, tmp_path / "no.pth", missing)
    assert not options.output.exists()


def test_seconds_without_boxes_are_named(cfg, trained, options, caplog):
    rows = [row for row in options.detections.read_text().splitlines() if row.startswith(f"{VIDEO},0001")]
    options.detections.write_text("\n".join(rows) + "\n")
    result = predict_video(cfg, trained / "model_final.pth", replace(options, end=3.0))
    says(
        caplog.text, "persons.csv has boxes at 1 of the 3 seconds of val_001.mp4 (1); there is no result at the other 2"
    )
    says(str(result), "; no sound; ", " at 1 of 3 seconds")


def test_low_scores_are_told_from_boxes_that_are_missing(cfg, trained, options, caplog):
    rows = [row for row in options.detections.read_text().splitlines() if row.startswith(f"{VIDEO},0001")]
    low = [row.replace(f"{VIDEO},0001", f"{VIDEO},0002").rpartition(",")[0] + ",0.11" for row in rows]
    options.detections.write_text("\n".join([*rows, *low]) + "\n")
    cfg.TEST.BOX_THRESH = 0.3
    predict_video(cfg, trained / "model_final.pth", replace(options, start=1.0, end=3.0))
    says(
        caplog.text,
        "persons.csv has boxes at 2 of the 2 seconds of val_001.mp4; at 1 of them (2) none scores TEST.BOX_THRESH 0.3 "
        "or more, so that there is no result: lower it at the end of the command.",
    )
    assert "add rows" not in caplog.text


def test_sound_goes_with_the_part(cfg, trained, options, tmp_path, caplog):
    video = write_beep(tmp_path / f"{VIDEO}.mp4")
    options = replace(options, video=video, object_boxes=None, scale=1, start=1.0, end=5.0)
    result = predict_video(cfg, trained / "model_final.pth", options)
    assert result.sound == "sound copied (aac)"
    codec, length, tone = heard(options.output)
    assert (codec, length) == ("aac", pytest.approx(4.0, abs=0.1))
    assert tone == pytest.approx((1.0, 2.0), abs=0.04)


def test_broken_sound_is_no_failure(cfg, trained, options, tmp_path, caplog, monkeypatch):
    def broken(*args):
        raise BrokenSoundError("Invalid data")

    monkeypatch.setattr(Sound, "of", broken)
    result = predict_video(cfg, trained / "model_final.pth", replace(options, end=2.0))
    assert (result.sound, result.frames) == ("no sound", 24)
    says(caplog.text, "its sound is left out: it cannot be copied or converted (Invalid data)")


def test_several_videos_are_predicted_and_a_broken_one_is_named(cfg, trained, options, toy_folder, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for index, name in ((0, "Kitchen 3.mp4"), (1, "val_001.mp4")):
        (folder / name).write_bytes((options.video.with_name(f"val_00{index}.mp4")).read_bytes())
    (folder / "broken.mp4").write_bytes(b"no video")
    boxes = tmp_path / "named.csv"
    boxes.write_text(options.detections.read_text().replace("val_000", "kitchen_3.mp4"))
    template = replace(options, detections=boxes, object_boxes=None, end=2.0, csv=tmp_path / "all.csv.gz")
    template = replace(template, output=tmp_path / "results", tracks=tmp_path / "tracks.csv")
    jobs = jobs_for(template, find_videos([folder]), one=False)
    first, failure, last = predict_videos(cfg, trained / "model_final.pth", jobs)
    results = [first, last]
    assert failure.video == folder / "broken.mp4"
    assert str(failure).startswith(f"{folder}/broken.mp4: it does not open as a video")
    assert [result.output.name for result in results] == ["Kitchen 3.mp4", "val_001.mp4"]
    assert all(result.output.exists() and result.persons for result in results)
    named = {"kitchen_3.mp4", VIDEO}
    assert {keyframe.video for keyframe in read_detections(tmp_path / "all.csv.gz").keyframes} == named
    assert {row.split(",")[0] for row in (tmp_path / "tracks.csv").read_text().split()} == named


def test_several_videos_of_which_none_can_be_predicted(cfg, trained, options, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    jobs = [replace(options, video=tmp_path / "broken.mp4"), replace(options, video=tmp_path / "missing.mp4")]
    with pytest.raises(UserError, match=r"(?s)not one of 2 videos can be predicted:.*broken\.mp4: .*missing\.mp4"):
        next(predict_videos(cfg, trained / "model_final.pth", jobs))


def test_weights_of_another_model_are_refused(cfg, trained, options):
    cfg.MODEL.IA_STRUCTURE.DIM_INNER = 64
    with pytest.raises(
        UserError, match=r"model_final\.pth: .*shape.* The config is mine\.yaml\. .*--config-file .*/config\.yaml"
    ):
        predict_video(cfg, trained / "model_final.pth", options, config_file=Path("mine.yaml"))


def test_the_command_line(repo_root, quick_python, subprocess_env, toy_folder, trained, options, tmp_path):
    toy = toy_folder / "toy"
    command = [
        *(quick_python, repo_root / "tools" / "predict_video.py", "--config-file", trained / "config.yaml"),
        *("--video", options.video, "--output", tmp_path / "a.mp4", "--csv", tmp_path / "a.csv", "--end", "2"),
        *("--object-boxes", toy / "boxes" / "val_object_detections.csv"),
    ]
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    more = ["--detections", options.detections, "MODEL.WEIGHT", trained / "model_final.pth"]
    several = [*command[:4], "--output", tmp_path / "out", "--end", "2", *more[:2]]
    several += ["--video", tmp_path / "broken.mp4", options.video, *more[2:]]  # keys after a flag of several values
    command += more
    run = {"env": subprocess_env, "capture_output": True, "text": True, "cwd": tmp_path}
    done = subprocess.run([*map(str, command)], **run)
    assert done.returncode == 0, done.stderr
    says(done.stdout, tmp_path / "a.mp4", "24 frames, 12 per second, 480x360")
    with (tmp_path / "a.csv").open() as file:
        assert {(row[0], row[1]) for row in csv.reader(file)} <= {(VIDEO, "0000"), (VIDEO, "0001")}
    done = subprocess.run([*map(str, several)], **run)
    assert done.returncode == 1, done.stderr
    says(done.stdout, tmp_path / "out" / f"{VIDEO}.mp4", "24 frames")
    says(
        done.stderr,
        "error: 1 of 2 videos could not be predicted; the others are written:",
        "broken.mp4: it does not open",
    )
    assert "Copy or download" not in done.stderr.partition("error: 1 of 2")[2]
