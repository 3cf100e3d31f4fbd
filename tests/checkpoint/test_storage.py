"""Files are written whole or not at all, with plain content only."""

from __future__ import annotations

import os
from collections import Counter, OrderedDict
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch
from torch import nn

from alphaction.checkpoint.storage import save_atomically, to_plain, write_atomically
from alphaction.utils import atomic
from alphaction.utils.errors import UserError


class CrashError(Exception):
    pass


def fail_halfway(file: BinaryIO) -> None:
    file.write(b"half")
    raise CrashError


def test_a_crash_leaves_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(b"former")
    with pytest.raises(CrashError):
        write_atomically(path, fail_halfway)
    assert path.read_bytes() == b"former"
    assert [item.name for item in tmp_path.iterdir()] == ["model.pth"]


def test_a_crash_at_the_rename_leaves_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pth"
    save_atomically({"a": 1}, path)

    def refuse(*_: object) -> None:
        raise CrashError

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(CrashError):
        save_atomically({"a": 2}, path)
    assert torch.load(path, weights_only=True) == {"a": 1}


def test_content_is_on_disk_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, original=original: (calls.append(name), original(*a))[1])
    save_atomically({"a": 1}, tmp_path / "model.pth")
    assert calls[:2] == ["fsync", "replace"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_reported_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(b"former")
    # torch reports the failed write as a RuntimeError of its own.
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    monkeypatch.setattr(atomic, "_beside", lambda path: full)
    with pytest.raises(UserError, match=r"model.pth: .*No space left on device.*another folder"):
        save_atomically({"a": torch.zeros(100_000)}, path)
    assert path.read_bytes() == b"former"


def test_an_unusable_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="file/model.pth"):
        save_atomically({}, tmp_path / "file" / "model.pth")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.float64(1.0), r'"scheduler.base_lrs\[1\]".*numpy.float64'),
        (np.zeros(2), "numpy.ndarray"),
        (Path("x"), "pathlib"),
        ({1, 2}, r"a set\b"),
        (Counter(), "collections.Counter"),
        (len, "builtin_function_or_method"),
        (CrashError, r"a type\b"),
        ({("a", "b"): 1}, "type tuple"),
        (nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
    ],
)
def test_other_types_are_refused_before_writing(tmp_path: Path, value: object, message: str) -> None:
    path = tmp_path / "model.pth"
    with pytest.raises(TypeError, match=message):
        save_atomically({"scheduler": {"base_lrs": [0.1, value]}}, path)
    assert list(tmp_path.iterdir()) == []


def test_plain_content_survives(tmp_path: Path) -> None:
    content = {
        "text": "ä",
        "numbers": [1, 2.5, True, None, b"x"],
        "tuple": (1, (2,)),
        3: OrderedDict(a=torch.arange(3)),
        "parameter": nn.Parameter(torch.ones(2)),
    }
    save_atomically(content, tmp_path / "a.pth")
    found = torch.load(tmp_path / "a.pth", weights_only=True)
    assert found["numbers"] == content["numbers"]
    assert (found["text"], found["tuple"]) == ("ä", (1, (2,)))
    assert torch.equal(found[3]["a"], torch.arange(3))
    assert type(found["parameter"]) is torch.Tensor


def test_a_view_does_not_drag_its_storage_along(tmp_path: Path) -> None:
    large = torch.zeros(1_000_000)
    plain = to_plain({"view": large[:3]})
    assert plain["view"].untyped_storage().nbytes() == 12
    save_atomically({"view": large[:3]}, tmp_path / "a.pth")
    assert (tmp_path / "a.pth").stat().st_size < 10_000
