"""What a checkpoint of a run must hold: checked in full before anything of it is restored.

A file may be whole and still hold other values than this program writes: another program, a person or a defect changed
it. Each check returns what is wrong as "ENTRY is ..., not ...", or nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from alphaction.checkpoint.label_maps import is_label_map
from alphaction.checkpoint.load_report import is_counter
from alphaction.utils.limits import MOST_ITERATIONS

_SETTINGS = {"config": (str, "a text"), "seed": (int, "a whole number"), "world_size": (int, "a whole number")}
# Options of an optimizer's groups that a schedule changes.
_SCHEDULED = ("lr", "initial_lr")
# Of a schedule: what changes from step to step. The rest is the config's, and the functions that rates come from.
_PROGRESS = ("base_lrs", "last_epoch", "_step_count", "_last_lr")
# Statistics in a model that can only be finite, and squares, which are never negative.
_STATISTICS = ("running_mean", "running_var", "mean", "steps")
_SQUARES = ("running_var", "exp_avg_sq", "max_exp_avg_sq")
# Left out by some versions of PyTorch, or without which an optimizer starts a buffer anew.
_MAY_BE_NONE = ("momentum_buffer",)


def shown(value: object) -> str:
    """Return a value of a file for a message: short, and without calling anything of a large tensor."""
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    if type(value) in (type(None), bool, int, float, str):
        text = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "a number beyond 64 bits"
        return text if len(text) <= 60 else f"{text[:60]}..."
    return f"a {type(value).__name__}"


def plain_problems(content: Mapping[Any, Any]) -> Iterator[str]:
    """Yield what is wrong with the iteration, the classes, the config and the settings in a checkpoint."""
    iteration = content.get("iteration")
    if type(iteration) is not int or not 0 <= iteration <= MOST_ITERATIONS:
        yield f"iteration is {shown(iteration)}, not a whole number from 0 to {MOST_ITERATIONS:,}"
    schedule = content.get("scheduler")
    place = schedule.get("last_epoch") if isinstance(schedule, dict) else None
    if type(place) is type(iteration) is int and place != iteration:
        yield f"iteration is {shown(iteration)}, but scheduler.last_epoch {shown(place)}"
    if not isinstance(content.get("version"), str):
        yield f"version is {shown(content.get('version'))}, not a text"
    yield from _label_map_problems(content.get("label_map"))
    for name in ("config", "license"):
        if not isinstance(content.get(name, ""), str):
            yield f"{name} is {shown(content[name])}, not a text"
    extra = content.get("extra")
    if extra is not None and not isinstance(extra, dict):
        yield f"extra is {shown(extra)}, not a dict"
        return
    for name, (kind, what) in _SETTINGS.items():
        if extra and name in extra and type(extra[name]) is not kind:
            yield f"extra.{name} is {shown(extra[name])}, not {what}"
    size = (extra or {}).get("world_size", 1)
    if type(size) is int and not 1 <= size <= MOST_ITERATIONS:
        yield f"extra.world_size is {shown(size)}, not a number of processes"


def _label_map_problems(label_map: object) -> Iterator[str]:
    if label_map is None:
        return
    if not is_label_map(label_map):
        yield f"label_map is {shown(label_map)} without ids, names and groups of one length"
        return
    for name, kind in (("ids", int), ("names", str), ("groups", str)):
        wrong = next((value for value in label_map[name] if type(value) is not kind), None)
        if any(type(value) is not kind for value in label_map[name]):
            yield f"label_map.{name} holds {shown(wrong)}, not only {'whole numbers' if kind is int else 'texts'}"


def model_problems(state: object, own: Mapping[str, Tensor], parameters: Collection[str]) -> Iterator[str]:
    """Yield how the weights in a checkpoint differ from those that the model has: names, types, values.

    Shapes and missing names are those of another model, see :func:`other_model`.

    Args:
        state: under "model" in the file.
        own: the model's.
        parameters: names in ``own`` that training changes, whose values must be finite.
    """
    if not isinstance(state, dict):
        yield f"model is {shown(state)}, not a dict"
        return
    for name, value in state.items():
        if not isinstance(name, str):
            yield f"model has {shown(name)} for a name"
        elif not isinstance(value, Tensor):
            yield f"model.{name} is {shown(value)}, not a tensor"
        elif name in own:
            last = name.rpartition(".")[2]
            finite = name in parameters or last in _STATISTICS
            yield from tensor_problems(f"model.{name}", value, own[name].dtype, finite=finite, square=last in _SQUARES)


def average_problems(state: object, own: Mapping[str, Tensor], parameters: Collection[str]) -> Iterator[str]:
    """Yield what in an average of the weights is not as that of this run; ``own``, ``parameters``: of the model."""
    if not isinstance(state, dict):
        yield f"ema is {shown(state)}, not a dict"
        return
    updates = state.get("updates")
    if type(updates) is not int or not 0 <= updates <= MOST_ITERATIONS:
        yield f"ema.updates is {shown(updates)}, not a number of steps"
    problems = list(model_problems(state.get("model"), own, parameters))
    yield from (f"ema.{problem}" for problem in problems or other_model(state["model"], own))


def other_model(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Return by which names and shapes the weights are those of another model."""
    problems = [f"missing {name}" for name in own if name not in state and not is_counter(name)]
    problems += [f"not in the model: {name}" for name in state if name not in own and not is_counter(name)]
    problems += [
        f"{name} is {list(tensor.shape)} in the model, {list(state[name].shape)} in the file"
        for name, tensor in own.items()
        if name in state and tensor.shape != state[name].shape
    ]
    return problems


