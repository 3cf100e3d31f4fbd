"""Saving, resuming and the ways in which a run's folder can be broken."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint.small_run import AnyIteration
from messages import refused, says
from torch import nn

from alphaction import __version__
from alphaction.checkpoint import FINAL_CHECKPOINT, Checkpointer, checkpoint_name, read_weight_file
from alphaction.checkpoint import checkpointer as checkpointer_module
from alphaction.checkpoint.checkpointer import last_checkpoint
from alphaction.config import load_cfg
from alphaction.utils.errors import UserError

LABELS = {"ids": [1, 2], "names": ["sit", "run"], "groups": ["movement", "movement"]}


class Run:
    """A small model, SGD with momentum, a schedule and a scaler: everything that a run's state consists of."""

    def __init__(self, folder: Path, seed: int = 0, hidden: int = 4, **options: Any) -> None:
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(3, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, 2))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, step_size=3)
        options = {"label_map": LABELS, "config": "MODEL: {}\n", **options}
        self.checkpointer = AnyIteration(folder, self.model, self.optimizer, self.scheduler, **options)

    def train(self, start: int, stop: int) -> list[float]:
        losses = []
        for iteration in range(start, stop):
            generator = torch.Generator().manual_seed(iteration)
            data, goal = torch.randn(8, 3, generator=generator), torch.randn(8, 2, generator=generator)
            loss = (self.model(data) - goal).square().mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            losses.append(loss.item())
        return losses


def test_the_license_of_its_weights_stays_with_a_run(tmp_path: Path) -> None:
    first = Run(tmp_path / "run")
    first.checkpointer.license = "CC-BY-NC-4.0"
    first.checkpointer.save(None, 5)
    second = Run(tmp_path / "run")
    second.checkpointer.resume()
    assert read_weight_file(second.checkpointer.save(None, 6)).license == "CC-BY-NC-4.0"


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = Run(tmp_path / "whole").train(0, 8)
    first = Run(tmp_path / "run")
    losses = first.train(0, 5)
    path = first.checkpointer.save(None, 5, extra={"best_map": 0.25})
    assert path == tmp_path / "run" / "model_0000005.pth"

    second = Run(tmp_path / "run", seed=9)
    resumed = second.checkpointer.resume()
    assert resumed.iteration == 5
    assert resumed.info == f"continuing from {path} at iteration 5"
    assert resumed.extra == {"best_map": 0.25}
    assert losses + second.train(5, 8) == whole
    assert second.scheduler.get_last_lr() == [pytest.approx(0.001)]


def test_content_and_names(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert not (tmp_path / "last_checkpoint").exists()
    run.train(0, 1)
    assert run.checkpointer.save(None, 1000).name == "model_0001000.pth" == checkpoint_name(1000) + ".pth"
    assert run.checkpointer.save(FINAL_CHECKPOINT, 1200).name == "model_final.pth"
    assert (tmp_path / "last_checkpoint").read_text() == "model_final.pth\n"
    assert sorted(item.name for item in tmp_path.iterdir()) == [
        "last_checkpoint",
        "model_0001000.pth",
        "model_final.pth",
    ]

    content = torch.load(tmp_path / "model_final.pth", weights_only=True)
    assert list(content) == [
        "model",
        "optimizer",
        "scheduler",
        "iteration",
        "label_map",
        "config",
        "license",
        "version",
        "extra",
    ]
    assert list(content["model"]) == list(run.model.state_dict())
    assert content["iteration"] == 1200
    assert content["label_map"] == LABELS
    assert content["config"] == "MODEL: {}\n"
    assert content["version"] == __version__

    file = read_weight_file(tmp_path / "model_final.pth")
    assert torch.equal(file.weights["0.weight"], run.model[0].weight)
    assert (file.label_map, file.iteration) == (LABELS, 1200)


def test_names_of_a_wrapped_model_have_no_prefix(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    Checkpointer(tmp_path, nn.DataParallel(model)).save(None, 1)
    assert list(torch.load(tmp_path / "model_0000001.pth", weights_only=True)["model"]) == ["weight", "bias"]


def test_only_the_main_process_writes(tmp_path: Path) -> None:
    run = Run(tmp_path / "out", is_main_process=False)
    run.checkpointer.save(None, 1)
    run.checkpointer.save_memory({}, 1)
    assert not (tmp_path / "out").exists()


def test_scaler_is_restored_and_may_join_later(tmp_path: Path) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    run = Run(tmp_path, scaler=scaler)
    run.checkpointer.save(None, 1)
    other = torch.amp.GradScaler("cpu")
    Run(tmp_path, scaler=other).checkpointer.resume()
    assert other.get_scale() == 8.0
    Run(tmp_path).checkpointer.save(None, 2)
    info = Run(tmp_path, scaler=other).checkpointer.resume().info
    says(info, "iteration 2", "no gradient scaler")
    disabled = torch.amp.GradScaler("cpu", enabled=False)
    assert "gradient scaler" not in Run(tmp_path, scaler=disabled).checkpointer.resume().info


def test_a_state_that_cannot_be_saved_is_named(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.checkpointer.save(None, 1)
    before = (tmp_path / "model_0000001.pth").read_bytes()
    run.scheduler.gamma = print
    with pytest.raises(TypeError, match=r'"scheduler.gamma".*builtin_function_or_method'):
        run.checkpointer.save(None, 1)
    assert (tmp_path / "model_0000001.pth").read_bytes() == before
    with pytest.raises(TypeError, match=r'"extra.when"'):
        Run(tmp_path).checkpointer.save(None, 1, extra={"when": object()})


def test_a_crash_while_saving_keeps_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path)
    run.checkpointer.save(None, 1)

    def crash(content: object, file: Any) -> None:
        file.write(b"PK\x03\x04 half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", crash)
    with pytest.raises(KeyboardInterrupt):
        run.checkpointer.save(None, 2)
    monkeypatch.undo()
    assert sorted(item.name for item in tmp_path.iterdir()) == ["last_checkpoint", "model_0000001.pth"]
    assert Run(tmp_path).checkpointer.resume().iteration == 1


def test_model_comes_before_the_pointer_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path)
    run.checkpointer.save(None, 1)
    written = []

    def crash(path: Path, write: Callable) -> None:
        written.append(path.name)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpointer_module, "write_atomically", crash)
    with pytest.raises(KeyboardInterrupt):
        run.checkpointer.save(None, 2)
    assert written == ["last_checkpoint"]
    assert (tmp_path / "model_0000002.pth").exists()
    assert Run(tmp_path).checkpointer.resume().iteration == 1


# last_checkpoint


@pytest.mark.parametrize(
    "form", ["{name}", "{name}\n", "out/{name}", "{folder}/{name}", "/elsewhere/run/{name}", "C:\\run\\{name}"]
)
def test_forms_of_the_pointer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run(Path("out"))
    run.checkpointer.save(None, 3)
    (tmp_path / "out" / "last_checkpoint").write_text(form.format(name="model_0000003.pth", folder=tmp_path / "out"))
    assert Run(Path("out")).checkpointer.resume().iteration == 3


def test_pointer_to_a_file_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Run(tmp_path / "a").checkpointer.save(None, 3)
    (tmp_path / "b").mkdir()
    pointer = tmp_path / "b" / "last_checkpoint"
    monkeypatch.chdir(tmp_path)
    for text in (tmp_path / "a" / "model_0000003.pth", "a/model_0000003.pth", "../a/model_0000003.pth"):
        pointer.write_text(str(text))
        assert Run(tmp_path / "b").checkpointer.resume().iteration == 3


def test_a_moved_or_copied_folder_uses_its_own_file(tmp_path: Path) -> None:
    Run(tmp_path / "old").checkpointer.save(None, 3)
    (tmp_path / "old" / "last_checkpoint").write_text(str(tmp_path / "old" / "model_0000003.pth"))
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    assert last_checkpoint(tmp_path / "new") == tmp_path / "new" / "model_0000003.pth"


def broken_folder(folder: Path) -> Run:
    """Three checkpoints, of which the last one is pointed to and the second is cut off."""
    run = Run(folder)
    for iteration in (1, 2, 3):
        path = run.checkpointer.save(None, iteration)
        os.utime(path, (iteration, iteration))
    return run


