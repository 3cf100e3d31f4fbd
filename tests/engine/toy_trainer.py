"""A trainer of a model of one weight, without a config."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from alphaction.checkpoint import Checkpointer
from alphaction.data.keyframes import Keyframe
from alphaction.data.sample import ClipBatch
from alphaction.engine.setup import Runtime, wrap_for_processes
from alphaction.engine.train_step import TrainStep
from alphaction.engine.trainer import Trainer
from alphaction.memory import MemoryFeatures
from alphaction.modeling.detector import TrainOutput

KEYFRAMES = [Keyframe("a", second) for second in range(4)]
_STEP_OPTIONS = {"pool", "penalty", "max_boxes", "clip_grad_norm", "amp", "bad_steps", "dataset", "average"}


class OneWeight(nn.Module):
    """Its loss is weight * (sum of the scores) / boxes_per_process, its features are the scores."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0))
        self.memories: list[MemoryFeatures | None] = []

    def forward(self, batch: ClipBatch, memory: MemoryFeatures | None, *, boxes_per_process: Tensor) -> TrainOutput:
        self.memories.append(memory)
        loss = self.weight * batch.scores.sum() / boxes_per_process
        return TrainOutput({"loss_movement": loss}, {"accuracy_movement": loss.detach()}, batch.scores[:, None])


def make_batch(index: int, scores: list[float]) -> ClipBatch:
    """One clip, with a person for each score."""
    count = len(scores)
    return ClipBatch(
        indices=torch.tensor([index]),
        keyframes=[KEYFRAMES[index]],
        slow=None,
        fast=None,
        sizes=torch.tensor([[8, 8]]),
        boxes=torch.zeros(count, 4),
        clip_index=torch.zeros(count, dtype=torch.int64),
        unit_boxes=torch.zeros(count, 4, dtype=torch.float64),
        scores=torch.tensor(scores),
        labels=torch.zeros(count, 1),
        object_boxes=torch.zeros(0, 4),
        object_clip_index=torch.zeros(0, dtype=torch.int64),
    )


def make_trainer(folder: Path, lr: float = 0.5, model: nn.Module | None = None, **options) -> Trainer:
    """Return a trainer of ``model`` with SGD, whose checkpoints go to ``folder``."""
    model = model or OneWeight()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=options.pop("momentum", 0.0))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    folder.mkdir(exist_ok=True)
    average = options.get("average")
    runtime = options.pop("runtime", Runtime(torch.device("cpu"), rank=0, world_size=1, seed=0))
    step = TrainStep(
        model=wrap_for_processes(model, runtime),
        optimizer=optimizer,
        scheduler=scheduler,
        scaler=options.pop("scaler", torch.amp.GradScaler("cpu", enabled=False)),
        runtime=runtime,
        keyframes=KEYFRAMES,
        **{name: options.pop(name) for name in _STEP_OPTIONS & options.keys()},
    )
    defaults = {"max_iter": 4, "log_period": 1, "checkpoint_period": 2, "eval_period": 3}
    return Trainer(
        step,
        checkpointer=Checkpointer(
            folder, model, optimizer, scheduler, is_main_process=runtime.is_main, average=average
        ),
        settings={"seed": 0},
        **(defaults | options),
    )
