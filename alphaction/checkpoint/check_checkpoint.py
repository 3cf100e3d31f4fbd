"""Whether a run can continue from a checkpoint: all of it is checked before anything of it is restored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from torch import nn
from torch.optim import Optimizer

from alphaction.checkpoint.foreign.config_text import read_yaml
from alphaction.checkpoint.label_maps import compare_label_maps
from alphaction.checkpoint.run_state import (
    average_problems,
    model_problems,
    optimizer_problems,
    other_model,
    plain_problems,
    scaler_problems,
    scheduler_problems,
    unbuffered,
)
from alphaction.checkpoint.weights_beside import AVERAGED
from alphaction.config.changes import ABSENT, changed_values
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, listed

NOT_CONTINUED = (
    "No run can continue from it. To start a new run from its weights, set MODEL.WEIGHT to it, add --transfer, and "
    "choose a new OUTPUT_DIR."
)
_MOST_PROBLEMS = 20


class Stateful(Protocol):
    """Anything whose state can be saved and restored: optimizer, scheduler, gradient scaler."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> object: ...


class Average(Protocol):
    """An average of the model's weights (:class:`alphaction.engine.weight_average.WeightAverage`)."""

    model: nn.Module

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> object: ...

    def begin(self) -> object: ...


@dataclass(frozen=True)
class OwnState:
    """What a run has, and a checkpoint of it must fit.

    Attributes:
        model: the detector itself.
        parts: "optimizer", "scheduler" and "scaler"; None where the run has none.
        average: the average of the weights; None: there is none.
        label_map: {"ids", "names", "groups"} of the dataset, if known.
        config: the run's config as YAML text.
    """

    model: nn.Module
    parts: Mapping[str, Stateful | None]
    average: Average | None
    label_map: Mapping[str, Any] | None
    config: str


def check_checkpoint(content: dict[str, Any], path: Path, own: OwnState) -> list[str]:
    """Check all that a run takes from the content of a checkpoint; return notes for the log.

    Raises:
        CheckpointError: if it is not a training checkpoint of this program, holds other values than this program
            writes, or belongs to another model, optimizer or label map.
    """
    if not {"version", "model", "iteration"} <= content.keys():
        raise CheckpointError(f"{path}: not a training checkpoint of this program. {NOT_CONTINUED}")
    _refuse(path, plain_problems(content))
    for text in (content.get("config"), (content.get("extra") or {}).get("config")):
        if text:
            read_yaml(path, text)
    if difference := compare_label_maps(content.get("label_map"), own.label_map):
        raise CheckpointError(
            f"{path}: {difference}. A run continues with the classes that it began with; for other classes start a new "
            "one (new OUTPUT_DIR, MODEL.WEIGHT set to this file, --transfer, --no-head)."
        )
    _check_model(content["model"], path, own.model)
    notes = _check_parts(content, path, own)
    if AVERAGED in content and own.average is not None:
        parameters = {name for name, _ in own.model.named_parameters()}
        _refuse(path, average_problems(content[AVERAGED], own.average.model.state_dict(), parameters))
    return notes


def changed_keys(content: dict[str, Any], config: str) -> str:
    """Return which keys that an optimizer's groups follow from differ from the run so far, and what to do."""
    anew = "start a new run from its weights (new OUTPUT_DIR, MODEL.WEIGHT set to this file, --transfer)."
    before = content.get("config")
    changed = [
        f"{key} {now} (the run: {old})"
        for key, old, now in changed_values(before if isinstance(before, str) else "", config)
        if ABSENT not in (old, now) and key.startswith(("SOLVER.", "MODEL.BACKBONE."))
    ]
    if not changed:
        return f"SOLVER keys and MODEL.BACKBONE.FREEZE must stay as they were; to change them, {anew}"
    return f"Changed since it began: {listed(changed, 6)}. Set them as they were, or {anew}"


def _check_model(state: object, path: Path, model: nn.Module) -> None:
    own = model.state_dict()
    _refuse(path, model_problems(state, own, {name for name, _ in model.named_parameters()}))
    if problems := other_model(state, own):
        raise CheckpointError(
            f"{path}: of another model: {listed(problems, 4, '; ')} ({counted(len(problems), 'difference')}). "
            "A run continues with the model that it began with; for a changed model start a new run (new "
            "OUTPUT_DIR, MODEL.WEIGHT set to this file, --transfer)."
        )


def _check_parts(content: dict[str, Any], path: Path, own: OwnState) -> list[str]:
    """Check the states of optimizer, scheduler and scaler; return notes for the log."""
    notes = []
    for key, part in own.parts.items():
        state = content.get(key)
        if part is None:
            continue
        if state is None or state == {}:
            if key != "scaler":  # switching to fp16 in the middle of a run is fine
                raise CheckpointError(f"{path}: holds no {key} state. {NOT_CONTINUED}")
            if part.state_dict():  # empty: the scaler is disabled
                notes.append("no gradient scaler in it, a new one starts")
        elif key == "optimizer" and isinstance(part, Optimizer):
            _refuse(path, optimizer_problems(state, part), changed_keys(content, own.config))
            if content["iteration"] > 0 and (lacking := unbuffered(state, part)):
                what = f"the optimizer's state of {counted(lacking, 'parameter')}"
                notes.append(f"{what} is not in it and starts anew")
        elif key == "scheduler":
            _refuse(path, scheduler_problems(state, part.state_dict()), changed_keys(content, own.config))
        elif key == "scaler":
            _refuse(path, scaler_problems(state, part.state_dict()))
    return notes


def _refuse(path: Path, problems: Iterator[str], remedy: str = "") -> None:
    """Raise a :class:`CheckpointError` if there are problems; at most some are looked for."""
    found = list(islice(problems, _MOST_PROBLEMS))
    if found:
        remedy = remedy or "The file was changed since it was written. Take another checkpoint."
        raise CheckpointError(f"{path}: {listed(found, 4, '; ')}. {remedy}")
