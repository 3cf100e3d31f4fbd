"""Whether the tensors of a file are all of a network, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import listed


def check_whole(
    path: Path,
    title: str,
    found: Mapping[str, Tensor],
    expected: Mapping[str, Sequence[int]],
    origin: Mapping[str, str] | None = None,
) -> None:
    """Refuse tensors that are missing, left over or of another shape, which would leave a part at random.

    Args:
        path: the file, for messages.
        title: what it looks like, for people.
        found: by the names of ``expected``.
        expected: the shape of each tensor.
        origin: name -> the file's, where they differ.

    Raises:
        CheckpointError: names the first of them.
    """
    names = origin or {}
    problems = [f"{names.get(name, name)} is not in it" for name in expected if name not in found]
    problems += [f"there is no place for {names.get(name, name)}" for name in found if name not in expected]
    problems += [
        f"{names.get(name, name)} has the shape {list(tensor.shape)} instead of {list(expected[name])}"
        for name, tensor in found.items()
        if name in expected and tuple(tensor.shape) != tuple(expected[name])
    ]
    if problems:
        raise CheckpointError(
            f"{path}: looks like {title}, but {listed(problems, 4, '; ')}. The file is damaged, or of a variant that "
            "is not supported."
        )
