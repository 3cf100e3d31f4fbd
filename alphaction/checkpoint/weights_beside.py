"""Weights that lie beside the checkpoints of a run: of its best evaluation, and the average at its end.

They are used like any others (MODEL.WEIGHT). No run continues from them: they hold no state of an optimizer, and are
neither counted nor deleted with the checkpoints.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from alphaction.checkpoint.file_content import read_content
from alphaction.checkpoint.storage import save_atomically
from alphaction.utils.errors import UserError
from alphaction.utils.logging import get_logger

BEST_WEIGHTS = "model_best"
AVERAGED_WEIGHTS = "model_ema"
EARLIER_BEST = "model_best_earlier"
"""Where ``model_best.pth`` goes that is of no evaluation of the run as it goes on."""
AVERAGED = "ema"
"""Key, in a checkpoint, of the average of the weights: {"model": its state_dict, "updates": steps in it}."""
_SHARED = ("iteration", "label_map", "config", "license", "version")


@dataclass(frozen=True)
class BestResult:
    """The best evaluation of a run.

    Attributes:
        metric: what it is the best of, "toy_val/mAP".
        value: its value.
        iteration: iterations that were done.
        weights: which weights had it: the model's own, or their average.
    """

    metric: str
    value: float
    iteration: int
    weights: Literal["model", "ema"]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a checkpoint holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: object) -> BestResult | None:
        """Return what :meth:`to_dict` made; None for anything else."""
        if not isinstance(found, Mapping):
            return None
        metric, value, iteration, weights = (found.get(name) for name in ("metric", "value", "iteration", "weights"))
        fits = isinstance(metric, str) and type(value) is float and math.isfinite(value)
        if not fits or type(iteration) is not int or iteration < 0 or weights not in ("model", "ema"):
            return None
        return cls(metric, value, iteration, weights)


def read_best(path: Path) -> BestResult | None:
    """Return which result the weights in a file are of; None if it is absent, damaged, or does not say."""
    content = _content(path)
    return BestResult.from_dict(content.get("best")) if "model" in content else None


def rebuild_best(folder: Path, best: BestResult, sources: list[Path]) -> Path | None:
    """Write ``model_best.pth`` from the checkpoint that has its weights; return that, None if none of them does.

    Args:
        folder: OUTPUT_DIR.
        best: the result that the weights are to be of.
        sources: where to look for them, checkpoints or files of best weights.
    """
    for source in sources:
        content = _content(source)
        if content.get("iteration") != best.iteration:
            continue
        if "best" in content:
            state = content.get("model") if BestResult.from_dict(content["best"]) == best else None
        else:
            average = content.get(AVERAGED) if best.weights == "ema" else content
            state = average.get("model") if isinstance(average, Mapping) else None
        if isinstance(state, Mapping) and state:
            shared = {name: content[name] for name in _SHARED if name in content}
            save_atomically({"model": dict(state), **shared, "best": best.to_dict()}, folder / f"{BEST_WEIGHTS}.pth")
            return source
    return None


def set_best_aside(folder: Path) -> Path | None:
    """Rename ``model_best.pth``, which is of no evaluation of this run; return its new path, None if there is none."""
    path = folder / f"{BEST_WEIGHTS}.pth"
    if not path.is_file():
        return None
    aside = folder / f"{EARLIER_BEST}.pth"
    os.replace(path, aside)
    return aside


def number_averaged(folder: Path) -> Path | None:
    """Give ``model_ema.pth`` of a run that goes on the name of its iteration; return that, None if there is none."""
    path = folder / f"{AVERAGED_WEIGHTS}.pth"
    if not path.is_file():
        return None
    iteration = _content(path).get("iteration")
    ending = f"{iteration:07d}" if type(iteration) is int and iteration >= 0 else "earlier"
    numbered = folder / f"{AVERAGED_WEIGHTS}_{ending}.pth"
    os.replace(path, numbered)
    return numbered


def _content(path: Path) -> Mapping[str, Any]:
    """Return what a file holds, its tensors still on the disk; {} if it cannot be read."""
    if not path.is_file():
        return {}
    try:
        content, foreign = read_content(path, mapped=True)
    except UserError as error:
        get_logger().warning("%s", error)
        return {}
    return content if isinstance(content, dict) and not foreign else {}
