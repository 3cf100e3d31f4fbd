"""The folder of a run: which checkpoints it holds, which one the run continues from, and which are no longer needed.

``last_checkpoint`` names the newest. Where it is missing or wrong, the checkpoints themselves tell; where the newest is
damaged, the run continues from the newest one that verifies.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

from alphaction.checkpoint.file_content import file_kind
from alphaction.checkpoint.storage import write_atomically
from alphaction.utils.checksums import damaged_record
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.messages import listed

LAST_CHECKPOINT = "last_checkpoint"
MEMORY_POOL = "memory_pool_{:07d}.pth"
FINAL_CHECKPOINT = "model_final"
EARLIER_FINAL = "model_final_earlier"
BETWEEN = "between"
"""Key of a checkpoint that was written between two of SOLVER.CHECKPOINT_PERIOD: the next one replaces it."""
CONFIG_FILE = "config.yaml"
SUMMARY_FILE = "summary.json"
REPORT_FILE = "report.html"
EARLIER_REPORT = "report_earlier.html"
"""Where the report goes of a run that goes on."""
WRITTEN_NAMES = ("model_[0-9]*.pth", "model_final.pth", "model_best.pth", "model_ema.pth", "memory_pool_*.pth",
                 LAST_CHECKPOINT, CONFIG_FILE, "metrics.jsonl", "log.txt", SUMMARY_FILE, REPORT_FILE,
                 "train_clips.png", "validation_*.png", "wandb_run_id.txt", "mlflow_run_id.txt")  # fmt: skip
"""Patterns of the names of files that a run writes into its folder."""
_EARLIER_RUN = "earlier_run"
_MOVED = ("model_final.pth", LAST_CHECKPOINT, CONFIG_FILE, "metrics.jsonl", "tensorboard", "inference",
          "inference_ema", SUMMARY_FILE, REPORT_FILE, EARLIER_REPORT, "train_clips.png", "wandb_run_id.txt",
          "mlflow_run_id.txt")  # fmt: skip
_MOVED_PATTERNS = ("memory_pool_*.pth", "model_best*.pth", "model_ema*.pth", "validation_*.png")
_NUMBERED = re.compile(r"model_(\d{7,18})\.pth")
_MOST_POINTER_BYTES = 4096


class NewestCheckpoint(NamedTuple):
    """The checkpoint that a run continues from, and what a person should know about how it was found."""

    path: Path
    warnings: tuple[str, ...]


def checkpoint_name(iteration: int) -> str:
    """Return the name, without ending, of the checkpoint of an iteration: ``model_0005000``."""
    return f"model_{iteration:07d}"


def named_iteration(path: Path) -> int | None:
    """Return the iteration in the name of a checkpoint; None for other names, ``model_final.pth`` among them."""
    match = _NUMBERED.fullmatch(path.name)
    return int(match[1]) if match and path.stem == checkpoint_name(int(match[1])) else None


def checkpoint_files(folder: Path) -> list[Path]:
    """Return the files in a folder that are named as checkpoints are, the highest iteration first, the final one first.

    Whether they are checkpoints is not looked at.
    """
    files = [path for path in folder.glob("model_*.pth") if path.is_file()]
    numbered = [path for path in files if named_iteration(path) is not None]
    final = [path for path in files if path.stem == FINAL_CHECKPOINT]
    return final + sorted(numbered, key=lambda path: named_iteration(path) or 0, reverse=True)


def holds_run(folder: Path) -> bool:
    """Return whether a folder holds a checkpoint, or the name of one."""
    return (folder / LAST_CHECKPOINT).is_file() or bool(checkpoint_files(folder))


def newest_checkpoint(folder: str | Path) -> NewestCheckpoint | None:
    """Return the checkpoint that a run in ``folder`` continues from, None if there is none.

    It is the one that ``last_checkpoint`` names, else that of the highest iteration; if it is damaged, the newest that
    was written before it and verifies.

    Raises:
        CheckpointError: there are checkpoints, and none verifies.
    """
    folder = Path(folder)
    warnings = []
    named: Path | None = None
    if (folder / LAST_CHECKPOINT).is_file():
        try:
            named = last_checkpoint(folder)
        except CheckpointError as error:
            warnings.append(str(error))
    if named is not None:
        problem = find_damage(named)
        if not problem:
            return NewestCheckpoint(named, ())
        warnings.append(problem)
    others = [path for path in checkpoint_files(folder) if named is None or not _same_file(path, named)]
    for path in _newest_first(others, named):
        if problem := find_damage(path):
            warnings.append(problem)
            continue
        if not read_header(path):
            continue  # of another program
        if not (folder / LAST_CHECKPOINT).is_file():
            warnings.insert(0, f"{folder} holds a run although it has no {LAST_CHECKPOINT} file.")
        found = f"{path.name} of iteration {read_header(path)['iteration']}"
        warnings.append(f"The newest intact checkpoint there, {found}, is used instead.")
        return NewestCheckpoint(path, tuple(warnings))
    if not warnings:
        return None
    raise CheckpointError(
        f"{listed(warnings, 3, ' ')} No other checkpoint in {folder} is intact. To start a new run, choose another "
        "OUTPUT_DIR, or delete these files."
    )


def last_checkpoint(output_dir: str | Path) -> Path:
    """Return the checkpoint that ``last_checkpoint`` in a run's folder names.

    The text may be a file name or a path: absolute, or relative to the folder or the working directory (upstream writes
    such). A file of that name in the folder itself comes first, so a folder that was moved or copied keeps working.

    Raises:
        CheckpointError: if there is no such file.
    """
    folder = Path(output_dir)
    pointer = folder / LAST_CHECKPOINT
    if not pointer.is_file():
        raise CheckpointError(f"{pointer}: no such file.")
    with pointer.open("rb") as file:
        text = file.read(_MOST_POINTER_BYTES).decode("utf-8", "replace").strip()
    # A path that another system wrote may have backslashes.
    name = re.split(r"[\\/]", text)[-1]
    for candidate in (folder / name, folder / text, Path(text)):
        with suppress(OSError, ValueError):  # too long for a path, or with a zero byte
            if text and candidate.is_file():
                return candidate
    shown = f'names "{text[:200]}", which does not exist.' if text else "is empty."
    raise CheckpointError(f"{pointer}: {shown}")


def find_damage(path: Path) -> str:
    """Return what is wrong with a checkpoint or weight file, beginning with its name; "" if nothing is known to be.

    Files in PyTorch's zip form are compared with the checksums in them; other forms have none.

    Raises:
        OSError: it cannot be opened.
    """
    try:
        kind = file_kind(path)
    except UserError as error:
        return str(error)
    damage = damaged_record(path) if kind == "torch" and zipfile.is_zipfile(path) else ""
    return f"{path}: {damage}." if damage else ""


def is_training_checkpoint(path: str | Path) -> bool:
    """Return whether a file was written by :class:`Checkpointer` and holds an optimizer's state.

    Raises:
        CheckpointError: if the file is missing or of no known kind.
    """
    path = Path(path)
    if file_kind(path) != "torch" or not zipfile.is_zipfile(path):
        return False
    return bool(read_header(path))


def read_header(path: Path) -> dict[str, Any]:
    """Return the content of a training checkpoint of this program; its tensors stay on the disk. {} for others."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # of another project, or damaged, which reading it in full will report
        return {}
    ours = isinstance(content, dict) and {"model", "optimizer", "iteration", "version"} <= content.keys()
    return content if ours and type(content["iteration"]) is int else {}


