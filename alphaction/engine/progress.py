"""What a checkpoint keeps besides weights, optimizer and schedule: sums for the next line of the log, counts, levels.

With it a run that was stopped logs and judges like one that was left alone, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch

from alphaction.engine.divergence import DivergenceWatch
from alphaction.engine.metric_log import RunningMeans
from alphaction.engine.train_step import TrainStep

_ANEW = "its log and its checks begin anew"


def progress_of(step: TrainStep, means: RunningMeans, watch: DivergenceWatch) -> dict[str, Any]:
    """Return what a checkpoint keeps, in tensors and plain types. Every process calls this."""
    return {
        "means": means.state_dict(),
        "watch": watch.state_dict(),
        "bad_steps": step.bad_steps.state_dict(),
        "last_loss": math.nan if step.last_loss is None else step.last_loss.item(),
    }


def load_progress(state: object, step: TrainStep, means: RunningMeans, watch: DivergenceWatch) -> Iterator[str]:
    """Take over what :func:`progress_of` returned; yield notes on what is absent or malformed, which begins anew."""
    if not isinstance(state, Mapping):
        what = "is of an older version, without sums of the log" if state is None else "holds no sums of the log"
        yield f"the checkpoint {what}: {_ANEW}"
        return
    load_means = partial(means.load_state_dict, device=step.runtime.device)
    parts = (("means", load_means), ("watch", watch.load_state_dict), ("bad_steps", step.bad_steps.load_state_dict))
    for name, load in parts:
        try:
            value = state.get(name)
            if not isinstance(value, Mapping):
                raise ValueError("absent")
            load(value)
        except ValueError as error:
            yield f'"{name}" of the checkpoint cannot be used ({error}): {_ANEW}'
    loss = state.get("last_loss")
    if isinstance(loss, float) and math.isfinite(loss):
        step.last_loss = torch.full((), loss, device=step.runtime.device)
