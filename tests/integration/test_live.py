"""tools/predict_video.py on live videos: what it gives for a file, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from integration.harness import SMALL, Runner
from interruption import interruptible
from messages import refused, says
from workflows.live.streams import encoded, serving

from alphaction.config import load_cfg
from alphaction.evaluation import read_detections
from alphaction.workflows.detect import DetectedBoxes
from alphaction.workflows.live.live_options import LiveOptions
from alphaction.workflows.live.prediction import LivePrediction
from alphaction.workflows.live.stop import Stop
from alphaction.workflows.predict.video import predict_video
from alphaction.workflows.predict.video_options import VideoOptions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(repo_root, toy_folder, subprocess_env, tmp_path_factory) -> Path:
    """The folder of a short run; a model with objects and a memory of the past alone."""
    output = tmp_path_factory.mktemp("run")
    keys = ["SOLVER.MAX_ITER", "2", "MODEL.IA_STRUCTURE.LENGTH", "(2,0)"]
    Runner(repo_root, toy_folder, subprocess_env).train(output, "--skip-final-test", *keys)
    return output


def config(repo_root: Path, toy_folder: Path, trained: Path):
    overrides = ["DATASETS.DATA_DIR", str(toy_folder), "OUTPUT_DIR", str(trained), *SMALL]
    keys = ["MODEL.IA_STRUCTURE.LENGTH", "(2,0)"]
    return load_cfg(repo_root / "config_files" / "tiny" / "toy.yaml", [*overrides, *keys])


def test_a_file_gives_live_what_it_gives_otherwise(repo_root, toy_folder, trained, tmp_path):
    toy = toy_folder / "toy"
    options = VideoOptions(
        video=toy / "videos" / "val_001.mp4",
        output=tmp_path / "off.mp4",
        detections=toy / "boxes" / "val_person_detections.csv",
        object_boxes=toy / "boxes" / "val_object_detections.csv",
        csv=tmp_path / "off.csv",
        tracks=tmp_path / "off_tracks.csv",
        events=tmp_path / "off_events.csv",
    )
    weights = trained / "model_final.pth"
    predict_video(config(repo_root, toy_folder, trained), weights, options)
    names = {"output": "live.mkv", "csv": "live.csv", "tracks": "live_tracks.csv", "events": "live_events.csv"}
    live = replace(options, **{flag: tmp_path / name for flag, name in names.items()}, tubes=tmp_path / "live.json")
    flags = LiveOptions(live=True, jsonl=tmp_path / "live.jsonl")
    video, stop = str(options.video), Stop()
    prediction = LivePrediction(config(repo_root, toy_folder, trained), weights, video, live, flags, stop)
    prediction.run()

    expected, found = read_detections(options.csv), read_detections(live.csv)
    assert list(found.keyframes) == list(expected.keyframes)
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=0, atol=1e-5)
    assert live.tracks.read_text() == options.tracks.read_text()
    said = prediction.summary()
    says(said, "72 frames", "actions at 6 moments", "the video ended", f"{tmp_path}/live.mkv (72 frames)")
    says(said, "seconds of CPU for a second of video: ", "decoding 0.", "tracking 0.", "action 0.", "drawing 0.")
    lines = [json.loads(line) for line in flags.jsonl.read_text().splitlines()]
    assert (lines[0]["kind"], lines[-1]["kind"], lines[0]["video"]) == ("start", "end", "val_001")
    seen = [(line["time"], tuple(line["box"])) for line in lines if line["kind"] == "person"]
    assert len(seen) == len(expected.boxes)
    ends = [line for line in lines if line["kind"] == "closed"]
    assert len(ends) == len([line for line in lines if line["kind"] == "opened"])
    assert len(ends) == len(live.events.read_text().splitlines()) - 1
    with av.open(str(live.output)) as container:
        assert len(list(container.decode(video=0))) == 72


def test_ctrl_c_leaves_whole_results(repo_root, quick_python, subprocess_env, trained, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from workflows.detect.onnx_model.files import write_model

    rows = np.array([[[13, 10, 32, 43, 0.9, 0]]], dtype=np.float32)
    file = write_model(
        tmp_path / "y.onnx", {"output0": rows}, shape=(1, 3, 48, 64), metadata={"names": "{0: 'person'}"}
    )
    numbers = [number % 200 for number in range(2500)]
    jsonl = tmp_path / "live.jsonl"
    with serving(encoded(numbers), lasts=100.0) as address:
        command = [
            *(quick_python, repo_root / "tools" / "predict_video.py", "--config-file", trained / "config.yaml"),
            *("--video", address, "--onnx", file, "--output", "live.mp4", "--csv", "live.csv", "--jsonl", jsonl),
            *("MODEL.WEIGHT", trained / "model_final.pth", "TEST.ACTION_THRESH", "0"),
        ]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": subprocess_env, "cwd": tmp_path}
        with interruptible([*map(str, command)], **pipes) as process:
            until = time.monotonic() + 120
            while not (jsonl.is_file() and '"person"' in jsonl.read_text()) and time.monotonic() < until:
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    says(errors, "interrupted. What was seen until then is complete: live.mp4 (")
    says(output, f"{address}: ", "lag of frames", "of actions", "; interrupted")
    lines = [json.loads(line) for line in jsonl.read_text().splitlines()]
    assert lines[-1]["kind"] == "end"
    seen = [line for line in lines if line["kind"] == "person"]
    assert len({keyframe.second for keyframe in read_detections(tmp_path / "live.csv").keyframes}) == len(seen)
    with av.open(str(tmp_path / "live.mp4")) as container:
        assert len(list(container.decode(video=0))) >= 2


class Nobody:
    """Finds nothing."""

    def detect(self, frames):
        return [DetectedBoxes(np.zeros((0, 4)), np.zeros(0, dtype=np.float32), []) for _ in frames]


def test_a_camera_that_is_not_there(repo_root, toy_folder, trained, tmp_path):
    options = VideoOptions(Path("41"), detector="auto", csv=tmp_path / "a.csv")
    cfg, weights = config(repo_root, toy_folder, trained), trained / "model_final.pth"
    refused(lambda: LivePrediction(cfg, weights, "41", options, LiveOptions(), Stop(), Nobody()), "camera 41")
    assert not options.csv.exists()
