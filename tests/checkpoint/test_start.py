"""What a run starts from: the folder's last checkpoint, MODEL.WEIGHT or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from alphaction.checkpoint import Checkpointer, find_start, find_test_weights, read_recorded_config
from alphaction.utils.errors import UserError


@pytest.fixture
def weight(tmp_path: Path) -> str:
    """A file that holds weights only."""
    torch.save(nn.Linear(1, 1).state_dict(), tmp_path / "zoo.pth")
    return str(tmp_path / "zoo.pth")


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """The folder of a run with one checkpoint."""
    model = nn.Linear(1, 1)
    Checkpointer(tmp_path / "run", model, torch.optim.SGD(model.parameters(), lr=0.1)).save(None, 7)
    return tmp_path / "run"


def test_nothing_given(tmp_path: Path) -> None:
    start = find_start(tmp_path / "new", "")
    assert (start.action, start.path) == ("scratch", None)
    assert "MODEL.WEIGHT" in start.reason


def test_weights_of_another_program(tmp_path: Path, weight: str) -> None:
    start = find_start(tmp_path / "new", weight)
    assert (start.action, start.path) == ("weights", Path(weight))


def test_last_checkpoint_continues_the_run_and_says_what_is_ignored(run_dir: Path, weight: str) -> None:
    start = find_start(run_dir, weight)
    assert (start.action, start.path) == ("resume", run_dir / "model_0000007.pth")
    assert f"MODEL.WEIGHT {weight} is not used" in start.reason
    assert "not used" not in find_start(run_dir, "").reason


def test_transfer_takes_the_given_weights_always(run_dir: Path, weight: str) -> None:
    start = find_start(run_dir, weight, transfer=True)
    assert (start.action, start.path) == ("weights", Path(weight))
    assert f"{run_dir} is not used" in start.reason
    checkpoint = str(run_dir / "model_0000007.pth")
    assert find_start(run_dir, checkpoint, transfer=True).action == "weights"
    with pytest.raises(UserError, match="MODEL.WEIGHT"):
        find_start(run_dir, "", transfer=True)


def test_resume_takes_the_last_checkpoint_only(tmp_path: Path, run_dir: Path, weight: str) -> None:
    assert find_start(run_dir, weight, resume=True).path == run_dir / "model_0000007.pth"
    with pytest.raises(UserError, match=f"--resume: OUTPUT_DIR {tmp_path / 'new'} "):
        find_start(tmp_path / "new", str(run_dir / "model_0000007.pth"), resume=True)


def test_the_config_that_a_checkpoint_records(tmp_path: Path, weight: str) -> None:
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    text = "SOLVER: {MAX_ITER: 5}"
    for extra, world_size in (({}, None), ({"config": "SOLVER: {MAX_ITER: 5}", "world_size": 4}, 4)):
        path = Checkpointer(tmp_path / "run", model, optimizer, config=text).save(None, 1, extra)
        assert read_recorded_config(path) == ({"SOLVER": {"MAX_ITER": 5}}, world_size)
    with pytest.raises(UserError, match=r"zoo\.pth"):
        read_recorded_config(Path(weight))


def test_a_training_checkpoint_as_weight_is_continued(tmp_path: Path, run_dir: Path) -> None:
    checkpoint = run_dir / "model_0000007.pth"
    start = find_start(tmp_path / "new", str(checkpoint))
    assert (start.action, start.path) == ("resume", checkpoint)


def test_missing_weight_is_reported_at_once(tmp_path: Path, run_dir: Path) -> None:
    with pytest.raises(UserError, match="zoo.pth"):
        find_start(tmp_path / "new", str(tmp_path / "zoo.pth"))
    with pytest.raises(UserError, match="zoo.pth"):
        find_start(run_dir, str(tmp_path / "zoo.pth"), transfer=True)


def test_testing_prefers_the_given_weights(tmp_path: Path, run_dir: Path, weight: str) -> None:
    assert find_test_weights(run_dir, weight) == Path(weight)
    assert find_test_weights(run_dir, "") == run_dir / "model_0000007.pth"
    with pytest.raises(UserError, match="MODEL.WEIGHT"):
        find_test_weights(tmp_path / "new", "")
    with pytest.raises(UserError, match="gone.pth"):
        find_test_weights(run_dir, str(tmp_path / "gone.pth"))


def test_a_recorded_config_that_is_no_text_is_refused(tmp_path):
    torch.save({"iteration": 3, "optimizer": {}, "extra": {"config": torch.zeros(2)}}, tmp_path / "run.pth")
    with pytest.raises(UserError, match=r"run\.pth: its config is a Tensor, not a text"):
        read_recorded_config(tmp_path / "run.pth")


def test_a_new_run_begins_anew_where_another_was(tmp_path):
    (tmp_path / "last_checkpoint").write_text("model_0000001.pth\n")
    start = find_start(tmp_path, "", anew=True)
    assert (start.action, start.path) == ("scratch", None)
    assert "are moved into a folder there" in start.reason
    assert "moved" not in find_start(tmp_path / "other", "", anew=True).reason
