"""The watch of processes over each other, in threads that share one store."""

from __future__ import annotations

import threading
import time

import pytest
import torch.distributed as dist

from alphaction.engine.watch import Watch


@pytest.fixture
def store(monkeypatch):
    held = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(held.port))
    return held


def test_no_thread_talks_to_the_store_when_the_watch_has_ended(store, tmp_path, monkeypatch):
    """One that comes back from it while Python ends aborts the process."""
    listen = Watch._listen

    def slow_listen(watch):
        time.sleep(0.5)
        listen(watch)

    monkeypatch.setattr(Watch, "_listen", slow_listen)
    watches = [Watch(rank, 2, 60.0, tmp_path / "log.txt") for rank in range(2)]
    for step in (Watch.start, Watch.stop):
        threads = [threading.Thread(target=step, args=(watch,)) for watch in watches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [thread.name for thread in threading.enumerate() if thread.name == "watch: talk"] == []
