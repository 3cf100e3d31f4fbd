"""Out of memory, on the device or on the host, as a message that names what helps, with the values of the run."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from yacs.config import CfgNode

from alphaction.utils.distributed import get_world_size
from alphaction.utils.errors import ResourceError, UserError
from alphaction.utils.messages import listed

# What libraries say in exceptions of a general kind. The allocator of PyTorch's CPU tensors, Linux's errno 12, OpenCV.
_HOST = re.compile(
    r"DefaultCPUAllocator|alloc_cpu\.cpp|not enough memory|[Cc]an(?:not|'t) allocate memory|Insufficient memory"
    r"|std::bad_alloc|[Uu]nable to allocate|can't start new thread"
)
_DEVICE = re.compile(
    r"CUDA out of memory|CUDA error: out of memory|cudaErrorMemoryAllocation|CU(?:BLAS|DNN|SOLVER)_STATUS_ALLOC_FAILED"
    r"|out of memory trying to allocate"
)
_AMOUNT = re.compile(r"(?:[Tt]ried to allocate|[Uu]nable to allocate|Failed to allocate) ([\d.]+ ?(?:[KMGT]i?B|bytes))")
_BYTES = re.compile(r"(\d+) ?bytes")


@contextmanager
def naming_what_helps(doing: str, advice: Callable[[bool], list[str]]) -> Iterator[None]:
    """Turn an error of the memory within the block into a :class:`ResourceError` that says what helps.

    Args:
        doing: what the block does, "training" say.
        advice: returns what helps, the best first; its argument tells whether the device's memory is full, else the
            host's is.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        where = memory_of(error)
        if where is None:
            raise
        raise ResourceError(
            f"out of memory {'on the device' if where == 'device' else 'on the host'} while {doing}{_amount(error)}. "
            f"What helps: {listed(advice(where == 'device'), 8, '; ')}."
        ) from error


def memory_of(error: BaseException) -> str | None:
    """Return which memory an error says is full, "device" or "host"; None for any other error.

    A data loader raises what happened in a worker as an error of the same kind with the worker's traceback as text.
    """
    if isinstance(error, torch.OutOfMemoryError):
        return "device"
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return "host"
    # RuntimeError of PyTorch, cv2.error, and whatever a worker's error is raised anew as: the words are the same.
    text = str(error)
    return "device" if _DEVICE.search(text) else "host" if _HOST.search(text) else None


def training_advice(cfg: CfgNode) -> Callable[[bool], list[str]]:
    """Return what helps a training."""

    def advice(on_device: bool) -> list[str]:
        solver, processes = cfg.SOLVER, get_world_size()
        share = solver.VIDEOS_PER_BATCH // processes
        texts = []
        if share > solver.ACCUMULATION_STEPS:
            steps = next(n for n in range(solver.ACCUMULATION_STEPS + 1, share + 1) if share % n == 0)
            texts.append(
                f"SOLVER.ACCUMULATION_STEPS {steps} ({solver.ACCUMULATION_STEPS} now): the same batch in parts, of "
                f"{share // steps} in place of {share // solver.ACCUMULATION_STEPS} clips a process"
            )
        if share > 1:
            smaller = max(1, share // 2) * processes
            texts.append(
                f"SOLVER.VIDEOS_PER_BATCH {smaller} ({solver.VIDEOS_PER_BATCH} now; lower SOLVER.BASE_LR "
                f"{solver.BASE_LR:g} with it)"
            )
        if not cfg.MODEL.ACTIVATION_CHECKPOINTING and cfg.MODEL.BACKBONE.FREEZE != "all":
            texts.append("MODEL.ACTIVATION_CHECKPOINTING True (computes activations twice in place of keeping them)")
        if solver.AMP == "off" and on_device:
            texts.append("SOLVER.AMP bf16 (off now)")
        texts.append(_sizes(cfg, "TRAIN"))
        return texts + ([] if on_device else _host_advice(cfg))

    return advice


def prediction_advice(cfg: CfgNode) -> Callable[[bool], list[str]]:
    """Return what helps an evaluation or a prediction."""

    def advice(on_device: bool) -> list[str]:
        processes = get_world_size()
        clips = cfg.TEST.VIDEOS_PER_BATCH
        texts = []
        if clips > processes:
            texts.append(f"TEST.VIDEOS_PER_BATCH {max(1, clips // processes // 2) * processes} ({clips} now)")
        if cfg.SOLVER.AMP == "off" and on_device:
            texts.append("SOLVER.AMP bf16 (off now)")
        texts.append(_sizes(cfg, "TEST"))
        return texts + ([] if on_device else _host_advice(cfg))

    return advice


def _host_advice(cfg: CfgNode) -> list[str]:
    loader = cfg.DATALOADER
    texts = []
    if loader.NUM_WORKERS > 0:
        texts.append(
            f"DATALOADER.NUM_WORKERS {loader.NUM_WORKERS // 2} ({loader.NUM_WORKERS} now), as each worker holds "
            f"DATALOADER.PREFETCH_FACTOR {loader.PREFETCH_FACTOR} batches"
        )
    if get_world_size() > 1 and cfg.MODEL.IA_STRUCTURE.ACTIVE and "M" in str(cfg.MODEL.IA_STRUCTURE.I_BLOCK_LIST):
        texts.append("fewer processes a machine, as each keeps the memory of all persons (MODEL.IA_STRUCTURE)")
    return [*texts, "other programs that take memory, or a limit (ulimit -v, a container's, Slurm's --mem)"]


def _sizes(cfg: CfgNode, split: str) -> str:
    short, long = cfg.INPUT[f"MIN_SIZE_{split}"], cfg.INPUT[f"MAX_SIZE_{split}"]
    return f"smaller frames (INPUT.MIN_SIZE_{split} {short}, INPUT.MAX_SIZE_{split} {long} now)"


def _amount(error: BaseException) -> str:
    text = str(error)
    found = _AMOUNT.search(text)
    if found is None:
        return ""
    of_bytes = _BYTES.fullmatch(found[1])
    amount = f"{int(of_bytes[1]) / 2**20:,.0f} MiB" if of_bytes else found[1]
    return f" ({amount} were asked for at once)"
