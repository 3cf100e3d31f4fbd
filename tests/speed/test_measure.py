"""Timing side by side: the order of turns, medians, ratios, tables and JSON, with a clock that the cases set."""

from __future__ import annotations

import math
import sys

import pytest
from memory_use import take_memory
from messages import says

from benchmarks.speed import measure
from benchmarks.speed.measure import Case, Comparison, Listing, Timing, added_memory_mb, compare, three_digits


class Clock:
    """Stands in for the module ``time``: what is timed says how long it takes."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        self.order: list[str] = []

    def perf_counter(self) -> float:
        return self.wall

    def process_time(self) -> float:
        return self.cpu

    def case(self, name: str, walls: list[float], units: float = 1.0, **facts: str) -> Case:
        """Return a case that takes each of ``walls`` in turn, the last one for ever, and half of it of the CPU."""
        left = list(walls)

        def run() -> None:
            self.order.append(name)
            took = left.pop(0) if len(left) > 1 else left[0]
            self.wall += took
            self.cpu += took / 2

        return Case(name, run, units, facts)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(measure, "time", clock)
    return clock


def test_cases_take_turns_and_each_turn_begins_with_another(clock):
    compare("t", "clip", [clock.case(name, [1.0]) for name in "abc"], repetitions=3, warm_up=1)
    assert clock.order[:3] == ["c", "a", "b"]  # warms up
    assert clock.order[3:] == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]


def test_times_are_per_unit_and_without_those_that_warm_up(clock):
    cases = [clock.case("old", [100.0, 8.0, 4.0, 6.0], units=2), clock.case("new", [50.0, 1.0, 2.0, 9.0])]
    old, new = compare("t", "clip", cases, repetitions=3).timings
    assert old.wall == (4.0, 2.0, 3.0)
    assert old.cpu == (2.0, 1.0, 1.5)
    assert new.wall == (1.0, 2.0, 9.0)


def test_ratios_are_within_a_turn():
    """A machine that becomes ten times slower changes no ratio."""
    old = Timing("old", (1.0, 10.0, 1.0), (1.0, 10.0, 1.0), {})
    new = Timing("new", (0.5, 5.0, 0.4), (0.25, 2.5, 0.25), {})
    comparison = Comparison("t", "clip", (old, new))
    assert comparison.ratios(new) == (0.25, 0.25, 0.25)
    assert comparison.ratios(new, "wall") == (0.5, 0.5, 0.4)
    assert comparison.ratios(old) == (1.0, 1.0, 1.0)
    assert comparison.to_json()["cases"][1] | {"wall": None, "cpu": None} == {
        "name": "new",
        "wall": None,
        "cpu": None,
        "facts": {},
        "median_wall": 0.5,
        "median_cpu": 0.25,
        "wall_ratio": 0.5,
        "cpu_ratio": 0.25,
    }


def test_the_table_has_medians_spreads_and_the_facts_of_each_case(clock):
    cases = [clock.case("old", [0.25], peak="9 MiB"), clock.case("new", [1.0, 0.125, 0.0625, 0.125])]
    lines = compare("decoding", "clip", cases, repetitions=3).lines()
    assert lines[0] == "decoding"
    assert lines[1].split() == "wall per clip CPU per clip wall ratio CPU ratio peak".split()
    assert lines[2].split("  ")[1:2] == ["old"]
    assert lines[2].endswith("9 MiB")
    says(lines[2], "250 ms (250-250)", "125 ms (125-125)", "1.00 (1.00-1.00)")
    says(lines[3], "125 ms (62.5-125)", "62.5 ms (31.2-62.5)", "0.50 (0.25-0.50)")


def test_nothing_to_compare_with_is_no_division_by_zero(clock):
    table = compare("t", "clip", [clock.case("a", [0.0]), clock.case("b", [0.0])], repetitions=2)
    assert all(math.isfinite(ratio) for timing in table.timings for ratio in table.ratios(timing))
    assert "0 us" in table.lines()[2]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.00012, "0.000120"), (0.0125, "0.0125"), (1.234, "1.23"), (99.96, "100"), (1234.5, "1234")],
)
def test_three_digits_without_powers_of_ten(value, text):
    assert three_digits(value) == text


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is known on Linux only")
def test_the_peak_of_a_run_is_that_of_this_run():
    added_memory_mb(lambda: take_memory(128))  # not those of what follows
    assert 30 < added_memory_mb(lambda: take_memory(32)) < 60
    assert added_memory_mb(lambda: None) < 5


def test_the_peak_elsewhere_is_unknown(monkeypatch):
    monkeypatch.setattr(measure, "added_bytes", lambda run: math.nan)
    assert math.isnan(added_memory_mb(lambda: None))


def test_a_listing_is_a_table_and_rows_by_their_heading():
    listing = Listing("peaks", (("precision", "TFLOP/s"), ("fp32", "0.1")))
    assert listing.lines() == ["peaks", "  precision  TFLOP/s", "  fp32           0.1"]
    assert listing.to_json() == {"title": "peaks", "rows": [{"precision": "fp32", "TFLOP/s": "0.1"}]}
