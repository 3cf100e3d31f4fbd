"""Which detector flags mean, in both commands, and what keeps unfinished runs apart."""

from __future__ import annotations

import logging
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from messages import refused

from alphaction.workflows.detect import choose_detector
from alphaction.workflows.detect.choose_detector import detector_kind, make_detector, recorded
from alphaction.workflows.detect.detector_flags import DETECT_PERSONS, PREDICT_VIDEO
from alphaction.workflows.detect.detector_options import DetectorOptions
from alphaction.workflows.predict.video_options import VideoOptions

FILE = Path("y.onnx")


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, "torchvision"),
        ({"onnx": FILE}, "onnx"),
        ({"hf_model": "a/b"}, "transformers"),
        ({"model": "fasterrcnn_resnet50_fpn"}, "torchvision"),
        ({"detector": "onnx", "onnx": FILE}, "onnx"),
        ({"detector": "torchvision", "person_class": "2"}, "torchvision"),
    ],
)
def test_what_is_given_is_taken(options, kind):
    assert detector_kind(DetectorOptions(**options)) == kind


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"onnx": FILE, "hf_model": "a/b"}, ("--onnx y.onnx", "--hf-model a/b")),
        ({"onnx": FILE, "model": "fasterrcnn_resnet50_fpn"}, ("--model fasterrcnn", "--onnx y.onnx")),
        ({"onnx": FILE, "short_side": 600}, ("--short-side 600", "--onnx y.onnx")),
        ({"hf_model": "a/b", "weights": Path("w.pth")}, ("--weights w.pth", "--hf-model a/b")),
        ({"hf_model": "a/b", "onnx_pixels": "0-1"}, ("--onnx-pixels 0-1", "--hf-model a/b")),
        ({"detector": "torchvision", "onnx": FILE}, ("--detector torchvision", "--onnx y.onnx")),
        ({"detector": "onnx"}, ("--detector onnx", "--onnx FILE")),
        ({"detector": "transformers"}, ("--detector transformers", "--hf-model NAME")),
        ({"onnx_layout": "yolov8"}, ("--onnx-layout yolov8", "--onnx FILE")),
        ({"persons": False}, ("--no-persons", "--every-class")),
    ],
)
def test_contradictions_name_both_flags(refused, options, parts):
    refused(lambda: detector_kind(DetectorOptions(**options)), *parts)


def test_the_flags_of_predict_video(refused, tmp_path):
    (tmp_path / "y.onnx").write_bytes(b"")
    options = VideoOptions(tmp_path / "a.mp4", tmp_path / "b.mp4", onnx=tmp_path / "y.onnx")
    for detector in (None, "auto", "onnx"):
        checked = replace(options, detector=detector)
        checked.check_flags()
        assert detector_kind(checked.detecting(), PREDICT_VIDEO) == "onnx"
    network = replace(options, detector="fasterrcnn_resnet50_fpn")
    refused(network.check_flags, "--detector fasterrcnn_resnet50_fpn", "--onnx")
    refused(replace(options, onnx=tmp_path / "none.onnx").check_flags, "--onnx", "none.onnx")
    refused(replace(options, detections=tmp_path / "y.onnx").check_flags, "both were given", "--onnx FILE")


@pytest.mark.parametrize("flags", [DETECT_PERSONS, PREDICT_VIDEO])
def test_it_says_what_it_picked(monkeypatch, caplog, flags):
    monkeypatch.setattr(choose_detector.PersonDetector, "from_torchvision", lambda **values: values)
    with caplog.at_level(logging.INFO):
        made = make_detector(DetectorOptions(), flags)
    assert made["model"] == "fasterrcnn_resnet50_fpn_v2"
    assert made["short_side"] == 800
    assert "torchvision's fasterrcnn_resnet50_fpn_v2, COCO weights (no --onnx FILE and no --hf-model" in caplog.text


@pytest.mark.parametrize(
    ("options", "package", "install"),
    [
        ({"onnx": "y.onnx"}, "onnxruntime", "pip install onnxruntime"),
        ({"hf_model": "a/b"}, "transformers", "pip install 'transformers>=4.53'"),
    ],
)
def test_a_package_that_is_not_installed(monkeypatch, refused, tmp_path, options, package, install):
    monkeypatch.setitem(sys.modules, package, None)
    if "onnx" in options:
        options = {"onnx": tmp_path / "y.onnx"}
        options["onnx"].write_bytes(b"x")
    refused(lambda: make_detector(DetectorOptions(**options)), package, install)


def test_what_keeps_runs_apart(tmp_path, refused):
    plain = recorded(DetectorOptions())
    assert plain["model"] == "fasterrcnn_resnet50_fpn_v2"
    assert plain["short_side"] == 800
    assert "person_class" not in plain
    file = tmp_path / "y.onnx"
    refused(lambda: recorded(DetectorOptions(onnx=file)), "--onnx", "y.onnx")
    file.write_bytes(b"1234")
    first = recorded(DetectorOptions(onnx=file))
    assert first["onnx"].startswith("y.onnx, 4 bytes, modified ")
    assert recorded(DetectorOptions(onnx=file, onnx_size=320)) != first
    assert recorded(DetectorOptions(onnx=file, device="cpu", batch_size=1)) == first
    (tmp_path / "y.onnx.data").write_bytes(b"12")
    assert recorded(DetectorOptions(onnx=file)) != first
    (tmp_path / "config.json").write_text("{}")
    folder = recorded(DetectorOptions(hf_model=str(tmp_path)))
    assert folder["hf_model"].startswith("config.json, 2 bytes")
    assert recorded(DetectorOptions(hf_model="a/b"))["hf_model"] == "a/b"


def test_boxes_from_files_and_from_a_detector(repo_root, monkeypatch):
    flags = ["--videos", ".", "--import", "b.csv", "--from", "csv", "--onnx", "y.onnx"]
    monkeypatch.setattr("sys.argv", ["detect_persons.py", *flags])
    monkeypatch.setattr("sys.path", [*sys.path])
    main = runpy.run_path(repo_root / "tools" / "detect_persons.py")["main"]
    refused(main, "--import takes boxes from files", "--onnx finds them")
