"""What an exported file says of itself, read without running it; files of ONNX are written by the onnx package."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from messages import refused, says

from alphaction.checkpoint import read_thresholds, read_weight_file, recorded_config_text, stored_thresholds
from alphaction.checkpoint.exported_file import FACTS, read_exported
from alphaction.checkpoint.file_content import file_kind
from alphaction.utils.errors import CheckpointError

LABEL_MAP = {"ids": [1, 2], "names": ["sit", "stand"], "groups": ["movement", "movement"]}
THRESHOLDS = {
    "class_ids": [1, 2],
    "names": ["sit", "stand"],
    "values": [0.25, 1.0],
    "labels": [3, 4],
    "own": [True, False],
    "how": "best F1",
    "dataset": "toy_val",
    "iteration": 7,
}
SAID = {
    "version": 1,
    "part": "whole",
    "export_id": "a1",
    "made_from": {"name": "model_final.pth", "sha256": "00ff"},
    "config": "MODEL: {DEVICE: cpu}",
    "license": "CC-BY-NC-4.0",
    "label_map": LABEL_MAP,
    "thresholds": THRESHOLDS,
    "inputs": [{"name": "fast"}, {"name": "boxes"}],
    "outputs": [{"name": "scores"}],
}


def onnx_file(path: Path, said: dict | None = SAID, weights: int = 1000) -> Path:
    """Write a network of one operation."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    values = helper.make_tensor("w", kind, [weights], [0.5] * weights)
    ports = [helper.make_tensor_value_info(name, kind, [weights]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", ports[:1], ports[1:], [values])
    model = helper.make_model(graph)
    if said is not None:
        helper.set_model_props(model, {"author": "somebody", FACTS: json.dumps(said)})
    onnx.save(model, path)
    return path


def archive(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, text in members.items():
            file.writestr(name, text)
    return path


@pytest.mark.parametrize("name", ["m.onnx", "m.weights", "m.torchscript", "m.pt2"])
def test_it_is_read_whatever_its_name(tmp_path, name):
    path = tmp_path / name
    if name in ("m.onnx", "m.weights"):
        onnx_file(path)
    elif name == "m.pt2":
        archive(path, {"m/archive_format": "pt2", f"m/extra/{FACTS}": json.dumps(SAID)})
    else:
        archive(
            path, {"m/data.pkl": "", "m/code/x.py": "", "m/constants.pkl": "", f"m/extra/{FACTS}": json.dumps(SAID)}
        )
    file = read_exported(path)
    kinds = {"m.torchscript": "torchscript", "m.pt2": "torch_export"}
    assert file.format == kinds.get(name, "onnx")
    assert (file.part, file.export_id, file.made_from) == ("whole", "a1", "model_final.pth")
    assert (file.inputs, file.outputs) == (("fast", "boxes"), ("scores",))
    assert file_kind(path) == "exported"
    # What prediction asks of a checkpoint, it asks of this file.
    assert recorded_config_text(path) == "MODEL: {DEVICE: cpu}"
    assert stored_thresholds(path).how == "best F1"
    assert read_thresholds(path, LABEL_MAP) == {"sit": 0.25, "stand": 1.0}


def test_nothing_is_trained_from_it(tmp_path):
    refused(
        lambda: read_weight_file(onnx_file(tmp_path / "m.onnx")),
        "m.onnx",
        "exported as onnx",
        "the checkpoint",
        "predict_video.py",
    )


def test_files_of_others_say_what_is_missing(tmp_path):
    message = refused(lambda: read_exported(onnx_file(tmp_path / "m.onnx", None)), "m.onnx", "export_model.py")
    says(message, "--onnx")  # it may be a detector of persons
    refused(lambda: file_kind(archive(tmp_path / "t.pt", {"t/data.pkl": "", "t/constants.pkl": ""})), "TorchScript")
    refused(lambda: read_exported(archive(tmp_path / "p.pt2", {"p/archive_format": "pt2"})), "p.pt2", "torch_export")


@pytest.mark.parametrize("part", [0.01, 0.5, 0.97, 0.999])
def test_a_file_that_is_cut_off(tmp_path, part):
    path = onnx_file(tmp_path / "m.onnx")
    content = path.read_bytes()
    path.write_bytes(content[: max(5, int(part * len(content)))])
    with pytest.raises(CheckpointError, match=r"m\.onnx: .*(cut off|not export)"):
        read_exported(path)


def test_an_onnx_ending_alone_makes_no_onnx_file(tmp_path):
    (tmp_path / "m.onnx").write_text("hello")
    refused(lambda: read_exported(tmp_path / "m.onnx"), "m.onnx", "not an ONNX file")
    (tmp_path / "m.pth").write_text("hello")
    assert read_exported(tmp_path / "m.pth") is None
    assert read_exported(tmp_path / "missing.onnx") is None


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"version": 2}, ("version", "2", "reads 1")),
        ({"part": "half"}, ("part", "half", "whole")),
        ({"label_map": {"ids": [1]}}, ("label_map",)),
        ({"config": None}, ("config", "missing")),
        ({"made_from": []}, ("made_from",)),
    ],
)
def test_a_text_of_another_version_or_changed(tmp_path, change, parts):
    refused(lambda: read_exported(onnx_file(tmp_path / "m.onnx", SAID | change)), "m.onnx", FACTS, *parts)
