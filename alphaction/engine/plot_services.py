"""What ``--log-to`` names: the services that can show a run."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

from alphaction.engine.background_writer import BackgroundWriter
from alphaction.engine.plots import Plots
from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.errors import ResourceError, UserError
from alphaction.utils.imports import require_optional

TENSORBOARD = "tensorboard"
# Name: module and class, imported only where it is asked for. The name is also that of the package which it needs.
SERVICES = {
    "wandb": ("alphaction.engine.wandb_writer", "WandbWriter"),
    "mlflow": ("alphaction.engine.mlflow_writer", "MlflowWriter"),
}
LOG_TO = (TENSORBOARD, *SERVICES)
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class ShownRun:
    """What a service is told about a run.

    Attributes:
        folder: OUTPUT_DIR, which also keeps the run's number in each service.
        cfg: the whole config.
        start_iteration: iterations done before; 0: it is a new run.
    """

    folder: Path
    cfg: CfgNode
    start_iteration: int

    @property
    def name(self) -> str:
        """What people call the run: the name of its folder."""
        return self.folder.resolve().name

    def is_new_to(self, names: Sequence[str]) -> bool:
        """Return whether one of :data:`LOG_TO` has nothing of the run yet; call it before :func:`opened_plots`."""
        return any(
            self.kept_id(name) is None if name in SERVICES else not (self.folder / name).is_dir() for name in names
        )

    def settings(self) -> dict[str, Any]:
        """Return the config as plain dictionaries."""
        return _plain(self.cfg)

    def kept_id(self, service: str) -> str | None:
        """Return the run's number in a service; None for a new run, or if it was never shown there."""
        with suppress(OSError, ValueError):
            found = self._id_file(service).read_text(encoding="utf-8").strip()
            if self.start_iteration > 0 and _ID.fullmatch(found):
                return found
        return None

    def keep_id(self, service: str, number: str) -> str:
        """Write the run's number in a service down, and return it."""
        with suppress(OSError):  # A full disk costs no more than that a resumed run is another one there.
            write_text_atomically(self._id_file(service), f"{number}\n")
        return number

    def _id_file(self, service: str) -> Path:
        return self.folder / f"{service}_run_id.txt"


def _plain(cfg: CfgNode) -> dict[str, Any]:
    return {key: _plain(value) if isinstance(value, CfgNode) else value for key, value in cfg.items()}


def services_of(args: argparse.Namespace) -> list[str]:
    """Return the names in ``--log-to`` and ``--use-tfboard``, each once."""
    return list(dict.fromkeys([*([TENSORBOARD] if args.use_tfboard else []), *args.log_to]))


def check_services(names: Sequence[str]) -> None:
    """Raise a :class:`UserError` if a service lacks its package, or what it needs to be used from here."""
    for name in names:
        if name in SERVICES:
            require_optional(name, f"--log-to {name}")
            if problem := _writer_class(name).problem():
                raise UserError(f"--log-to {name}: {problem}")


@contextmanager
def opened_plots(names: Sequence[str], run: ShownRun, datasets: Sequence[str]) -> Iterator[Plots]:
    """Open all that shows a run, and end it with the run; only the main process calls this.

    Args:
        names: of :data:`LOG_TO`.
        run: what is shown.
        datasets: names of the evaluated datasets.

    Raises:
        ResourceError: if the event file cannot be made.
    """
    writers, files = [], []
    if TENSORBOARD in names:
        events = _event_file(run)
        writers.append(events)
        files.append(events.file)
    for name in names:
        if name in SERVICES:
            writer = _writer_class(name)
            writers.append(BackgroundWriter(writer.title, lambda writer=writer: writer(run)))
    plots = Plots(writers, datasets, files)
    failed = True
    try:
        yield plots
        failed = False
    finally:
        plots.close(failed)


def _event_file(run: ShownRun) -> Any:
    # Imported here: the command lines start faster without TensorBoard.
    from alphaction.engine.event_file import EventFile

    folder = run.folder / TENSORBOARD
    try:
        return EventFile(folder, run.start_iteration + 1)
    except OSError as error:
        raise ResourceError(
            f"{error.filename or folder}: cannot be written ({error.strerror}). Free some space there, or make the "
            "folder writable."
        ) from error


def _writer_class(name: str) -> Any:
    module, title = SERVICES[name]
    return getattr(importlib.import_module(module), title)
