"""Which checkpoint a run continues from, whatever became of its folder, and which ones are deleted."""

from __future__ import annotations

import random
import resource
import shutil
from pathlib import Path

import pytest
import torch
from checkpoint.small_run import SmallRun, flip
from messages import refused, says

from alphaction.checkpoint import FINAL_CHECKPOINT, find_start, find_test_weights
from alphaction.checkpoint.file_content import read_content
from alphaction.checkpoint.run_folder import holds_run, newest_checkpoint, number_final, set_earlier_run_aside
from alphaction.utils.errors import CheckpointError, ResourceError


def names(folder: Path, pattern: str = "model_*") -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


@pytest.fixture
def run(tmp_path: Path) -> SmallRun:
    """A run with checkpoints at 2, 4 and 6."""
    run = SmallRun(tmp_path)
    for iteration in (2, 4, 6):
        run.save(iteration)
    return run


def test_the_checkpoint_that_is_pointed_to_comes_first(run: SmallRun, tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path) == (tmp_path / "model_0000006.pth", ())
    (tmp_path / "last_checkpoint").write_text("model_0000002.pth")
    assert newest_checkpoint(tmp_path) == (tmp_path / "model_0000002.pth", ())
    assert newest_checkpoint(tmp_path / "none") is None


@pytest.mark.parametrize("pointer", [None, "", "gone.pth", "\0", "x" * 5000, "../../etc", "\x1b[31m"])
def test_without_its_pointer_a_run_is_found_by_its_checkpoints(run: SmallRun, tmp_path: Path, pointer) -> None:
    (tmp_path / "last_checkpoint").unlink()
    if pointer is not None:
        (tmp_path / "last_checkpoint").write_text(pointer)
    start = find_start(tmp_path, "")
    assert (start.action, start.path.name) == ("resume", "model_0000006.pth")
    says(" ".join(start.warnings), "last_checkpoint", "model_0000006.pth", "iteration 6")
    assert find_start(tmp_path, "", resume=True).path == start.path == find_test_weights(tmp_path, "")


def test_a_finished_run_is_found_without_its_pointer(run: SmallRun, tmp_path: Path) -> None:
    run.checkpointer.save(FINAL_CHECKPOINT, 8)
    (tmp_path / "last_checkpoint").unlink()
    assert find_start(tmp_path, "").path.name == "model_final.pth"
    run.save(10)  # of a run that was continued for longer
    (tmp_path / "last_checkpoint").unlink()
    assert find_start(tmp_path, "").path.name == "model_0000010.pth"


