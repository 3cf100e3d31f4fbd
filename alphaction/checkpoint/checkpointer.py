"""Checkpoints of a run: writing them, and continuing from one.

A run's folder holds ``model_0005000.pth`` (one for each saved iteration), ``model_final.pth``, ``last_checkpoint`` (a
text file with the name of the newest) and ``memory_pool_0005000.pth`` (the memory features of the newest, kept apart
because they can be larger than the model); also weights that no run continues from, see
:mod:`alphaction.checkpoint.weights_beside`. Each file is written whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from alphaction import __version__
from alphaction.checkpoint.check_checkpoint import Average, OwnState, Stateful, changed_keys, check_checkpoint
from alphaction.checkpoint.file_content import read_content
from alphaction.checkpoint.foreign.alphaction import own_license
from alphaction.checkpoint.matching import unwrap_model
from alphaction.checkpoint.run_folder import (
    BETWEEN,
    LAST_CHECKPOINT,
    MEMORY_POOL,
    checkpoint_name,
    last_checkpoint,
    newest_checkpoint,
    prune,
)
from alphaction.checkpoint.run_state import known_values, place_in_schedule, restorable, shown
from alphaction.checkpoint.storage import save_atomically, write_atomically
from alphaction.checkpoint.weights_beside import AVERAGED
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.logging import get_logger

EMPTY_MEMORY = "the memory pool starts empty and fills up again within one epoch"
_RESTORED = {"optimizer": restorable, "scheduler": place_in_schedule, "scaler": known_values}
"""What is taken of a part's state, given that of the file, which has been checked, and the run's own."""


class Resumed(NamedTuple):
    """Where a run continues: iterations already done, a text for the log, and what ``save`` was given as extra."""

    iteration: int
    info: str
    extra: dict[str, Any]


class MemoryLoad(NamedTuple):
    """The state of the memory pool, or None and the reason for the log; otherwise the text is empty."""

    state: dict[str, Any] | None
    warning: str


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
        keep: SOLVER.KEEP_CHECKPOINTS: so many of the newest are kept; 0: all.
        average: the average of the weights, saved and restored with them; None: there is none.

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
        keep: int = 0,
        average: Average | None = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.model = unwrap_model(model)
        self._parts = {"optimizer": optimizer, "scheduler": scheduler, "scaler": scaler}
        self._label_map = dict(label_map) if label_map is not None else None
        self._config = config
        self._is_main_process = is_main_process
        self._keep = keep
        self._average = average
        self.license = ""

    def save(
        self, name: str | None, iteration: int, extra: Mapping[str, Any] | None = None, *, between: bool = False
    ) -> Path:
        """Write a checkpoint, make it the last one, and delete those that it replaces. Only the main process writes.

        Args:
            name: file name without ending, such as FINAL_CHECKPOINT; None for ``model_{iteration:07d}``.
            iteration: iterations done so far.
            extra: anything else to keep, of tensors and plain types; :meth:`resume` returns it.
            between: it is one between two of SOLVER.CHECKPOINT_PERIOD, and the next one will replace it.

        Returns:
            the checkpoint's path.

        Raises:
            TypeError: if the state holds other than tensors and plain types; the message names the key.
            ResourceError: if the disk is full or the folder cannot be written. Older files are then unchanged.
        """
        path = self.output_dir / f"{name or checkpoint_name(iteration)}.pth"
        if self._is_main_process:
            content = {
                "model": self.model.state_dict(),
                **{key: part.state_dict() for key, part in self._parts.items() if part is not None},
                **({AVERAGED: self._average.state_dict()} if self._average is not None else {}),
                **self._origin(iteration),
                "extra": dict(extra or {}),
                **({BETWEEN: True} if between else {}),
            }
            save_atomically(content, path)
            write_atomically(self.output_dir / LAST_CHECKPOINT, lambda file: file.write(f"{path.name}\n".encode()))
            self._remove_older(path, int(iteration))
        return path

    def save_weights(self, name: str, weights: nn.Module, iteration: int, **about: Any) -> Path:
        """Write weights that no run continues from, with the classes and the config; only the main process writes.

        Args:
            name: file name without ending.
            weights: the model that has them: the one that trains, or an average of it.
            iteration: iterations done so far.
            about: what else to keep, of tensors and plain types.

        Raises:
            ResourceError: as :meth:`save`.
        """
        path = self.output_dir / f"{name}.pth"
        if self._is_main_process:
            save_atomically({"model": unwrap_model(weights).state_dict(), **self._origin(iteration), **about}, path)
        return path

    def _origin(self, iteration: int) -> dict[str, Any]:
        """Return what every file says of where its weights come from."""
        return {
            "iteration": int(iteration),
            "label_map": self._label_map,
            "config": self._config,
            "license": self.license,
            "version": __version__,
        }

    def _remove_older(self, path: Path, iteration: int) -> None:
        """Delete what the checkpoint that was just written replaces."""
        try:
            for pool in self.output_dir.glob("memory_pool_*.pth"):
                if pool.name != MEMORY_POOL.format(iteration):
                    pool.unlink()
            deleted = prune(self.output_dir, path, iteration, self._keep)
        except OSError as error:
            get_logger().warning("an older checkpoint cannot be deleted: %s", error)
            return
        if deleted:
            get_logger().info("deleted %s", ", ".join(file.name for file in deleted))

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

        Its tensors stay in the file until they are used, so that it takes no memory of its own.

        Args:
            iteration: of the checkpoint that the run continues from.
            folder: where that checkpoint lies; default: the run's own.
        """
        path = Path(folder or self.output_dir) / MEMORY_POOL.format(iteration)
        if not path.is_file():
            return MemoryLoad(None, f"{path}: no such file; {EMPTY_MEMORY}")
        try:
            content = _read_plain(path, mapped=True)
        except UserError as error:
            return MemoryLoad(None, f"{error} Meanwhile {EMPTY_MEMORY}")
        if not isinstance(content.get("pool"), dict):
            return MemoryLoad(None, f"{path}: holds no memory pool; {EMPTY_MEMORY}")
        if type(content.get("iteration")) is not int or content["iteration"] != iteration:
            found = shown(content.get("iteration"))
            return MemoryLoad(None, f"{path}: of iteration {found}, not {iteration} as the checkpoint; {EMPTY_MEMORY}")
        return MemoryLoad(content["pool"], "")

    def resume(self, path: str | Path | None = None) -> Resumed:
        """Restore model, optimizer, scheduler and scaler from a checkpoint, by default the last one of the folder.

        The whole file is checked first: if it is refused, nothing has changed.

        Raises:
            CheckpointError: if the file is missing, damaged, not a training checkpoint of this program, or if it
                belongs to another model, optimizer or label map.
        """
        path = Path(path) if path is not None else self._last()
        try:
            content = _read_plain(path)
        except UserError as error:
            raise CheckpointError(f"{error} {self._remedy(path)}".rstrip()) from error
        notes = check_checkpoint(content, path, self._own())
        self._restore(content, path)
        notes += self._restore_average(content)
        self.license = own_license(content)
        info = f"continuing from {path} at iteration {content['iteration']}" + "".join(f"; {note}" for note in notes)
        return Resumed(content["iteration"], info, dict(content.get("extra") or {}))

    def _own(self) -> OwnState:
        return OwnState(self.model, self._parts, self._average, self._label_map, self._config)

    def _last(self) -> Path:
        try:
            return last_checkpoint(self.output_dir)
        except CheckpointError as error:
            raise CheckpointError(f"{error} {self._remedy(None)}".rstrip()) from error

    def _remedy(self, broken: Path | None) -> str:
        """Return what to do now that a checkpoint is missing or damaged."""
        pointer = self.output_dir / LAST_CHECKPOINT
        anew = f"delete {pointer} and the checkpoints to start the run from the beginning"
        try:
            newest = newest_checkpoint(self.output_dir)
        except CheckpointError:
            newest = None
        if newest is None or newest.path == broken:
            return f"No intact model_*.pth is in {self.output_dir}; {anew}."
        return f"The newest intact checkpoint there is {newest.path.name}: write that name into {pointer}, or {anew}."

    def _restore(self, content: dict[str, Any], path: Path) -> None:
        """Restore a checkpoint that has been checked, the model last."""
        for key, part in self._parts.items():
            if part is None or not content.get(key):
                continue
            own = part.state_dict()
            try:
                part.load_state_dict(_RESTORED[key](content[key], own))
            except Exception as error:  # of PyTorch, about a value that no check knows of
                remedy = changed_keys(content, self._config)
                raise CheckpointError(
                    f"{path}: its {key} state does not fit this run's {key} ({error}). {remedy}"
                ) from error
        own, state = self.model.state_dict(), content["model"]
        self.model.load_state_dict({name: tensor for name, tensor in state.items() if name in own}, strict=False)

    def _restore_average(self, content: dict[str, Any]) -> list[str]:
        """Restore the average of the weights, which has been checked, after the weights; return notes for the log."""
        if self._average is None:
            dropped = "its average of the weights is not used, as SOLVER.EMA_DECAY is 0"
            return [dropped] if AVERAGED in content else []
        if AVERAGED in content:
            self._average.load_state_dict(content[AVERAGED])
            return []
        self._average.begin()
        return ["no average of the weights in it (SOLVER.EMA_DECAY): that begins with these weights"]


def _read_plain(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """Read a file that holds tensors and plain types only, as :class:`Checkpointer` writes them."""
    content, foreign = read_content(path, mapped=mapped)
    if foreign or not isinstance(content, dict):
        return {}
    return content
