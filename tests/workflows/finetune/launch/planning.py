"""What the tests of plans share: machines, files to start from, and what a planned command would train with."""

from __future__ import annotations

from pathlib import Path

import torch

from alphaction.config import load_cfg
from alphaction.solver import scale_schedule
from alphaction.workflows.finetune.launch.gpus import Gpu, Machine
from alphaction.workflows.finetune.launch.plan import Launch

GPU = Gpu("H100", 80 * 2**30, 80 * 2**30)
NONE = Machine(cores=16)
EIGHT = Machine(gpus=(GPU,) * 8, cores=16)
CLASSIFIER = "roi_heads.action.predictor.cls_score.weight"


def weights(path: Path, classes: int | None = 13) -> str:
    state = {"backbone.conv.weight": torch.zeros(2, 2)}
    if classes:
        state[CLASSIFIER] = torch.zeros(classes, 4)
    torch.save({"model": state}, path)
    return str(path)


def earlier_run(folder: Path, config: Path, processes: int, reference: int, iteration: int = 200, overrides=()) -> None:
    """A checkpoint of a run that was scaled to ``reference``."""
    cfg = load_cfg(config, overrides)
    scale_schedule(cfg, reference)
    folder.mkdir()
    extra = {"config": cfg.dump(), "world_size": processes, "seed": 0}
    content = {"version": 1, "model": {}, "optimizer": {"x": 1}, "iteration": iteration, "extra": extra}
    torch.save(content, folder / "model_0000200.pth")
    (folder / "last_checkpoint").write_text("model_0000200.pth")


def trained_with(made: Launch, processes: int) -> dict[str, object]:
    """Return the schedule that train_net.py would use for this command."""
    words = list(made.command)
    words = words[words.index("--config-file") + 2 :]
    overrides = list(words)
    while overrides and overrides[0].startswith("--"):
        flag = overrides.pop(0)
        if flag == "--seed":
            overrides.pop(0)
    cfg = load_cfg(made.command[made.command.index("--config-file") + 1], overrides)
    if "--adjust-lr" in words:
        scale_schedule(cfg, processes)
    names = (
        "VIDEOS_PER_BATCH", "BASE_LR", "MAX_ITER", "STEPS", "GAMMA", "WARMUP_ITERS", "REFERENCE_GPUS",
        "ACCUMULATION_STEPS",
    )  # fmt: skip
    return {name: cfg.SOLVER[name] for name in names} | {"TEST": cfg.TEST.VIDEOS_PER_BATCH}


def row(made: Launch, label: str) -> str:
    return dict(made.rows)[label]


def after_script(made: Launch) -> list[str]:
    words = list(made.command)
    return words[next(i for i, word in enumerate(words) if word.endswith("train_net.py")) + 1 :]
