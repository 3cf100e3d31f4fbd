"""Readers of weight files: each project's, converted and loaded, our own, and those of detectors."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from unittest import mock

import torch
from checkpoint.foreign.test_torchvision_video import file_of
from checkpoint.foreign.test_vjepa2 import encoder_tensors
from checkpoint.small_detector import Detector
from contracts.zoo_files import zoo_case
from fuzz import weight_values, world
from fuzz.exported_seeds import exported_seeds
from fuzz.seeds import Seed
from fuzz.target import Target
from torch import Tensor
from torchvision.models import video

from alphaction.checkpoint import Thresholds, file_bounds, load_weights, matching, stored_thresholds
from alphaction.checkpoint.exported_file import TORCH_EXPORT, read_exported
from alphaction.checkpoint.file_content import file_kind
from alphaction.checkpoint.foreign.sources import load_sources
from alphaction.checkpoint.run_folder import is_training_checkpoint
from alphaction.checkpoint.start import read_recorded_config, recorded_config_text
from alphaction.checkpoint.weight_file import WeightFile, read_weight_file
from alphaction.config.load import get_cfg
from alphaction.utils.errors import UserError
from alphaction.workflows.convert.convert_options import ConvertOptions
from alphaction.workflows.convert.convert_weights import convert_weights
from alphaction.workflows.detect import detector_weights
from alphaction.workflows.export.runners import refuse_pickles
from alphaction.workflows.predict.find_label_map import find_label_map
from alphaction.workflows.predict.weights_config import config_from_text

_FILES = {
    "mmaction2": ("mmaction2_ava_slowfast_r50_4x16",),
    "pyslowfast": ("pyslowfast_ava_slowfast_r50", "pyslowfast_kinetics_slowfast_r50_8x8"),
    "pytorchvideo": ("pytorchvideo_ava_slow_r50",),
    "videomae": ("videomae_kinetics_vit_b_hf", "vmad_ava_vit_s"),
}
"""Project -> its files in ``tests/assets/zoo``: names, shapes and settings as they are published."""
_SHARES = {"vjepa2": 0.02}
"""Project -> share of the inputs: whole networks take a while."""


def _hollow(shape: object) -> Tensor:
    """Return a tensor of a shape that takes the room of one number."""
    return torch.full((1,) * len(tuple(shape)), 0.5).expand(tuple(shape))


def _zoo_content(name: str) -> dict:
    """Return what lies in a published file, its tensors hollow."""
    case = zoo_case(name)
    layout = case["file"]
    content = dict(layout.get("other", {}))
    content |= {key: argparse.Namespace(**values) for key, values in layout.get("namespaces", {}).items()}
    held = {key: _hollow(shape) for key, shape in case["tensors"].items()}
    return content | ({layout["tensors_under"]: held} if layout["tensors_under"] else held)


def _caffe2_content() -> dict:
    """Return the smallest blobs of a published file of Caffe2, so that it is recognized."""
    case = zoo_case("pyslowfast_ava_slowfast_r50_caffe2")
    small = {name: shape for name, shape in case["tensors"].items() if torch.Size(shape).numel() <= 4096}
    return {"blobs": {name: torch.zeros(*shape) for name, shape in small.items()}}


def _safetensors_header(shapes: dict[str, tuple[int, ...]]) -> dict:
    """Return the header of a safetensors file of small tensors, and the number of bytes behind it."""
    header: dict = {"__metadata__": {"format": "pt"}}
    place = 0
    for name, shape in shapes.items():
        size = 4 * torch.Size(shape).numel()
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [place, place + size]}
        place += size
    return {"header": header, "values": place}


@cache
def _foreign_seeds(source: str) -> list[Seed]:
    seeds = [_torch_seed(f"{name}.pth", _zoo_content(name)) for name in _FILES.get(source, ())]
    if source == "torchvision":
        shapes = {key: tensor.shape for key, tensor in file_of(video.swin3d_t).tensors.items()}
        seeds.append(_torch_seed("swin3d_t.pth", {key: _hollow(shape) for key, shape in shapes.items()}))
    if source == "vjepa2":
        held = {key: _hollow(tensor.shape) for key, tensor in encoder_tensors().items()}
        seeds.append(_torch_seed("model.pth", held))
    if source == "pyslowfast":
        seeds.append(Seed("SLOWFAST.pkl", "weights", _caffe2_content(), weight_values.pickle_bytes))
    return seeds


def _torch_seed(name: str, content: dict) -> Seed:
    return Seed(name, "weights", content, weight_values.torch_bytes)


@cache
def _thresholds() -> dict[str, object]:
    ids, names = world.label_map().ids, world.label_map().names
    count = len(ids)
    return asdict(Thresholds(ids, names, (0.5,) * count, (3,) * count, (True,) * count, "best F1", "mine", 3))


def own_seeds() -> list[Seed]:
    """Return a checkpoint of a run, the weights alone in both forms of PyTorch, and a converted file."""
    state = {name: tensor.detach() for name, tensor in Detector(classes=2).state_dict().items()}
    run = {
        "model": state,
        "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        "scheduler": {"last_epoch": 3},
        "iteration": 3,
        "label_map": world.label_map().to_dict(),
        "license": "Apache-2.0",
        "thresholds": _thresholds(),
        "extra": {"config": get_cfg().dump(), "world_size": 1, "epoch": 0.5},
    }
    settings = {
        "MODEL.BACKBONE.CONV_BODY": {"value": "Slowfast-Resnet50", "part": "network", "why": "the file"},
        "INPUT.PIXEL_MEAN": {"value": [1.0, 2.0, 3.0], "part": "input", "why": "the file"},
        "MODEL.ROI_ACTION_HEAD.NUM_CLASSES": {"value": 2, "part": "head", "why": "its rows"},
    }
    texts = {"source": "pyslowfast", "what": "SlowFast", "license": "Apache-2.0"}
    recorded = {"model": state, "label_map": None, "settings": settings, "recipe": {"INPUT.FPS": 30.0}, **texts}
    header = _safetensors_header({name: tuple(tensor.shape) for name, tensor in state.items()})
    return [
        _torch_seed("run.pth", run),
        _torch_seed("converted.pth", recorded),
        _torch_seed("ema.pth", {"model_ema": {f"module.{name}": tensor for name, tensor in state.items()}}),
        Seed("old.pth", "weights", {"state_dict": state, "epoch": 3}, weight_values.old_torch_bytes),
        Seed("model.safetensors", "weights", header, weight_values.safetensors_bytes),
    ]


def _load(path: Path) -> None:
    """Load a file into a network, as a run and a prediction do."""
    # The tensors of these files are hollow: a small file stands for a whole network.
    with mock.patch.object(file_bounds, "SMALL_FILE", 1 << 31):
        file = read_weight_file(path, with_run=True)
    errors = []
    for use in (partial(_load_into_network, path, file), partial(find_label_map, get_cfg(), file)):
        try:
            use()
        except UserError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _load_into_network(path: Path, file: WeightFile) -> None:
    with mock.patch.object(matching, "read_weight_file", return_value=file):
        load_weights(Detector(classes=2), path, label_map=world.label_map().to_dict(), cfg=get_cfg())


def _load_and_convert(path: Path) -> None:
    """Do the same, and convert the file with a config that uses it."""
    errors = []
    for read in (_load, _convert):
        try:
            read(path)
        except UserError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _convert(path: Path) -> None:
    convert_weights(ConvertOptions(path, path.parent / "converted_.pth", path.parent / "converted_.yaml"))


def _resume(path: Path) -> None:
    is_training_checkpoint(path)
    read_recorded_config(path)
    stored_thresholds(path)


def _detector_seeds() -> list[Seed]:
    held = {"roi_heads.box_predictor.cls_score.weight": torch.zeros(3, 8), "rpn.head.conv.bias": torch.zeros(4)}
    return [
        _torch_seed("detector.pth", held),
        Seed("old.pth", "weights", {"model": held}, weight_values.old_torch_bytes),
    ]


def _detector(path: Path) -> None:
    state = detector_weights.read_state_dict(path)
    detector_weights._num_classes(path, state, "fasterrcnn_resnet50_fpn")


def _exported(path: Path) -> None:
    """Read what a file says of itself, as a prediction does before it runs it."""
    file = read_exported(path)
    if file is None:
        file_kind(path)
        return
    config_from_text(recorded_config_text(path), path)
    stored_thresholds(path)
    if file.format == TORCH_EXPORT:
        refuse_pickles(path)


def weight_targets() -> list[Target]:
    """Return a target for each project whose weights are understood, and those of our own files."""
    foreign = [
        Target(f"weights/{name}", partial(_foreign_seeds, name), _load, share=_SHARES.get(name, 0.1))
        for name in load_sources()
        if name != "alphaction"
    ]
    return [
        *foreign,
        Target("weights/alphaction", own_seeds, _load_and_convert),
        Target("weights of a run", own_seeds, _resume),
        Target("weights of a detector", _detector_seeds, _detector),
        Target("exported network", exported_seeds, _exported),
    ]
