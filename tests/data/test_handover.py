"""Tensors from one process to another."""

from __future__ import annotations

import os
import resource
import socket
import threading

import pytest
import torch

from alphaction.data.handover import receive, send


@pytest.fixture
def channel():
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def there_and_back(channel, value):
    sender = threading.Thread(target=send, args=(channel[0], value))
    sender.start()
    found = receive(channel[1])
    sender.join()
    return found


def test_tensors_arrive_as_they_were_and_can_be_written_to(channel):
    value = {
        "frames": torch.arange(3_000_000, dtype=torch.int32).reshape(3, 1000, 1000).transpose(0, 2),
        "half": torch.tensor([0.5, -2.0], dtype=torch.float16),
        "one": torch.tensor(3.25, dtype=torch.float64),
        "none": torch.zeros(0, 4),
        "name": "clip",
    }
    found = there_and_back(channel, value)
    assert found["name"] == "clip"
    for name in ("frames", "half", "one", "none"):
        assert found[name].dtype == value[name].dtype
        assert torch.equal(found[name], value[name])
        assert found[name].stride() == value[name].stride()  # channels may be last in memory
    found["frames"] += 1
    assert found["frames"][0, 0, 0] == 1
    assert there_and_back(channel, [torch.zeros(0, 4)])[0].shape == (0, 4)
    assert there_and_back(channel, "no tensor") == "no tensor"


def test_too_little_room_is_an_error_of_the_sender(channel):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            send(channel[0], torch.zeros(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert there_and_back(channel, torch.ones(2)).tolist() == [1, 1]  # nothing of it was sent


def test_a_sender_that_is_gone(channel):
    channel[0].sendall(b"half of a hea")
    channel[0].close()
    with pytest.raises(EOFError):
        receive(channel[1])


def anonymous_bytes() -> int:
    """Return the bytes of anonymous files that this process has mapped."""
    with open("/proc/self/maps", encoding="ascii") as lines:
        ranges = [line.split()[0].split("-") for line in lines if "/memfd:clips" in line]
    return sum(int(end, 16) - int(start, 16) for start, end in ranges)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="without anonymous files")
def test_large_tensors_are_freed_one_by_one_and_no_descriptor_stays(channel):
    """What an evaluation keeps of a batch, its boxes, must not keep its frames."""
    open_before, before = len(os.listdir("/proc/self/fd")), anonymous_bytes()
    value = {"frames": torch.ones(1_000_000), "map": torch.ones(500_000), "boxes": torch.ones(30, 4)}
    found = there_and_back(channel, value)
    assert anonymous_bytes() - before >= 6_000_000
    del found["frames"]
    assert anonymous_bytes() - before < 3_000_000
    del found["map"]
    assert anonymous_bytes() == before
    assert len(os.listdir("/proc/self/fd")) == open_before
    found["boxes"] += 1
    assert found["boxes"].sum() == 240


def test_more_large_tensors_than_the_kernel_takes_files(channel):
    value = [torch.full((5000,), float(number)) for number in range(300)]
    assert all(torch.equal(one, other) for one, other in zip(there_and_back(channel, value), value, strict=True))
