"""Renaming the tensors of a file: no two to one place, and none forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from alphaction.checkpoint.load_report import is_counter
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, listed


@dataclass(frozen=True)
class Renamed:
    """The tensors of a file in our names.

    Attributes:
        weights: by our names; counters of batch norms are left out.
        origin: our name -> the file's.
        left: names of the file that have no place here.
    """

    weights: dict[str, Tensor]
    origin: dict[str, str]
    left: tuple[str, ...]

    def require_all(self, path: Path, network: str) -> None:
        """Raise a :class:`UserError` if a tensor has no place here.

        Args:
            path: the file.
            network: what the tensors were taken for: "SlowFast or Slow".
        """
        if self.left:
            raise CheckpointError(
                f"{path}: {counted(len(self.left), 'tensor has', 'tensors have')} no place in a {network} network: "
                f"{listed(self.left, 4)}. The network is another one, or a variant that is not known here."
            )


def rename(path: Path, tensors: Mapping[str, Tensor], own_name: Callable[[str], str | None]) -> Renamed:
    """Give each tensor its name here.

    Args:
        path: the file, for messages.
        tensors: by the file's names.
        own_name: our name for one of the file's, None if it has no place.

    Raises:
        CheckpointError: two tensors claim the same place.
    """
    weights: dict[str, Tensor] = {}
    origin: dict[str, str] = {}
    left = []
    for name, tensor in tensors.items():
        if is_counter(name):
            continue
        own = own_name(name)
        if own is None:
            left.append(name)
        elif own in origin:
            raise CheckpointError(
                f"{path}: {origin[own]} and {name} would both be {own}. The file mixes the weights of two networks."
            )
        else:
            weights[own] = tensor
            origin[own] = name
    return Renamed(weights, origin, tuple(left))
