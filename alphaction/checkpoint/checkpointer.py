"""Checkpoints of a run: writing them, and continuing from one.

A run's folder holds ``model_0005000.pth`` (one for each saved iteration), ``model_final.pth``, ``last_checkpoint`` (a
text file with the name of the newest) and ``memory_pool_0005000.pth`` (the memory features of the newest, kept apart
because they can be larger than the model). Each file is written whole or not at all.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn

from alphaction import __version__
from alphaction.checkpoint.file_content import file_kind, read_content
from alphaction.checkpoint.foreign.alphaction import own_license
from alphaction.checkpoint.label_maps import compare_label_maps
from alphaction.checkpoint.load_report import is_counter
from alphaction.checkpoint.matching import unwrap_model
from alphaction.checkpoint.storage import save_atomically, write_atomically
from alphaction.config.changes import ABSENT, changed_values
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.messages import counted, listed

LAST_CHECKPOINT = "last_checkpoint"
MEMORY_POOL = "memory_pool_{:07d}.pth"
FINAL_CHECKPOINT = "model_final"
NOT_CONTINUED = (
    "No run can continue from it. To start a new run from its weights, set MODEL.WEIGHT to it, add --transfer, and "
    "choose a new OUTPUT_DIR."
)


class Stateful(Protocol):
    """Anything whose state can be saved and restored: optimizer, scheduler, gradient scaler."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> object: ...


class Resumed(NamedTuple):
    """Where a run continues: iterations already done, a text for the log, and what ``save`` was given as extra."""

    iteration: int
    info: str
    extra: dict[str, Any]


class MemoryLoad(NamedTuple):
    """The state of the memory pool, or None and the reason for the log; otherwise the text is empty."""

    state: dict[str, Any] | None
    warning: str


def checkpoint_name(iteration: int) -> str:
    """Return the name, without ending, of the checkpoint of an iteration: ``model_0005000``."""
    return f"model_{iteration:07d}"


