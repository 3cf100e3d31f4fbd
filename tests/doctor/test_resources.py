"""Little memory, small shared memory, full or write-protected folders, and a network that does not answer."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace

import pytest
from messages import says

from alphaction.doctor import resources
from alphaction.doctor.finding import State

MIB, GIB = 2**20, 2**30


def usage(free, total=100 * GIB):
    return SimpleNamespace(free=free, total=total, used=total - free)


@pytest.mark.parametrize(
    ("free", "total", "state", "parts"),
    [
        (8 * GIB, 8 * GIB, State.OK, ("8.0 GiB of 8.0 GiB",)),
        (64 * MIB, 64 * MIB, State.NOTE, ("64 MiB of 64 MiB", "NCCL", "--shm-size=8g", "--ipc=host")),
        (10 * MIB, 8 * GIB, State.NOTE, ("10 MiB of 8.0 GiB", "Remove what")),
    ],
)
def test_shared_memory(monkeypatch, free, total, state, parts):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(free, total))
    (found,) = resources.shared_memory()
    assert found.state is state
    says(f"{found.text}. {found.fix}", *parts)


def test_no_shared_memory(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(resources, "SHARED", tmp_path / "shm")
    (found,) = resources.shared_memory()
    assert found.state is State.NOTE
    says(found.text, "shm is not there")


@pytest.mark.parametrize(("used", "state"), [(1, State.OK), (7, State.NOTE), (9.5, State.PROBLEM)])
def test_memory_of_a_container(monkeypatch, tmp_path, used, state):
    (tmp_path / "max").write_text(f"{10 * GIB}\n")
    (tmp_path / "current").write_text(f"{int(used * GIB)}\n")
    monkeypatch.setattr(resources, "_MEMORY_LIMITS", ((tmp_path / "max", tmp_path / "current"),))
    monkeypatch.setattr(resources, "_cached", lambda: 0)
    memory = SimpleNamespace(virtual_memory=lambda: SimpleNamespace(available=50 * GIB, total=64 * GIB))
    monkeypatch.setattr(resources, "imported", lambda name: (memory, None))
    (found,) = resources.memory()
    assert found.state is state
    says(found.text, f"{10 - used:.1f} of this container's 10.0 GiB")
    (tmp_path / "max").write_text("max\n")
    (found,) = resources.memory()
    says(found.text, "50.0 of 64.0 GiB")


def test_memory_without_psutil(monkeypatch, tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal:  8388608 kB\nMemAvailable:  524288 kB\n")
    monkeypatch.setattr(resources, "_MEMORY_INFO", tmp_path / "meminfo")
    monkeypatch.setattr(resources, "_MEMORY_LIMITS", ())
    monkeypatch.setattr(resources, "imported", lambda name: (None, "missing"))
    (found,) = resources.memory()
    assert found.state is State.PROBLEM
    says(found.text, "0.5 of 8.0 GiB")


def test_folders(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "not/there/yet"))
    found = {finding.name: finding for finding in resources.folders()}
    assert found["weights"].facts["path"] == str(tmp_path / "not/there/yet")
    assert found["weights"].facts["writable"] is True
    assert not (tmp_path / "not").exists()
    assert list(tmp_path.iterdir()) == []

    def refuse(dir):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    found = {finding.name: finding for finding in resources.folders()}
    assert found["this folder"].state is found["temporary files"].state is State.PROBLEM
    assert found["weights"].state is State.NOTE
    says(f"{found['this folder'].text}. {found['this folder'].fix}", "Permission denied", "OUTPUT_DIR")
    assert "TMPDIR" in found["temporary files"].fix


def test_a_user_without_a_home(monkeypatch, tmp_path):
    for name in ("HOME", "TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # whom the list of users lacks
    monkeypatch.chdir(tmp_path)
    assert [finding.name for finding in resources.folders()] == ["this folder", "temporary files", "weights"]


@pytest.mark.parametrize(("free", "state"), [(100 * GIB, State.OK), (GIB, State.NOTE), (MIB, State.PROBLEM)])
def test_a_full_disk(monkeypatch, tmp_path, free, state):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(free))
    found = next(iter(resources.folders()))
    assert found.state is state
    assert found.facts["free"] == free


def test_network(monkeypatch):
    monkeypatch.setattr(resources, "_answers", lambda url: "no route" if "huggingface" in url else "")
    found = {finding.name: finding for finding in resources.network()}
    assert found["huggingface.co"].state is State.NOTE
    says(f"{found['huggingface.co'].text}. {found['huggingface.co'].fix}", "no route", "https_proxy")
    assert found["dl.fbaipublicfiles.com"].state is State.OK


def test_a_host_that_does_not_answer(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        assert "refused" in resources._answers(f"http://127.0.0.1:{taken.getsockname()[1]}/x")
    assert "unknown url type" in resources._answers("nothing")
