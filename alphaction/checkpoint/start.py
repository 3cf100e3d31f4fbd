"""Which file a run starts from: the last checkpoint of its folder, MODEL.WEIGHT, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from alphaction.checkpoint.checkpointer import (
    LAST_CHECKPOINT,
    NOT_CONTINUED,
    is_training_checkpoint,
    last_checkpoint,
)
from alphaction.checkpoint.file_content import file_kind, read_content
from alphaction.utils.errors import CheckpointError, UserError


@dataclass(frozen=True)
class StartPoint:
    """How a training run starts.

    Attributes:
        action: "resume" restores everything from ``path``; "weights" loads the model only; "scratch" loads nothing.
        path: the file, None for "scratch".
        reason: a text for the log, which also names what was set but is not used.
    """

    action: Literal["resume", "weights", "scratch"]
    path: Path | None
    reason: str


def find_start(
    output_dir: str | Path,
    weight: str,
    *,
    transfer: bool = False,
    resume: bool = False,
    locate: Callable[[str], Path] = Path,
) -> StartPoint:
    """Decide how a training run starts.

    With ``transfer``, always from the weights in ``weight``, at iteration 0. Without it, the folder's last checkpoint
    comes first, so that the same command continues an interrupted run; then ``weight``: a training checkpoint of this
    program is continued, any other file gives the weights only.

    Args:
        output_dir: OUTPUT_DIR.
        weight: MODEL.WEIGHT, "" for none.
        transfer: the flag ``--transfer``.
        resume: the flag ``--resume``: only the folder's last checkpoint will do.
        locate: returns the file that ``weight`` stands for; called only if it is used.

    Raises:
        CheckpointError: if the chosen file is missing or of no known kind, or if there is no run to ``resume``.
        UserError: ``transfer`` without ``weight``.
    """
    has_last = (Path(output_dir) / LAST_CHECKPOINT).is_file()
    if transfer:
        if not weight:
            raise UserError("--transfer starts a new run from given weights: set MODEL.WEIGHT to a file of weights.")
        path = locate(weight)
        file_kind(path)
        ignored = f"; the last checkpoint in {output_dir} is not used and will be replaced" if has_last else ""
        return StartPoint("weights", path, f"--transfer: weights of {weight}, iteration 0{ignored}")
    if resume and not has_last:
        raise CheckpointError(
            f"--resume: OUTPUT_DIR {output_dir} holds no run to continue (no {LAST_CHECKPOINT} file). Leave --resume "
            "out to start one, or name the run's folder: OUTPUT_DIR FOLDER."
        )
    if has_last:
        path = last_checkpoint(output_dir)
        ignored = f"; MODEL.WEIGHT {weight} is not used (--transfer starts a new run from it)" if weight else ""
        return StartPoint("resume", path, f"{output_dir} holds a run, which is continued: {path.name}{ignored}")
    if not weight:
        return StartPoint("scratch", None, "MODEL.WEIGHT is empty: all weights keep their initial values")
    path = locate(weight)
    if is_training_checkpoint(path):
        reason = f"{weight} is a training checkpoint: its run is continued (--transfer takes its weights only)"
        return StartPoint("resume", path, reason)
    return StartPoint("weights", path, f"weights of {weight}, iteration 0")


def read_recorded_config(path: Path) -> tuple[Mapping[str, Mapping[str, Any]], int | None]:
    """Return the config that the run of a training checkpoint had, section by section, and its number of processes.

    What the checkpoint does not say is empty, or None.

    Raises:
        CheckpointError: if ``path`` cannot be read or is no training checkpoint of this program.
    """
    content, _ = read_content(path)
    if not isinstance(content, Mapping) or type(content.get("iteration")) is not int or "optimizer" not in content:
        raise CheckpointError(f"{path}: not a training checkpoint of this program. {NOT_CONTINUED}")
    extra: Mapping[str, Any] = content.get("extra") or {}
    return yaml.safe_load(extra.get("config") or content.get("config") or "") or {}, extra.get("world_size")


def find_test_weights(
    output_dir: str | Path, weight: str, *, asked_for: bool = True, locate: Callable[[str], Path] = Path
) -> Path:
    """Return the file to test.

    Args:
        output_dir: OUTPUT_DIR.
        weight: MODEL.WEIGHT, "" for none.
        asked_for: the command line gives ``weight``; otherwise the last checkpoint in ``output_dir`` comes first.
        locate: returns the file that ``weight`` stands for; called only if it is used.

    Raises:
        UserError: if there is neither, or the file is missing.
    """
    has_last = (Path(output_dir) / LAST_CHECKPOINT).is_file()
    if weight and (asked_for or not has_last):
        path = locate(weight)
        file_kind(path)
        return path
    if has_last:
        return last_checkpoint(output_dir)
    raise UserError(
        f"nothing to test: MODEL.WEIGHT is empty and {output_dir} has no {LAST_CHECKPOINT}. Set MODEL.WEIGHT to a .pth "
        "file, or OUTPUT_DIR to the folder of a training run."
    )
