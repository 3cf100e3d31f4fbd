"""Whether a network is being written to a file that other programs run."""

from __future__ import annotations

import torch


def is_exporting() -> bool:
    """Return whether torch records what a network computes, for a file that other programs run.

    What is recorded must hold for any number of clips, boxes and pixels, and consist of what other programs know. So
    layers then compute by the plain formula, not in the way that is fastest here.
    """
    return torch.compiler.is_exporting() or torch.jit.is_tracing()
