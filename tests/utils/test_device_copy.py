"""Copies on a stream of their own: what is queued where, and who holds which memory; no GPU is needed for that."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch

from alphaction.data.keyframes import Keyframe
from alphaction.data.sample import ClipBatch
from alphaction.utils.device_copy import CopyStream

META = torch.device("meta")


@pytest.fixture
def log(monkeypatch):
    """Stand-ins for CUDA that note, in order, what is asked of which stream; the device is "meta"."""
    noted: list[tuple[str, ...]] = []
    current = ["main"]

    class Stream:
        def __init__(self, device, name="copies"):
            self.name = name

        def wait_event(self, event):
            noted.append(("wait", self.name, event.name))

        def __getattr__(self, name):
            raise AssertionError(f"{name} of a stream")

    class Event:
        def record(self, stream):
            self.name = f"event of {stream.name}"
            noted.append(("record", stream.name, current[-1]))

        def __getattr__(self, name):
            raise AssertionError(f"{name} of an event")  # synchronize() and query() would wait, or poll

    @contextmanager
    def using(stream):
        current.append(getattr(stream, "name", current[-1]))
        yield
        current.pop()

    def moved(tensor, device, non_blocking=False):
        noted.append(("copy", current[-1], "pinned" if tensor in pinned else "pageable", str(non_blocking)))
        return torch.empty_like(tensor, device=device)

    class Pinned(list):
        def __contains__(self, tensor):
            return any(tensor is each for each in self)

    pinned = Pinned()

    def pin(tensor):
        pinned.append(tensor.clone())
        return pinned[-1]

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "stream", using)
    monkeypatch.setattr(torch.cuda, "device", using)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream(device, current[-1]))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *_: pytest.fail("the host waits for the device"))
    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    monkeypatch.setattr(torch.Tensor, "to", moved)
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda tensor, stream: noted.append(("keep", stream.name, tensor.device.type))
    )
    return noted


def a_batch() -> ClipBatch:
    return ClipBatch(
        indices=torch.tensor([4]),
        keyframes=[Keyframe("v", 9)],
        slow=torch.zeros(1, 3, 2, 8, 8, dtype=torch.uint8),
        fast=None,
        sizes=torch.tensor([[8, 8]]),
        boxes=torch.zeros(2, 4),
        clip_index=torch.zeros(2, dtype=torch.long),
        unit_boxes=torch.zeros(2, 4, dtype=torch.float64),
        scores=torch.ones(2),
        labels=None,
        object_boxes=torch.zeros(0, 4),
        object_clip_index=torch.zeros(0, dtype=torch.long),
    )


def test_copies_run_on_their_own_stream_and_the_user_of_them_waits_there(log):
    batch = a_batch().sent_by(CopyStream(META))
    count = len(batch.tensors())
    assert count == 9
    # From page-locked memory, not blocking, on the stream of copies; then the event that says that they are done.
    assert log == [("copy", "copies", "pinned", "True")] * count + [("record", "copies", "copies")]
    assert batch.slow.device.type == "cpu"  # the batch itself stays here
    log.clear()
    moved = batch.to(META)
    # The computing stream waits for that event before anything uses a copy, and keeps the memory of each.
    assert log == [("wait", "main", "event of copies")] + [("keep", "main", "meta")] * count
    assert all(tensor.device == META for tensor in moved.tensors().values())
    assert (moved.keyframes, moved.on_its_way) == (batch.keyframes, None)


def test_a_copy_is_given_away_once(log):
    batch = a_batch().sent_by(CopyStream(META))
    batch.to(META)
    log.clear()
    batch.to(META)
    assert [entry[:2] for entry in log] == [("copy", "main")] * 9


def test_a_copy_for_another_device_is_left(log):
    batch = a_batch().sent_by(CopyStream(META))
    log.clear()
    assert batch.to("cpu").slow.device.type == "cpu"
    assert {entry[0] for entry in log} == {"copy"}


def test_what_an_evaluation_keeps_holds_no_frames_on_the_device(log):
    batch = a_batch().sent_by(CopyStream(META))
    assert batch.without_frames().on_its_way is None
    assert a_batch().on_its_way is None
