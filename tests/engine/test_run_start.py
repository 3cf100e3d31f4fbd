"""What a run does with its folder first: half-written files, the files of an earlier run, an earlier end."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import torch
from checkpoint.small_run import SmallRun
from messages import says

from alphaction.checkpoint import FINAL_CHECKPOINT, find_start
from alphaction.data.keyframes import Keyframe
from alphaction.engine.best import BestTracker, settle_best_file
from alphaction.engine.best_metric import Metric
from alphaction.engine.resume import _restore_memory
from alphaction.engine.run_lock import RUN_LOCK, STALE_SECONDS, locked_folder
from alphaction.engine.run_start import begin_in_folder, tidy_folder
from alphaction.memory import MemoryPool
from alphaction.utils.atomic import remove_parts
from alphaction.utils.logging import collected_log

PART = "-0123456789ab.part"


def test_what_a_killed_run_has_left_half_written_is_removed(tmp_path: Path) -> None:
    removed = [f".model_0000004.pth{PART}", f".model_final.pth{PART}", f".memory_pool_0000004.pth{PART}",
               f".last_checkpoint{PART}", f".config.yaml{PART}", f".metrics.jsonl{PART}"]  # fmt: skip
    kept = [f".picture.png{PART}", ".model_0000004.pth-0123.part", f"model_0000004.pth{PART}",
            ".model_0000004.pth.part", f".{RUN_LOCK}{PART}"]  # fmt: skip
    for name in (*removed, *kept):
        (tmp_path / name).write_text("half")
    with locked_folder(tmp_path) as lock, collected_log() as log:
        tidy_folder(lock)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, RUN_LOCK])
        says(log[-1].getMessage(), "6 files", *removed)
        old = time.time() - STALE_SECONDS - 5
        os.utime(tmp_path / kept[-1], (old, old))
        tidy_folder(lock)
        assert not (tmp_path / kept[-1]).exists()
    tidy_folder(None)


def test_parts_of_other_writers_may_be_young(tmp_path: Path) -> None:
    part = tmp_path / f".0001.npy{PART}"
    part.write_text("")
    assert remove_parts(tmp_path, ("*.npy",), older_than=3600) == []
    assert remove_parts(tmp_path, ("*.npy",)) == [part]
    assert remove_parts(tmp_path / "absent", ("*",)) == []


def test_a_new_run_has_the_folder_for_itself(tmp_path: Path) -> None:
    weight = SmallRun(tmp_path / "first").save(9)
    SmallRun(tmp_path / "run").save(4)
    start = find_start(tmp_path / "run", str(weight), transfer=True)
    says(start.reason, "not used", "moved")
    with collected_log() as log:
        begin_in_folder(tmp_path / "run", start)
    says(log[-1].getMessage(), tmp_path / "run" / "earlier_run")
    assert find_start(tmp_path / "run", "").action == "scratch"


def test_a_run_that_goes_on_has_no_end_yet(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    run.checkpointer.save(FINAL_CHECKPOINT, 4)
    begin_in_folder(tmp_path, find_start(tmp_path, ""))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last_checkpoint", "model_0000004.pth"]
    assert find_start(tmp_path, "").warnings == ()


@pytest.mark.parametrize("state", [{}, {"features": 3}, {**MemoryPool(5).state_dict()}])
def test_a_wrong_memory_is_a_warning(tmp_path: Path, state: dict) -> None:
    checkpointer = SmallRun(tmp_path).checkpointer
    path = checkpointer.save_memory(state, 4)
    pool = MemoryPool(4)
    with collected_log() as log:
        _restore_memory(pool, checkpointer.load_memory(4), path)
    says(log[-1].getMessage(), path, "starts empty")
    assert len(pool) == 0


def test_a_memory_of_another_type_is_converted_with_a_note(tmp_path: Path) -> None:
    checkpointer = SmallRun(tmp_path).checkpointer
    saved, pool = MemoryPool(4), MemoryPool(4, dtype="float16")
    saved.write([Keyframe("a", 1)], torch.ones(2, 4), torch.zeros(2, dtype=torch.int64))
    path = checkpointer.save_memory(saved.state_dict(), 4)
    for own, expected in ((pool, "from float32 to float16 (MODEL.IA_STRUCTURE.MEMORY_DTYPE)"), (MemoryPool(4), "")):
        with collected_log() as log:
            _restore_memory(own, checkpointer.load_memory(4), path)
        assert log[-1].getMessage() == f"memory of 1 keyframe restored {expected}".rstrip()
        assert own.read([Keyframe("a", 2)]).features.sum() == 8


def test_nothing_that_an_end_leaves_is_there_when_a_run_goes_on(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    run.checkpointer.save(FINAL_CHECKPOINT, 4)
    run.checkpointer.save_weights("model_ema", run.model, 4)
    (tmp_path / "summary.json").write_text("{}")
    (tmp_path / "report.html").write_text("of iteration 4")
    begin_in_folder(tmp_path, find_start(tmp_path, ""))
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == ["last_checkpoint", "model_0000004.pth", "model_ema_0000004.pth", "report_earlier.html"]


def test_a_kill_at_the_start_leaves_nothing_that_tells_of_an_end_that_is_gone(tmp_path: Path, monkeypatch) -> None:
    run = SmallRun(tmp_path)
    run.checkpointer.save(FINAL_CHECKPOINT, 4)
    run.checkpointer.save_weights("model_ema", run.model, 4)
    for name in ("summary.json", "report.html"):
        (tmp_path / name).write_text("{}")
    replace = os.replace

    def killed(source: Path, target: Path) -> None:
        if source.name == "model_final.pth":
            raise InterruptedError
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(InterruptedError):
            begin_in_folder(tmp_path, find_start(tmp_path, ""))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["last_checkpoint", "model_ema_0000004.pth", "model_final.pth", "report_earlier.html"]
    begin_in_folder(tmp_path, find_start(tmp_path, ""))
    assert not (tmp_path / "model_final.pth").exists()


def test_weights_of_the_folder_that_a_new_run_begins_with_are_told_of(tmp_path: Path) -> None:
    run = SmallRun(tmp_path)
    run.save(4)
    weight = run.checkpointer.save_weights("model_best", run.model, 4)
    start = find_start(tmp_path, str(weight), transfer=True)
    with collected_log() as log:
        begin_in_folder(tmp_path, start)
    says(log[-1].getMessage(), weight, "stays where it is", "of the earlier run")
    settle_best_file(BestTracker(Metric("val/mAP")), tmp_path, start)
    assert weight.is_file()
    settle_best_file(BestTracker(Metric("val/mAP")), tmp_path, find_start(tmp_path, ""))
    assert not weight.exists()
    assert (tmp_path / "model_best_earlier.pth").is_file()