def prune(folder: Path, newest: Path, iteration: int, keep: int) -> list[Path]:
    """Delete checkpoints that are no longer needed after ``newest`` was written; return them.

    Those are the ones that were written between two of SOLVER.CHECKPOINT_PERIOD, and, with ``keep``, all but so many
    of the newest. Only files that are named ``model_0005000.pth``, are checkpoints of this program of an earlier
    iteration, and that no symbolic link in the folder leads to are deleted.

    Args:
        folder: OUTPUT_DIR.
        newest: the checkpoint that was just written, which stays, as does ``model_final.pth``.
        iteration: its iteration.
        keep: SOLVER.KEEP_CHECKPOINTS; 0: all.
    """
    linked = {path.resolve() for path in folder.iterdir() if path.is_symlink()}
    with suppress(CheckpointError):
        linked.add(last_checkpoint(folder).resolve())
    kept = int(named_iteration(newest) is not None)
    deleted = []
    for path in checkpoint_files(folder):
        number = named_iteration(path)
        if number is None or number >= iteration or path.is_symlink():
            continue
        header = read_header(path)
        if not header or header["iteration"] != number:
            continue
        if header.get(BETWEEN) is not True and (not keep or kept < keep):
            kept += 1
        elif path.resolve() not in linked:
            del header  # closes the file
            path.unlink(missing_ok=True)
            deleted.append(path)
    return deleted