class Checkpointer:
    """Saves and restores the state of a run in one folder.

    Args:
        output_dir: the run's folder; made when the first checkpoint is written.
        model: the detector, also inside DistributedDataParallel or torch.compile.
        optimizer: saved and restored if given, as are ``scheduler`` and ``scaler``.
        scheduler: learning rate schedule.
        scaler: gradient scaler of fp16 training.
        label_map: {"ids", "names", "groups"} of the dataset, stored with the weights.
        config: the run's config as YAML text, stored with the weights for people to read.
        is_main_process: only this process writes; all of them read.

    Attributes:
        license: of the weights that the run began with, "" if unknown; stored with what is trained from them.
    """

    def __init__(
        self,
        output_dir: str | Path,
        model: nn.Module,
        optimizer: Stateful | None = None,
        scheduler: Stateful | None = None,
        scaler: Stateful | None = None,
        label_map: Mapping[str, Any] | None = None,
        config: str = "",
        is_main_process: bool = True,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.model = unwrap_model(model)
        self._parts = {"optimizer": optimizer, "scheduler": scheduler, "scaler": scaler}
        self._label_map = dict(label_map) if label_map is not None else None
        self._config = config
        self._is_main_process = is_main_process
        self.license = ""

    def save(self, name: str | None, iteration: int, extra: Mapping[str, Any] | None = None) -> Path:
        """Write a checkpoint and make it the last one. Only the main process writes.

        Args:
            name: file name without ending, such as FINAL_CHECKPOINT; None for ``model_{iteration:07d}``.
            iteration: iterations done so far.
            extra: anything else to keep, of tensors and plain types; :meth:`resume` returns it.

        Returns:
            the checkpoint's path.

        Raises:
            TypeError: if the state holds other than tensors and plain types; the message names the key.
            CheckpointError: if the disk is full or the folder cannot be written. Older files are then unchanged.
        """
        path = self.output_dir / f"{name or checkpoint_name(iteration)}.pth"
        if self._is_main_process:
            content = {
                "model": self.model.state_dict(),
                **{key: part.state_dict() for key, part in self._parts.items() if part is not None},
                "iteration": int(iteration),
                "label_map": self._label_map,
                "config": self._config,
                "license": self.license,
                "version": __version__,
                "extra": dict(extra or {}),
            }
            save_atomically(content, path)
            write_atomically(self.output_dir / LAST_CHECKPOINT, lambda file: file.write(f"{path.name}\n".encode()))
            for pool in self.output_dir.glob("memory_pool_*.pth"):
                if pool.name != MEMORY_POOL.format(iteration):
                    pool.unlink()
        return path

    def save_memory(self, pool_state: Mapping[str, Any], iteration: int) -> Path:
        """Write the memory pool of an iteration; call it before :meth:`save`, which removes those of other iterations.

        A crash between the two leaves the former checkpoint with its own pool.
        """
        path = self.output_dir / MEMORY_POOL.format(iteration)
        if self._is_main_process:
            save_atomically({"pool": dict(pool_state), "iteration": int(iteration), "version": __version__}, path)
        return path

    def load_memory(self, iteration: int, folder: str | Path | None = None) -> MemoryLoad:
        """Return the memory pool that was saved at ``iteration``; without it, None and a text for the log.

        Args:
            iteration: of the checkpoint that the run continues from.
            folder: where that checkpoint lies; default: the run's own.
        """
        path = Path(folder or self.output_dir) / MEMORY_POOL.format(iteration)
        refill = "the memory pool starts empty and fills up again within one epoch"
        if not path.is_file():
            return MemoryLoad(None, f"{path}: no such file; {refill}")
        try:
            content = _read_plain(path)
        except UserError as error:
            return MemoryLoad(None, f"{error} Meanwhile {refill}")
        if not isinstance(content.get("pool"), dict):
            return MemoryLoad(None, f"{path}: holds no memory pool; {refill}")
        if content.get("iteration") != iteration:
            found = content.get("iteration")
            return MemoryLoad(None, f"{path}: of iteration {found}, not {iteration} as the checkpoint; {refill}")
        return MemoryLoad(content["pool"], "")

    def resume(self, path: str | Path | None = None) -> Resumed:
        """Restore model, optimizer, scheduler and scaler from a checkpoint, by default the last one of the folder.

        Raises:
            CheckpointError: if the file is missing, damaged, not a training checkpoint of this program, or if it
                belongs to another model, optimizer or label map.
        """
        path = Path(path) if path is not None else last_checkpoint(self.output_dir)
        try:
            content = _read_plain(path)
        except UserError as error:
            raise CheckpointError(f"{error} {_remedy(self.output_dir, path)}") from error
        if "version" not in content or "model" not in content or type(content.get("iteration")) is not int:
            raise CheckpointError(f"{path}: not a training checkpoint of this program. {NOT_CONTINUED}")
        if difference := compare_label_maps(content.get("label_map"), self._label_map):
            raise CheckpointError(
                f"{path}: {difference}. A run continues with the classes that it began with; for other classes start a "
                "new one (new OUTPUT_DIR, MODEL.WEIGHT set to this file, --transfer, --no-head)."
            )
        self.license = own_license(content)
        self._restore_model(content["model"], path)
        notes = self._restore_parts(content, path)
        info = f"continuing from {path} at iteration {content['iteration']}" + "".join(f"; {note}" for note in notes)
        return Resumed(content["iteration"], info, dict(content.get("extra") or {}))

    def _restore_model(self, state: dict[str, Any], path: Path) -> None:
        own = self.model.state_dict()
        problems = [f"missing {name}" for name in own if name not in state and not is_counter(name)]
        problems += [f"not in the model: {name}" for name in state if name not in own and not is_counter(name)]
        problems += [
            f"{name} is {list(tensor.shape)} in the model, {list(state[name].shape)} in the file"
            for name, tensor in own.items()
            if name in state and tensor.shape != state[name].shape
        ]
        if problems:
            raise CheckpointError(
                f"{path}: of another model: {listed(problems, 4, '; ')} ({counted(len(problems), 'difference')}). "
                "A run continues with the model that it began with; for a changed model start a new run (new "
                "OUTPUT_DIR, MODEL.WEIGHT set to this file, --transfer)."
            )
        self.model.load_state_dict({name: tensor for name, tensor in state.items() if name in own}, strict=False)

    def _restore_parts(self, content: dict[str, Any], path: Path) -> list[str]:
        notes = []
        for key, part in self._parts.items():
            if part is None:
                continue
            if not content.get(key):
                if key != "scaler":  # switching to fp16 in the middle of a run is fine
                    raise CheckpointError(f"{path}: holds no {key} state. {NOT_CONTINUED}")
                if part.state_dict():  # empty: the scaler is disabled
                    notes.append("no gradient scaler in it, a new one starts")
                continue
            try:
                part.load_state_dict(content[key])
            except (ValueError, KeyError, RuntimeError) as error:
                raise CheckpointError(
                    f"{path}: its {key} state does not fit this run's {key} ({error}). {self._changes(content)}"
                ) from error
        return notes

    def _changes(self, content: dict[str, Any]) -> str:
        """Return which keys that an optimizer's groups follow from differ from the run so far, and what to do."""
        anew = "start a new run from its weights (new OUTPUT_DIR, MODEL.WEIGHT set to this file, --transfer)."
        before = content.get("config")
        changed = [
            f"{key} {now} (the run: {old})"
            for key, old, now in changed_values(before if isinstance(before, str) else "", self._config)
            if ABSENT not in (old, now) and key.startswith(("SOLVER.", "MODEL.BACKBONE."))
        ]
        if not changed:
            return f"SOLVER keys and MODEL.BACKBONE.FREEZE must stay as they were; to change them, {anew}"
        return f"Changed since it began: {listed(changed, 6)}. Set them as they were, or {anew}"


def last_checkpoint(output_dir: str | Path) -> Path:
    """Return the checkpoint that ``last_checkpoint`` in a run's folder names.

    The text may be a file name or a path: absolute, or relative to the folder or the working directory (upstream writes
    such). A file of that name in the folder itself comes first, so a folder that was moved or copied keeps working.

    Raises:
        CheckpointError: if there is no such file; the message names the newest intact checkpoint of the folder.
    """
    folder = Path(output_dir)
    pointer = folder / LAST_CHECKPOINT
    if not pointer.is_file():
        raise CheckpointError(f"{pointer}: no such file, so no run can continue in {folder}.")
    text = pointer.read_text(encoding="utf-8", errors="replace").strip()
    # A path that another system wrote may have backslashes.
    name = re.split(r"[\\/]", text)[-1]
    for candidate in (folder / name, folder / text, Path(text)):
        if text and candidate.is_file():
            return candidate
    shown = f'names "{text}", which does not exist.' if text else "is empty."
    raise CheckpointError(f"{pointer}: {shown} {_remedy(folder, folder / name)}")


def newest_intact(folder: Path, besides: Path | None = None) -> Path | None:
    """Return the most recently written ``model_*.pth`` of a folder that is a whole PyTorch file, or None."""
    files = [path for path in folder.glob("model_*.pth") if path != besides and zipfile.is_zipfile(path)]
    return max(files, key=lambda path: (path.stat().st_mtime_ns, path.name), default=None)


def is_training_checkpoint(path: str | Path) -> bool:
    """Return whether a file was written by :class:`Checkpointer` and holds an optimizer's state.

    Raises:
        CheckpointError: if the file is missing or of no known kind.
    """
    path = Path(path)
    if file_kind(path) != "torch" or not zipfile.is_zipfile(path):
        return False
    try:
        # mmap: keys only, tensors stay on disk.
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # of another project, or damaged, which reading it in full will report
        return False
    return isinstance(content, dict) and {"model", "optimizer", "iteration", "version"} <= content.keys()


def _read_plain(path: Path) -> dict[str, Any]:
    """Read a file that holds tensors and plain types only, as :class:`Checkpointer` writes them."""
    content, foreign = read_content(path)
    if foreign or not isinstance(content, dict):
        return {}
    return content


def _remedy(folder: Path, broken: Path) -> str:
    """Return what to do now that the last checkpoint of ``folder`` is missing or damaged."""
    intact = newest_intact(folder, besides=broken)
    pointer = folder / LAST_CHECKPOINT
    anew = f"delete {pointer} to start the run from the beginning"
    if intact is None:
        return f"No intact model_*.pth is in {folder}; {anew}."
    return f"The newest intact checkpoint there is {intact.name}: write that name into {pointer}, or {anew}."
