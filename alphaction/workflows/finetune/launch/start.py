"""Where a planned run starts: from a checkpoint of its folder, from weights, or from nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yacs.config import CfgNode

from alphaction.checkpoint import compare_label_maps, read_weight_file
from alphaction.checkpoint.checkpointer import LAST_CHECKPOINT, last_checkpoint
from alphaction.checkpoint.matching import CLASSIFIER, HEAD_PREFIX
from alphaction.checkpoint.weights import read_content
from alphaction.data.annotations import LabelMap
from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.launch.options import LaunchOptions


@dataclass(frozen=True)
class EarlierRun:
    """A run that is to be continued.

    Attributes:
        path: its last checkpoint.
        iteration: iterations done.
        world_size: processes that it ran on, None if the checkpoint does not say.
        config: the config that it ran with, section by section; empty if the checkpoint does not say.
    """

    path: Path
    iteration: int
    world_size: int | None
    config: Mapping[str, Mapping[str, Any]]

    def setting(self, key: str) -> Any:
        """Return the value that it had for a key such as "SOLVER.MAX_ITER", None if the checkpoint does not say."""
        section, name = key.split(".")
        return self.config.get(section, {}).get(name)


def find_earlier_run(cfg: CfgNode, options: LaunchOptions) -> EarlierRun | None:
    """Return the run in OUTPUT_DIR if --resume asks for it, None for a new run.

    Raises:
        UserError: if there is none to resume, or a new run would meet an earlier one in its folder.
    """
    folder = Path(cfg.OUTPUT_DIR)
    if options.resume:
        if not (folder / LAST_CHECKPOINT).is_file():
            raise UserError(
                f"--resume: OUTPUT_DIR {folder} holds no run to go on with (no {LAST_CHECKPOINT} file). Leave --resume "
                "out to start one, or name the run's folder: `-- OUTPUT_DIR FOLDER`."
            )
        return read_earlier_run(last_checkpoint(folder))
    found = [folder / LAST_CHECKPOINT, folder / "model_final.pth", *sorted(folder.glob("model_[0-9]*.pth"))]
    found = [path for path in found if path.is_file()]
    if found:
        raise UserError(
            f"OUTPUT_DIR {folder} already holds a run ({found[0].name}). Go on with it: --resume. "
            f"Start another one beside it: `-- OUTPUT_DIR {shlex.quote(f'{folder}_2')}`."
        )
    return None


def read_earlier_run(path: Path) -> EarlierRun:
    """Return what a training checkpoint tells of its run.

    Raises:
        UserError: if ``path`` cannot be read or is no training checkpoint of this program.
    """
    content, _ = read_content(path)
    if not isinstance(content, Mapping) or type(content.get("iteration")) is not int or "optimizer" not in content:
        raise UserError(
            f"{path}: not a training checkpoint of this program, so no run can go on from it. To start from its "
            "weights, leave --resume out and set MODEL.WEIGHT to it and OUTPUT_DIR to a new folder."
        )
    extra: Mapping[str, Any] = content.get("extra") or {}
    return EarlierRun(
        path=path,
        iteration=content["iteration"],
        world_size=extra.get("world_size"),
        config=yaml.safe_load(extra.get("config") or "") or {},
    )


def start_flags(cfg: CfgNode, options: LaunchOptions) -> list[str]:
    """Return the flags of train_net.py that say where the run starts.

    Raises:
        UserError: if --new-classes comes without weights to take a backbone from.
    """
    if options.resume:
        return []
    if options.new_classes and not cfg.MODEL.WEIGHT:
        raise UserError(
            "--new-classes keeps the backbone of trained weights and starts a new head, but MODEL.WEIGHT is empty. "
            "Add `-- MODEL.WEIGHT FILE`, or leave --new-classes out to train from random weights."
        )
    if not cfg.MODEL.WEIGHT:
        return []
    return ["--transfer", "--no-head"] if options.new_classes else ["--transfer"]


def describe_start(cfg: CfgNode, options: LaunchOptions, earlier: EarlierRun | None) -> str:
    """Return the plan's line on where the run starts."""
    if earlier is not None:
        return f"goes on from {earlier.path} at iteration {earlier.iteration}"
    if not cfg.MODEL.WEIGHT:
        return "new run from random weights (MODEL.WEIGHT is empty)"
    head = "a new action head" if options.new_classes else "the action head too, as far as it fits"
    return f"new run from the weights of {cfg.MODEL.WEIGHT}: backbone; {head}"


def weight_warnings(cfg: CfgNode, options: LaunchOptions, label_map: LabelMap | None) -> Iterator[str]:
    """Yield what is noteworthy about MODEL.WEIGHT and the classes of the data.

    Raises:
        UserError: if the file cannot be read.
    """
    if options.resume:
        if options.new_classes:
            yield "--new-classes has no effect with --resume: the run goes on with the head that it has."
        return
    if not cfg.MODEL.WEIGHT or options.new_classes:
        return
    file = read_weight_file(Path(cfg.MODEL.WEIGHT).expanduser())
    ending = CLASSIFIER.removeprefix(HEAD_PREFIX)
    classifier = next((tensor for name, tensor in file.weights.items() if name.endswith(ending)), None)
    if classifier is None:
        yield f"{cfg.MODEL.WEIGHT} has no classifier of actions: the action head starts at random where it has none."
    elif label_map is not None and len(classifier) != label_map.num_classes:
        yield (
            f"{cfg.MODEL.WEIGHT} classifies {len(classifier)} classes, the data has {label_map.num_classes}: the "
            "classifier starts at random, the rest of the head is reused. --new-classes starts the whole head anew."
        )
    elif label_map is not None and (difference := compare_label_maps(file.label_map, label_map.to_dict())):
        yield f"{cfg.MODEL.WEIGHT}: {difference}. If these are other actions, add --new-classes."
