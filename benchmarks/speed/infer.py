"""Forward passes of networks: torch's own layers, as built, optimized for inference, compiled.

Times are those of a clip, from its pixels to class scores: backbone, pooling of the persons' boxes, action head. The
reference runs every layer as torch has it (``F.conv3d``, ``F.linear``, ``F.scaled_dot_product_attention``), on frames
with channels first. "difference" is the largest one of a logit from the reference's, over the largest logit.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.config import load_cfg
from alphaction.data.sample import ClipBatch
from alphaction.engine.compiling import compile_backbone, require_compiler
from alphaction.layers import FrozenBatchNorm3d
from alphaction.modeling import DetectionModel, build_detection_model, optimize_for_inference
from alphaction.utils.device import choose_device
from alphaction.utils.messages import counted
from alphaction.utils.numbers import POSITIVE
from alphaction.utils.options import option
from benchmarks import CONFIGS
from benchmarks.speed.clips import PIXELS, make_batch
from benchmarks.speed.measure import Case, Comparison, compare
from benchmarks.speed.torch_layers import layers_of_torch

SMALLEST = ("--config-file", str(CONFIGS / "tiny/toy.yaml"), "--rows", "64", "--columns", "64")
Model = TypeVar("Model", bound=nn.Module)
_EXPERIMENTS = (CONFIGS / "resnet50_4x16f_baseline.yaml", CONFIGS / "resnet101_8x8f_baseline.yaml")


@dataclass(frozen=True)
class Options:
    """What to run; each field is described by its help."""

    config_file: tuple[Path, ...] = option(
        _EXPERIMENTS, metavar="F", help="experiments (default: R50-4x16 and R101-8x8)"
    )
    backbone: str | None = option(
        None, metavar="NAME", help="another MODEL.BACKBONE.CONV_BODY than the experiments have, such as I3D-Resnet50"
    )
    rows: int = option(256, within=PIXELS, metavar="N", help="of a frame (default: %(default)s)")
    columns: int = option(352, within=PIXELS, metavar="N", help="of a frame (default: %(default)s)")
    clips: int = option(1, within=POSITIVE, metavar="N", help="of a batch (default: %(default)s)")
    persons: int = option(3, within=POSITIVE, metavar="N", help="of a clip (default: %(default)s)")
    device: str = option("cpu", metavar="D", help="cpu, cuda or auto (default: %(default)s)")
    compile: bool = option(False, help="also compiled, which takes a minute or more at the start")


def run(options: Options, repetitions: int) -> Iterator[Comparison]:
    """Yield a table for each experiment."""
    device = choose_device(options.device, "--device")
    if options.compile:
        require_compiler(device)
    for path in options.config_file:
        changed = () if options.backbone is None else ("MODEL.BACKBONE.CONV_BODY", options.backbone)
        cfg = load_cfg(path, changed)
        with torch.inference_mode():
            yield _compare(cfg, path.stem, device, options, repetitions)


def _compare(cfg: CfgNode, name: str, device: torch.device, options: Options, repetitions: int) -> Comparison:
    torch.manual_seed(0)
    model = randomize_norms(build_detection_model(cfg)).to(device).eval()
    batch = make_batch(cfg, options.clips, options.persons, (options.rows, options.columns)).to(device)
    optimized = optimize_for_inference(model)
    networks = {"as built": model, "optimized": optimized}
    if options.compile:
        networks["optimized, compiled"] = copy.deepcopy(optimized)
        compile_backbone(networks["optimized, compiled"])

    def as_torch_has_it() -> Tensor:
        with layers_of_torch():
            return _predict(model, batch)

    expected = as_torch_has_it()
    cases = [Case("torch's layers", as_torch_has_it, options.clips)]
    for title, network in networks.items():
        difference = (_predict(network, batch) - expected).abs().max() / expected.abs().max()
        facts = {"difference": f"{difference.item():.1e}"}
        cases.append(Case(title, _calls(network, batch), options.clips, facts))
    title = (
        f"{name}, {cfg.MODEL.BACKBONE.CONV_BODY}: {counted(options.clips, 'clip')} of {options.rows} x "
        f"{options.columns}, {counted(options.persons, 'person')} each; {device.type}, "
        f"{counted(torch.get_num_threads(), 'thread')}"
    )
    return compare(title, "clip", cases, repetitions=repetitions, device=device.type)


def _calls(network: DetectionModel, batch: ClipBatch) -> Callable[[], Tensor]:
    return lambda: _predict(network, batch)


def _predict(network: DetectionModel, batch: ClipBatch) -> Tensor:
    return network.predict_from_features(network.extract_features(batch), batch)


def randomize_norms(model: Model) -> Model:
    """Give batch norms something to do, in place: with a last weight of 0, residual branches would not be seen."""
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm3d | nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.weight, 0.3, 0.8)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model
