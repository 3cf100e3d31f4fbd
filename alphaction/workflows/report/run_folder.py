"""The folder of a run as the report reads it: config, metrics, summary, and which datasets it was evaluated on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

from alphaction.checkpoint import BEST_WEIGHTS, FINAL_CHECKPOINT, Thresholds, stored_thresholds
from alphaction.checkpoint.run_folder import CONFIG_FILE, SUMMARY_FILE, last_checkpoint, read_header
from alphaction.config import load_cfg
from alphaction.config.paths_catalog import CATALOG_FILE
from alphaction.engine.evaluate import DETECTIONS_FILE, RESULT_FILE, RESULTS_FOLDER
from alphaction.engine.metrics_file import METRICS_FILE, read_metrics
from alphaction.utils.errors import UserError
from alphaction.utils.files import missing_file
from alphaction.utils.messages import listed
from alphaction.utils.output_folder import read_record

_MOST_FOLDERS = 500  # that are looked into in search of runs
_LEVELS = 2  # folders above that are searched


@dataclass(frozen=True)
class RunFolder:
    """What a folder holds.

    Attributes:
        path: the folder.
        cfg: finds the datasets, and says how clips are cut: the command's config, or that of the run, with the
            command's overrides; None if there is none.
        trained: the config that the run was trained with; None if the folder has none.
        config_problem: why there is no config; "" if there is one.
        metrics: lines of metrics.jsonl.
        summary: of the best and the last result; {} if there is none.
        license: of the weights that the run began with; "" if unknown.
        test_sets: datasets that the config names for testing, or that the folder has results of.
        thresholds: that a checkpoint of the run carries; None if none does.
        thresholds_in: name of that checkpoint's file.
    """

    path: Path
    cfg: CfgNode | None
    trained: CfgNode | None
    config_problem: str = ""
    metrics: Sequence[Mapping[str, Any]] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    license: str = ""
    test_sets: tuple[str, ...] = ()
    thresholds: Thresholds | None = None
    thresholds_in: str = ""

    def configs(self) -> list[CfgNode]:
        """Return the configs that may know where a dataset is, in the order in which they are asked."""
        found = [cfg for cfg in (self.cfg, self.trained) if cfg is not None]
        began = None if self.trained is None else _folder_it_began_in(self.path, self.trained.OUTPUT_DIR)
        if began is not None:
            moved = self.trained.clone()
            places = moved.DATASETS
            places.DATA_DIR = str(began / os.path.expanduser(places.DATA_DIR))
            places.CATALOG = [str(began / os.path.expanduser(file)) for file in places.CATALOG]
            found.append(moved)
        return found


def _folder_it_began_in(path: Path, output_dir: str) -> Path | None:
    """Return the folder that a run's config is relative to: the one that OUTPUT_DIR leads to the run from."""
    parts, here = Path(os.path.normpath(output_dir)).parts, path.resolve()
    if os.path.isabs(output_dir) or ".." in parts or here.parts[len(here.parts) - len(parts) :] != parts:
        return None
    return here.parents[len(parts) - 1] if parts else here


