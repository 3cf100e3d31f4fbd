"""From a checkpoint to a file, and predictions from it: the same as from the checkpoint."""

from __future__ import annotations

import csv
import json
import logging
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from messages import refused, says
from workflows.export.conftest import INTERACTING, export

from alphaction import ActionDetector
from alphaction.api.loading import find_checkpoint
from alphaction.checkpoint import stored_thresholds
from alphaction.checkpoint.exported_file import read_exported
from alphaction.commands.export import export_checkpoint
from alphaction.config import load_cfg
from alphaction.utils.errors import CheckpointError
from alphaction.workflows.export import write
from alphaction.workflows.export.export_options import ExportOptions
from alphaction.workflows.export.metadata import sha256_of
from alphaction.workflows.export.runners import refuse_pickles
from alphaction.workflows.export.runtime import actions_path
from alphaction.workflows.predict.video import predict_video
from alphaction.workflows.predict.video_options import VideoOptions
from alphaction.workflows.predict.weights_config import config_for

VIDEO = "val_000"
ALONE = ("DATALOADER.NUM_WORKERS", "0", "MODEL.DEVICE", "cpu")


def predicted(weights: Path, toy: Path, folder: Path, config_file: Path | None = None) -> tuple[list, np.ndarray]:
    """Return the rows of --csv without their scores, and the scores."""
    options = VideoOptions(
        video=toy / "videos" / f"{VIDEO}.mp4",
        output=folder / f"{weights.stem}{len(list(folder.iterdir()))}.mp4",
        detections=toy / "boxes" / "val_person_detections.csv",
        object_boxes=toy / "boxes" / "val_object_detections.csv",
        csv=folder / "rows.csv",
        end=6.0,
        scale=1,
        force=True,
    )
    cfg, config_file = config_for(config_file, ["MODEL.WEIGHT", str(weights), *ALONE])
    predict_video(cfg, weights, options, config_file=config_file)
    rows = list(csv.reader((folder / "rows.csv").open()))
    return [row[:-1] for row in rows], np.array([float(row[-1]) for row in rows])


def same(weights: Path, other: Path, toy: Path, folder: Path) -> None:
    rows, scores = predicted(weights, toy, folder)
    found, found_scores = predicted(other, toy, folder)
    assert rows == found
    assert len(rows) > 50
    np.testing.assert_allclose(found_scores, scores, atol=1e-4)
    assert scores.std() > 0.05  # the network answers


def test_persons_objects_and_a_memory(checkpoint, exported, small_toy_folder, tmp_path):
    same(checkpoint, exported, small_toy_folder / "toy", tmp_path)


@pytest.fixture(scope="module")
def small_checkpoint(write_checkpoint, tmp_path_factory) -> Path:
    """A checkpoint of a network with each kind of blocks once."""
    blocks = ("MODEL.IA_STRUCTURE.I_BLOCK_LIST", "['P','O','M']")
    return write_checkpoint(tmp_path_factory.mktemp("small") / "model_final.pth", *INTERACTING, *blocks)


@pytest.fixture(scope="module")
def exported_program() -> Callable:
    """What both formats start from, made once for each part of the network: it takes half of the time."""
    made, make = {}, write._exported_program

    def program(graph, inputs):
        if type(graph) not in made:
            made[type(graph)] = make(graph, inputs)
        return made[type(graph)]

    return program


@pytest.mark.slow(weight=4)
@pytest.mark.parametrize("suffix", [".pt2", ".onnx"])
def test_the_other_formats(suffix, small_checkpoint, exported_program, small_toy_folder, tmp_path, monkeypatch):
    if suffix == ".onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package)
    file = tmp_path / f"net{suffix}"
    with monkeypatch.context() as patch:
        patch.setattr(write, "_exported_program", exported_program)
        (whole, actions) = export_checkpoint(ExportOptions(output=file), None, ["MODEL.WEIGHT", str(small_checkpoint)])
    assert max((*whole.parity.largest.values(), *actions.parity.largest.values())) < 1e-4
    same(small_checkpoint, file, small_toy_folder / "toy", tmp_path)


