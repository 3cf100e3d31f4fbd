"""Whether a training has diverged: its loss and its weights, judged against infinity and against the run's own past.

A loss of 1e16 is finite, and the network that has it is lost all the same. What an honest run shows stays out of it:
the first steps, a spike when the memory comes into use or a hard clip comes along, a focal loss that is almost 0.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from yacs.config import CfgNode

from alphaction.utils.errors import DivergenceError
from alphaction.utils.messages import listed

LOSS = "loss"
_PAST = 20  # logged losses whose median is the run's level
# On the toy data a single loss was twice the level at three times a good rate, and 54 times at ten times that rate,
# from which the run recovered. Those that were lost showed 12,000 times the level and more, or NaN.
_FAR = 1000.0  # so many times the level once
_LASTING, _HIGH = 5, 100.0  # or so many losses in a row that are so many times what the run began with
_ABSURD = 1e6  # times the loss of a network that knows nothing: also where there is no past
_GROWTH = 1000.0  # of the norm of all weights since the run began


def remedies(cfg: CfgNode) -> str:
    """Return which keys to change, with the values that this run has."""
    solver = cfg.SOLVER
    texts = [f"lower SOLVER.BASE_LR ({solver.BASE_LR:g} now: try {solver.BASE_LR / 10:g})"]
    if solver.WARMUP_ON:
        texts.append(f"lengthen SOLVER.WARMUP_ITERS ({solver.WARMUP_ITERS} now)")
    else:
        texts.append("set SOLVER.WARMUP_ON True")
    clip = solver.CLIP_GRAD_NORM
    texts.append(f"set SOLVER.CLIP_GRAD_NORM ({clip:g} now: try {clip / 10 if clip else 10:g})")
    if solver.AMP != "off":
        better = "bf16 or off" if solver.AMP == "fp16" else "off"
        texts.append(f"set SOLVER.AMP ({solver.AMP} now) to {better}")
    return f"To train on, {', or '.join(texts)}. Checkpoints written before are kept."


class DivergenceWatch:
    """Judges the losses that are logged, and the weights before they are saved.

    Args:
        undecided: loss of a network that knows nothing, below which no loss is ever high.
        remedy: what to do about it, for the message.

    Attributes:
        state: what a checkpoint keeps, so that a continued run judges as if it had not been stopped.
    """

    def __init__(self, undecided: float = 1.0, remedy: str = "Lower the learning rate.") -> None:
        self.undecided = undecided
        self.remedy = remedy
        self._past: list[float] = []  # the last losses, the oldest first
        self._first: float | None = None  # level of the run's beginning
        self._high = 0  # losses in a row that are high
        self._norm: float | None = None  # of all weights when the run began

    def begin(self, model: nn.Module) -> None:
        """Remember how large the weights are, unless the run began before."""
        if self._norm is None:
            norm = _norms(model).norm().item()
            self._norm = norm if math.isfinite(norm) else None

    def record(self, iteration: int, values: Mapping[str, float]) -> None:
        """Judge values that are logged, and add them to the past.

        Raises:
            DivergenceError: if the training has diverged.
        """
        loss = values.get(LOSS, math.nan)
        if math.isnan(loss):
            return  # every step of this time was skipped, which is counted elsewhere
        self.check(iteration, values)
        self._high = self._high + 1 if loss > _HIGH * self._beginning() else 0
        self._past = [*self._past, loss][-_PAST:]
        if self._first is None:
            self._first = loss
        if self._high >= _LASTING:
            shown = listed(f"{value:.4g}" for value in self._past[-_LASTING:])
            raise self._error(
                iteration,
                f"the last {_LASTING} logged losses are {shown}, "
                f"all more than {_HIGH:g} times what the run began with ({self._beginning():.4g})",
            )

    def check(self, iteration: int, values: Mapping[str, float]) -> None:
        """Judge means over steps that are not logged, before a checkpoint; the past stays as it is.

        Raises:
            DivergenceError: if the training has diverged.
        """
        infinite = [name for name, value in values.items() if math.isinf(value)]
        if infinite:
            raise self._error(iteration, f"{listed(infinite)} is infinite")
        loss = values.get(LOSS, math.nan)
        if loss > _ABSURD * self.undecided:
            raise self._error(
                iteration, f"the loss is {loss:.4g}; that of a network that knows nothing is {self.undecided:.3g}"
            )
        if self._past and loss > _FAR * self.level():
            raise self._error(
                iteration,
                f"the loss is {loss:.4g}, and was about {statistics.median(self._past):.4g} before "
                f"(a network that knows nothing has {self.undecided:.3g})",
            )

    def check_weights(self, iteration: int, model: nn.Module) -> None:
        """Judge the weights. Waits for the device.

        Raises:
            DivergenceError: if a weight is not finite, or they have grown out of all proportion.
        """
        norm = _norms(model).norm().item()
        if not math.isfinite(norm):
            raise self._error(iteration, "some weight is not finite")
        if self._norm and norm > _GROWTH * self._norm:
            raise self._error(
                iteration, f"the norm of all weights is {norm:.3g}, and was {self._norm:.3g} when the run began"
            )

    def level(self) -> float:
        """Return the loss that the next one is compared with."""
        return max(self.undecided, statistics.median(self._past))

    def state_dict(self) -> dict[str, Any]:
        """Return the past, in plain types."""
        return {"past": list(self._past), "first": self._first, "high": self._high, "norm": self._norm}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the past of the run that is continued.

        Raises:
            ValueError: if it is not what :meth:`state_dict` returns.
        """
        past, first, high, norm = (state.get(name) for name in ("past", "first", "high", "norm"))
        if not isinstance(past, list) or not all(map(_is_level, past)) or type(high) is not int:
            raise ValueError("no past of a loss")
        if any(value is not None and not _is_level(value) for value in (first, norm)):
            raise ValueError("no level of a loss or of weights")
        self._past, self._first, self._high, self._norm = past[-_PAST:], first, high, norm

    def _beginning(self) -> float:
        return max(self.undecided, self._first or 0.0)

    def _error(self, iteration: int, what: str) -> DivergenceError:
        return DivergenceError(f"the training diverged at or before iteration {iteration}: {what}. {self.remedy}")


def _is_level(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _norms(model: nn.Module) -> torch.Tensor:
    return torch.stack(torch._foreach_norm([parameter.detach() for parameter in model.parameters()]))
