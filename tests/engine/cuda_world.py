"""Training steps and evaluations of small made-up clips on any device, simulated or not, for whole networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from yacs.config import CfgNode

from alphaction.config import load_cfg
from alphaction.data.sample import ClipBatch
from alphaction.engine.setup import Runtime
from alphaction.engine.train_step import TrainStep
from alphaction.memory import MemoryPool
from alphaction.modeling import build_detection_model
from alphaction.modeling.backbone.swin3d import Swin3D
from alphaction.modeling.detector import DetectionModel
from alphaction.solver import build_optimizer
from benchmarks.speed.clips import full_memory, make_batch, page_locked

CONFIGS = Path(__file__).resolve().parents[2] / "config_files"
CLIPS, PERSONS = 2, 3
SHORT_CLIPS = ("INPUT.FRAME_NUM", 16, "INPUT.TAU", 4, "INPUT.ALPHA", 2)


def config(file: str | None, *overrides: object) -> CfgNode:
    """Return a config of ``config_files``, or the defaults."""
    return load_cfg(None if file is None else str(CONFIGS / file), overrides)


def backbone(name: str, *overrides: object) -> tuple[object, ...]:
    """Return what :func:`config` takes for the baseline of a backbone."""
    return None, "MODEL.BACKBONE.CONV_BODY", name, *SHORT_CLIPS, *overrides


@dataclass(frozen=True)
class World:
    """A network on a device, with clips on the host in page-locked memory.

    Attributes:
        pool: a memory that is full around the clips; None if the model reads none.
    """

    cfg: CfgNode
    model: DetectionModel
    runtime: Runtime
    batch: ClipBatch
    pool: MemoryPool | None

    def train_step(self) -> TrainStep:
        """Return a step as the trainer builds it."""
        optimizer = build_optimizer(self.cfg, self.model)
        return TrainStep.from_config(
            self.cfg,
            runtime=self.runtime,
            model=self.model.train(),
            optimizer=optimizer,
            scheduler=LambdaLR(optimizer, lambda _: 1.0),
            scaler=torch.amp.GradScaler("cuda", enabled=self.cfg.SOLVER.AMP == "fp16"),
            pool=self.pool,
            keyframes=self.batch.keyframes,
        )

    def dataset(self) -> SimpleNamespace:
        """Return what ``predict_dataset`` asks a dataset for."""
        count = self.cfg.MODEL.ROI_ACTION_HEAD.NUM_CLASSES
        label_map = SimpleNamespace(num_classes=count, ids=list(range(1, count + 1)))
        return SimpleNamespace(keyframes=self.batch.keyframes, label_map=label_map)


def build_shallow(cfg: CfgNode) -> DetectionModel:
    """Build a network without the blocks that equal those before them, which would only cost time."""
    model = build_detection_model(cfg)
    kept = 2 if isinstance(model.backbone, Swin3D) else 1  # every other block shifts its windows
    for blocks in [part for part in model.backbone.modules() if isinstance(part, (nn.ModuleList, nn.Sequential))]:
        shapes = [[tuple(weight.shape) for weight in block.parameters()] for block in blocks]
        for place in reversed(range(kept, len(blocks))):
            if shapes[place] and all(shapes[place] == shapes[place - before] for before in range(1, kept + 1)):
                del blocks[place]
    return model


def make_world(
    cfg: CfgNode, to_device: Callable[[Callable[[], nn.Module]], nn.Module], size: tuple[int, int] = (64, 96)
) -> World:
    """Build a network with ``to_device``, which takes what builds it on the CPU; and its clips and memory."""
    model = to_device(lambda: build_shallow(cfg))
    batch = make_batch(cfg, CLIPS, PERSONS, size)
    if cfg.INPUT.COLOR_ON_DEVICE:
        batch = replace(batch, color_shifts=torch.ones(CLIPS, 3, dtype=torch.int16))
    batch = page_locked(batch)
    pool = full_memory(cfg, model, batch.keyframes)
    return World(cfg, model, Runtime(torch.device("cuda", 0), 0, 1, seed=0), batch, pool)


def devices_of_outputs(model: nn.Module) -> tuple[dict[str, set[str]], list[torch.utils.hooks.RemovableHandle]]:
    """Return module name -> the devices of all that it returns from now on, and the hooks that note them."""
    found: dict[str, set[str]] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Sequence[object], output: object) -> None:
            found.setdefault(name, set()).update(str(tensor.device) for _, tensor in tensors_of(output))

        return hook

    return found, [module.register_forward_hook(note(name)) for name, module in model.named_modules()]


def tensors_of(value: object, way: str = "") -> list[tuple[str, Tensor]]:
    """Return the tensors in dataclasses, dicts, lists and tuples, with the way to each."""
    if isinstance(value, Tensor):
        return [(way, value)]
    if hasattr(value, "__dataclass_fields__"):
        value = {name: getattr(value, name) for name in value.__dataclass_fields__}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    return [found for key, item in items for found in tensors_of(item, f"{way}.{key}")]


def elsewhere(value: object) -> list[str]:
    """Return the way to each tensor that is not on the first GPU, with its device."""
    return [f"{way}: {tensor.device}" for way, tensor in tensors_of(value) if str(tensor.device) != "cuda:0"]
