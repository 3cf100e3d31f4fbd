"""What the study keeps about a run, beside the run's own files."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from alphaction.config import get_cfg
from alphaction.config.tree import get_value, leaf_keys
from alphaction.utils.cores import available_cores
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted
from alphaction.utils.output_folder import read_record, write_record
from benchmarks.ablation.plan import RUNS, Run, StudyOptions

RECORD = "ablation.json"


@dataclass
class RunRecord:
    """State of a run.

    Attributes:
        settings: see :class:`~benchmarks.ablation.plan.Run`.
        command: as a shell takes it.
        seconds: wall time of all starts together.
        starts: how often it was started.
        finished: it ended by itself, with a result.
        threads: of its last start.
        device: name of what it ran on last.
        broken: it was stopped half way and resumed.
    """

    settings: Mapping[str, Any]
    command: str
    seconds: float = 0.0
    starts: int = 0
    finished: bool = False
    threads: int = 1
    device: str = ""
    broken: bool = False

    def write(self, run: Run) -> None:
        """Write it to the run's folder, in one step."""
        write_record(run.folder, RECORD, asdict(self))


def new_record(run: Run) -> RunRecord:
    """Return the record of a run that was never started."""
    return RunRecord(run.settings, shlex.join(run.command))


def read_run(run: Run) -> RunRecord | None:
    """Return what is known of a run; None if its folder is missing or empty.

    Raises:
        UserError: the folder holds something else.
    """
    found = read_record(run.folder, RECORD)
    if found is None and not (run.folder.exists() and any(run.folder.iterdir())):
        return None
    try:
        return RunRecord(**(found or {}))
    except TypeError:
        raise UserError(
            f"--output: {run.folder} is not empty, and its {RECORD} is missing or of another version: it is no run of "
            "this study. Nothing was changed. Move it away, or name another --output."
        ) from None


def is_finished(run: Run) -> bool:
    """Return whether a run ended with a result; an evaluation half way through writes one too."""
    record = read_run(run)
    return record is not None and record.finished and run.result.is_file()


def run_records(options: StudyOptions) -> list[Path]:
    """Return the records of all runs in the study's folder, also those of other arms and seeds."""
    return sorted((options.output / RUNS).glob(f"*/*/{RECORD}"))


def prepare_folders(runs: Sequence[Run], force: bool, *, remove: bool = True) -> None:
    """Check that what lies in the folders of ``runs`` was run with their settings.

    What was not is removed with ``force``, or where it neither finished nor holds a checkpoint; but nothing is unless
    all can be, and nothing without ``remove``: a folder that holds no checkpoint yet may be that of a run of another
    study, which is under way.

    Raises:
        UserError: the settings differ, or a folder holds something that is not the study's.
    """
    known = [(run, record) for run in runs if (record := read_run(run))]
    outdated = []
    for run, record in known:
        changes = list(differences(record.settings, run.settings))
        if changes and not force and (record.finished or any(run.folder.glob("*.pth"))):
            raise UserError(
                f"{run.folder} holds a run with other settings:\n  "
                + "\n  ".join(changes)
                + "\nPass --force to redo such runs, name another --output, or give the earlier settings."
            )
        if changes:
            outdated.append(run.folder)
    for folder in outdated if remove else ():
        shutil.rmtree(folder)


def device_name(device: str) -> str:
    """Return what a run on "cpu" or "cuda" computes on, in words."""
    return torch.cuda.get_device_name(0) if device == "cuda" else f"CPU ({counted(available_cores(), 'core')})"


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for every setting that differs.

    A config key that did not exist then had its default, and one that is gone has no effect.
    """
    defaults = get_cfg()
    known = set(leaf_keys(defaults))
    for key, value in now.items():
        default = json.loads(json.dumps(get_value(defaults, key))) if key in known else None
        if before.get(key, default) != value:
            yield f"{key}: there {before.get(key, default)}, planned {value}"
