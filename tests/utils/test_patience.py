"""Waiting that does not count the time in which a process was suspended."""

from __future__ import annotations

import time

from alphaction.utils.patience import Patience


def test_an_hour_in_which_the_process_was_stopped_is_not_waited(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    patience = Patience(10)
    for step in (1, 1, 3600, 1):
        now[0] += step
        left = patience.look()
    assert (patience.waited, left) == (3.0, 7.0)
    for _ in range(8):
        now[0] += 1
        left = patience.look()
    assert left == 0.0
    patience.renew()
    assert patience.look() == 10.0