def test_a_damaged_checkpoint_falls_back_to_the_newest_that_verifies(run: SmallRun, tmp_path: Path) -> None:
    six, four = tmp_path / "model_0000006.pth", tmp_path / "model_0000004.pth"
    flip(six, six.stat().st_size // 2)
    start = find_start(tmp_path, "")
    assert start.path == four
    says(" ".join(start.warnings), "model_0000006.pth", "damaged", "model_0000004.pth", "iteration 4")
    four.write_bytes(four.read_bytes()[:-100])
    start = find_start(tmp_path, "")
    assert start.path.name == "model_0000002.pth"
    says(" ".join(start.warnings), six.name, four.name)
    (tmp_path / "model_0000002.pth").write_bytes(b"")
    refused(lambda: find_start(tmp_path, ""), six, four, "model_0000002.pth", "OUTPUT_DIR")


def test_a_checkpoint_of_a_branch_that_was_left_is_no_fallback_before_an_older_one(run, tmp_path: Path) -> None:
    flip(tmp_path / "model_0000004.pth", (tmp_path / "model_0000004.pth").stat().st_size // 2)
    (tmp_path / "last_checkpoint").write_text("model_0000004.pth")
    assert newest_checkpoint(tmp_path).path.name == "model_0000002.pth"


def test_weights_of_another_program_are_no_run(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "model_0000004.pth")
    assert newest_checkpoint(tmp_path) is None


def test_weights_that_were_asked_for_never_fall_back(run: SmallRun, tmp_path: Path) -> None:
    six = tmp_path / "model_0000006.pth"
    flip(six, six.stat().st_size // 2)
    assert find_start(tmp_path / "new", str(six)).path == six
    refused(lambda: read_content(six), six, "damaged")
    assert find_test_weights(tmp_path, str(six)) == six


def test_a_flipped_bit_is_refused_or_changes_nothing(run: SmallRun, tmp_path: Path) -> None:
    path = tmp_path / "model_0000006.pth"
    content = path.read_bytes()
    expected = str(read_content(path))
    draw = random.Random(7)
    refusals = 0
    for _ in range(200):
        flip(path, draw.randrange(len(content)), draw.randrange(8))
        try:
            assert str(read_content(path)) == expected
        except CheckpointError as error:
            refusals += 1
            says(str(error), path)
        path.write_bytes(content)
    assert refusals > 50


# Deleting


@pytest.mark.parametrize(
    ("keep", "left"), [(0, [2, 4, 6, 8]), (1, [8]), (2, [6, 8]), (3, [4, 6, 8]), (9, [2, 4, 6, 8])]
)
def test_the_newest_are_kept(tmp_path: Path, keep: int, left: list[int]) -> None:
    run = SmallRun(tmp_path, keep=keep)
    for iteration in (2, 4, 6, 8):
        run.save(iteration)
    assert names(tmp_path) == [f"model_{iteration:07d}.pth" for iteration in left]
    run.checkpointer.save(FINAL_CHECKPOINT, 9)
    run.save(10)
    assert "model_final.pth" in names(tmp_path)


def test_only_checkpoints_of_this_program_are_deleted(tmp_path: Path) -> None:
    run = SmallRun(tmp_path, keep=1)
    first = run.save(2)
    shutil.copy(first, tmp_path / "model_best.pth")
    shutil.copy(first, tmp_path / "model_0000003.pth")  # of iteration 2
    shutil.copy(first, tmp_path / "model_3.pth")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "model_0000001.pth")
    (tmp_path / "good.pth").symlink_to(run.save(4).name)
    run.save(5)
    run.save(6)
    assert names(tmp_path) == [
        "model_0000001.pth", "model_0000003.pth", "model_0000004.pth", "model_0000006.pth", "model_3.pth",
        "model_best.pth",
    ]  # fmt: skip


def test_one_between_two_periods_is_replaced_by_the_next(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    run.save(10)
    run.save(13, between=True)
    assert names(tmp_path) == ["model_0000010.pth", "model_0000013.pth"]
    run.save(17, between=True)
    assert names(tmp_path) == ["model_0000010.pth", "model_0000017.pth"]
    run.save(20)
    assert names(tmp_path) == ["model_0000010.pth", "model_0000020.pth"]
    assert SmallRun(tmp_path).checkpointer.resume().iteration == 20


# One run in one folder

SHOWN = ["report.html", "train_clips.png", "validation_0000004.png", "wandb_run_id.txt"]


def test_an_earlier_run_is_set_aside(run: SmallRun, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    (tmp_path / "mine.txt").write_text("")
    for name in SHOWN:
        (tmp_path / name).write_bytes(b"")
    aside = set_earlier_run_aside(tmp_path, tmp_path / "model_0000004.pth")
    assert names(tmp_path, "*") == [aside.name, "mine.txt", "model_0000004.pth"]
    moved = ["last_checkpoint", "metrics.jsonl", "model_0000002.pth", "model_0000006.pth", *SHOWN]
    assert names(aside, "*") == moved
    run.save(1)
    assert set_earlier_run_aside(tmp_path, None) == tmp_path / "earlier_run_2"
    assert set_earlier_run_aside(tmp_path, None) is None


def test_the_end_of_a_run_that_goes_on_becomes_one_of_its_checkpoints(run: SmallRun, tmp_path: Path) -> None:
    run.checkpointer.save(FINAL_CHECKPOINT, 8)
    assert number_final(tmp_path) == tmp_path / "model_0000008.pth"
    assert (tmp_path / "last_checkpoint").read_text() == "model_0000008.pth\n"
    assert number_final(tmp_path) is None
    assert SmallRun(tmp_path).checkpointer.resume().iteration == 8


def test_a_disk_that_fills_leaves_everything_as_it_was(run: SmallRun, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        for limit in (0, 100, 2000, len(before["model_0000006.pth"]) - 1):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            with pytest.raises(ResourceError, match=r"model_0000008\.pth") as caught:
                run.save(8)
            assert caught.value.status == 7
            with pytest.raises(ResourceError, match=r"memory_pool_0000008\.pth"):
                run.checkpointer.save_memory({"features": torch.zeros(9999)}, 8)
            assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_weights_beside_the_checkpoints_are_neither_counted_nor_deleted(tmp_path: Path) -> None:
    beside = ("model_best.pth", "model_ema.pth", "model_best_earlier.pth", "model_ema_0000002.pth")
    run = SmallRun(tmp_path, keep=2)
    for name in beside:
        run.checkpointer.save_weights(name.removesuffix(".pth"), run.model, 1)
    assert not holds_run(tmp_path)
    assert newest_checkpoint(tmp_path) is None
    for iteration in (2, 4, 6):
        run.save(iteration)
    assert names(tmp_path) == sorted([*beside, "model_0000004.pth", "model_0000006.pth"])
    aside = set_earlier_run_aside(tmp_path, None)
    assert names(tmp_path) == []
    assert names(aside) == sorted([*beside, "model_0000004.pth", "model_0000006.pth"])


def test_an_earlier_end_that_is_a_link_loses_only_the_link(run: SmallRun, tmp_path: Path) -> None:
    (tmp_path / "model_final.pth").symlink_to("model_0000006.pth")
    assert number_final(tmp_path) == tmp_path / "model_0000006.pth"
    assert names(tmp_path) == ["model_0000002.pth", "model_0000004.pth", "model_0000006.pth"]
    assert SmallRun(tmp_path).checkpointer.resume().iteration == 6


def test_an_earlier_end_that_is_damaged_is_no_end_of_the_run_that_goes_on(run: SmallRun, tmp_path: Path) -> None:
    (tmp_path / "model_final.pth").write_bytes(b"damaged")
    (tmp_path / "last_checkpoint").write_text("model_final.pth\n")
    assert newest_checkpoint(tmp_path).path.name == "model_0000006.pth"
    assert number_final(tmp_path) == tmp_path / "model_final_earlier.pth"
    assert newest_checkpoint(tmp_path).path.name == "model_0000006.pth"
