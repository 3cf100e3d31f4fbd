"""What a process is said to hold: after an allocation, and since the peak was forgotten."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
from memory_use import take_memory

from alphaction.utils import process_memory
from alphaction.utils.process_memory import added_bytes, forget_peak, peak_bytes, resident_bytes

MB = 2**20
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="the peak begins anew on Linux only")


@only_linux
def test_the_peak_of_a_run_is_that_of_this_run():
    added_bytes(lambda: take_memory(64))  # not those of what follows
    assert 28 * MB < added_bytes(lambda: take_memory(32)) < 60 * MB
    assert added_bytes(lambda: None) < 5 * MB


@only_linux
def test_what_is_held_counts_as_resident_until_it_is_freed():
    before = resident_bytes()
    held = take_memory(64)
    assert resident_bytes() - before > 56 * MB
    held.close()
    assert peak_bytes() - before > 56 * MB
    assert forget_peak()
    assert peak_bytes() - before < 56 * MB


@only_linux
def test_a_small_process_of_a_large_one_has_a_peak_of_its_own(repo_root):
    held = take_memory(200)
    code = "from alphaction.utils.process_memory import peak_bytes; print(peak_bytes())"
    done = subprocess.run([sys.executable, "-c", code], cwd=repo_root, capture_output=True, text=True, check=True)
    assert 5 * MB < float(done.stdout) < 100 * MB < len(held)


def test_elsewhere_only_the_peak_of_all_time_is_known(monkeypatch, tmp_path):
    monkeypatch.setattr(process_memory, "_STATUS", Path(tmp_path / "none"))
    monkeypatch.setattr(process_memory, "_CLEAR", Path(tmp_path / "none" / "none"))
    ran = []
    assert math.isnan(added_bytes(lambda: ran.append(1)))
    assert ran == [1]
    assert math.isnan(resident_bytes())
    assert peak_bytes() > 10 * MB
