"""Machines that launches are planned for."""

from __future__ import annotations

from alphaction.workflows.finetune.launch.machine import Gpu, Machine

GPU = Gpu("H100", 80 * 2**30, 80 * 2**30)
NONE = Machine(cores=16)
EIGHT = Machine(gpus=(GPU,) * 8, cores=16)
