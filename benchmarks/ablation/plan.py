"""From options to runs: one training for every seed and every config that an arm comes to."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

from alphaction.checkpoint import LAST_CHECKPOINT
from alphaction.config import load_cfg, validate_cfg
from alphaction.config.tree import get_value, leaf_keys
from alphaction.utils.cores import available_cores
from alphaction.utils.device import choose_device
from alphaction.utils.errors import UserError
from alphaction.utils.numbers import NOT_NEGATIVE, POSITIVE
from alphaction.utils.options import option
from benchmarks import CLONE, CONFIGS
from benchmarks.ablation.arms import ARMS, Arm, choose_arms
from benchmarks.ablation.dataset import StudyData

CONFIG = CONFIGS / "tiny" / "interactions.yaml"
TRAIN = CLONE / "train_net.py"
RUNS = "runs"
# Where things lie and how clips are loaded, which decides no result.
IRRELEVANT = (
    "OUTPUT_DIR",
    "DATASETS.CATALOG",
    "DATASETS.DATA_DIR",
    "DATALOADER.CLIP_CACHE",
    "DATALOADER.NUM_WORKERS",
    "DATALOADER.PREFETCH_FACTOR",
)
# What --data, --output and the arms decide.
OWN_KEYS = {
    "OUTPUT_DIR": "--output",
    "DATASETS.CATALOG": "--data",
    "DATASETS.TRAIN": "--data",
    "DATASETS.TEST": "--data",
    "MODEL.IA_STRUCTURE.ACTIVE": "--arms",
    "MODEL.IA_STRUCTURE.STRUCTURE": "--arms",
    "MODEL.IA_STRUCTURE.I_BLOCK_LIST": "--arms",
}


def seed_list(text: str) -> tuple[int, ...]:
    """Return the seeds of a list like 0,1,2, each once."""
    if not text.strip():
        raise argparse.ArgumentTypeError("no seed is given; expected whole numbers with commas between them")
    return tuple(dict.fromkeys(NOT_NEGATIVE(number) for number in text.split(",")))


def name_list(text: str) -> tuple[str, ...]:
    """Return the names of a list like baseline,M."""
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f'"{text}": expected names with commas between them, as in baseline,M')
    return found


@dataclass(frozen=True)
class StudyOptions:
    """What a person can choose about a study.

    ``overrides`` are config keys and values in turn, for every run; what an arm sets comes after them.
    """

    data: Path = option(
        Path("data/interactions"), metavar="DIR", help="folder of the dataset; made if it is missing (%(default)s)"
    )
    output: Path = option(Path("output/ablation"), metavar="DIR", help="folder of the runs (%(default)s)")
    seeds: tuple[int, ...] = option(
        (0, 1, 2), parse=seed_list, metavar="S,S,...", help="seeds of every arm (default: 0,1,2)"
    )
    arms: tuple[str, ...] = option((), parse=name_list, metavar="A,A,...", help="arms or groups of arms (default: all)")
    jobs: int | None = option(
        None, within=POSITIVE, metavar="N", help="runs at a time (default: one for each core; on a GPU one)"
    )
    overrides: tuple[str, ...] = ()
    force: bool = option(False, help="redo runs that were made with other settings")


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        arm: name of the first arm that comes to this config.
        seed: ``--seed``.
        folder: OUTPUT_DIR.
        result: file that its evaluation writes.
        command: program and arguments.
        settings: all that decides the result, as JSON has it: config key, "--seed" or option of the dataset -> value.
        restart_at: once this file is there, the run is stopped and started again. None: never.
        overrides: (config key, value) of the command, but for OUTPUT_DIR.
        device: "cpu" or "cuda".
        processes: that share the run.
    """

    arm: str
    seed: int
    folder: Path
    result: Path
    command: tuple[str, ...]
    settings: Mapping[str, Any]
    restart_at: Path | None
    overrides: tuple[tuple[str, str], ...]
    device: str
    processes: int = 1

    def __str__(self) -> str:
        return f"{self.arm} seed {self.seed}"


@dataclass(frozen=True)
class Study:
    """A planned study.

    Attributes:
        options: what was chosen.
        data: the dataset.
        arms: in the order of the tables.
        owners: name of an arm -> ``arm`` of its runs.
        runs: all arms of the first seed, then all of the second, ...
        jobs: runs at a time.
        threads: of each run.
        device: "cpu" or "cuda", but for runs of several processes.
    """

    options: StudyOptions
    data: StudyData
    arms: tuple[Arm, ...]
    owners: Mapping[str, str]
    runs: tuple[Run, ...]
    jobs: int
    threads: int
    device: str

    def group(self, name: str) -> tuple[Arm, ...]:
        """Return the arms of a group."""
        return tuple(arm for arm in self.arms if arm.group == name)


@cache
def _study_config() -> CfgNode:
    return load_cfg(CONFIG)


def config_of(overrides: Sequence[str]) -> CfgNode:
    """Return the config of all arms, changed by keys and their values in turn; its files are read once."""
    cfg = _study_config().clone()
    cfg.merge_from_list(overrides)
    return cfg


