"""The tensors in the content of a weight file, and what lies beside them, within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alphaction.checkpoint.file_bounds import HOSTILE, is_plain
from alphaction.checkpoint.safe_pickle import ArrayStandIn, NamespaceStandIn
from alphaction.utils.errors import CheckpointError
from alphaction.utils.limits import MOST_TENSORS
from alphaction.utils.messages import listed

STATE_KEYS = ("model", "state_dict", "model_state", "model_state_dict", "module", "blobs", "target_encoder")
"""Keys under which projects put the tensors of a model inside their checkpoint."""
AVERAGED_KEYS = ("model_ema", "state_dict_ema", "ema_state_dict")
"""Keys of a second set, which runs with a running mean of the weights (EMA) save; read where no other set is there."""

MOST_DIMENSIONS = 8
# What DistributedDataParallel, Lightning-like trainers and torch.compile put before every name.
_WRAPPERS = ("module.", "model.", "_orig_mod.")
_PARAMETERS = ("weight", "bias", "running_mean", "running_var")
_MOST_TEXT = 1 << 20  # characters of a text beside the tensors, such as a config
_MOST_KEYS = 100  # entries beside the tensors
_MOST_VALUES = 20_000  # plain values in each of them
_MOST_DEPTH = 12


def find_state(path: Path, content: object) -> tuple[dict[str, Tensor], str]:
    """Return the tensors of the model, and the key that they lie under, "" for the top.

    They are those under the first of :data:`STATE_KEYS` that holds any, else of :data:`AVERAGED_KEYS`, else those at
    the top. Wrapper prefixes that all names share are taken off.

    Raises:
        CheckpointError: for tensors that are more, larger or of more dimensions than the file can honestly hold.
    """
    if not isinstance(content, Mapping):
        return {}, ""
    for key in (*STATE_KEYS, *AVERAGED_KEYS, ""):
        if found := _named_tensors(content.get(key) if key else content):
            _check_bounds(path, found)
            return _unwrap({name: _tensor(path, name, value) for name, value in found.items()}), key
    return {}, ""


def averaged_note(content: object, container: str) -> tuple[str, ...]:
    """Return a sentence on the weights of a run with a running mean of them; none for other files.

    Args:
        content: of the file.
        container: the key of the tensors that are taken.
    """
    if container in AVERAGED_KEYS:
        return (f"The weights are those under {container}, a running mean: the file has no others.",)
    others = [key for key in AVERAGED_KEYS if isinstance(content, Mapping) and _named_tensors(content.get(key))]
    if not others:
        return ()
    taken = f"those under {container}" if container else "those at the top"
    return (f"The file holds a second set of weights under {listed(others)}, which is left out: {taken} are taken.",)


def _named_tensors(candidate: object) -> dict[str, Tensor | ArrayStandIn]:
    if not isinstance(candidate, Mapping):
        return {}
    return {
        name: value
        for name, value in candidate.items()
        if isinstance(name, str)
        and (isinstance(value, Tensor) or (isinstance(value, ArrayStandIn) and value.is_numeric))
    }


def plain_extras(content: object, container: str) -> dict[str, Any]:
    """Return what lies beside the tensors as plain values by key: texts, numbers, lists, dicts; the rest is left out.

    Args:
        content: of the file.
        container: the key of the tensors, which is left out; "" if they lie at the top.
    """
    if not isinstance(content, Mapping):
        return {}
    extras: dict[str, Any] = {}
    for key, value in content.items():
        if not isinstance(key, str) or key == container or isinstance(value, Tensor | ArrayStandIn):
            continue
        if len(extras) == _MOST_KEYS:
            break
        plain = _plain(value, [_MOST_VALUES], _MOST_DEPTH)
        if plain is not None:
            extras[key] = plain
    return extras


def check_values(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Check that weights are finite numbers with fractions: not those of a run that broke, nor quantized ones.

    Raises:
        CheckpointError: names those that are not.
    """
    problems = []
    for name, tensor in weights.items():
        if tensor.is_floating_point():
            # Numbers of 8 bits with a fraction have no such test of their own.
            if not torch.isfinite(tensor.float() if tensor.element_size() == 1 else tensor).all():
                problems.append(f"{name} holds infinite values or NaN")
        elif name.rpartition(".")[2] in _PARAMETERS:
            problems.append(f"{name} holds numbers of the type {str(tensor.dtype).removeprefix('torch.')}")
    if problems:
        raise CheckpointError(
            f"{path}: {listed(problems, 4, '; ')}. Such weights give no usable results: take a file of an earlier "
            "epoch, or of the network before it was quantized."
        )


def _check_bounds(path: Path, found: Mapping[str, Tensor | ArrayStandIn]) -> None:
    if len(found) > MOST_TENSORS:
        raise CheckpointError(
            f"{path}: holds {len(found):,} tensors, more than the {MOST_TENSORS:,} that are read. {HOSTILE}"
        )
    for name, value in found.items():
        if isinstance(value, Tensor) and not is_plain(value):
            raise CheckpointError(
                f"{path}: {name} is sparse, quantized or without values, which no weights here are. Save the plain "
                "tensors of the original model."
            )


def _tensor(path: Path, name: str, value: Tensor | ArrayStandIn) -> Tensor:
    try:
        tensor = value.tensor() if isinstance(value, ArrayStandIn) else value.detach()
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: {name} is damaged ({error}). Download or copy the file again.") from error
    if tensor.ndim > MOST_DIMENSIONS:
        raise CheckpointError(f"{path}: {name} has {tensor.ndim} dimensions, more than {MOST_DIMENSIONS}. {HOSTILE}")
    return tensor


def _unwrap(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take wrapper prefixes off, as long as every name has one."""
    while prefix := next((p for p in _WRAPPERS if all(name.startswith(p) for name in state)), None):
        state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def _plain(value: object, budget: list[int], depth: int) -> Any:
    """Return ``value`` without anything but plain values; None where nothing is left or the bounds are reached."""
    budget[0] -= 1
    if budget[0] < 0 or depth < 0:
        return None
    if isinstance(value, NamespaceStandIn):
        value = value.values
    if isinstance(value, bytes):
        value = value.decode("latin1")
    if isinstance(value, str):
        return value if len(value) <= _MOST_TEXT else None
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        items = ((name, _plain(item, budget, depth - 1)) for name, item in value.items() if isinstance(name, str | int))
        return {name: item for name, item in items if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item, budget, depth - 1) for item in value[: max(budget[0], 0)]]
    return None
