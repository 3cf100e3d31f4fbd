"""Steps whose loss or gradient is not finite: they change nothing, are counted, and name the clips that they had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from alphaction.data.keyframes import Keyframe
from alphaction.data.sample import ClipBatch
from alphaction.layers import FrozenBatchNorm3d
from alphaction.modeling.detector import TrainOutput
from alphaction.utils.distributed import gather_ragged, get_rank
from alphaction.utils.errors import DivergenceError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted, listed

_SHOWN_CLIPS = 8
# One bad step may be that of a broken clip; with more in a row the weights themselves may be at fault.
_DOUBTFUL = 2


class BadSteps:
    """Counts the steps that were skipped, and ends the run after too many in a row.

    Args:
        limit: SOLVER.MAX_BAD_STEPS.
        remedy: what to do about it, for the message.

    Attributes:
        total: skipped steps of the whole run.
        in_a_row: the last so many steps were skipped.
        in_doubt: the same without those in which only the gradient scaler looked for its scale.
    """

    def __init__(self, limit: int = 20, remedy: str = "Lower the learning rate.") -> None:
        self.limit = limit
        self.remedy = remedy
        self.total = self.in_a_row = self.in_doubt = 0

    @property
    def doubtful(self) -> bool:
        """Whether the weights are not to be trusted: the last steps had no finite loss or gradient."""
        return self.in_doubt >= min(_DOUBTFUL, self.limit)

    def good(self) -> None:
        """Note a step that was done."""
        self.in_a_row = self.in_doubt = 0

    def bad(self, iteration: int, what: str, clips: Sequence[str], *, scaling: bool) -> None:
        """Note a step that was skipped; the same on all processes.

        Args:
            iteration: its number.
            what: what is not finite, with its values.
            clips: those that had it.
            scaling: the gradient scaler looks for its scale, which it does by such steps.

        Raises:
            DivergenceError: for too many in a row.
        """
        self.total += 1
        self.in_a_row += 1
        self.in_doubt = 0 if scaling else self.in_doubt + 1
        told = f"; {counted(len(clips), 'clip')}: {listed(clips, _SHOWN_CLIPS)}" if clips else ""
        if self.in_a_row >= self.limit:
            raise DivergenceError(
                f"the training diverged at or before iteration {iteration}: not finite in "
                f"{counted(self.in_a_row, 'step')} in a row (SOLVER.MAX_BAD_STEPS {self.limit}), the last time {what}"
                f"{told}. {self.remedy}"
            )
        if get_rank() > 0:
            return  # all processes know the same
        say = get_logger().debug if scaling else get_logger().warning
        say(
            "iteration %d is skipped and changes no weight: not finite: %s%s (%d in a row; SOLVER.MAX_BAD_STEPS %d)",
            iteration,
            what,
            told,
            self.in_a_row,
            self.limit,
        )

    def state_dict(self) -> dict[str, int]:
        """Return the counts."""
        return {"total": self.total, "in_a_row": self.in_a_row, "in_doubt": self.in_doubt}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the counts of the run that is continued.

        Raises:
            ValueError: if they are none.
        """
        counts = [state.get(name) for name in self.state_dict()]
        if not all(type(count) is int and count >= 0 for count in counts):
            raise ValueError("no counts of skipped steps")
        self.total, self.in_a_row, self.in_doubt = counts


class RunningStatistics:
    """The buffers that a forward pass in training changes: statistics of batch norms, centers of features.

    Args:
        model: in training mode, as far as it is trained.
    """

    def __init__(self, model: nn.Module) -> None:
        self._buffers = [
            buffer
            for module in model.modules()
            if module.training and not isinstance(module, FrozenBatchNorm3d)
            for buffer in module.buffers(recurse=False)
        ]
        # Without those that are not finite from the start: a mask of minus infinity is no statistic.
        self._floats = [
            buffer
            for buffer in self._buffers
            if buffer.is_floating_point() and buffer.numel() and buffer.isfinite().all()
        ]
        self._copies = [torch.empty_like(buffer) for buffer in self._buffers]

    @torch.no_grad()
    def keep(self) -> None:
        """Copy them, on their device."""
        if self._buffers:
            torch._foreach_copy_(self._copies, self._buffers)

    @torch.no_grad()
    def put_back(self) -> None:
        """Give them the values of the last :meth:`keep`."""
        if self._buffers:
            torch._foreach_copy_(self._buffers, self._copies)

    def norm(self, device: torch.device) -> Tensor:
        """Return :func:`norm_of` them."""
        return norm_of(self._floats, device)


def norm_of(tensors: Sequence[Tensor], device: torch.device) -> Tensor:
    """Return the norm of all tensors together, a scalar on ``device``; does not wait for it.

    NaN or infinity in them gives such. So do values whose squares overflow, beyond 1e19, with which no step can be done
    either. (The largest value would take ten times as long on a CPU.)
    """
    if not tensors:
        return torch.zeros((), device=device)
    return torch.stack([norm.float() for norm in torch._foreach_norm(list(tensors))]).norm()


def clip_gradients(gradients: Sequence[Tensor], limit: float, norm: float) -> None:
    """Scale gradients in place so that their common norm is at most ``limit``, as ``clip_grad_norm_`` does.

    Args:
        norm: of them all together, by :func:`norm_of`: it is known by then, and nothing waits for it again.
    """
    # In float32, like the norm itself.
    factor = (limit / (torch.tensor(norm) + 1e-6)).item()
    if factor < 1:
        torch._foreach_mul_(list(gradients), factor)


def clips_at_fault(
    batches: Sequence[ClipBatch], outputs: Sequence[TrainOutput], keyframes: Sequence[Keyframe], prefix: str = ""
) -> list[str]:
    """Return the clips of a bad step on all processes that had it, "dataset/video at 12 s"; every process calls this.

    They are those whose features are not finite; if there are none, those of the micro-batches and processes whose loss
    is not; else, for a gradient, all of the step.

    Args:
        batches, outputs: of this process.
        keyframes: of the training set, by position.
        prefix: put before the video's name.
    """
    levels = []
    for batch, output in zip(batches, outputs, strict=True):
        finite = sum(output.losses.values()).detach().isfinite()
        level = torch.where(finite, 0, 1).expand(len(batch)).clone()
        broken = ~output.person_features.isfinite().all(dim=1)
        level[batch.clip_index[broken]] = 2
        levels.append(torch.stack([batch.indices, level], dim=1))
    rows = torch.cat(gather_ragged(torch.cat(levels))).cpu()
    worst = rows[rows[:, 1] == rows[:, 1].max()] if len(rows) else rows
    names = (keyframes[index] for index in dict.fromkeys(worst[:, 0].tolist()))
    return [f"{prefix}{video} at {second:g} s" for video, second in names]
