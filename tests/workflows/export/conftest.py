"""Small checkpoints, and what they were exported to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from workflows.export.small_networks import small_cfg

from alphaction.commands.export import export_checkpoint
from alphaction.data.annotations import LabelMap, read_label_map
from alphaction.engine.classes import adopt_label_map
from alphaction.modeling import build_detection_model
from alphaction.workflows.export.export_options import ExportOptions

INTERACTING = ("MODEL.IA_STRUCTURE.ACTIVE", "True", "MODEL.IA_STRUCTURE.DIM_IN", "512")


@pytest.fixture(scope="session")
def toy_classes(small_toy_folder) -> LabelMap:
    """The classes of the toy world."""
    return read_label_map(small_toy_folder / "toy" / "annotations" / "toy_action_list.pbtxt")


@pytest.fixture(scope="session")
def write_checkpoint(toy_classes) -> Callable[..., Path]:
    """Function: path, overrides -> that file, a checkpoint of a run with random weights and some thresholds."""

    def write(path: Path, *overrides: str) -> Path:
        cfg = small_cfg("Slowfast-Tiny", *overrides)
        adopt_label_map(cfg, toy_classes)
        torch.manual_seed(1)
        model = build_detection_model(cfg)
        torch.nn.init.normal_(model.head.predictor.cls_score.weight, std=0.3)
        names = list(toy_classes.names)
        thresholds = {
            "class_ids": list(toy_classes.ids),
            "names": names,
            "values": [0.25 + place / 100 for place in range(len(names))],
            "labels": [5] * len(names),
            "own": [True] * len(names),
            "how": "best F1",
            "dataset": "toy_val",
            "iteration": 3,
        }
        held = {"label_map": toy_classes.to_dict(), "iteration": 3, "thresholds": thresholds, "license": "MIT"}
        torch.save({"model": model.state_dict(), "config": cfg.dump(), **held}, path)
        return path

    return write


@pytest.fixture(scope="session")
def checkpoint(write_checkpoint, tmp_path_factory) -> Path:
    """A checkpoint of a network with persons, objects and a memory."""
    return write_checkpoint(tmp_path_factory.mktemp("interacting") / "model_final.pth", *INTERACTING)


@pytest.fixture(scope="session")
def exported(checkpoint) -> Path:
    """What it was exported to, as TorchScript, which is the quickest to write."""
    return export(checkpoint, checkpoint.with_name("net.torchscript"))


@pytest.fixture(scope="session")
def plain_checkpoint(write_checkpoint, tmp_path_factory) -> Path:
    """A checkpoint of a network without IA structure."""
    return write_checkpoint(tmp_path_factory.mktemp("plain") / "model_final.pth")


def export(checkpoint: Path, path: Path) -> Path:
    """Export a checkpoint as its command does; return ``path``."""
    export_checkpoint(ExportOptions(output=path), None, ["MODEL.WEIGHT", str(checkpoint)])
    return path
