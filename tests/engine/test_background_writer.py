"""Services that are slow, fail or are absent."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from alphaction.engine.background_writer import BackgroundWriter
from alphaction.utils.logging import LOGGER_NAME


class Service:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list = []

    def scalars(self, step, values) -> None:
        self.told.append((step, dict(values)))

    def text(self, step, tag, markdown) -> None:
        raise OSError("no route\nto host")

    def close(self, failed) -> None:
        self.told.append(failed)


@pytest.fixture
def warned(caplog) -> pytest.LogCaptureFixture:
    """Its ``messages`` are the warnings, in order."""
    caplog.set_level(logging.WARNING, LOGGER_NAME)
    return caplog


@pytest.mark.parametrize("failed", [False, True])
def test_everything_arrives_in_order(warned, failed):
    service = Service()
    writer = BackgroundWriter("Board", lambda: service)
    for step in range(50):
        writer.scalars(step, {"train/loss": step})
    writer.close(failed)
    assert service.told == [*((step, {"train/loss": step}) for step in range(50)), failed]
    assert warned.messages == []


def test_a_service_that_cannot_be_started_is_a_warning(warned):
    def start():
        raise ConnectionError("refused")

    writer = BackgroundWriter("Board", start)
    writer._thread.join(20)
    writer.scalars(1, {})
    writer.close(failed=False)
    told = "Board cannot be started, and this run is no longer shown there (refused). The training goes on"
    assert warned.messages == [told]


def test_a_failure_is_told_once_and_five_in_a_row_are_the_end(warned):
    service = Service()
    writer = BackgroundWriter("Board", lambda: service)
    for step in range(4):
        writer.text(step, "a", "b")
    writer.scalars(4, {})
    for step in range(5, 20):
        writer.text(step, "a", "b")
    writer.close(failed=False)
    assert service.told == [(4, {})]
    assert warned.messages[0] == "Board did not accept a part of the run (no route\\nto host). The training goes on"
    assert warned.messages[-1].startswith("Board fails again and again")
    assert len(warned.messages) == 3


def test_a_service_that_stalls_costs_no_time(warned, monkeypatch):
    monkeypatch.setattr("alphaction.engine.background_writer._MOST_WAITING", 8)
    reached, stalled = threading.Event(), threading.Event()
    service = Service()
    service.scalars = lambda step, values: reached.set() or stalled.wait(20)
    writer = BackgroundWriter("Board", lambda: service, wait=0.2)
    writer.scalars(0, {})
    assert reached.wait(20)
    began = time.perf_counter()
    for step in range(100):
        writer.scalars(step, {})
    writer.close(failed=False)
    assert time.perf_counter() - began < 5
    stalled.set()
    assert warned.messages == [
        "Board does not keep up: some of what the run shows will be missing there. The training goes on",
        "Board had not received all of the run within 0.2 s: see TensorBoard (--use-tfboard) or metrics.jsonl",
    ]


def test_a_service_that_is_never_reached_is_not_waited_for(warned, monkeypatch):
    monkeypatch.setattr("alphaction.engine.background_writer._SHORT_WAIT", 0.1)
    connecting = threading.Event()
    began = time.perf_counter()
    BackgroundWriter("Board", lambda: connecting.wait(20), wait=20).close(failed=False)
    assert time.perf_counter() - began < 5
    connecting.set()
    assert warned.messages == ["Board was not reached: see TensorBoard (--use-tfboard) or metrics.jsonl"]