def tensor_problems(
    entry: str, value: Tensor, dtype: torch.dtype | None = None, *, finite: bool = True, square: bool = False
) -> Iterator[str]:
    """Yield what is wrong with the values of a tensor.

    Args:
        entry: where it lies, for the message.
        value: the tensor.
        dtype: what it must have; None: any of floating point.
        finite: whether its values must be.
        square: whether they are means of squares.
    """
    if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
        yield f"{entry} is sparse, quantized or without values"
    elif value.dtype != dtype if dtype is not None else not value.dtype.is_floating_point:
        expected = "floating point" if dtype is None else str(dtype).removeprefix("torch.")
        yield f"{entry} is {shown(value)}, not of {expected}"
    elif finite and value.dtype.is_floating_point and not bool(torch.isfinite(value).all()):
        yield f"{entry} holds infinite values or NaN"
    elif square and bool((value < 0).any()):
        yield f"{entry} is a mean of squares, and holds negative values"


def optimizer_problems(state: object, optimizer: Optimizer) -> Iterator[str]:
    """Yield what in an optimizer's state is not as that of ``optimizer``, the one that it would be restored to."""
    groups = state.get("param_groups") if isinstance(state, dict) else None
    held = state.get("state") if isinstance(state, dict) else None
    if not isinstance(groups, list) or not isinstance(held, dict) or not all(isinstance(g, dict) for g in groups):
        yield "optimizer is not a dict of a dict (state) and a list of dicts (param_groups)"
        return
    own = optimizer.state_dict()["param_groups"]
    sizes = [len(g["params"]) if isinstance(g.get("params"), list) else None for g in groups]
    if None in sizes:
        yield "optimizer.param_groups has a group whose params is no list"
        return
    if sizes != [len(group["params"]) for group in own]:
        yield (
            f"optimizer has {len(groups)} groups of {sum(sizes)} parameters, this run {len(own)} of "
            f"{sum(len(group['params']) for group in own)}, or they are divided otherwise"
        )
        return
    parameters: dict[int, nn.Parameter] = {}
    for number, (group, mine, live) in enumerate(zip(groups, own, optimizer.param_groups, strict=True)):
        where = f"optimizer.param_groups[{number}]"
        if not all(type(index) is int for index in group["params"]) or group["params"] != mine["params"]:
            yield f"{where}.params is not the list of numbers that it was saved with"
            continue
        for name in _SCHEDULED:
            if name in group and name in mine:
                yield from _unlike(f"{where}.{name}", group[name], mine[name])
        parameters |= dict(zip(mine["params"], live["params"], strict=True))
    yield from _buffer_problems(held, parameters, optimizer)


def _buffer_problems(
    held: dict[Any, Any], parameters: Mapping[int, nn.Parameter], optimizer: Optimizer
) -> Iterator[str]:
    names = buffer_names(optimizer)
    for index, buffers in held.items():
        where = f"optimizer.state[{shown(index)}]"
        if type(index) is not int or index not in parameters:
            yield f"{where} is of no parameter of this run"
        elif not isinstance(buffers, dict):
            yield f"{where} is {shown(buffers)}, not a dict"
        elif buffers and (lacking := [name for name in names if name not in buffers and name not in _MAY_BE_NONE]):
            yield f"{where} lacks {', '.join(lacking)}"
        else:
            for name, value in buffers.items():
                entry = f"{where}.{shown(name)}"
                if value is None and name in _MAY_BE_NONE:
                    continue
                yield from _one_buffer(entry, name, value, parameters[index])


