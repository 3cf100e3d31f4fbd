"""The CPU and GPUs of machines that are not here."""

from __future__ import annotations

import pytest
from messages import says

from alphaction.doctor import devices
from alphaction.doctor.devices import Card, Driver
from alphaction.doctor.finding import State

GIB = 2**30
IDLE = Card("NVIDIA H200", 138 * GIB, 140 * GIB, (9, 0))


@pytest.fixture
def machine(monkeypatch):
    """Function: PyTorch, driver -> the findings about GPUs."""

    def look(torch, driver):
        monkeypatch.setattr(devices, "imported", lambda name: (torch, None))
        monkeypatch.setattr(devices, "read_driver", lambda: driver)
        return list(devices.gpus())

    return look


def test_a_gpu(machine, fake_torch, monkeypatch):
    driver = Driver("550.54", (12, 4), (IDLE, Card("Tesla T4", 4 * GIB, 15 * GIB, (7, 5))))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    cuda, seen, first, second = machine(fake_torch("12.4", True, ("sm_70", "sm_75", "sm_90")), driver)
    says(cuda.text, "driver 550.54 (CUDA 12.4), PyTorch for CUDA 12.4")
    says(seen.text, "1 of 2 are used", "CUDA_VISIBLE_DEVICES is 0")
    assert first.state is State.OK
    says(first.text, "NVIDIA H200, 138.0 of 140.0 GiB free, bfloat16")
    assert first.facts["bf16"] is True
    assert second.state is State.NOTE
    says(second.text, "4.0 of 15.0 GiB free, no bfloat16: it is in use")


@pytest.mark.parametrize(
    ("cuda", "driver", "parts"),
    [
        (None, Driver("550.54", (12, 4), (IDLE,)), ("NVIDIA H200", "built without CUDA", "pytorch.org")),
        ("13.0", Driver("550.54", (12, 4), (IDLE,)), ("for CUDA 13.0", "550.54 for 12.4 at most", "Update the driver")),
        ("12.1", Driver("550.54", (12, 4), (IDLE,)), ("cannot start CUDA", "torch.zeros(1).cuda()")),
    ],
)
def test_a_gpu_that_is_not_used(machine, fake_torch, monkeypatch, cuda, driver, parts):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (found,) = machine(fake_torch(cuda, False), driver)
    assert found.state is State.NOTE
    says(f"{found.text}. {found.fix}", *parts)


def test_a_hidden_gpu(machine, fake_torch, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (found,) = machine(fake_torch("12.4", False), Driver("550.54", (12, 4), (IDLE,)))
    says(f"{found.text}. {found.fix}", "hides it", "unset CUDA_VISIBLE_DEVICES")


def test_no_gpu(machine, fake_torch):
    (found,) = machine(fake_torch("12.4", False), None)
    assert found.state is State.OK or "does not answer" in found.text


def test_a_card_that_this_pytorch_has_no_code_for(machine, fake_torch):
    old = Card("Tesla K80", 11 * GIB, 11 * GIB, (3, 7))
    found = machine(fake_torch("12.4", True), Driver("550.54", (12, 4), (old,)))[-1]
    assert found.state is State.PROBLEM
    says(f"{found.text}. {found.fix}", "compute capability 3.7", "MODEL.DEVICE cpu")


@pytest.mark.parametrize(
    ("capability", "architectures", "runs"),
    [
        ((8, 6), ["sm_80"], True),
        ((8, 0), ["sm_86"], False),
        ((9, 0), ["sm_80"], False),
        ((12, 0), ["sm_80", "compute_90"], True),
        ((9, 0), ["sm_90a"], True),
        ((9, 0), [], True),
    ],
)
def test_which_cards_code_is_for(capability, architectures, runs):
    assert devices._has_kernels(capability, architectures) is runs


def test_cores_of_a_container(monkeypatch, tmp_path):
    quota, info = tmp_path / "cpu.max", tmp_path / "cpuinfo"
    quota.write_text("150000 100000\n")
    info.write_text("processor\t: 0\nmodel name\t: Old CPU\nflags\t\t: fpu sse2 avx2 avx\n")
    monkeypatch.setattr(devices, "_CPU_MAX", quota)
    monkeypatch.setattr(devices, "_CPU_INFO", info)
    monkeypatch.setattr(devices, "available_cores", lambda: 8)
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    monkeypatch.setattr("torch.get_num_threads", lambda: 16)
    cpu, threads = devices.processor()
    says(cpu.text, "Old CPU, 1.5 cores of 16, AVX2; PyTorch uses 16 threads")
    assert cpu.facts["usable_cores"] == 1.5
    assert threads.state is State.NOTE
    says(f"{threads.text}. {threads.fix}", "16 threads on 1.5", "OMP_NUM_THREADS=1")
    info.write_text("model name\t: Ancient\nflags\t\t: fpu sse2\n")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert "AVX2" in list(devices.processor())[-1].text
