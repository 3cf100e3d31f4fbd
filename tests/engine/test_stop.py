"""Ending early: what one process does with signals, and how several agree."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engine.stopping import STEPS

from alphaction.engine import stop as module
from alphaction.engine.stop import Stop, StopAsked, Verdict
from alphaction.engine.stop_signals import StopSignals
from alphaction.utils.errors import Interrupted, Preempted
from alphaction.utils.signals import LAUNCHER_GONE, ended_by

SCRIPT = Path(__file__).with_name("stopping.py")


def send(number: int, signals: StopSignals) -> None:
    """Signal this process, and wait until its watching thread knows."""
    os.kill(os.getpid(), number)
    limit = time.monotonic() + 60
    while not signals.number and time.monotonic() < limit:
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGUSR2, signal.SIGINT])
def test_a_signal_is_obeyed_after_the_step(number):
    before = signal.getsignal(number)
    stop, done = Stop(), []

    def work() -> None:
        assert stop.verdict() == Verdict()
        send(number, stop._signals)
        done.append("step")
        assert stop.verdict() == Verdict(number)
        stop.leave(number)

    kind = Interrupted if number == signal.SIGINT else Preempted
    with pytest.raises(kind, match=r"It goes on\.$"), stop.listening(), stop.deferred(lambda: "It goes on."):
        work()
    assert done == ["step"]
    assert signal.getsignal(number) == before


def test_a_signal_ends_at_once_what_has_nothing_to_save():
    def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)

    with pytest.raises(Interrupted) as caught, Stop().listening():
        work()
    assert caught.value.number == signal.SIGTERM


def test_signals_that_are_ignored_stay_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop = Stop()
        with stop.listening(), stop.deferred(str):
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.1)
            assert stop.verdict() == Verdict()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_items_that_are_left_are_given_up():
    stop, done = Stop(), []

    def work() -> None:
        for item in stop.between(range(5)):
            done.append(item)
            if item == 2:
                send(signal.SIGTERM, stop._signals)

    with stop.listening(), stop.deferred(str), pytest.raises(StopAsked):
        work()
    assert done == [0, 1, 2]
    assert list(Stop().between("abc")) == ["a", "b", "c"]


def test_a_lost_connection_while_all_end_is_no_error():
    stop = Stop()

    def work() -> None:
        send(signal.SIGTERM, stop._signals)
        raise RuntimeError("Connection closed by peer")

    message = "before a step was whole. It goes on"
    with pytest.raises(Preempted, match=message), stop.listening(), stop.deferred(lambda: "It goes on."):
        work()
    with pytest.raises(RuntimeError, match="a bug"), Stop().listening():
        raise RuntimeError("a bug")


def test_the_second_ctrl_c_ends_at_once_and_an_echo_does_not(monkeypatch):
    signals, ended = StopSignals(), []
    monkeypatch.setattr(signals, "_end_at_once", ended.append)
    signals.note(signal.SIGINT)
    signals.note(signal.SIGINT)  # the same key press, handed on by a launcher
    signals.note(signal.SIGTERM)
    assert signals.number == signal.SIGTERM
    signals.note(signal.SIGTERM)
    assert ended == []
    signals = StopSignals()
    monkeypatch.setattr(signals, "_end_at_once", ended.append)
    signals.note(signal.SIGINT)
    signals._since -= 1
    signals.note(signal.SIGINT)
    assert len(ended) == 1


def test_the_end_of_the_launcher_is_noticed(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    stop = Stop()
    with stop.listening(), stop.deferred(str):
        assert stop.verdict() == Verdict()
        stop._signals._parent = 1
        limit = time.monotonic() + 60
        while not stop.verdict().number and time.monotonic() < limit:
            time.sleep(0.01)
        assert stop.verdict() == Verdict(LAUNCHER_GONE)
    assert ended_by(LAUNCHER_GONE) == "ended, as its launcher is gone"
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    assert StopSignals()._parent is None  # of a single process, whose shell may end


@pytest.mark.parametrize(("answer", "saves"), [("\n", True), ("y\n", True), ("No\n", False)])
def test_ctrl_c_asks_a_person(monkeypatch, capsys, answer, saves):
    stop = Stop()
    stop._signals.number = signal.SIGINT
    assert stop.wants_checkpoint(signal.SIGINT)
    assert capsys.readouterr().err == ""  # there is no terminal
    monkeypatch.setattr(module, "has_terminal", lambda: True)
    monkeypatch.setattr(module.select, "select", lambda *_: ([sys.stdin], [], []))
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    assert stop.wants_checkpoint(signal.SIGINT) is saves
    assert "Save a checkpoint before the end? [Y/n]" in capsys.readouterr().err
    assert stop.wants_checkpoint(signal.SIGTERM)


@pytest.fixture
def together(tmp_path, quick_python, subprocess_env):
    """Function: number of processes, scenario of stopping.py -> what each found."""

    def run(count: int, scenario: str) -> list[list]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        env = {**subprocess_env, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
        command = [quick_python, str(SCRIPT), scenario, str(tmp_path / "found")]
        processes = [subprocess.Popen(command, env={**env, "RANK": str(rank)}) for rank in range(count)]
        assert [process.wait(120) for process in processes] == [0] * count
        return [json.loads((tmp_path / f"found{rank}").read_text()) for rank in range(count)]

    return run


@pytest.mark.parametrize(("count", "signalled"), [(2, "1"), (3, "0"), (3, "2")])
def test_all_processes_end_at_one_step(together, count, signalled):
    found = together(count, signalled)
    assert all(one == found[0] for one in found)
    (step, ends), message = found[0]
    assert ends
    assert 5 <= step < STEPS  # The signal came in step 4, and its thread may have been late.
    assert message == "ended by SIGUSR1. It goes on."


def test_the_clock_of_the_main_process_decides_for_all(together):
    assert together(3, "nobody") == [[[7, False]]] * 3


def test_an_evaluation_is_given_up_by_all(together):
    """The share of process 0 would take 30 s."""
    first, *others = together(3, "shares")
    assert first == ["ended by SIGTERM", "cut short"]
    assert {other[0] for other in others} == {"ended by SIGTERM"}


# A client of a store that nobody keeps waits in PyTorch, where Python handles no signal. One that comes just before
# that is an exception, which the command line shows.
WAITING = """
import os, sys
from datetime import timedelta
import torch.distributed as dist
from alphaction.engine import stop_signals
from alphaction.engine.stop import Stop
from alphaction.utils.errors import run_command
from alphaction.utils.signals import first_parent