def test_without_an_ia_structure_from_python(plain_checkpoint, small_toy_folder, tmp_path):
    file = export(plain_checkpoint, tmp_path / "net.torchscript")
    assert not actions_path(file).exists()
    toy = small_toy_folder / "toy"
    call = {"boxes": toy / "boxes" / "val_person_detections.csv", "stream": False}
    results = [
        ActionDetector.from_checkpoint(path, device="cpu").predict(toy / "videos" / f"{VIDEO}.mp4", **call)
        for path in (plain_checkpoint, file)
    ]
    ours, theirs = ([person for result in each for person in result.persons] for each in results)
    assert len(ours) == len(theirs) > 3
    for one, other in zip(ours, theirs, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-4)


def test_what_the_file_says(checkpoint, exported, toy_classes):
    file, other = read_exported(exported), read_exported(actions_path(exported))
    assert (file.part, other.part) == ("whole", "actions")
    assert file.export_id == other.export_id
    assert file.made_from_sha256 == sha256_of(checkpoint)
    names = "slow fast sizes boxes clip_index box_scores object_boxes object_clip_index memory memory_present"
    assert file.inputs == tuple(names.split())
    assert file.outputs == ("scores", "logits", "person_features", "object_features")
    assert file.label_map["names"] == list(toy_classes.names)
    assert file.facts["frames"] | {"slow": [1, 5], "fast": [0, 2, 4, 6], "of_a_clip": 8} == file.facts["frames"]
    cfg = load_cfg(None)
    assert file.facts["pixels"]["mean"] == pytest.approx(list(cfg.INPUT.PIXEL_MEAN))
    assert file.facts["boxes"]["extend_scale"] == pytest.approx(list(cfg.TEST.EXTEND_SCALE))
    assert file.facts["license"] == "MIT"
    assert stored_thresholds(exported) == stored_thresholds(checkpoint)
    memory = next(port for port in file.facts["inputs"] if port["name"] == "memory")
    assert memory["axes"] == ["clips", 4, 2, 512]


def test_a_config_of_another_network_is_refused(checkpoint, exported, small_toy_folder, tmp_path):
    text = read_exported(exported).config
    other = tmp_path / "other.yaml"
    other.write_text(text.replace("TAU: 4", "TAU: 2").replace("MAX_PERSON: 3", "MAX_PERSON: 5"))
    message = refused(
        lambda: predicted(exported, small_toy_folder / "toy", tmp_path, other),
        *("net.torchscript", "INPUT.TAU 4", "2 in", "other.yaml", "IA_STRUCTURE.MAX_PERSON 3", "5 in", "--config-file"),
    )
    assert message.count("\n  - ") == 2
    sizes = tmp_path / "sizes.yaml"
    sizes.write_text(text.replace("NUM_CLASSES: 13", "NUM_CLASSES: 12"))
    refused(lambda: predicted(exported, small_toy_folder / "toy", tmp_path, sizes), "classes", "sizes.yaml")


@pytest.mark.slow
def test_frames_may_have_another_size(exported, small_toy_folder, tmp_path, caplog):
    larger = tmp_path / "larger.yaml"
    larger.write_text(read_exported(exported).config.replace("MIN_SIZE_TEST: 64", "MIN_SIZE_TEST: 80"))
    with caplog.at_level(logging.INFO):
        rows, _ = predicted(exported, small_toy_folder / "toy", tmp_path, larger)
    assert len(rows) > 50
    says(caplog.text, "MIN_SIZE_TEST 64, run with 80")


def test_both_files_of_a_network_with_a_memory_are_needed(exported, small_toy_folder, tmp_path, checkpoint):
    toy = small_toy_folder / "toy"
    moved = Path(shutil.copy(exported, tmp_path / "moved.torchscript"))
    refused(lambda: predicted(moved, toy, tmp_path), "moved.actions.torchscript", "not there")
    shutil.copy(exported, actions_path(moved))
    refused(lambda: predicted(moved, toy, tmp_path), "moved.actions.torchscript", "not of the same export")
    refused(lambda: predicted(actions_path(exported), toy, tmp_path), "needs no frames")


def test_a_damaged_file(exported, tmp_path):
    content = exported.read_bytes()
    cut = tmp_path / "cut.torchscript"
    cut.write_bytes(content[: len(content) // 2])
    refused(lambda: config_for(None, ["MODEL.WEIGHT", str(cut)]), "cut.torchscript", "cut off")
    empty = tmp_path / "empty.onnx"
    empty.touch()
    refused(lambda: config_for(None, ["MODEL.WEIGHT", str(empty)]), "empty.onnx", "it is empty")


def test_a_misspelled_name(tmp_path):
    (tmp_path / "street.onnx").touch()
    wrong = tmp_path / "strete.onnx"
    refused(lambda: config_for(None, ["MODEL.WEIGHT", str(wrong)]), "strete.onnx", "Did you mean", "street.onnx")
    refused(lambda: find_checkpoint(wrong), "strete.onnx", "Did you mean", "street.onnx")


def test_a_check_tells_what_differs(exported, checkpoint, write_checkpoint, tmp_path):
    other = write_checkpoint(tmp_path / "other.pth", *INTERACTING, "INPUT.PIXEL_MEAN", "[100.0, 100.0, 100.0]")
    check = ExportOptions(check=exported)
    refused(
        lambda: export_checkpoint(check, None, ["MODEL.WEIGHT", str(other)]),
        *("net.torchscript", "other.pth", "pixels.mean", "100.0", "in the checkpoint"),
    )
    # The same settings, other weights.
    content = torch.load(checkpoint)
    content["model"]["backbone.slow.conv1.weight"] += 0.1
    torch.save(content, tmp_path / "trained_on.pth")
    with pytest.raises(CheckpointError, match="does not compute what its checkpoint does"):
        export_checkpoint(check, None, ["MODEL.WEIGHT", str(tmp_path / "trained_on.pth")])
    done = export_checkpoint(check, None, ["MODEL.WEIGHT", str(checkpoint)])
    assert [each.path for each in done] == [exported, actions_path(exported)]


def test_nothing_is_replaced_without_force(exported, checkpoint):
    before = exported.stat()
    given = ["MODEL.WEIGHT", str(checkpoint)]
    refused(lambda: export_checkpoint(ExportOptions(output=exported), None, given), "exists", "--force")
    assert exported.stat() == before
    assert not list(exported.parent.glob(".*"))


def test_flags_that_do_not_go_together(tmp_path):
    options = ExportOptions(output=tmp_path / "net.onnx")
    refused(lambda: ExportOptions().check_flags(), "--output", "--check")
    refused(lambda: replace(options, check=tmp_path / "x").check_flags(), "--output", "--check")
    refused(lambda: replace(options, format="torchscript").chosen_format(), "net.onnx", ".torchscript")
    refused(lambda: ExportOptions(output=tmp_path / "net").chosen_format(), ".onnx", ".pt2")
    assert ExportOptions(output=tmp_path / "net.pt2").chosen_format() == "torch_export"


def test_weights_without_a_config(tmp_path):
    refused(lambda: config_for(None, []), "--config-file", "MODEL.WEIGHT", "no weights are named")
    torch.save({"model": {"w": torch.zeros(1)}}, tmp_path / "w.pth")
    refused(lambda: config_for(None, ["MODEL.WEIGHT", str(tmp_path / "w.pth")]), "w.pth", "--config-file")


def test_pickles_in_a_program_are_refused(tmp_path):
    path = tmp_path / "m.pt2"
    listed = {"config": {"w": {"path_name": "tensor_0", "use_pickle": True, "tensor_meta": {}}}}
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("m/data/constants/model_constants_config.json", json.dumps(listed))
    refused(lambda: refuse_pickles(path), "m.pt2", "pickled", "run any code")
