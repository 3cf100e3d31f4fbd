"""The part "memory" of tools/benchmark.py: what it compares, and that the former pool remembers the same."""

from __future__ import annotations

import json
import subprocess
from contextlib import redirect_stdout
from io import StringIO

import pytest
import torch

from alphaction.memory import MemoryPool
from benchmarks.speed import memory, memory_stages
from benchmarks.speed.measure import Comparison
from benchmarks.speed.memory_exchange import compare_exchange
from benchmarks.speed.memory_reference import FormerPool
from benchmarks.speed.memory_stages import Size, fill

KINDS = ["former", "float32", "float16"]


def test_reading_and_writing_are_compared_with_the_former_pool(monkeypatch):
    monkeypatch.setattr(memory, "compare_stages", lambda size: iter([f"stages of {size}"]))
    monkeypatch.setattr(memory, "compare_gloo", lambda *arguments: "gloo")
    *tables, stages, exchange, gloo = memory.run(memory.Options(videos=2, seconds=12, persons=1.5, dim=8), 1)
    assert [table.title.split()[0] for table in tables] == ["Reading"] * 3 + ["Writing"]
    assert all([timing.name for timing in table.timings] == KINDS for table in tables)
    assert [timing.name for timing in exchange.timings] == ["1 simulated", "8 simulated", "64 simulated"]
    assert (stages, gloo) == ("stages of 36 persons", "gloo")


def test_each_stage_is_measured_in_a_process_of_its_own(monkeypatch):
    started = []

    def run(command, **named):
        *_, part, kind, folder, size = command
        started.append((part, kind))
        output = StringIO()
        with redirect_stdout(output):
            memory_stages._main(part, kind, folder, Size(**json.loads(size)))
        return subprocess.CompletedProcess(command, 0, output.getvalue())

    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr(subprocess, "run", run)
    tables: list[Comparison] = list(memory_stages.compare_stages(Size(2, 10, 1.5, 8)))
    assert started == [(part, kind) for kind in KINDS for part in ("make", "load")]
    assert [table.title.rpartition(": ")[2] for table in tables] == ["fill", "save", "load"]
    for table in tables:
        assert [timing.name for timing in table.timings] == KINDS
        assert set(table.timings[0].facts) == {"features", "resident", "peak", "peak / features"}


@pytest.mark.parametrize("seed", [None, 3])
def test_the_former_pool_remembers_the_same(seed):
    size = Size(2, 20, 2.5, 4)
    pools = [FormerPool(4), MemoryPool(4)]
    for pool in pools:
        torch.manual_seed(0)
        fill(pool, size)
    keyframes = [(size.name(video), size.first + 7) for video in range(2)]
    former, now = (pool.read(keyframes, seed=seed, penalty=True) for pool in pools)
    assert now.present.any()
    assert torch.equal(former.present, now.present)
    torch.testing.assert_close(former.features, now.features)


def test_simulated_processes_write_what_all_of_them_sent(monkeypatch):
    written = []
    write = MemoryPool.write

    def noted(pool, keyframes, features, *args, **named):
        written.append((len(keyframes), len(features)))
        return write(pool, keyframes, features, *args, **named)

    monkeypatch.setattr(MemoryPool, "write", noted)
    compare_exchange(8, 1)
    assert {(2, 6), (16, 48), (128, 384)} == set(written)
