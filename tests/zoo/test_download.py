"""Downloads from a server on this machine: cut, changed, wrong, twice at once, and what is said offline."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from messages import refused, says
from zoo.web import FileServer, serving

from alphaction.utils.errors import UserError
from alphaction.zoo import PublicWeights, cached_file, get_weights, transfer
from alphaction.zoo.cache import BLOCK, Record, record_file
from alphaction.zoo.download import _wait_for

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
BASE = PublicWeights(
    name="a_network",
    what="a network",
    kind="backbone",
    source="torchvision",
    backbone="",
    page="https://example.org/page",
    file_name="weights.pth",
    url="",
    license="MIT",
)


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path) -> Path:
    """The cache: empty, and no proxy between."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    return tmp_path / "cache" / "hub" / "checkpoints"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(CONTENT) as files:
        yield files


def entry_at(server: FileServer, **changes: object) -> PublicWeights:
    return replace(BASE, url=server.url, **changes)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_download_is_whole_recorded_and_said(server, folder):
    said: list[str] = []
    entry = entry_at(server, license="CC-BY-NC-4.0", commercial=False, hash_prefix=SHA256[:8])
    path = get_weights(entry, say=said.append)
    assert path == folder / "weights.pth"
    assert path.read_bytes() == CONTENT
    assert names(folder) == ["weights.pth", "weights.pth.sha256.json"]
    record = Record.read(path)
    assert (record.sha256, record.size, record.origin) == (SHA256, len(CONTENT), server.url)
    says(said[0], "CC-BY-NC-4.0", "NO COMMERCIAL USE")
    says("\n".join(said[1:]), server.url, path, SHA256[:16])
    assert get_weights(entry, say=said.append) == path
    assert len(server.asked) == 1


def test_a_cut_connection_is_made_again(server):
    server.cuts = [BLOCK + 1, 7]
    assert get_weights(entry_at(server), say=print).read_bytes() == CONTENT
    assert server.asked == ["", f"bytes={BLOCK + 1}-", f"bytes={BLOCK + 8}-"]


def test_the_next_command_goes_on_where_the_last_was_cut(server, folder, monkeypatch):
    monkeypatch.setattr(transfer, "_CONNECTIONS", 1)
    server.cuts = [1000]
    refused(lambda: get_weights(entry_at(server), say=print), "1,000 of", server.url, folder / "weights.pth")
    assert (folder / "weights.pth.part").stat().st_size == 1000
    assert not (folder / "weights.pth").exists()
    assert get_weights(entry_at(server), say=print).read_bytes() == CONTENT
    assert server.asked == ["", "bytes=1000-"]


@pytest.mark.parametrize("change", ["no ranges", "no version", "another version", "another size"])
def test_what_cannot_go_on_starts_over(server, folder, monkeypatch, change):
    monkeypatch.setattr(transfer, "_CONNECTIONS", 1)
    server.cuts = [1000]
    server.etag = "" if change == "no version" else server.etag
    with pytest.raises(UserError):
        get_weights(entry_at(server), say=print)
    if change == "no ranges":
        server.ranges = False
    elif change == "another version":
        server.content, server.etag = CONTENT[::-1], '"v2"'
    elif change == "another size":  # under the same ETag
        server.content = CONTENT + b"more"
    assert get_weights(entry_at(server), say=print).read_bytes() == server.content
    assert server.asked[1:] == {
        "no version": [""],
        "another size": ["bytes=1000-", ""],
    }.get(change, ["bytes=1000-"])


@pytest.mark.parametrize("name", ["published", "recorded"])
def test_a_wrong_hash_leaves_nothing(server, folder, name):
    entry = entry_at(server)
    if name == "published":
        entry = replace(entry, hash_prefix="0000abcd")
        expected = ("0000abcd", SHA256[:16], server.url)
    else:
        get_weights(entry, say=print).unlink()
        server.content, server.etag = CONTENT[::-1], '"v2"'
        expected = (SHA256[:16], "weights.pth.sha256.json", server.url)
    refused(lambda: get_weights(entry, say=print), *expected)
    assert names(folder) == (["weights.pth.sha256.json"] if name == "recorded" else [])


def test_a_web_page_is_no_weight_file(server, folder):
    server.content = b"\n<!DOCTYPE html><html>Virus scan warning</html>"
    refused(lambda: get_weights(entry_at(server), say=print), server.url, "web page", "browser")
    assert names(folder) == []


@pytest.mark.parametrize("content", [b'{"error": "expired"}', b"Access denied, please log in\n"])
def test_a_text_is_no_weight_file(server, folder, content):
    server.content = content
    refused(lambda: get_weights(entry_at(server), say=print), server.url, "a text, not weights", content[:7].decode())
    assert names(folder) == []


def test_a_server_that_never_sends_the_rest_is_left(server):
    server.ranges, server.cuts = False, [1000] * 50
    refused(lambda: get_weights(entry_at(server), say=print), "1,000 of", server.url)
    assert len(server.asked) == 4