def cut(path: Path) -> None:
    stat = path.stat()
    path.write_bytes(path.read_bytes()[:-200])
    os.utime(path, (stat.st_atime, stat.st_mtime))


def test_missing_checkpoint_names_the_newest_intact_one(tmp_path: Path) -> None:
    run = broken_folder(tmp_path)
    (tmp_path / "model_0000003.pth").unlink()
    cut(tmp_path / "model_0000002.pth")
    refused(run.checkpointer.resume, f"{tmp_path}/last_checkpoint", "model_0000003.pth", "model_0000001.pth")
    (tmp_path / "last_checkpoint").write_text("model_0000001.pth")
    assert run.checkpointer.resume().iteration == 1


def test_cut_off_checkpoint_names_the_newest_intact_one(tmp_path: Path) -> None:
    run = broken_folder(tmp_path)
    cut(tmp_path / "model_0000003.pth")
    with pytest.raises(UserError, match=r"model_0000003.pth: cut off.*model_0000002.pth"):
        run.checkpointer.resume()


def test_no_intact_checkpoint_at_all(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.checkpointer.save(None, 1).write_bytes(b"")
    with pytest.raises(UserError, match=r"model_0000001.pth: .*empty.*last_checkpoint"):
        run.checkpointer.resume()
    (tmp_path / "last_checkpoint").write_text("\n")
    with pytest.raises(UserError, match="last_checkpoint: .*empty"):
        run.checkpointer.resume()
    (tmp_path / "last_checkpoint").unlink()
    with pytest.raises(UserError, match="last_checkpoint"):
        run.checkpointer.resume()


# Checkpoints of something else


def test_another_model_is_refused(tmp_path: Path) -> None:
    Run(tmp_path).checkpointer.save(None, 1)
    with pytest.raises(UserError, match=r"0.weight .*\[5, 3\].*\[4, 3\].*--transfer"):
        Run(tmp_path, hidden=5).checkpointer.resume()
    with pytest.raises(UserError, match=r"missing weight; missing bias; .*0.weight"):
        Checkpointer(tmp_path, nn.Linear(1, 1)).resume()


def test_other_classes_are_refused(tmp_path: Path) -> None:
    Run(tmp_path).checkpointer.save(None, 1)
    swapped = {**LABELS, "names": ["run", "sit"]}
    with pytest.raises(UserError, match="classes"):
        Run(tmp_path, label_map=swapped).checkpointer.resume()


def test_weights_without_training_state_are_refused(tmp_path: Path) -> None:
    run = Run(tmp_path)
    torch.save({"model": run.model.state_dict(), "iteration": 5}, tmp_path / "zoo.pth")
    with pytest.raises(UserError, match=r"zoo.pth.*MODEL.WEIGHT.*--transfer"):
        run.checkpointer.resume(tmp_path / "zoo.pth")
    Checkpointer(tmp_path, run.model).save(None, 1)
    with pytest.raises(UserError, match="optimizer"):
        run.checkpointer.resume()


@pytest.mark.parametrize(
    ("key", "before", "now"),
    [("SOLVER.LAYER_DECAY", 1.0, 0.75), ("MODEL.BACKBONE.FREEZE", "none", "all")],
)
def test_a_changed_key_that_changes_the_groups_is_named(tmp_path: Path, key: str, before: Any, now: Any) -> None:
    def config(value: Any) -> str:
        return load_cfg(None, [key, value, "OUTPUT_DIR", "x"]).dump()

    run = Run(tmp_path, config=config(before))
    run.train(0, 2)
    run.checkpointer.save(None, 2)
    other = Run(tmp_path, config=config(now))
    other.optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))]})
    message = refused(other.checkpointer.resume, "model_0000002.pth", f"{key} {now} (the run: {before})", "--transfer")
    assert "OUTPUT_DIR x" not in message