def plan_study(options: StudyOptions, data: StudyData, arms: Sequence[Arm] = ARMS) -> Study:
    """Return the runs of a study; nothing is written.

    Args:
        options: what was chosen; :func:`check_options` has checked it.
        data: the dataset.
        arms: the table to choose from.
    """
    cfg = config_of(options.overrides)
    chosen = choose_arms(options.arms, arms)
    settings = {arm.name: settings_of(options, data, arm) for arm in arms}
    # Over all arms, so that choosing some of them changes no folder.
    owners: dict[str, str] = {}
    for arm in arms:
        same = (name for name in owners if settings[name] == settings[arm.name])
        owners[arm.name] = next(same, arm.name)
    by_name = {arm.name: arm for arm in arms}
    trained = [by_name[name] for name in dict.fromkeys(owners[arm.name] for arm in chosen)]
    device = choose_device(cfg.MODEL.DEVICE, "MODEL.DEVICE").type
    runs = tuple(
        make_run(options, data, arm, seed, settings[arm.name], device) for seed in options.seeds for arm in trained
    )
    cores = available_cores()
    jobs = min(options.jobs or (1 if device == "cuda" else cores), max(1, len(runs)))
    owners = {arm.name: owners[arm.name] for arm in chosen}
    return Study(options, data, chosen, owners, runs, jobs, max(1, cores // jobs), device)


def check_options(options: StudyOptions, arms: Sequence[Arm] = ARMS) -> None:
    """Check all that can be known without the dataset.

    Raises:
        UserError: an arm, key or value that does not exist, a key that is not the user's to choose here, or an arm
            whose config train_net.py would refuse.
    """
    for key in options.overrides[::2]:
        if flag := OWN_KEYS.get(str(key)):
            raise UserError(f"{key} is what {flag} decides: it cannot be given for every run. Leave it out.")
    config_of(options.overrides)
    for arm in choose_arms(options.arms, arms):
        own = [text for pair in arm.overrides for text in pair]
        cfg = config_of([*options.overrides, *own, *_device_of(arm)])
        try:
            validate_cfg(cfg, num_processes=arm.processes)
        except UserError as error:
            raise UserError(f"arm {arm.name}: {error}") from error


def _device_of(arm: Arm) -> tuple[str, ...]:
    """Return the override of an arm that does not run where the others do: several processes need several GPUs."""
    return ("MODEL.DEVICE", "cpu") if arm.processes > 1 else ()


def overrides_of(options: StudyOptions, data: StudyData, arm: Arm) -> list[str]:
    """Return the overrides of an arm's runs but for OUTPUT_DIR; what the arm sets comes last and wins."""
    places = {
        "DATASETS.CATALOG": shown(data.catalog),
        "DATASETS.TRAIN": f"[{data.name}_train]",
        "DATASETS.TEST": f"[{data.validation}]",
        "DATALOADER.CLIP_CACHE": shown(options.output / "cache"),
    }
    pairs = [*places.items(), *zip(options.overrides[::2], options.overrides[1::2], strict=True), *arm.overrides]
    return [text for pair in pairs for text in pair]


def settings_of(options: StudyOptions, data: StudyData, arm: Arm) -> dict[str, Any]:
    """Return the config that an arm comes to, how it is run, and the options of the dataset, in types of JSON."""
    cfg = config_of(overrides_of(options, data, arm))
    config = {key: get_value(cfg, key) for key in leaf_keys(cfg) if key not in IRRELEVANT}
    dataset = {f"dataset {name}": value for name, value in data.record["options"].items()}
    how = {"dataset format": data.record["format"], "processes": arm.processes, "interrupted": arm.interrupted}
    return json.loads(json.dumps({**config, **dataset, **how}))


def make_run(
    options: StudyOptions, data: StudyData, arm: Arm, seed: int, settings: Mapping[str, Any], device: str
) -> Run:
    """Return the training of an arm with one seed; ``device`` is that of a single process."""
    folder = options.output / RUNS / arm.name / f"seed_{seed}"
    launcher = ()
    if arm.processes > 1:
        launcher = ("-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={arm.processes}")
    half = max(1, settings["SOLVER.MAX_ITER"] // 2)
    breaks = ("SOLVER.CHECKPOINT_PERIOD", str(half)) if arm.interrupted else ()
    overrides = (*overrides_of(options, data, arm), *_device_of(arm), *breaks)
    command = (
        sys.executable,
        *launcher,
        shown(TRAIN),
        "--config-file",
        shown(CONFIG),
        "--seed",
        str(seed),
        *overrides,
        "OUTPUT_DIR",
        shown(folder),
    )
    result = folder / "inference" / data.validation / "result.json"
    # Written last, when all else of a checkpoint is there; and first at the half, which is the period.
    restart_at = folder / LAST_CHECKPOINT if arm.interrupted else None
    return Run(
        arm.name,
        seed,
        folder,
        result,
        command,
        {**settings, "--seed": seed},
        restart_at,
        tuple(zip(overrides[::2], overrides[1::2], strict=True)),
        "cpu" if arm.processes > 1 else device,
        arm.processes,
    )


def shown(path: Path) -> str:
    """Return a path as a command names it: relative where it lies below the folder that the program runs in."""
    absolute, here = path.absolute(), Path.cwd()
    return os.path.relpath(absolute, here) if absolute.is_relative_to(here) else str(absolute)
