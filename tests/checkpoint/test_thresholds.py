"""Thresholds inside a checkpoint: stored, read, refused; all else in the file stays as it is."""

from __future__ import annotations

import pytest
import torch
from checkpoint.small_run import LABELS, SmallRun
from messages import refused

from alphaction.checkpoint import Thresholds, load_weights, read_thresholds, store_thresholds, stored_thresholds

CHOSEN = Thresholds((1, 2), ("sit", "run"), (0.25, 0.75), (12, 3), (True, False), "best F1", "mine_val", 5)


def same(a, b) -> bool:
    """Return whether two contents of files are equal to the last bit."""
    if isinstance(a, dict):
        return type(a) is type(b) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
    return a == b


def load(path):
    return torch.load(path, weights_only=True)


def test_stored_and_read(tmp_path):
    path = SmallRun(tmp_path).save(5)
    assert stored_thresholds(path) is None
    assert read_thresholds(path, LABELS) is None
    store_thresholds(path, CHOSEN)
    assert stored_thresholds(path) == CHOSEN
    assert str(stored_thresholds(path)) == "best F1 on mine_val"
    # ids may differ, and the case of names: a channel is its position
    assert read_thresholds(path, LABELS | {"ids": [7, 8], "names": ["Sit", "run "]}) == {"Sit": 0.25, "run ": 0.75}


def test_all_else_stays_as_it_is(tmp_path):
    run = SmallRun(tmp_path)
    other, path = run.save(4), run.save(5)
    before, untouched = load(path), other.read_bytes()
    store_thresholds(path, CHOSEN)
    after = load(path)
    assert after.pop("thresholds")["values"] == [0.25, 0.75]
    assert same(before, after)
    assert other.read_bytes() == untouched
    store_thresholds(path, None)
    assert same(before, load(path))


def test_a_run_goes_on_from_it_and_drops_them(tmp_path):
    run = SmallRun(tmp_path)
    path = run.save(5)
    expected = run.state()
    store_thresholds(path, CHOSEN)
    again = SmallRun(tmp_path)
    assert again.checkpointer.resume(path).iteration == 5
    assert again.state() == expected
    assert "thresholds" not in load(again.save(6))


def test_weights_are_loaded_as_before(tmp_path):
    run = SmallRun(tmp_path)
    path = run.save(5)
    store_thresholds(path, CHOSEN)
    other = SmallRun(tmp_path / "other").model
    assert load_weights(other, path).complete
    assert torch.equal(other[0].weight, run.model[0].weight)


def test_a_link_stays_a_link(tmp_path):
    path = SmallRun(tmp_path).save(5)
    link = tmp_path / "best.pth"
    link.symlink_to(path.name)
    store_thresholds(link, CHOSEN)
    assert link.is_symlink()
    assert stored_thresholds(path) == CHOSEN


def test_those_of_other_classes_are_not_used(tmp_path, caplog):
    path = SmallRun(tmp_path).save(5)
    store_thresholds(path, CHOSEN)
    assert read_thresholds(path, LABELS | {"names": ["sit", "jump"]}) is None
    assert "are for other classes" in caplog.text
    # a label map in another order, and one with more classes
    assert read_thresholds(path, LABELS | {"names": ["run", "sit"]}) is None
    more = {"ids": [1, 2, 3], "names": ["sit", "run", "x"], "groups": ["movement"] * 3}
    assert read_thresholds(path, more) is None


@pytest.mark.parametrize(
    ("entry", "value", "words"),
    [
        ("values", [0.5], "differ in length"),
        ("values", [0.5, 1.5], "1.5, not a score"),
        ("values", [0.5, float("nan")], "nan"),
        ("values", [0.5, 1], "values holds 1"),
        ("values", None, "values is None, not a list"),
        ("names", [1, 2], "names holds 1"),
        ("labels", torch.zeros(2), "labels is a tensor"),
        ("how", 3, "how is 3"),
        ("iteration", "5", "iteration is '5'"),
    ],
)
def test_damaged_ones_are_refused(tmp_path, entry, value, words):
    path = SmallRun(tmp_path).save(5)
    store_thresholds(path, CHOSEN)
    content = load(path)
    content["thresholds"][entry] = value
    torch.save(content, path)
    refused(lambda: read_thresholds(path, LABELS), words, "--remove", path)


def test_what_is_no_dict_is_refused(tmp_path):
    path = SmallRun(tmp_path).save(5)
    torch.save(load(path) | {"thresholds": [0.5, 0.5]}, path)
    refused(lambda: read_thresholds(path, LABELS), "a list, not a dict")


def test_files_of_others_keep_none(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"model": {"a": torch.zeros(2)}, "thresholds": "theirs"}, path)
    assert read_thresholds(path, LABELS) is None
    before = path.read_bytes()
    refused(lambda: store_thresholds(path, CHOSEN), "checkpoints that this program wrote")
    assert path.read_bytes() == before


def test_a_failure_leaves_the_file_alone(tmp_path, monkeypatch):
    path = SmallRun(tmp_path).save(5)
    before = path.read_bytes()

    def full(content, file):
        file.write(b"the beginning")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    refused(lambda: store_thresholds(path, CHOSEN), path, "Free some space")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []
