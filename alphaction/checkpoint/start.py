"""Which file a run starts from: the last checkpoint of its folder, MODEL.WEIGHT, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alphaction.checkpoint.check_checkpoint import NOT_CONTINUED
from alphaction.checkpoint.file_content import file_kind, read_content
from alphaction.checkpoint.foreign.config_text import read_yaml
from alphaction.checkpoint.recorded_settings import checked_value
from alphaction.checkpoint.run_folder import LAST_CHECKPOINT, holds_run, is_training_checkpoint, newest_checkpoint
from alphaction.config.keys import KEYS
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import listed

# What is read of the config of a run that is continued.
_READ_SECTIONS = ("SOLVER", "TEST")


@dataclass(frozen=True)
class StartPoint:
    """How a training run starts.

    Attributes:
        action: "resume" restores everything from ``path``; "weights" loads the model only; "scratch" loads nothing.
        path: the file, None for "scratch".
        reason: a text for the log, which also names what was set but is not used.
        warnings: for the log: what is wrong with newer checkpoints of the run.
    """

    action: Literal["resume", "weights", "scratch"]
    path: Path | None
    reason: str
    warnings: tuple[str, ...] = ()


def find_start(
    output_dir: str | Path,
    weight: str,
    *,
    transfer: bool = False,
    resume: bool = False,
    anew: bool = False,
    locate: Callable[[str], Path] = Path,
) -> StartPoint:
    """Decide how a training run starts.

    With ``transfer``, always from the weights in ``weight``, at iteration 0. Without it, the folder's last checkpoint
    comes first, or the newest one that verifies, so that the same command continues an interrupted run; then
    ``weight``: a training checkpoint of this program is continued, any other file gives the weights only.

    Args:
        output_dir: OUTPUT_DIR.
        weight: MODEL.WEIGHT, "" for none.
        transfer: the flag ``--transfer``.
        resume: the flag ``--resume``: only the folder's last checkpoint will do.
        anew: as ``transfer``, and without ``weight`` from random weights.
        locate: returns the file that ``weight`` stands for; called only if it is used.

    Raises:
        CheckpointError: if the chosen file is missing or of no known kind, if there is no run to ``resume``, or if no
            checkpoint in ``output_dir`` verifies.
        UserError: ``transfer`` without ``weight``.
    """
    if transfer or (anew and weight):
        if not weight:
            raise UserError("--transfer starts a new run from given weights: set MODEL.WEIGHT to a file of weights.")
        path = locate(weight)
        file_kind(path)
        there = holds_run(Path(output_dir))
        ignored = f"; the run in {output_dir} is not used, its files are moved into a folder there" if there else ""
        return StartPoint("weights", path, f"--transfer: weights of {weight}, iteration 0{ignored}")
    if anew:
        there = f"; the files of the run in {output_dir} are moved into a folder there" * holds_run(Path(output_dir))
        return StartPoint("scratch", None, f"MODEL.WEIGHT is empty: all weights keep their initial values{there}")
    newest = newest_checkpoint(output_dir)
    if resume and newest is None:
        raise CheckpointError(
            f"--resume: OUTPUT_DIR {output_dir} holds no run to continue (no {LAST_CHECKPOINT} file). Leave --resume "
            "out to start one, or name the run's folder: OUTPUT_DIR FOLDER."
        )
    if newest is not None:
        ignored = f"; MODEL.WEIGHT {weight} is not used (--transfer starts a new run from it)" if weight else ""
        reason = f"{output_dir} holds a run, which is continued: {newest.path.name}{ignored}"
        return StartPoint("resume", newest.path, reason, newest.warnings)
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
    extra = content.get("extra") if isinstance(content.get("extra"), Mapping) else {}
    text = _config_in(content)
    problems = [] if isinstance(text, str) else [f"its config is a {type(text).__name__}, not a text"]
    config = read_yaml(path, text) if not problems and text else {}
    for section in _READ_SECTIONS:
        values = config.get(section, {})
        if not isinstance(values, Mapping):
            problems.append(f"{section} of the config inside it is no section")
            continue
        for name, value in values.items():
            if f"{section}.{name}" in KEYS:
                checked_value(f"{section}.{name}", value, problems)
    size = extra.get("world_size")
    if size is not None and (type(size) is not int or size < 1):
        problems.append("extra.world_size is no number of processes")
    if problems:
        raise CheckpointError(f"{path}: {listed(problems, 4, '; ')}. {NOT_CONTINUED}")
    return config, size


def recorded_config_text(path: Path) -> str:
    """Return the config inside a checkpoint of a run, YAML text; "" if the file has none.

    Raises:
        CheckpointError: if ``path`` cannot be read.
    """
    content, _ = read_content(path)
    text = _config_in(content) if isinstance(content, Mapping) else ""
    return text if isinstance(text, str) else ""


def _config_in(content: Mapping[str, Any]) -> Any:
    """Return the config that a checkpoint holds, which should be a text; "" if there is none."""
    extra = content.get("extra") if isinstance(content.get("extra"), Mapping) else {}
    # What is no text is told by the caller; a tensor has no truth value.
    held = [each for each in (extra.get("config"), content.get("config")) if each is not None]
    return next((each for each in held if not isinstance(each, str) or each), "")


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
    folder = Path(output_dir)
    if weight and (asked_for or not holds_run(folder)):
        path = locate(weight)
        file_kind(path)
        return path
    newest = newest_checkpoint(folder)
    if newest is not None:
        for warning in newest.warnings:
            get_logger().warning(warning)
        return newest.path
    raise UserError(
        f"nothing to test: MODEL.WEIGHT is empty and {output_dir} has no {LAST_CHECKPOINT}. Set MODEL.WEIGHT to a .pth "
        "file, or OUTPUT_DIR to the folder of a training run."
    )