def set_earlier_run_aside(folder: Path, weight: Path | None) -> Path | None:
    """Move the files of the run in ``folder`` into a folder of their own there; return that, None if there is no run.

    Args:
        folder: OUTPUT_DIR, where a new run begins.
        weight: the file that it begins from, which stays where it is.
    """
    if not holds_run(folder):
        return None
    others = (path for pattern in _MOVED_PATTERNS for path in sorted(folder.glob(pattern)))
    moved = [*checkpoint_files(folder), *others, *(folder / name for name in _MOVED)]
    aside = next(path for path in _aside_names(folder) if not path.exists())
    aside.mkdir()
    # The pointer first: without it, nobody takes what is left for a run half way.
    for path in sorted(dict.fromkeys(moved), key=lambda path: path.name != LAST_CHECKPOINT):
        if path.exists() and not (weight is not None and _same_file(path, weight)):
            os.replace(path, aside / path.name)
    return aside


def number_final(folder: Path) -> Path | None:
    """Give ``model_final.pth`` of a run that goes on the name of its iteration; return its new path.

    It would otherwise look like the end of the longer run until that is reached. None: there is none. One that is
    damaged, or of another program, becomes ``model_final_earlier.pth``.
    """
    final = folder / f"{FINAL_CHECKPOINT}.pth"
    if not final.is_file():
        return None
    header = read_header(final)
    if not header:
        os.replace(final, folder / f"{EARLIER_FINAL}.pth")
        return folder / f"{EARLIER_FINAL}.pth"
    numbered = folder / f"{checkpoint_name(header['iteration'])}.pth"
    del header
    if numbered.exists() and _same_file(final, numbered):
        final.unlink()  # A link, which would otherwise replace what it leads to.
    else:
        os.replace(final, numbered)
    with suppress(CheckpointError):
        last_checkpoint(folder)
        return numbered
    write_pointer(folder, numbered)  # It named the file that has another name now, or nothing.
    return numbered


def write_pointer(folder: Path, checkpoint: Path) -> None:
    """Let ``last_checkpoint`` name a checkpoint in the folder."""
    write_atomically(folder / LAST_CHECKPOINT, lambda file: file.write(f"{checkpoint.name}\n".encode()))


def _aside_names(folder: Path) -> Iterator[Path]:
    number = 1
    while True:
        yield folder / (_EARLIER_RUN if number == 1 else f"{_EARLIER_RUN}_{number}")
        number += 1


def _newest_first(paths: list[Path], named: Path | None) -> list[Path]:
    """Return checkpoints by iteration, those from before the named one first."""
    last = None if named is None else named_iteration(named)

    def rank(path: Path) -> tuple[bool, int]:
        iteration = named_iteration(path)
        if iteration is None:
            iteration = read_header(path).get("iteration", 0)
        return last is None or iteration <= last, iteration

    return sorted(paths, key=rank, reverse=True)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
