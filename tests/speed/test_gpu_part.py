"""The part of the benchmark for a GPU, as far as it runs without one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from messages import refused
from simulated_cuda import fake_backward, simulated_cuda

from alphaction.modeling import build_detection_model
from alphaction.utils.shapes_only import shapes_only
from benchmarks.speed import device_sweep, gpu
from benchmarks.speed.device_sweep import MODES, NETWORKS, Job, fits, float32_products, largest, network_config
from benchmarks.speed.gpu import Options
from benchmarks.speed.measure import Listing

TINY = Options(device="cpu", networks=("tiny",), modes=("fp32", "bf16"), size=(32, 48), clips=1, persons=1, matrix=64)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_without_a_gpu_one_message_says_so():
    refused(lambda: list(gpu.run(Options(), 1)), "--device", "cuda", "--device cpu")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"networks": ("r51",)}, ("--networks", '"r51"', '"r50"')),
        ({"modes": ("bf17",)}, ("--modes", '"bf17"', '"bf16"')),
        ({"work": ("trian",)}, ("--work", '"trian"', '"train"')),
    ],
)
def test_a_wrong_name_is_found_before_any_work(change, parts):
    refused(lambda: list(gpu.run(replace(TINY, **change), 1)), *parts)


@pytest.mark.parametrize("most", range(12))
def test_the_largest_that_fits_is_found_by_doubling_and_halving(most):
    tried = []

    def fitting(number):
        tried.append(number)
        return number <= most

    assert largest(fitting, 9) == min(most, 9)
    assert len(tried) == len(set(tried)) <= 7
    assert max(tried) <= 9


def test_only_missing_memory_does_not_fit():
    def lacks():
        raise torch.OutOfMemoryError("CUDA out of memory")

    def fails():
        raise RuntimeError("something else")

    device = torch.device("cpu")
    assert not fits(lacks, device)
    assert fits(lambda: None, device)
    with pytest.raises(RuntimeError, match="something else"):
        fits(fails, device)


def test_a_mode_that_lacks_memory_is_left_out_and_named(monkeypatch):
    real = Job.run

    def run(self):
        if self.mode.amp == "off":
            raise torch.OutOfMemoryError("CUDA out of memory")
        real(self)

    monkeypatch.setattr(Job, "run", run)
    tables = list(gpu.run(replace(TINY, work=("infer",)), 1))
    assert tables[1].title.endswith("not enough memory for fp32")
    assert [timing.name for timing in tables[1].timings] == ["bf16"]


def test_a_batch_too_large_for_any_mode_is_a_result_too(monkeypatch):
    def run(self):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Job, "run", run)
    _, table, most = gpu.run(replace(TINY, work=("train",)), 1)
    assert isinstance(table, Listing)
    assert table.rows[1:] == (("fp32", "0"), ("bf16", "0"))
    assert [row[1] for row in most.rows[1:]] == ["0", "0"]


def test_float32_products_are_as_before_afterwards():
    before = torch.backends.cuda.matmul.allow_tf32
    with float32_products(not before):
        assert torch.backends.cuda.matmul.allow_tf32 is not before
    assert torch.backends.cuda.matmul.allow_tf32 is before


def test_operations_are_counted_per_clip():
    """A step computes about three times what a forward pass does."""
    device, cfg = torch.device("cpu"), network_config("tiny")
    flops = {
        (work, clips): device_sweep.count_flops(
            Job(cfg, MODES["fp32"], work, device, device_sweep.clips_for(cfg, clips, 1, (32, 48), device))
        )
        for work, clips in (("infer", 1), ("infer", 2), ("train", 1))
    }
    assert flops["infer", 2] == 2 * flops["infer", 1] > 1e7
    assert 2 < flops["train", 1] / flops["infer", 1] < 3


@pytest.mark.parametrize(("name", "work"), [("r50", "infer"), ("vit-b-dense", "train"), ("vit-b-dense", "infer")])
def test_networks_run_on_cuda_without_waiting(name, work, monkeypatch):
    with simulated_cuda() as device, fake_backward():
        build = device_sweep.build_detection_model
        monkeypatch.setattr(device_sweep, "build_detection_model", lambda cfg: device.build(lambda: build(cfg)))
        cfg, cuda = network_config(name), torch.device("cuda", 0)
        job = Job(cfg, MODES["bf16-last"], work, cuda, device_sweep.clips_for(cfg, 1, 2, (64, 96), cuda))
        assert {str(weight.device) for weight in job.model.parameters()} == {"cuda:0"}
        device.events.clear()
        job.run()
        assert device.of("mixed") == []
        results = 1 if work == "infer" else 0  # what inference returns to the host
        assert len([event for event in device.events if "_to_copy to the host" in str(event)]) == results


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_built(name):
    with shapes_only():
        assert build_detection_model(network_config(name)).uses_memory == name.endswith(("dense", "tiny"))
