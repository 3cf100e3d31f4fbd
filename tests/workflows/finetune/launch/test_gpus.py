"""What the launcher sees of a machine, and what it says of it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from alphaction.workflows.finetune.launch import gpus
from alphaction.workflows.finetune.launch.gpus import (
    Gpu,
    Machine,
    find_gpus,
    gpu_warnings,
    main_memory,
    query_gpus,
    ram_warnings,
)

GIB = 2**30


def card(free: float) -> Gpu:
    return Gpu("H100", int(free * GIB), 80 * GIB)


def test_idle_cards_need_no_word():
    assert list(gpu_warnings([card(79), card(72)], 2)) == []


def test_a_busy_card_and_a_full_one():
    busy, full = gpu_warnings([card(60), card(10)], 2)
    assert busy == "GPU 0 (H100): 60.0 of 80.0 GiB are free: another process uses this card. nvidia-smi shows which."
    assert full.startswith("GPU 1 (H100): 10.0 of 80.0 GiB are free, less than 20%")


def test_cards_that_are_not_used_do_not_matter_but_are_offered():
    assert list(gpu_warnings([card(79), card(1)], 1)) == []
    *_, last = gpu_warnings([card(1), card(60), card(79), card(78)], 1)
    assert last == "GPU 2, 3 would be free: CUDA_VISIBLE_DEVICES chooses cards."


def test_a_card_that_does_not_answer():
    (only,) = gpu_warnings([Gpu("H100", problem="out of memory")], 1)
    assert only == "GPU 0 (H100) does not tell its memory: out of memory"


def test_main_memory(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal:  1000 kB\nMemFree:  5 kB\nMemAvailable:  100 kB\n")
    free, total = main_memory(tmp_path / "meminfo")
    assert (free, total) == (100 * 1024, 1000 * 1024)
    (warning,) = ram_warnings(Machine(ram_free=free, ram_total=total))
    assert "DATALOADER.NUM_WORKERS" in warning
    assert list(ram_warnings(Machine(ram_free=300, ram_total=1000))) == []
    assert list(ram_warnings(Machine(ram_free=None, ram_total=1000))) == []


def test_main_memory_without_proc(tmp_path):
    free, total = main_memory(tmp_path / "missing")
    assert free is None
    assert total is None or total > 2**20


def test_cards_answer_through_another_process(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    answer = '[{"name": "A", "free": 1, "total": 2, "problem": ""}, {"name": "B", "problem": "busy"}]'

    def run(command, **options):
        assert command == [sys.executable, "-m", "alphaction.workflows.finetune.launch.gpus"]
        return subprocess.CompletedProcess(command, 0, stdout=answer, stderr="")

    monkeypatch.setattr(gpus.subprocess, "run", run)
    assert find_gpus() == (Gpu("A", 1, 2), Gpu("B", problem="busy"))


def test_a_failed_question_leaves_the_count(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    def run(command, **options):
        raise subprocess.CalledProcessError(1, command, stderr="Traceback\nRuntimeError: driver too old\n")

    monkeypatch.setattr(gpus.subprocess, "run", run)
    assert find_gpus() == (Gpu("GPU", problem="RuntimeError: driver too old"),) * 2


def test_an_answer_that_cannot_be_read_leaves_the_count(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    answer = subprocess.CompletedProcess([], 0, stdout="driver: hello\n", stderr="")
    monkeypatch.setattr(gpus.subprocess, "run", lambda command, **options: answer)
    assert find_gpus() == (Gpu("GPU", problem="no answer but 'driver: hello'"),)


def test_query_reports_each_card(monkeypatch):
    def mem_get_info(index):
        if index:
            raise RuntimeError("CUDA error: out of memory\nCUDA kernel errors might ...")
        return 3, 4

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"card {index}")
    monkeypatch.setattr(torch.cuda, "mem_get_info", mem_get_info)
    assert list(query_gpus()) == [Gpu("card 0", 3, 4), Gpu("card 1", problem="CUDA error: out of memory")]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_real_cards():
    found = find_gpus()
    assert len(found) == torch.cuda.device_count()
    assert all(gpu.total > GIB and 0 < gpu.free <= gpu.total for gpu in found)
