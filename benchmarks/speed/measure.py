"""Timing things side by side: repetitions in turns, median and spread, CPU time and wall time.

Ratios are the result. A machine that slows down for a while slows all cases down, since they take turns; ratios are
medians of the ratios within a turn.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from alphaction.utils.messages import text_table
from alphaction.utils.process_memory import added_bytes

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))


@dataclass(frozen=True)
class Case:
    """One thing to time.

    Attributes:
        name: in the table.
        run: does it once.
        units: how much of the table's unit one run does, such as clips; times are per unit.
        facts: text of further columns, by their heading: peak memory, a difference from the reference.
    """

    name: str
    run: Callable[[], object]
    units: float = 1.0
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Timing:
    """What a case took, in seconds per unit, one value for each repetition.

    Attributes:
        wall: elapsed time.
        cpu: time of all threads of this process, kernel and user.
    """

    name: str
    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    facts: dict[str, str]


@dataclass(frozen=True)
class Comparison:
    """Cases that were timed in turns.

    Attributes:
        title: what was timed, on what input.
        unit: what a time is for, such as "clip".
        timings: the first is the reference of the ratios.
    """

    title: str
    unit: str
    timings: tuple[Timing, ...]

    def ratios(self, timing: Timing, clock: str = "cpu") -> tuple[float, ...]:
        """Return the time of a case as a multiple of the reference's, one for each turn.

        Args:
            clock: "cpu" or "wall".
        """
        own, reference = getattr(timing, clock), getattr(self.timings[0], clock)
        return tuple(mine / max(theirs, 1e-12) for mine, theirs in zip(own, reference, strict=True))

    def lines(self) -> list[str]:
        """Return the table: medians, and in brackets the lowest and highest."""
        headings = list(dict.fromkeys(heading for timing in self.timings for heading in timing.facts))
        rows = [("", f"wall per {self.unit}", f"CPU per {self.unit}", "wall ratio", "CPU ratio", *headings)]
        for timing in self.timings:
            times = [_time_text(getattr(timing, clock)) for clock in ("wall", "cpu")]
            ratios = [_ratio_text(self.ratios(timing, clock)) for clock in ("wall", "cpu")]
            rows.append((timing.name, *times, *ratios, *(timing.facts.get(heading, "") for heading in headings)))
        return [self.title, *text_table(rows, indent="  ")]

    def to_json(self) -> dict[str, Any]:
        """Return all values, and the medians, as plain types."""
        cases = [
            {
                **asdict(timing),
                "median_wall": statistics.median(timing.wall),
                "median_cpu": statistics.median(timing.cpu),
                "wall_ratio": statistics.median(self.ratios(timing, "wall")),
                "cpu_ratio": statistics.median(self.ratios(timing)),
            }
            for timing in self.timings
        ]
        return {"title": self.title, "unit": self.unit, "cases": cases}


@dataclass(frozen=True)
class Listing:
    """Figures without a comparison.

    Attributes:
        title: what they are.
        rows: equally many cells each; the first row is the heading.
    """

    title: str
    rows: tuple[tuple[str, ...], ...]

    def lines(self) -> list[str]:
        """Return the table."""
        return [self.title, *text_table(self.rows, indent="  ")]

    def to_json(self) -> dict[str, Any]:
        """Return the rows by their heading."""
        heading, *rows = self.rows
        return {"title": self.title, "rows": [dict(zip(heading, row, strict=True)) for row in rows]}


def compare(
    title: str, unit: str, cases: Sequence[Case], *, repetitions: int = 5, warm_up: int = 1, device: str = "cpu"
) -> Comparison:
    """Time cases in turns: every repetition runs each once, beginning with another one each time.

    Args:
        title: of the table.
        unit: what times are for.
        cases: the first is the reference.
        repetitions: turns that count.
        warm_up: turns before those.
        device: on "cuda" a run ends when the device is done.
    """
    walls: list[list[float]] = [[] for _ in cases]
    cpus: list[list[float]] = [[] for _ in cases]
    for turn in range(-warm_up, repetitions):
        for place in range(len(cases)):
            index = (place + turn) % len(cases)
            wall, cpu = _timed(cases[index].run, device)
            if turn >= 0:
                walls[index].append(wall / cases[index].units)
                cpus[index].append(cpu / cases[index].units)
    timings = (
        Timing(case.name, tuple(wall), tuple(cpu), dict(case.facts))
        for case, wall, cpu in zip(cases, walls, cpus, strict=True)
    )
    return Comparison(title, unit, tuple(timings))


def added_memory_mb(run: Callable[[], object], device: str = "cpu") -> float:
    """Return the MiB that ``run`` takes at most beyond what was taken before it.

    Args:
        run: is run once. What it takes a second time may be less: the first time leaves caches.
        device: "cuda": what PyTorch allocates there; "cpu": what this process holds, known on Linux only, else the
            result is NaN.
    """
    if device != "cuda":
        return added_bytes(run) / 2**20
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    run()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def _timed(run: Callable[[], object], device: str) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - wall, time.process_time() - cpu


def _time_text(values: Sequence[float]) -> str:
    middle = statistics.median(values)
    size, unit = next((pair for pair in _UNITS if middle >= pair[0]), _UNITS[-1])
    low, high = (three_digits(value / size) for value in (min(values), max(values)))
    return f"{three_digits(middle / size)} {unit} ({low}-{high})"


def three_digits(value: float) -> str:
    """Return a number to three digits, and never as a power of ten."""
    return (
        f"{value:.0f}" if abs(value) >= 99.95 else f"{value:.3g}" if abs(value) >= 1e-3 or value == 0 else f"{value:f}"
    )


def _ratio_text(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
