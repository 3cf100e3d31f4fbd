"""Networks as shapes: built and run without memory for weights, and without the time that values take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

# Each gives back its first argument, filled or normalized. On "meta" torch works the result out step by step in Python,
# which takes most of the time of building a network, and of running it.
_SAME_SHAPE = frozenset(
    (
        nn.init.kaiming_normal_,
        nn.init.kaiming_uniform_,
        nn.init.normal_,
        nn.init.uniform_,
        torch.Tensor.normal_,
        torch.Tensor.uniform_,
        torch.Tensor.fill_,
        torch.Tensor.zero_,
        functional.batch_norm,
        functional.layer_norm,
    )
)


class _WithoutValues(TorchFunctionMode):
    """Leaves out what changes no shape."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _SAME_SHAPE:
            return args[0] if args else next(iter(kwargs.values()))
        return func(*args, **kwargs)


@contextmanager
def shapes_only() -> Iterator[None]:
    """Make tensors on the device "meta", and leave out what fills or normalizes them.

    Networks that are built and run within have the shapes of real ones, and no values. No random number is drawn.
    """
    with torch.device("meta"), _WithoutValues():
        yield