def read_run(
    path: Path, config_file: Path | None = None, overrides: Sequence[str] = (), *, flag: str = "--run"
) -> RunFolder:
    """Read the folder of a run; what is missing or damaged in it is left out.

    The folder may hold results of several runs, and a dataset.yaml that registers what they belong to (the folds of a
    cross-validation), in place of a config.

    Args:
        path: OUTPUT_DIR.
        config_file: of the experiment; None: config.yaml of the folder.
        overrides: KEY VALUE pairs, so that datasets that were moved are found.
        flag: what names the folder, for messages; "" where it is named without a flag.

    Raises:
        UserError: if it is no folder of a run (names those nearby), or an override is wrong.
    """
    _require_run(path, flag)
    if config_file is None and not (path / CONFIG_FILE).is_file() and (path / CATALOG_FILE).is_file():
        overrides = ["DATASETS.CATALOG", [str(path / CATALOG_FILE)], *overrides]
    given = load_cfg(config_file, overrides)  # what is wrong with them is told before anything else is
    trained, cfg, problem = None, given if config_file is not None or overrides else None, ""
    if (path / CONFIG_FILE).is_file():
        try:
            trained = load_cfg(path / CONFIG_FILE)
            if config_file is None:
                cfg = load_cfg(path / CONFIG_FILE, overrides) if overrides else trained
        except UserError as error:  # of another version, or edited
            problem = str(error)
    elif cfg is None:
        problem = f"{path} has no {CONFIG_FILE}, which a training writes: name the experiment with --config-file."
    evaluated = sorted(folder.name for folder in evaluations(path))
    named = list(cfg.DATASETS.TEST) if cfg is not None else []
    return RunFolder(
        path,
        cfg,
        trained,
        problem,
        read_metrics(path),
        read_record(path, SUMMARY_FILE) or {},
        _license(path),
        tuple(dict.fromkeys([*named, *evaluated])),
        *_thresholds(path),
    )


def _thresholds(path: Path) -> tuple[Thresholds | None, str]:
    """Return the thresholds of the first checkpoint that has any, and its name; those for use come first."""
    newest = None
    with suppress(UserError):
        newest = last_checkpoint(path)
    for file in (path / f"{BEST_WEIGHTS}.pth", path / f"{FINAL_CHECKPOINT}.pth", newest):
        with suppress(UserError):
            if file is not None and file.is_file() and (held := stored_thresholds(file)) is not None:
                return held, file.name
    return None, ""


def _license(path: Path) -> str:
    with suppress(UserError):
        newest = last_checkpoint(path)
        found = read_header(newest).get("license")
        return found if isinstance(found, str) else ""
    return ""


def _require_run(path: Path, flag: str) -> None:
    if not path.is_dir():
        message = f"{flag}: {missing_file(path, folders=True)}".removeprefix(": ")
        near = [run for run in _runs_near(path) if str(run) not in message]
        raise UserError(f"{message} These hold runs: {listed(near)}." if near else message)
    if _holds_run(path):
        return
    near = _runs_near(path)
    hint = f"These do: {listed(near)}." if near else "Name the OUTPUT_DIR of a training or a test."
    raise UserError(
        f"{flag} {path}: this folder holds no run: none of {CONFIG_FILE}, {METRICS_FILE} and {RESULTS_FOLDER}/ is "
        f"there. {hint}".lstrip()
    )


def _holds_run(path: Path) -> bool:
    metrics = path / METRICS_FILE
    if metrics.is_file() or next(evaluations(path), None) is not None:
        return True
    # Other programs write a config.yaml, too.
    return (path / CONFIG_FILE).is_file() and _is_config(path / CONFIG_FILE)


def _is_config(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return "OUTPUT_DIR:" in file.read(1 << 20)
    except OSError:
        return False


def evaluations(path: Path) -> Iterator[Path]:
    """Yield the folders of evaluations in a run's folder."""
    with suppress(OSError):
        for folder in (path / RESULTS_FOLDER).iterdir():
            if (folder / RESULT_FILE).is_file() or (folder / DETECTIONS_FILE).is_file():
                yield folder


def _runs_near(path: Path) -> list[Path]:
    """Return folders that hold a run: in ``path``, above it, or beside it."""
    there = next((folder for folder in (path, *path.parents) if folder.is_dir()), Path())
    if there != path and _holds_run(there):
        return [there]
    if found := _runs_in(there):
        return found
    for above in list(there.absolute().parents)[:_LEVELS]:
        if _holds_run(above):
            return [above]
        if found := _runs_in(above):
            return found
    return []


def _runs_in(folder: Path) -> list[Path]:
    with suppress(OSError):
        inner = sorted(entry for entry in folder.iterdir() if entry.is_dir())[:_MOST_FOLDERS]
        return [entry for entry in inner if _holds_run(entry)]
    return []