def test_a_server_that_has_no_such_file(server, folder):
    server.status = 404
    refused(lambda: get_weights(entry_at(server), say=print), "404", server.url, folder / "weights.pth")


def test_two_downloads_at_once_are_one(server):
    server.gate.clear()
    said: list[str] = []
    found: list[Path] = []
    entry = entry_at(server)
    threads = [
        threading.Thread(target=lambda: found.append(get_weights(entry, say=said.append)), daemon=True)
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    while not any("waiting" in text for text in said):
        assert any(thread.is_alive() for thread in threads)
        threads[0].join(0.01)
    server.gate.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 2
    assert server.asked == [""]
    assert names(found[0].parent) == ["weights.pth", "weights.pth.sha256.json"]
    assert found[0].read_bytes() == CONTENT


def test_other_processes_of_a_machine_wait_for_the_first(server, monkeypatch, folder):
    monkeypatch.setenv("LOCAL_RANK", "3")
    entry = entry_at(server)
    found: list[Path] = []
    thread = threading.Thread(target=lambda: found.append(get_weights(entry)), daemon=True)
    thread.start()
    folder.mkdir(parents=True)
    (folder / "weights.pth").write_bytes(CONTENT)
    thread.join(10)
    assert found == [folder / "weights.pth"]
    assert server.asked == []
    monkeypatch.setattr("alphaction.zoo.download._LONGEST_WAIT", 0.0)
    refused(lambda: _wait_for(folder / "other.pth", "the weights"), folder / "other.pth")


def test_offline_it_says_which_file_to_put_where(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/weights.pth"
    entry = replace(BASE, url=url)
    refused(
        lambda: get_weights(entry, otherwise="Or do without.", say=print),
        "zoo:a_network", "refused", f"\n  {url}\n", f"\n  {folder / 'weights.pth'}\n", "Or do without.",
    )  # fmt: skip
    assert names(folder) == []
    refused(lambda: get_weights(BASE, say=print), "browser", BASE.page, folder / "weights.pth", "License", "MIT")


def test_a_silent_server_is_left(server, monkeypatch):
    monkeypatch.setattr(transfer, "PATIENCE", 0.2)
    server.gate.clear()
    refused(lambda: get_weights(entry_at(server), say=print), "silent", server.url)


def test_a_file_put_there_by_hand_is_recorded_and_must_stay_the_same(folder):
    folder.mkdir(parents=True)
    path = cached_file(BASE)
    path.write_bytes(CONTENT)
    assert get_weights(BASE) == path
    assert Record.read(path).sha256 == SHA256
    # Touched, but the same: recorded anew.
    os.utime(path, ns=(1, 1))
    get_weights(BASE)
    assert Record.read(path).modified_ns == 1
    path.write_bytes(CONTENT[::-1])
    refused(lambda: get_weights(BASE), path, SHA256[:16], record_file(path), BASE.page)
    record_file(path).unlink()
    get_weights(BASE)


def test_what_nobody_touched_is_read_again_only_to_verify(folder):
    folder.mkdir(parents=True)
    path = cached_file(BASE)
    path.write_bytes(CONTENT)
    get_weights(BASE)
    times = path.stat()
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    get_weights(BASE)
    refused(lambda: get_weights(BASE, verify=True), path, "was recorded on")


def test_a_wrong_file_put_there_by_hand(folder):
    folder.mkdir(parents=True)
    path = cached_file(BASE)
    path.write_bytes(CONTENT)
    entry = replace(BASE, hash_prefix="0000abcd", url="https://example.org/weights.pth")
    refused(lambda: get_weights(entry), path, "0000abcd", "download_weights.py a_network")
    path.write_bytes(b"<html>please confirm")
    refused(lambda: get_weights(entry), path, "web page")
    assert names(folder) == ["weights.pth"]


def test_a_damaged_record_is_made_anew(folder):
    folder.mkdir(parents=True)
    path = cached_file(BASE)
    path.write_bytes(CONTENT)
    record_file(path).write_text(json.dumps({"sha256": 1}))
    get_weights(BASE)
    assert Record.read(path).sha256 == SHA256


def test_too_little_space_and_no_folder(server, folder, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setattr(transfer.shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
        refused(lambda: get_weights(entry_at(server), say=print), folder, "TORCH_HOME", "free")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    refused(lambda: get_weights(entry_at(server), say=print), tmp_path / "file", "TORCH_HOME")


@pytest.mark.parametrize("change", [{"sha256": [1]}, {"size": "5"}, {"recorded": None}, {"origin": {}}, {"more": 1}])
def test_a_record_of_other_types_counts_as_none(tmp_path, change):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"x")
    record = Record.of(path, "0" * 64, "a test")
    record.write(path)
    assert Record.read(path) == record
    place = record_file(path)
    place.write_text(json.dumps(json.loads(place.read_text()) | change))
    assert Record.read(path) is None
