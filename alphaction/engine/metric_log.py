"""The metrics of a run: the text log, metrics.jsonl, whatever plots them, and a progress bar."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from alphaction.engine.metrics_file import METRICS_FILE, cut_back, iterations_evaluated
from alphaction.engine.plots import Plots
from alphaction.utils.append_file import AppendFile
from alphaction.utils.distributed import gather_rows, get_rank, get_world_size, reduce_mean
from alphaction.utils.errors import ResourceError
from alphaction.utils.logging import get_logger, report_unwritten
from alphaction.utils.process_memory import peak_bytes

SKIPPED = "skipped_steps"
"""Metric: steps since the last line that changed nothing, as they were not finite; only where there are some."""


class RunningMeans:
    """Means of device scalars between two log lines; nothing is copied to the host until :meth:`pop`.

    Steps that were skipped do not count.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._good: Tensor | None = None  # steps that count, on the device
        self._steps = 0

    def add(self, values: Mapping[str, Tensor], good: Tensor | None = None) -> None:
        """Add the scalars of one step; every step must bring the same names.

        Args:
            values: of the step.
            good: 1 if it counts, 0 if not; a scalar on the same device. None: it counts.
        """
        for name, value in values.items():
            value = value.detach().float()
            if good is not None:
                value = torch.where(good > 0, value, 0.0)
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        if values:
            good = torch.ones_like(value) if good is None else good
            self._good = good if self._good is None else self._good + good
        self._steps += 1

    def peek(self) -> dict[str, float]:
        """Return the means over good steps and over processes, NaN if no step was good. Waits for the device.

        Every process calls this.
        """
        if not self._sums:
            return {}
        means = reduce_mean(torch.stack(list(self._sums.values())) / self._good)
        values = dict(zip(self._sums, means.tolist(), strict=True))
        skipped = self._steps - round(self._good.item())
        return {**values, SKIPPED: skipped} if skipped else values

    def pop(self) -> dict[str, float]:
        """Return what :meth:`peek` does, and reset."""
        means = self.peek()
        self._sums, self._good, self._steps = {}, None, 0
        return means

    def state_dict(self) -> dict[str, Any]:
        """Return the sums of all processes, one row each, with their names. Every process calls this."""
        if not self._sums:
            return {"names": [], "sums": torch.zeros(0, 0), "good": 0.0, "steps": 0}
        sums = gather_rows(torch.stack(list(self._sums.values()))[None])
        return {"names": list(self._sums), "sums": sums.cpu(), "good": self._good.item(), "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device | str = "cpu") -> None:
        """Take over the sums: each process its own, or their mean if there were more or fewer processes.

        Raises:
            ValueError: if it is not what :meth:`state_dict` returns.
        """
        names, sums, good, steps = (state.get(name) for name in ("names", "sums", "good", "steps"))
        if not (isinstance(names, list) and all(isinstance(name, str) for name in names) and isinstance(sums, Tensor)):
            raise ValueError("no sums with names")
        if not (isinstance(good, float) and type(steps) is int and 0 <= good <= steps):
            raise ValueError("no number of steps")
        if not names:
            return
        if sums.dtype != torch.float32 or sums.ndim != 2 or len(sums) == 0 or sums.shape[1] != len(set(names)):
            raise ValueError(f"sums of shape {list(sums.shape)} for {len(names)} names")
        row = sums[get_rank()] if len(sums) == get_world_size() else sums.mean(0)
        self._sums = dict(zip(names, row.to(device).unbind(), strict=True))
        self._good, self._steps = torch.full((), good, device=device), steps


def peak_memory_mb(device: torch.device) -> float:
    """Return the peak memory of the process in MiB: allocated on the GPU, or resident on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_bytes() / 2**20


class MetricLog:
    """Writes metrics in the main process; in the others every method does nothing.

    Args:
        output_dir: folder of the run.
        max_iter: iterations of the whole run, for the ETA and the bar.
        start_iteration: iterations done before; lines and points after it, of a run that got further, are dropped.
        is_main: whether this is the main process.
        plots: also show them there.

    Raises:
        ResourceError: if the file cannot be opened.
    """

    def __init__(
        self, output_dir: Path, max_iter: int, start_iteration: int, is_main: bool, plots: Plots | None = None
    ) -> None:
        self.is_main = is_main
        self.max_iter = max_iter
        self._plots = plots or Plots()
        self._files: list[AppendFile] = list(self._plots.files)
        if is_main:
            try:
                self._evaluated = iterations_evaluated(cut_back(output_dir, start_iteration))
                self._lines = AppendFile(output_dir / METRICS_FILE)
                self._files.insert(0, self._lines)
            except OSError as error:
                raise ResourceError(
                    f"{error.filename or output_dir / METRICS_FILE}: cannot be written ({error.strerror}). Free some "
                    "space there, or make the folder writable."
                ) from error
        # disable=None: only where standard error is a terminal.
        self._bar = tqdm(
            total=max_iter, initial=start_iteration, unit="it", disable=None if is_main else True, dynamic_ncols=True
        )
        self._last_time = time.perf_counter()
        self._last_iteration = start_iteration

    def advance(self) -> None:
        """Move the progress bar by one iteration."""
        with suppress(OSError):  # The terminal may have been closed.
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
            terms = "  ".join(f"{name} {value if name == SKIPPED else f'{value:.4f}'}" for name, value in means.items())
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
        """Append one line to metrics.jsonl, and one point per value to the plots. NaN is written as null."""
        if not self.is_main:
            return
        plain = {name: value if math.isfinite(value) else None for name, value in record.items()}
        self._lines.write((json.dumps({"iteration": iteration, **plain}) + "\n").encode())
        self._plots.metrics(iteration, record)
        for file in self._files:
            if file.failure is not None:
                report_unwritten(file.path, file.failure)

    def has_evaluation(self, iteration: int) -> bool:
        """Return whether an earlier start of the run evaluated the model of that iteration; main process only."""
        return iteration in self._evaluated

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the time of what runs inside (a checkpoint, an evaluation) out of the step time."""
        start = time.perf_counter()
        yield
        self._last_time += time.perf_counter() - start

    def close(self) -> None:
        """Close the log, and write what waits for the plots; never fails."""
        with suppress(OSError):
            self._bar.close()
        for file in self._plots.files:
            file.flush()
        if self.is_main:
            self._lines.close()

    def require_written(self) -> None:
        """Raise a :class:`ResourceError` if some line could not be written up to the end."""
        for file in self._files:
            if file.failure is not None:
                raise ResourceError(
                    f"{file.path}: its last lines are missing ({file.failure.strerror}). Free some space. The "
                    "checkpoints are complete."
                )
