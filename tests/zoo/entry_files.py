"""The files of the registry as they are read: names and shapes as published; only vectors have values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from checkpoint.foreign.pyslowfast_files import NO_BLOCKS, NON_LOCAL, R50, R101, caffe2_file, shape_of
from checkpoint.foreign.vit_tensors import authors, mmaction2, renamed
from contracts.zoo_networks import ZooNetwork
from torch import Tensor
from torchvision.models import video

from alphaction.checkpoint.foreign.converted import ForeignFile
from alphaction.utils.shapes_only import shapes_only
from alphaction.zoo import PublicWeights

NODE = "MODEL.BACKBONE.SLOWFAST"
VITS = {"ViT-Small": (384, 12), "ViT-Base": (768, 12), "ViT-Large": (1024, 24), "ViT-Huge": (1280, 32)}
AVA, KINETICS, K710 = 80, 400, 710


def entry_file(entry: PublicWeights) -> ForeignFile:
    """Return the file of an entry of the projects below, as if it had been read."""
    return FILES[entry.source](entry)


def _pyslowfast(entry: PublicWeights) -> ForeignFile:
    settings = entry.settings
    blocks = R101 if _depth(entry) == 101 else R50
    shape = shape_of(
        blocks,
        tuple(settings.get(f"{NODE}.SLOW.TEMPORAL_BLOCKS", (0, 0, *blocks[2:]))),
        tuple(settings.get(f"{NODE}.FAST.TEMPORAL_BLOCKS", blocks)) if _is_slowfast(entry) else None,
        settings.get(f"{NODE}.LATERAL_KERNEL", 0),
        NON_LOCAL if f"{NODE}.SLOW.CONV4_NONLOCAL_BLOCKS" in settings else NO_BLOCKS,
        AVA if entry.kind == "detector" else KINETICS,
    )
    return caffe2_file(shape, entry.file_name)


def _pytorchvideo(entry: PublicWeights) -> ForeignFile:
    detector = entry.kind == "detector"
    network = _network(entry, rows=AVA if detector else 0, prefix="model." if detector else "")
    shapes = network.shapes()
    if not detector:
        classifier = f"blocks.{6 if network.fast else 5}.proj"
        shapes |= {
            f"{classifier}.weight": (KINETICS, 2304 if network.fast else 2048),
            f"{classifier}.bias": (KINETICS,),
        }
    return _file(entry, shapes, "model_state")


def _mmaction2(entry: PublicWeights) -> ForeignFile:
    body = entry.settings["MODEL.BACKBONE.CONV_BODY"]
    if body not in VITS:
        return _file(entry, _network(entry, rows=AVA + 1).shapes(), "state_dict")
    dim, depth = VITS[body]
    head = {
        "roi_head.bbox_head.fc_cls.weight": torch.empty(AVA + 1, dim),
        "roi_head.bbox_head.fc_cls.bias": torch.empty(81),
    }
    tensors = renamed(authors("norm", dim, depth), mmaction2) | head
    return _file(entry, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, "state_dict")


def _videomae(entry: PublicWeights) -> ForeignFile:
    dim, depth = VITS[entry.settings["MODEL.BACKBONE.CONV_BODY"]]
    pretrained = "unlabeled" in entry.name and entry.kind == "backbone"
    tensors = authors("norm" if pretrained or entry.kind == "detector" else "fc_norm", dim, depth)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if pretrained:
        shapes = {f"encoder.{name}": shape for name, shape in shapes.items()} | {"mask_token": (1, 1, dim // 2)}
    else:
        rows = AVA if entry.kind == "detector" else K710 if "k710" in entry.name else KINETICS
        shapes |= {"head.weight": (rows, dim), "head.bias": (rows,)}
    return _file(entry, shapes, "module")


def _torchvision(entry: PublicWeights) -> ForeignFile:
    with shapes_only():
        network = getattr(video, entry.page.rpartition(".")[0].rpartition(".")[2])(weights=None)
    return ForeignFile(Path(entry.file_name), network.state_dict())


FILES: dict[str, Callable[[PublicWeights], ForeignFile]] = {
    "pyslowfast": _pyslowfast,
    "pytorchvideo": _pytorchvideo,
    "mmaction2": _mmaction2,
    "videomae": _videomae,
    "torchvision": _torchvision,
}


def _network(entry: PublicWeights, rows: int, prefix: str = "") -> ZooNetwork:
    return ZooNetwork(
        entry.source,
        _depth(entry),
        _is_slowfast(entry),
        entry.settings.get(f"{NODE}.LATERAL_KERNEL", 0),
        tuple(entry.settings.get(f"{NODE}.FAST.TEMPORAL_BLOCKS", ())),
        rows,
        prefix,
    )


def _depth(entry: PublicWeights) -> int:
    return 101 if entry.settings["MODEL.BACKBONE.CONV_BODY"].endswith("101") else 50


def _is_slowfast(entry: PublicWeights) -> bool:
    return entry.settings["MODEL.BACKBONE.CONV_BODY"].startswith("Slowfast")


def _file(entry: PublicWeights, shapes: Mapping[str, tuple[int, ...]], container: str) -> ForeignFile:
    return ForeignFile(Path(entry.file_name), {name: _tensor(shape) for name, shape in shapes.items()}, {}, container)


def _tensor(shape: tuple[int, ...]) -> Tensor:
    return torch.ones(shape) if len(shape) < 2 else torch.empty(shape, device="meta")
