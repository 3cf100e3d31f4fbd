"""What the launcher sees of a machine, and what it says of it."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pynvml
import pytest
import torch
from messages import says

from alphaction.workflows.finetune.launch.machine import (
    Gpu,
    Machine,
    find_gpus,
    gpu_warnings,
    look_around,
    ram_warnings,
    visible_devices,
)

GIB = 2**30


def card(free: float) -> Gpu:
    return Gpu("H100", int(free * GIB), 80 * GIB)


def test_idle_cards_need_no_word():
    assert list(gpu_warnings([card(79), card(72)], 2)) == []


def test_a_busy_card_and_a_full_one():
    busy, full = gpu_warnings([card(60), card(10)], 2)
    says(busy, "GPU 0 (H100): 60.0 of 80.0 GiB", "nvidia-smi")
    says(full, "GPU 1 (H100): 10.0 of 80.0 GiB", "20%")


def test_cards_that_are_not_used_do_not_matter_but_are_offered():
    assert list(gpu_warnings([card(79), card(1)], 1)) == []
    *_, last = gpu_warnings([card(1), card(60), card(79), card(78)], 1)
    says(last, "GPU 2, 3 ", "CUDA_VISIBLE_DEVICES")


def test_a_card_that_does_not_answer():
    (only,) = gpu_warnings([Gpu("H100", problem="out of memory")], 1)
    says(only, "GPU 0 (H100)", "out of memory")


def test_main_memory():
    machine = look_around()
    assert 0 < machine.ram_free <= machine.ram_total
    (warning,) = ram_warnings(Machine(ram_free=100, ram_total=1000))
    assert "DATALOADER.NUM_WORKERS" in warning
    assert list(ram_warnings(Machine(ram_free=300, ram_total=1000))) == []
    assert list(ram_warnings(Machine(ram_free=None, ram_total=1000))) == []


@pytest.mark.parametrize(
    ("variable", "count", "expected"),
    [
        (None, 2, [0, 1]),
        ("3,1", 2, [3, 1]),
        ("0, 7", 1, [0]),  # PyTorch sees none from the first that does not exist
        ("GPU-ab12,MIG-cd", 2, ["GPU-ab12", "MIG-cd"]),
    ],
)
def test_which_cards_are_visible(variable, count, expected):
    assert visible_devices(variable, count) == expected


@pytest.fixture
def driver(monkeypatch):
    """A driver with three cards, of which the last does not answer."""
    names, uuids = ["A", "B", "C"], ["GPU-aa11", "GPU-bb22", "GPU-cc33"]

    def by_uuid(uuid):
        if uuid != "MIG-1":
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return 0

    def memory(index):
        if index == 2:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return SimpleNamespace(free=index + 1, total=10)

    functions = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 3,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetHandleByUUID": by_uuid,
        "nvmlDeviceGetUUID": uuids.__getitem__,
        "nvmlDeviceGetName": names.__getitem__,
        "nvmlDeviceGetMemoryInfo": memory,
    }
    for name, function in functions.items():
        monkeypatch.setattr(pynvml, name, function)

    def see(count: int, variable: str | None):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setitem(os.environ, "CUDA_VISIBLE_DEVICES", variable or "")
        if variable is None:
            monkeypatch.delitem(os.environ, "CUDA_VISIBLE_DEVICES")
        return find_gpus()

    return see


def test_cards_in_the_order_of_pytorch(driver):
    assert driver(0, None) == ()
    assert driver(2, None) == (Gpu("A", 1, 10), Gpu("B", 2, 10))
    assert driver(2, "1,0") == (Gpu("B", 2, 10), Gpu("A", 1, 10))
    assert driver(2, "GPU-bb,MIG-1") == (Gpu("B", 2, 10), Gpu("A", 1, 10))


def test_cards_that_do_not_answer(driver, monkeypatch):
    lost, unknown = driver(2, "2,GPU-dd")
    assert (lost.name, unknown.name) == ("C", "GPU")
    assert lost.problem == "GPU is lost"
    assert unknown.problem

    def no_driver():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    assert [gpu.name for gpu in driver(2, None)] == ["GPU", "GPU"]
    assert all(gpu.problem for gpu in driver(2, None))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_real_cards():
    found = find_gpus()
    assert len(found) == torch.cuda.device_count()
    assert all(gpu.total > GIB and 0 < gpu.free <= gpu.total for gpu in found)
