"""The simulated device of the tests: what it lets pass, and what it notices."""

from __future__ import annotations

import pytest
import torch
from simulated_cuda import simulated_cuda


def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype, device="cuda")


def assign(tensor, place, value):
    tensor[place] = value


FINE = {
    "a number": lambda: zeros(3) + 1.0,
    "a number in place of a tensor": lambda: torch.where(zeros(3) > 0, zeros(3), 0.0),
    "a number that is filled in": lambda: assign(zeros(3), slice(1), 2.0),
    "a comparison": lambda: zeros(3).masked_fill(zeros(3) > 0, 1.0),
    "an index": lambda: zeros(3)[zeros(2, dtype=torch.int64)],
    "repetitions of a known total": lambda: zeros(3).repeat_interleave(zeros(3, dtype=torch.int64), output_size=5),
    "another dtype": lambda: zeros(3).to(torch.float16),
    "a copy from page-locked memory": lambda: torch.ones(2**20).pin_memory().to("cuda", non_blocking=True),
    "a small one from any memory": lambda: torch.ones(3).to("cuda", non_blocking=True),
    "one to page-locked memory": lambda: torch.empty(3, pin_memory=True).copy_(zeros(3), non_blocking=True),
    "one to memory that PyTorch locks": lambda: zeros(3).to("cpu", non_blocking=True),
    "work of the host": lambda: torch.unique(torch.ones(3)).tolist(),
}
WAITS = {
    "item": lambda: zeros(1).item(),
    "bool": lambda: bool(zeros(1)[0] > 0),
    "tolist": lambda: zeros(2).tolist(),
    "a range": lambda: torch.arange(zeros(1)[0], device="cuda"),
    "a tensor of Python numbers": lambda: torch.tensor([1, 2], device="cuda"),
    "as_tensor": lambda: torch.as_tensor([1.0], device="cuda"),
    "to the host": lambda: zeros(3).cpu(),
    "from the host": lambda: torch.ones(3).pin_memory().to("cuda"),
    "into memory of the host": lambda: torch.empty(3).copy_(zeros(3)),
    "a mask that is assigned to": lambda: assign(zeros(3), zeros(3) > 0, zeros(1)),
    "a number for one element": lambda: assign(zeros(3), 0, 2.0),
    "synchronize": lambda: torch.cuda.synchronize(),
    "a stream": lambda: torch.cuda.Stream().synchronize(),
}
REFUSED = {
    "nonzero": lambda: zeros(3).nonzero(),
    "where": lambda: torch.where(zeros(3) > 0),
    "a mask": lambda: zeros(3)[zeros(3) > 0],
    "masked_select": lambda: zeros(3).masked_select(zeros(3) > 0),
    "unique": lambda: torch.unique(zeros(3)),
    "unique_consecutive": lambda: torch.unique_consecutive(zeros(3)),
    "bincount": lambda: zeros(3, dtype=torch.int64).bincount(),
    "repetitions": lambda: zeros(3).repeat_interleave(zeros(3, dtype=torch.int64)),
    "a sum": lambda: zeros(3) + torch.ones(3),
    "a list": lambda: torch.cat([zeros(3), torch.ones(3)]),
}
MIXED = {
    "an index of the host": lambda: zeros(3)[torch.tensor([0])],
    "a number of the host": lambda: zeros(3) * torch.tensor(2.0),
    "a number of the host in place of a tensor": lambda: torch.where(zeros(3) > 0, zeros(3), torch.tensor(0.0)),
    "a number for elements": lambda: assign(zeros(3), zeros(2, dtype=torch.int64), 2.0),
}
PAGEABLE = {
    "a large copy": lambda: torch.ones(2**20).to("cuda", non_blocking=True),
    "a copy to the host": lambda: torch.empty(3).copy_(zeros(3), non_blocking=True),
}


def events(call) -> list[str]:
    with simulated_cuda() as device:
        call()
    return [event.kind for event in device.events]


@pytest.mark.parametrize("what", FINE)
def test_what_lets_the_host_go_on(what):
    assert events(FINE[what]) == []


@pytest.mark.parametrize("what", WAITS)
def test_what_waits_for_the_device(what):
    assert set(events(WAITS[what])) == {"wait"}


@pytest.mark.parametrize("what", REFUSED)
def test_what_has_no_result_without_values_or_on_two_devices(what):
    with pytest.raises(AssertionError, match="at outside of the package"):
        events(REFUSED[what])


@pytest.mark.parametrize("what", MIXED)
def test_what_takes_tensors_of_both(what):
    assert events(MIXED[what]) == ["mixed"]


@pytest.mark.parametrize("what", PAGEABLE)
def test_what_may_wait_as_the_memory_is_not_page_locked(what):
    assert events(PAGEABLE[what]) == ["pageable"]


@pytest.mark.parametrize("inference", [False, True])
def test_the_host_computes_as_ever_and_the_device_shapes_only(inference):
    with simulated_cuda() as device, torch.inference_mode(inference):
        assert (torch.arange(4) * 2).tolist() == [0, 2, 4, 6]
        product = zeros(2, 3) @ torch.ones(3, 5).pin_memory().to("cuda", non_blocking=True)
        assert product.shape == (2, 5)
        assert str(product.device) == "cuda:0"
        assert device.copied == [(60, True)]
        assert device.events == []
        assert product.cpu().tolist() == [[0.0] * 5] * 2
        assert device.of("wait") == ["wait: _to_copy to the host at outside of the package"]
