"""The one network in a file whose trainer saved more than that: Lightning's ``model.`` beside a loss, for example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from torch import Tensor

from alphaction.checkpoint.foreign.converted import ForeignFile
from alphaction.checkpoint.foreign.recognize import find_source
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, listed

# The first part of our names, and of MMAction2's: a part of a network, never what a trainer puts before it.
_BACKBONE = "backbone"
_DEEPEST = 3  # prefixes before a network: "module.", "student.", "model."


def unwrap_network(file: ForeignFile) -> ForeignFile:
    """Return the file with the tensors of its network alone, without the prefix that a trainer put before them.

    A file that is recognized as it is, or in which nothing is recognized under any prefix, comes back unchanged.

    Raises:
        CheckpointError: if it holds several networks, such as a student and its teacher.
    """
    if _is_network(file):
        return file
    found = list(_wrapped(file, "", _DEEPEST))
    if not found:
        return file
    if len(found) > 1:
        prefixes = [f'"{prefix}"' for prefix, _ in found]
        raise CheckpointError(
            f"{file.path}: it holds {len(found)} networks, whose names begin with {listed(prefixes)}. Which of them is "
            "meant is not guessed: save the tensors of one, without that prefix, in a file of their own."
        )
    ((prefix, tensors),) = found
    rest = [name for name in file.tensors if not name.startswith(prefix)]
    beside = f" Left out beside it: {counted(len(rest), 'tensor')} ({listed(rest, 4)})." if rest else ""
    told = f'The names of the network begin with "{prefix}", which is taken off.{beside}'
    return replace(file, tensors=tensors, left_out=(*file.left_out, told))


def _is_network(file: ForeignFile) -> bool:
    return any(name.partition(".")[0] == _BACKBONE for name in file.tensors) or find_source(file) is not None


def _wrapped(file: ForeignFile, prefix: str, depth: int) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    """Yield the prefix and the tensors of each network below ``prefix``, which the names in ``file`` no longer have."""
    groups: dict[str, dict[str, Tensor]] = {}
    for name, tensor in file.tensors.items():
        first, _, rest = name.partition(".")
        if rest and not first.isdigit():
            groups.setdefault(first, {})[rest] = tensor
    for first, tensors in groups.items():
        inner, below = replace(file, tensors=tensors), f"{prefix}{first}."
        if _is_network(inner):
            yield below, tensors
        elif depth > 1:
            yield from _wrapped(inner, below, depth - 1)
