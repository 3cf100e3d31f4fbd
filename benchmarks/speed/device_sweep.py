"""Networks in all precisions and layouts on one device: time, memory, share of the device's peak, largest batch."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode
from yacs.config import CfgNode

from alphaction.config import load_cfg
from alphaction.data.sample import ClipBatch
from alphaction.engine.setup import autocast_for
from alphaction.modeling import build_detection_model
from benchmarks import CONFIGS
from benchmarks.speed.clips import full_memory, make_batch, page_locked
from benchmarks.speed.made_up_steps import made_up_step

_VIT_DENSE = (
    "MODEL.BACKBONE.CONV_BODY ViT-Base INPUT.FRAME_NUM 64 INPUT.ALPHA 4 INPUT.TAU 16 MODEL.IA_STRUCTURE.DIM_IN 768 "
    "MODEL.IA_STRUCTURE.DIM_OUT 768 MODEL.IA_STRUCTURE.DIM_INNER 512"
).split()
NETWORKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "r50": ("resnet50_4x16f_baseline.yaml", ()),
    "r50-dense": ("resnet50_4x16f_denseserial.yaml", ()),
    "r101": ("resnet101_8x8f_baseline.yaml", ()),
    "r101-dense": ("resnet101_8x8f_denseserial.yaml", ()),
    "vit-b": ("resnet50_4x16f_baseline.yaml", tuple(_VIT_DENSE[:8])),
    "vit-b-dense": ("resnet50_4x16f_denseserial.yaml", tuple(_VIT_DENSE)),
    "tiny": ("tiny/toy.yaml", ()),
}
"""Name -> file in config_files and what it is changed by. The ViT sees 16 frames of the same two and a half seconds."""


@dataclass(frozen=True)
class Mode:
    """How a network is computed.

    Attributes:
        amp: SOLVER.AMP.
        tf32: whether float32 products may be rounded to TF32.
        channels_last: whether weights and activations of convolutions have channels last in memory.
        compiled: whether the backbone is compiled.
    """

    amp: str = "off"
    tf32: bool = False
    channels_last: bool = False
    compiled: bool = False

    @property
    def precision(self) -> str:
        """The key of :func:`matrix_peaks`."""
        return self.amp if self.amp != "off" else "tf32" if self.tf32 else "fp32"


MODES = {
    "fp32": Mode(),
    "tf32": Mode(tf32=True),
    "tf32-last": Mode(tf32=True, channels_last=True),
    "bf16": Mode("bf16"),
    "bf16-last": Mode("bf16", channels_last=True),
    "bf16-compile": Mode("bf16", compiled=True),
    "bf16-last-compile": Mode("bf16", channels_last=True, compiled=True),
}
"""Name -> mode; the first is what all are compared with."""


@contextmanager
def float32_products(tf32: bool) -> Iterator[None]:
    """Let matrix products and convolutions of float32 round to TF32, or not, within the block."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def network_config(name: str, checkpointing: bool = False) -> CfgNode:
    """Return the config of one of :data:`NETWORKS`."""
    file, changes = NETWORKS[name]
    return load_cfg(str(CONFIGS / file), [*changes, "MODEL.ACTIVATION_CHECKPOINTING", checkpointing])