def main():
    with Stop().listening():
        print("waiting", flush=True)
        dist.TCPStore("127.0.0.1", int(sys.argv[1]), timeout=timedelta(seconds=40))

if sys.argv[2] == "launcher" and os.fork():  # the parent stands for torchrun
    sys.stdin.readline()
    os._exit(0)
stop_signals._PATIENCE = 0.2
first_parent()
run_command(main)
"""


@pytest.mark.parametrize("lost", ["launcher", "signal"])
def test_a_process_that_waits_for_others_to_come_ends(lost, quick_python, subprocess_env, tmp_path):
    script = tmp_path / "waiting.py"
    script.write_text(WAITING)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody listens there
        command = [quick_python, str(script), str(silent.getsockname()[1]), lost]
        env = {**subprocess_env, "TORCHELASTIC_RUN_ID": "x", "RANK": "0"}
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        assert process.stdout.readline() == "waiting\n"
        began = time.monotonic()
        if lost == "signal":
            process.send_signal(signal.SIGTERM)
        _, errors = process.communicate("\n", timeout=60)  # until the one that waits has closed its output
        assert time.monotonic() - began < 20
        assert ("launcher is gone" if lost == "launcher" else "ended by SIGTERM") in errors
        assert process.returncode == (6 if lost == "signal" else 0)
