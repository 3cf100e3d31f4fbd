"""The metrics of a run: the text log, metrics.jsonl, TensorBoard and a progress bar."""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from alphaction.utils.distributed import reduce_mean
from alphaction.utils.logging import get_logger

METRICS_FILE = "metrics.jsonl"


class RunningMeans:
    """Means of device scalars between two log lines; nothing is copied to the host until :meth:`pop`."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._steps = 0

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add the scalars of one step; every step must bring the same names."""
        for name, value in values.items():
            value = value.detach().float()
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._steps += 1

    def pop(self) -> dict[str, float]:
        """Return the means over steps and processes, and reset. Waits for the device."""
        if not self._sums:
            return {}
        stacked = reduce_mean(torch.stack(list(self._sums.values())) / self._steps)
        means = dict(zip(self._sums, stacked.tolist(), strict=True))
        self._sums, self._steps = {}, 0
        return means


def peak_memory_mb(device: torch.device) -> float:
    """Return the peak memory of the process in MiB: allocated on the GPU, or resident on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


class MetricLog:
    """Writes metrics in the main process; in the others every method does nothing.

    Args:
        output_dir: folder of the run.
        max_iter: iterations of the whole run, for the ETA and the bar.
        start_iteration: iterations done before.
        is_main: whether this is the main process.
        use_tensorboard: also write event files to ``output_dir/tensorboard``.
    """

    def __init__(
        self, output_dir: Path, max_iter: int, start_iteration: int, is_main: bool, use_tensorboard: bool
    ) -> None:
        self.is_main = is_main
        self.max_iter = max_iter
        self._file = (output_dir / METRICS_FILE).open("a", encoding="utf-8") if is_main else None
        self._tensorboard = (
            SummaryWriter(str(output_dir / "tensorboard"), purge_step=start_iteration + 1)
            if is_main and use_tensorboard
            else None
        )
        # disable=None: only where standard error is a terminal.
        self._bar = tqdm(
            total=max_iter, initial=start_iteration, unit="it", disable=None if is_main else True, dynamic_ncols=True
        )
        self._last_time = time.perf_counter()
        self._last_iteration = start_iteration

    def advance(self) -> None:
        """Move the progress bar by one iteration."""
        self._bar.update(1)

    def log_train(
        self, iteration: int, means: Mapping[str, float], lr: float, data_seconds: float, device: torch.device
    ) -> None:
        """Report the iterations since the last report.

        Args:
            iteration: iterations done.
            means: mean loss terms and accuracies.
            lr: base learning rate of the last iteration.
            data_seconds: time spent waiting for data since the last report.
            device: whose memory to report.
        """
        now = time.perf_counter()
        steps = max(1, iteration - self._last_iteration)
        step_time = (now - self._last_time) / steps
        data_time = data_seconds / steps
        record = {
            **means,
            "lr": lr,
            "data_time": data_time,
            "step_time": step_time,
            "data_share": data_time / step_time if step_time > 0 else 0.0,
            "memory_mb": peak_memory_mb(device),
            "eta_seconds": step_time * (self.max_iter - iteration),
        }
        self.write(iteration, record)
        self._last_time, self._last_iteration = now, iteration
        if self.is_main:
            terms = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
            get_logger().info(
                "iter %d/%d  %s  lr %.3g  step %.3f s  data %.3f s (waiting %.0f%%)  memory %.0f MB  eta %s",
                iteration,
                self.max_iter,
                terms,
                lr,
                step_time,
                data_time,
                100 * record["data_share"],
                record["memory_mb"],
                timedelta(seconds=round(record["eta_seconds"])),
            )

    def write(self, iteration: int, record: Mapping[str, float]) -> None:
        """Append one line to metrics.jsonl and one point per value to TensorBoard. NaN is written as null."""
        if self._file is None:
            return
        plain = {name: value if math.isfinite(value) else None for name, value in record.items()}
        self._file.write(json.dumps({"iteration": iteration, **plain}) + "\n")
        self._file.flush()
        if self._tensorboard is not None:
            for name, value in record.items():
                self._tensorboard.add_scalar(name, value, iteration)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the time of what runs inside (a checkpoint, an evaluation) out of the step time."""
        start = time.perf_counter()
        yield
        self._last_time += time.perf_counter() - start

    def close(self) -> None:
        """Flush and close all files."""
        self._bar.close()
        if self._file is not None:
            self._file.close()
        if self._tensorboard is not None:
            self._tensorboard.close()
