"""Tensors from one process to another."""

from __future__ import annotations

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
