"""Config keys as keyword arguments: ``SOLVER__MAX_ITER=100``, ``max_iter=100``, or a dict of dotted keys."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from yacs.config import CfgNode

from alphaction.config.keys import KEYS
from alphaction.config.tree import get_value
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest

SHORT = {
    "max_iter": "SOLVER.MAX_ITER",
    "lr": "SOLVER.BASE_LR",
    "batch_size": "SOLVER.VIDEOS_PER_BATCH",
    "workers": "DATALOADER.NUM_WORKERS",
    "output_dir": "OUTPUT_DIR",
    "data_dir": "DATASETS.DATA_DIR",
}
"""What the most used keys are also called."""
_ELSEWHERE = {
    "epochs": "max_iter",
    "iterations": "max_iter",
    "steps": "max_iter",
    "learning_rate": "lr",
    "base_lr": "lr",
    "lr0": "lr",
    "batch": "batch_size",
    "num_workers": "workers",
    "name": "output_dir",
    "project": "output_dir",
}
"""What other programs call them, for suggestions: not every pair of these names is alike."""
_PERIODS = ("CHECKPOINT_PERIOD", "EVAL_PERIOD")


def config_values(
    keywords: Mapping[str, Any], keys: Mapping[str, Any] | None = None, also: tuple[str, ...] = ()
) -> dict:
    """Return config key -> value.

    Args:
        keywords: names of :data:`SHORT`, or keys with two underscores for each dot.
        keys: dotted keys, in a dict.
        also: other arguments of the function that was called, for suggestions.

    Raises:
        UserError: there is no such name, or a key is given twice; whether dotted keys exist is told by the config.
    """
    if keys is not None and not isinstance(keys, Mapping):
        raise UserError(f'keys= is a {type(keys).__name__}: expected a dict such as {{"SOLVER.MAX_ITER": 100}}')
    values = {str(key): _plain(value) for key, value in (keys or {}).items()}
    for name, value in keywords.items():
        key = SHORT.get(name, name.replace("__", "."))
        if key == name and key not in KEYS and not name.isupper():
            near = suggest(name, [*SHORT, *also])
            if _ELSEWHERE.get(name):
                near = f'Did you mean "{_ELSEWHERE[name]}" ({SHORT[_ELSEWHERE[name]]})?'
            raise UserError(
                f"there is no argument {name}=. {near} Every config key is one, too, with "
                "two underscores for a dot: SOLVER__BASE_LR=0.01."
            )
        if key in values:
            raise UserError(f"{key} is given twice, the second time as {name}=")
        values[key] = _plain(value)
    return values


def _plain(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def apply_values(cfg: CfgNode, values: Mapping[str, Any]) -> None:
    """Set config keys.

    Raises:
        UserError: for unknown keys, with the nearest, and values of a wrong type.
    """
    cfg.merge_from_list([item for pair in values.items() for item in pair])


def fit_schedule(cfg: CfgNode, values: Mapping[str, Any], before: int) -> None:
    """Shorten, or lengthen, what the schedule counts in iterations with a MAX_ITER that was given.

    Args:
        cfg: has the new SOLVER.MAX_ITER.
        values: what was given: those keys keep their values.
        before: MAX_ITER that the rest of the schedule was made for.
    """
    solver = cfg.SOLVER
    if "SOLVER.MAX_ITER" not in values or solver.MAX_ITER == before or before < 1:
        return
    share = solver.MAX_ITER / before
    if "SOLVER.STEPS" not in values:
        steps = (round(step * share) for step in solver.STEPS)
        solver.STEPS = tuple(sorted({step for step in steps if 0 < step < solver.MAX_ITER}))
    if "SOLVER.WARMUP_ITERS" not in values:
        solver.WARMUP_ITERS = min(round(solver.WARMUP_ITERS * share), max(solver.MAX_ITER - 1, 0))
    for name in _PERIODS:
        if f"SOLVER.{name}" not in values:
            get_value(cfg, "SOLVER")[name] = max(1, round(solver[name] * share))
