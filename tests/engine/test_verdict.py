"""When a run cannot go on, who is to blame, and who says it."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from messages import says

from alphaction.engine.verdict import Peer, judge
from alphaction.utils.errors import DataError, StallError
from alphaction.utils.patience import Patience

TIMEOUT = 60.0
WAITS = {"text": "training iteration 12", "limited": True, "joint": True}


def peer(rank, waited=0.0, **values):
    silent = Patience(TIMEOUT)
    silent.waited = waited
    return Peer(rank=rank, silent=silent, host="here", machine="here", first=rank == 0, **values)


def test_nothing_is_said_while_somebody_goes_on():
    waiting = peer(0, idle=500.0, **WAITS)
    assert judge(waiting, [peer(1, idle=1.0, text="evaluating", limited=True)], TIMEOUT) is None
    assert judge(waiting, [peer(1, idle=500.0, text="computing the mean AP", limited=False)], TIMEOUT) is None


def test_one_that_is_silent_is_named_with_what_it_did_last():
    verdict = judge(peer(0, idle=70.0, **WAITS), [peer(1, waited=61.0, pid=os.getpid(), **WAITS), peer(2)], TIMEOUT)
    says(verdict.message, "process 1", "here", "60 s (SOLVER.TIMEOUT_SECONDS)", "training iteration 12")
    assert (verdict.speaker, verdict.status) == (0, StallError.status)


def test_the_next_one_speaks_where_the_first_is_silent():
    verdict = judge(peer(2, **WAITS), [peer(0, waited=61.0), peer(1)], TIMEOUT)
    assert verdict.speaker == 1
    assert verdict.error(peer(1)).told is False
    assert verdict.error(peer(2)).told is True


def test_one_that_is_stuck_by_itself_is_to_blame_for_those_that_wait():
    stuck = peer(1, idle=64.0, text="loading clip 7", limited=True)
    verdict = judge(peer(0, idle=64.0, **WAITS), [stuck], TIMEOUT)
    says(verdict.message, "process 1 was loading clip 7")
    assert "process 0" not in verdict.message


def test_all_that_wait_for_each_other():
    verdict = judge(peer(0, idle=64.0, **WAITS), [peer(1, idle=64.0, **WAITS)], TIMEOUT)
    says(verdict.message, "process 0", "process 1", "training iteration 12")


def test_a_store_that_no_longer_answers_ends_only_who_waits():
    others = [peer(0, **WAITS)]
    assert judge(peer(1, idle=1.0, **WAITS), others, TIMEOUT, store_rank=0) is None
    verdict = judge(peer(1, idle=61.0, **WAITS), others, TIMEOUT, store_rank=0)
    says(verdict.message, "process 0", "has not answered")
    assert verdict.speaker == 1


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended, which its parent has not looked at."""
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process.pid
    process.wait()


def test_one_that_is_dead_is_noticed_by_those_that_need_it(dead):
    gone = peer(1, pid=dead, text="reading the clips of iteration 3")
    assert judge(peer(0, idle=1.0, text="saving"), [gone], TIMEOUT) is None
    for verdict in (
        judge(peer(0, idle=4.0, **WAITS), [gone], TIMEOUT),
        judge(peer(0), [gone], TIMEOUT, gone_only=True),
    ):
        says(verdict.message, "process 1", str(dead), "has died", "reading the clips of iteration 3")


def test_an_error_of_another_process_is_the_reason_and_said_by_that_one():
    ended = peer(1, end={"status": DataError.status, "message": "video a.mp4 is broken", "by": 1})
    assert judge(peer(0, idle=1.0, text="saving"), [ended], TIMEOUT) is None
    error = judge(peer(0, idle=4.0, **WAITS), [ended], TIMEOUT).error(peer(0))
    assert (type(error), str(error), error.told) == (DataError, "video a.mp4 is broken", True)


def test_what_is_published_arrives():
    said = peer(1, pid=3, beat=2, heard=[0], **WAITS)
    found = peer(1, waited=50.0)
    found.update(json.loads(said.to_json()))
    assert (found.pid, found.text, found.heard, found.silent.waited) == (3, "training iteration 12", [0], 0.0)
