"""The devices of a planned run: GPUs or the CPU, and how many processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from yacs.config import CfgNode

from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted
from alphaction.workflows.finetune.launch.launch_options import LaunchOptions
from alphaction.workflows.finetune.launch.machine import Machine

_DEVICE = "MODEL.DEVICE"


@dataclass(frozen=True)
class Processes:
    """The processes of a run.

    Attributes:
        device: what each runs on.
        per_node: processes on each machine; 1 on the CPU.
        nodes: machines.
        description: the plan's line.
        overrides: config keys that train_net.py needs for it.
        notes: what was decided without being asked for.
        warnings: what would stop a real start; dry runs only.
    """

    device: Literal["cuda", "cpu"]
    per_node: int
    nodes: int
    description: str
    overrides: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Processes over all machines."""
        return self.per_node * self.nodes


def choose_processes(cfg: CfgNode, options: LaunchOptions, machine: Machine) -> Processes:
    """Return the processes that the options and the machine give; ``cfg``'s MODEL.DEVICE is changed to fit.

    Raises:
        UserError: if more GPUs are asked for than there are, or options and MODEL.DEVICE contradict each other.
    """
    _refuse_contradiction(options, cfg.MODEL.DEVICE)
    if options.cpu:
        return _cpu(cfg, options, machine, ())
    if options.num_gpus is not None:
        return _given_gpus(cfg, options, machine, options.num_gpus)
    if cfg.MODEL.DEVICE == "cpu":
        return _cpu(cfg, options, machine, ("MODEL.DEVICE is cpu in the config; --num-gpus N would use GPUs.",))
    if machine.gpus:
        return _gpus(options, machine, len(machine.gpus), (), (), ())
    if cfg.MODEL.DEVICE == "cuda":
        raise UserError(f"MODEL.DEVICE is cuda, but {_why_none(machine)} Train on the CPU with --cpu.")
    return _cpu(cfg, options, machine, (f"Training on the CPU: {_why_none(machine)}",))


def _refuse_contradiction(options: LaunchOptions, device: str) -> None:
    if not options.overrides_key(_DEVICE):
        return
    if options.cpu and device != "cpu":
        raise UserError(f"--cpu and {_DEVICE} {device} contradict each other: leave one of them out.")
    if options.num_gpus is not None and device == "cpu":
        raise UserError(
            f"--num-gpus {options.num_gpus} and {_DEVICE} cpu contradict each other: leave one of them out."
        )


def _cpu(cfg: CfgNode, options: LaunchOptions, machine: Machine, notes: tuple[str, ...]) -> Processes:
    overrides = () if cfg.MODEL.DEVICE == "cpu" else (_DEVICE, "cpu")
    cfg.MODEL.DEVICE = "cpu"
    description = f"CPU, {counted(machine.cores, 'core')}" + _machines(options)
    return Processes("cpu", 1, options.nnodes, description, overrides, notes)


def _given_gpus(cfg: CfgNode, options: LaunchOptions, machine: Machine, count: int) -> Processes:
    notes: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    if cfg.MODEL.DEVICE == "cpu":
        notes = ("MODEL.DEVICE is cpu in the config; the GPUs that were asked for are used instead.",)
        overrides = (_DEVICE, "cuda")
        cfg.MODEL.DEVICE = "cuda"
    if count > len(machine.gpus):
        visible = machine.environ.get("CUDA_VISIBLE_DEVICES")
        setting = f" CUDA_VISIBLE_DEVICES is {visible!r}." if visible is not None else ""
        if machine.gpus:
            problem = f"--num-gpus {count}, but PyTorch sees {counted(len(machine.gpus), 'GPU')}.{setting}"
            remedy = f"Use --num-gpus {len(machine.gpus)}, or leave it out to use all."
        else:
            problem = f"--num-gpus {count}, but {_why_none(machine)}"
            remedy = "Train on the CPU with --cpu."
        if not options.dry_run:
            raise UserError(f"{problem} {remedy} (--dry-run plans for GPUs of another machine.)")
        warnings = (f"{problem} The command is for a machine that has them.",)
    return _gpus(options, machine, count, overrides, notes, warnings)


def _gpus(
    options: LaunchOptions,
    machine: Machine,
    count: int,
    overrides: tuple[str, ...],
    notes: tuple[str, ...],
    warnings: tuple[str, ...],
) -> Processes:
    names = sorted({gpu.name for gpu in machine.gpus[:count]})
    known = f" ({', '.join(names)})" if names else ""
    description = f"{counted(count, 'GPU')}{known}" + _machines(options)
    return Processes("cuda", count, options.nnodes, description, overrides, notes, warnings)


def _machines(options: LaunchOptions) -> str:
    if options.nnodes == 1:
        return ""
    return f" on each of {options.nnodes} machines, this is number {options.node_rank or 0}"


def _why_none(machine: Machine) -> str:
    if not machine.has_cuda_build:
        return "this PyTorch is built for the CPU only (docs/INSTALL.md says how to get one for GPUs)."
    visible = machine.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return f"PyTorch sees no GPU (CUDA_VISIBLE_DEVICES is {visible!r})."
    return "PyTorch sees no GPU. `nvidia-smi` shows whether the driver does."
