"""What to compute on: the device, and the cores of the CPU."""

from __future__ import annotations

import torch

from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest

_NAMES = ("auto", "cpu", "cuda")


def choose_device(device: torch.device | str, asked_by: str) -> torch.device:
    """Return the torch device; "auto" is CUDA where there is one, else the CPU.

    Args:
        device: "auto", "cpu", "cuda" or a torch device.
        asked_by: the flag or config key that it comes from, for the message.

    Raises:
        UserError: if it is no such device, or CUDA is requested and absent.
    """
    if str(device) == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(device)
    except RuntimeError as error:
        raise UserError(f"{asked_by}: there is no device {device}. {suggest(str(device), _NAMES)}") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UserError(
            f"{asked_by} is {device}, but PyTorch sees no CUDA device. Check nvidia-smi and the driver, or run on the "
            f"CPU with {asked_by} cpu."
        )
    return device
