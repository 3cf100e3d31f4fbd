"""The thread that prepares the next batch."""

from __future__ import annotations

import threading
import time

import pytest

from alphaction.data.ahead import ahead


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)
    assert condition()


def test_items_come_in_order_prepared_by_a_thread_that_is_ahead_by_two():
    taken, prepared_in = [], set()

    def items():
        for number in range(8):
            taken.append(number)
            yield number

    def prepare(number):
        prepared_in.add(threading.current_thread().name)
        return number * 10

    stream = ahead(items(), prepare)
    assert next(stream) == 0
    wait_until(lambda: len(taken) == 3)  # one is ready, one waits for its place
    time.sleep(0.05)
    assert taken == [0, 1, 2]
    assert list(stream) == [10, 20, 30, 40, 50, 60, 70]
    assert prepared_in == {"batches ahead"}


@pytest.mark.parametrize("where", ["items", "prepare"])
def test_an_error_arrives_in_its_place(where):
    def items():
        yield 1
        yield 2
        if where == "items":
            raise KeyError("three")
        yield 3

    def prepare(number):
        if number == 3:
            raise KeyError("three")
        return number

    stream = ahead(items(), prepare)
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(KeyError, match="three"):
        next(stream)


@pytest.mark.parametrize("used", [0, 1, 3])
def test_the_source_is_closed_when_the_user_leaves_early(used):
    closed = threading.Event()

    def items():
        try:
            yield from range(100)
        finally:
            closed.set()

    stream = ahead(items(), lambda number: number)
    for _ in range(used):
        next(stream)
    stream.close()
    wait_until(lambda: all(thread.name != "batches ahead" for thread in threading.enumerate()))
    assert closed.is_set() == (used > 0)  # what was never begun needs no end
