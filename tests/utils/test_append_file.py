"""Files that are appended to, with and without room on the disk."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alphaction.utils.append_file import AppendFile


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes: what a full disk does, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_pieces_are_added_behind_what_is_there(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"before\n")
    file = AppendFile(path)
    assert file.write(b"one\n")
    assert file.write(b"two\n")
    assert path.read_bytes() == b"before\none\ntwo\n"
    assert file.failure is None
    assert file.close()


def test_what_has_no_room_is_written_later_and_nothing_is_torn(tmp_path):
    path = tmp_path / "log"
    file = AppendFile(path)
    file.write(b"12345\n")
    with largest_file(10):
        assert not file.write(b"67890\n")  # four bytes of it have room
        assert file.failure.errno == errno.EFBIG
        assert path.read_bytes() == b"12345\n"
        assert not file.write(b"x\n")  # which would have room, but not before its turn
        assert path.read_bytes() == b"12345\n"
    assert file.write(b"end\n")
    assert file.failure is None
    assert path.read_bytes() == b"12345\n67890\nx\nend\n"
    file.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_that_is_full(tmp_path):
    path = tmp_path / "log"
    path.symlink_to("/dev/full")
    file = AppendFile(path)
    assert not file.write(b"line\n")
    assert file.failure.errno == errno.ENOSPC
    assert not file.close()