def _one_buffer(entry: str, name: object, value: object, parameter: nn.Parameter) -> Iterator[str]:
    if name == "step":
        number = value.item() if isinstance(value, Tensor) and value.numel() == 1 and _is_values(value) else value
        if type(number) not in (int, float) or not 0 <= number <= MOST_ITERATIONS:
            yield f"{entry} is {shown(value)}, not a number of steps"
    elif not isinstance(value, Tensor):
        yield f"{entry} is {shown(value)}, not a tensor"
    elif value.shape != parameter.shape:
        yield f"{entry} is {list(value.shape)}, its parameter {list(parameter.shape)}"
    else:
        yield from tensor_problems(entry, value, parameter.dtype, square=name in _SQUARES)


def unbuffered(state: Mapping[str, Any], optimizer: Optimizer) -> int:
    """Return for how many parameters a state that has been checked lacks the buffers that the optimizer keeps."""
    if not buffer_names(optimizer):
        return 0
    return sum(not state["state"].get(index) for group in state["param_groups"] for index in group["params"])


def _is_values(value: Tensor) -> bool:
    return value.layout == torch.strided and not value.is_quantized and value.device.type == "cpu"


def buffer_names(optimizer: Optimizer) -> tuple[str, ...]:
    """Return the names of the buffers that the optimizer keeps for a parameter, found with one of its kind."""
    parameter = nn.Parameter(torch.zeros(1))
    parameter.grad = torch.zeros(1)
    trial = type(optimizer)([parameter], **{k: v for k, v in optimizer.defaults.items() if k in _CHOICES})
    trial.step()
    return tuple(trial.state[parameter])


# Options by which an optimizer keeps other buffers.
_CHOICES = ("lr", "momentum", "amsgrad")


def scheduler_problems(state: object, own: Mapping[str, Any]) -> Iterator[str]:
    """Yield what in a schedule's state is not as in ``own``, that of the schedule that it would be restored to."""
    if not isinstance(state, dict):
        yield f"scheduler is {shown(state)}, not a dict"
        return
    if "last_epoch" not in state:
        yield "scheduler lacks last_epoch"
    for name, value in own.items():
        if name in state:
            yield from _unlike(f"scheduler.{name}", state[name], value, none_only=True)
    for name in ("last_epoch", "_step_count"):
        value = state.get(name, 0)
        if type(value) is not int or not 0 <= value <= MOST_ITERATIONS:
            yield f"scheduler.{name} is {shown(value)}, not a number of iterations"


def scaler_problems(state: object, own: Mapping[str, Any]) -> Iterator[str]:
    """Yield what in a gradient scaler's state is not as in ``own``, which is empty where it is switched off."""
    if not isinstance(state, dict):
        yield f"scaler is {shown(state)}, not a dict"
        return
    for name, value in own.items():
        if name not in state:
            yield f"scaler lacks {name}"
            continue
        problems = list(_unlike(f"scaler.{name}", state[name], value))
        yield from problems
        if not problems and not 0 <= state[name] <= 2.0**127:
            yield f"scaler.{name} is {shown(state[name])}"


def restorable(state: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return an optimizer's state that has been checked, with the options of ``own``, but for those of the schedule."""
    groups = [
        {**mine, **{name: group[name] for name in _SCHEDULED if name in group}}
        for group, mine in zip(state["param_groups"], own["param_groups"], strict=True)
    ]
    return {"state": state["state"], "param_groups": groups}


def place_in_schedule(state: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schedule's state that has been checked, with all but what changes from step to step of ``own``."""
    return {**own, **{name: state[name] for name in _PROGRESS if name in state}}


def known_values(state: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``own`` with the values of ``state``; any other entry would become an attribute of the object restored."""
    return {name: state.get(name, value) for name, value in own.items()}


def _unlike(entry: str, value: object, own: object, *, none_only: bool = False) -> Iterator[str]:
    """Yield that a value of a file is of another kind than the one it would replace.

    Args:
        entry: where it lies, for the message.
        value: of the file.
        own: the one that it would replace.
        none_only: where that is None, it must be, too; else it may be a flag that was not set.
    """
    if own is None and none_only:
        fits, kind = value is None, "None"
    elif own is None or isinstance(own, bool):
        fits, kind = value is None or isinstance(value, bool), "True, False or None"
    elif isinstance(own, int | float):
        fits, kind = type(value) in (int, float) and math.isfinite(value) and abs(value) < 2**63, "a finite number"
    elif isinstance(own, str):
        fits, kind = isinstance(value, str), "a text"
    elif isinstance(own, list | tuple):
        fits, kind = isinstance(value, list | tuple) and len(value) == len(own), f"a list of {len(own)}"
        if fits:
            for number, (item, mine) in enumerate(zip(value, own, strict=True)):
                yield from _unlike(f"{entry}[{number}]", item, mine, none_only=none_only)
    else:
        fits, kind = type(value) is type(own), f"a {type(own).__name__}"
    if not fits:
        yield f"{entry} is {shown(value)}, not {kind}"