class Job:
    """Training steps or inference of a network in one mode, on the same clips each time.

    Args:
        cfg: the network.
        mode: how it is computed.
        work: "train": a whole step, from the copy to the device to updated weights; "infer": both passes of a batch.
        device: where.
        batch: clips on the host.
    """

    def __init__(self, cfg: CfgNode, mode: Mode, work: str, device: torch.device, batch: ClipBatch) -> None:
        self.cfg = cfg = cfg.clone()
        cfg.defrost()
        cfg.SOLVER.AMP = mode.amp
        self.mode, self.work, self.device, self.batch = mode, work, device, batch
        self.model = build_detection_model(cfg).to(device)
        if mode.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last_3d)
        if mode.compiled:
            self.model.backbone.compile()
        self.pool = full_memory(cfg, self.model, batch.keyframes)
        self._step = made_up_step(cfg, self.model, batch, device, self.pool) if work == "train" else None
        self.model.train(work == "train")

    def run(self) -> None:
        """Do it once; on CUDA it may still run when this returns."""
        with float32_products(self.mode.tf32):
            if self._step is None:
                self._infer()
            else:
                self._step.run([self.batch])
                self._step.settle()

    @torch.inference_mode()
    def _infer(self) -> None:
        batch = self.batch.to(self.device)
        memory = self.pool.read(batch.keyframes, device=self.device) if self.pool is not None else None
        with autocast_for(self.mode.amp, self.device):
            pooled = self.model.extract_features(batch)
            logits = self.model.predict_from_features(pooled, batch, memory)
        self.model.probabilities(logits.float()).cpu()


def clips_for(cfg: CfgNode, clips: int, persons: int, size: tuple[int, int], device: torch.device) -> ClipBatch:
    """Return made-up clips on the host, in page-locked memory if the device is a GPU."""
    batch = make_batch(cfg, clips, persons, size)
    return page_locked(batch) if device.type == "cuda" else batch


def count_flops(job: Job) -> int:
    """Return the floating-point operations of one run: those of convolutions, products and attention."""
    with FlopCounterMode(display=False) as counter:
        job.run()
    return counter.get_total_flops()


def matrix_peaks(device: torch.device, size: int, repetitions: int) -> dict[str, float]:
    """Return the operations a second that a large square matrix product reaches, the best of some, by precision."""
    peaks = {}
    for name, dtype, tf32 in (
        ("fp32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("bf16", torch.bfloat16, False),
    ):
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        with float32_products(tf32):
            best = min(_seconds(lambda: left @ right, device) for _ in range(repetitions + 1))  # noqa: B023
        peaks[name] = 2 * size**3 / best
    return peaks


def _seconds(run: Callable[[], object], device: torch.device, times: int = 3) -> float:
    synchronize(device)
    start = time.perf_counter()
    for _ in range(times):
        run()
    synchronize(device)
    return (time.perf_counter() - start) / times


def synchronize(device: torch.device) -> None:
    """Wait until the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def fits(run: Callable[[], object], device: torch.device) -> bool:
    """Return whether ``run`` finds enough memory on the device; what it took is free again afterwards."""
    try:
        run()
        synchronize(device)
    except torch.OutOfMemoryError:
        return False
    finally:
        give_back_memory(device)
    return True


def give_back_memory(device: torch.device) -> None:
    """Free what earlier runs have left on a GPU."""
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()


def largest(fitting: Callable[[int], bool], limit: int) -> int:
    """Return the largest number from 1 to ``limit`` that fits, 0 if none does: by doubling, then by halving the rest.

    Args:
        fitting: whether a number does; of those that do not, all larger ones do not either.
    """
    low, high = 0, 1
    while high <= limit and fitting(high):
        low, high = high, high * 2
    high = min(high, limit + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fitting(middle) else (low, middle)
    return low


def top_kernels(job: Job, repetitions: int, limit: int = 12) -> list[tuple[str, float]]:
    """Return what takes the most time of a run, kernels or on the CPU operators: (name, share), longest first."""
    on_gpu = job.device.type == "cuda"
    kind = torch.profiler.ProfilerActivity
    with torch.profiler.profile(activities=[kind.CPU, *([kind.CUDA] if on_gpu else [])]) as profile:
        for _ in range(repetitions):
            job.run()
        synchronize(job.device)
    times = [
        (event.key, event.self_device_time_total if on_gpu else event.self_cpu_time_total)
        for event in profile.key_averages()
    ]
    total = sum(spent for _, spent in times) or 1
    ranked: Sequence[tuple[str, float]] = sorted(times, key=lambda pair: -pair[1])
    return [(name, spent / total) for name, spent in ranked[:limit] if spent]