def test_another_optimizer_is_refused(tmp_path: Path) -> None:
    Run(tmp_path).checkpointer.save(None, 1)
    run = Run(tmp_path)
    groups = [{"params": [parameter]} for parameter in run.model.parameters()]
    checkpointer = Checkpointer(tmp_path, run.model, torch.optim.SGD(groups, lr=0.1), run.scheduler)
    with pytest.raises(UserError, match="optimizer"):
        checkpointer.resume()


# Memory pool


def test_memory_pool_is_kept_with_its_iteration(tmp_path: Path) -> None:
    checkpointer = Run(tmp_path).checkpointer
    pool = {"features": torch.arange(6.0).reshape(2, 3), "second": torch.tensor([902, 903]), "videos": ["a", "b"]}
    assert checkpointer.save_memory(pool, 5).name == "memory_pool_0000005.pth"
    loaded = checkpointer.load_memory(5)
    assert loaded.warning == ""
    assert loaded.state is not None
    assert torch.equal(loaded.state["features"], pool["features"])
    assert loaded.state["videos"] == ["a", "b"]


def test_memory_pool_of_another_iteration_or_none(tmp_path: Path) -> None:
    checkpointer = Run(tmp_path).checkpointer
    state, warning = checkpointer.load_memory(5)
    assert state is None
    assert warning.startswith(f"{tmp_path}/memory_pool_0000005.pth: ")
    four = checkpointer.save_memory({"second": torch.ones(1)}, 4)
    shutil.copy(four, tmp_path / "memory_pool_0000005.pth")
    state, warning = checkpointer.load_memory(5)
    assert state is None
    assert "iteration 4, not 5" in warning
    cut(four)
    state, warning = checkpointer.load_memory(4)
    assert state is None
    says(warning, four.name, "cut off")


def test_a_memory_pool_stays_in_its_file_until_it_is_used(tmp_path: Path) -> None:
    checkpointer = Run(tmp_path).checkpointer
    path = checkpointer.save_memory({"features": torch.arange(4.0)}, 5)
    loaded = checkpointer.load_memory(5).state["features"]
    path.unlink()  # as the next checkpoint does
    assert loaded.tolist() == [0, 1, 2, 3]


def test_a_memory_pool_on_a_drive_that_cannot_map_files_is_read(tmp_path: Path, monkeypatch) -> None:
    checkpointer = Run(tmp_path).checkpointer
    checkpointer.save_memory({"features": torch.arange(4.0)}, 5)

    def refuse(*_):
        raise RuntimeError("unable to mmap 16 bytes from file: No such device (19)")

    monkeypatch.setattr(torch.UntypedStorage, "from_file", refuse)
    loaded = checkpointer.load_memory(5)
    assert loaded.warning == ""
    assert loaded.state["features"].tolist() == [0, 1, 2, 3]


def test_a_memory_pool_that_was_packed_again_is_read_as_well(tmp_path: Path) -> None:
    checkpointer = Run(tmp_path).checkpointer
    path = checkpointer.save_memory({"features": torch.arange(4.0)}, 5)
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in records.items():
            archive.writestr(name, content)
    loaded = checkpointer.load_memory(5)
    assert loaded.warning or loaded.state["features"].tolist() == [0, 1, 2, 3]


def test_a_checkpoint_removes_the_memory_of_earlier_ones(tmp_path: Path) -> None:
    checkpointer = Run(tmp_path).checkpointer
    for iteration in (2, 4):
        checkpointer.save_memory({"second": torch.ones(1)}, iteration)
        checkpointer.save(None, iteration)
    assert [path.name for path in tmp_path.glob("memory_pool_*.pth")] == ["memory_pool_0000004.pth"]
    other = tmp_path / "other"
    assert Run(other).checkpointer.load_memory(4, tmp_path).state is not None


def test_a_disabled_scaler_saves_nothing_that_an_enabled_one_would_choke_on(tmp_path: Path) -> None:
    model = torch.nn.Linear(2, 2)
    Checkpointer(tmp_path, model, scaler=torch.amp.GradScaler("cpu", enabled=False)).save(None, 1)
    resumed = Checkpointer(tmp_path, model, scaler=torch.amp.GradScaler("cpu", enabled=True)).resume()
    assert "no gradient scaler" in resumed.info
