"""Weights & Biases and MLflow, by modules that take the same calls: neither need be installed."""

from __future__ import annotations

import sys
from argparse import Namespace
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from messages import refused

from alphaction.config import get_cfg
from alphaction.engine.mlflow_writer import MetricNames
from alphaction.engine.plot_services import ShownRun, check_services, opened_plots, services_of
from alphaction.engine.plots import Plots
from alphaction.utils.errors import DivergenceError

PICTURE = np.full((6, 8, 3), 100, dtype=np.uint8)


class FakeWandb(ModuleType):
    """Keeps what is logged by the id of the run."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.logged: dict[str, list] = {}
        self.ended: list[int] = []
        self.mode, self.key = "online", True
        self.Settings = dict
        self.Image = lambda image, file_type: ("picture", image.size)
        self.Html = lambda text: ("html", text)

    def setup(self):
        return SimpleNamespace(settings=SimpleNamespace(mode=self.mode))

    def login(self, prompt: bool) -> bool:
        assert not prompt
        return self.key

    def init(self, *, project, name, id, resume, dir, config, settings):
        assert (project, resume, config["SOLVER"]["BASE_LR"]) == ("alphaction", "allow", get_cfg().SOLVER.BASE_LR)
        return SimpleNamespace(
            log=self.logged.setdefault(id, []).append,
            define_metric=lambda name, step_metric=None: None,
            finish=lambda exit_code: self.ended.append(exit_code),
            offline=False,
            url=f"https://example.org/{id}",
        )


class FakeMlflow(ModuleType):
    """A server with its runs."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.entities = ModuleType("mlflow.entities")
        self.entities.Metric = lambda key, value, timestamp, step: (key, value, step)
        self.entities.Param = lambda key, value: (key, value)
        self.runs: dict[str, SimpleNamespace] = {}
        self.MlflowClient = lambda: self
        self.tracking_uri = "fake:"

    def get_experiment_by_name(self, name: str):
        assert name == "alphaction"

    def create_experiment(self, name: str) -> str:
        return "1"

    def create_run(self, number: str, run_name: str):
        key = f"run{len(self.runs)}"
        self.runs[key] = SimpleNamespace(status="RUNNING", metrics=[], params={}, files={})
        return SimpleNamespace(info=SimpleNamespace(run_id=key))

    def update_run(self, run_id: str, status: str) -> None:
        self.runs[run_id].status = status

    set_terminated = update_run

    def log_batch(self, run_id: str, metrics=(), params=()) -> None:
        self.runs[run_id].metrics += metrics
        self.runs[run_id].params |= dict(params)

    def log_artifact(self, run_id: str, path: str, folder: str) -> None:
        with open(path, "rb") as file:
            self.runs[run_id].files[f"{folder}/{path.rpartition('/')[2]}"] = file.read(2)

    def log_text(self, run_id: str, text: str, name: str) -> None:
        self.runs[run_id].files[name] = text


@pytest.fixture
def wandb(monkeypatch) -> FakeWandb:
    """A stand-in for the package."""
    module = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    return module


@pytest.fixture
def mlflow(monkeypatch) -> FakeMlflow:
    """A stand-in for the package."""
    module = FakeMlflow()
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.setitem(sys.modules, "mlflow.entities", module.entities)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    return module


@contextmanager
def shown(name: str, folder, start_iteration: int):
    with opened_plots([name], ShownRun(folder, get_cfg(), start_iteration), ["toy_val"]) as plots:
        yield plots


def end_badly(plots: Plots) -> None:
    plots.metrics(4, {"lr": 0.5})
    raise DivergenceError("the training diverged")


def test_a_resumed_run_is_the_same_run_in_wandb(tmp_path, wandb):
    with shown("wandb", tmp_path, 0) as plots:
        plots.metrics(2, {"toy_val/mAP": 0.5, "loss": float("nan")})
        plots.picture(2, "validation", PICTURE)
        plots.text(0, "data/label_counts", "<b>")
    with pytest.raises(DivergenceError), shown("wandb", tmp_path, 2) as plots:
        end_badly(plots)
    [(number, logged)] = wandb.logged.items()
    assert (tmp_path / "wandb_run_id.txt").read_text() == f"{number}\n"
    assert str(logged[0]) == str({"iteration": 2, "val/mAP": 0.5, "train/loss": float("nan")})
    assert logged[1:] == [
        {"iteration": 2, "validation": ("picture", (8, 6))},
        {"iteration": 0, "data/label_counts": ("html", "<pre>&lt;b&gt;</pre>")},
        {"iteration": 4, "train/lr": 0.5},
    ]
    assert wandb.ended == [0, 1]
    with shown("wandb", tmp_path, 0):  # a new run in the folder
        pass
    assert len(wandb.logged) == 2


def test_a_resumed_run_is_the_same_run_in_mlflow(tmp_path, mlflow):
    with shown("mlflow", tmp_path, 0) as plots:
        plots.metrics(2, {"toy_val/AP/走 (fast)/x": 0.5, "loss": float("nan")})
        plots.picture(2, "validation", PICTURE)
        plots.text(0, "data/label_counts", "| a |")
    with shown("mlflow", tmp_path, 2) as plots:
        plots.metrics(4, {"lr": 0.5})
    [run] = mlflow.runs.values()
    assert run.metrics == [("val/AP.走 _fast_.x", 0.5, 2), ("train/lr", 0.5, 4)]
    assert run.files == {"validation/0000002.jpg": b"\xff\xd8", "data/label_counts/0000000.md": "| a |"}
    assert run.params["SOLVER.BASE_LR"] == str(get_cfg().SOLVER.BASE_LR)
    assert run.status == "FINISHED"
    mlflow.runs.clear()  # as on another server
    with shown("mlflow", tmp_path, 4) as plots:
        plots.metrics(5, {"lr": 0.5})
    assert mlflow.runs["run0"].metrics == [("train/lr", 0.5, 5)]


def test_a_run_is_new_to_what_has_nothing_of_it(tmp_path):
    run = ShownRun(tmp_path, get_cfg(), 3)
    assert not run.is_new_to([])
    assert run.is_new_to(["tensorboard"])
    (tmp_path / "tensorboard").mkdir()
    run.keep_id("wandb", "a1")
    assert not run.is_new_to(["tensorboard", "wandb"])
    assert run.is_new_to(["tensorboard", "mlflow"])


def test_a_damaged_number_of_a_run_is_no_number(tmp_path):
    (tmp_path / "wandb_run_id.txt").write_bytes(b"a b\xff")
    assert ShownRun(tmp_path, get_cfg(), 3).kept_id("wandb") is None
    (tmp_path / "wandb_run_id.txt").write_text("../x")
    assert ShownRun(tmp_path, get_cfg(), 3).kept_id("wandb") is None


def test_each_tag_has_a_name_of_its_own_in_mlflow():
    names = MetricNames()
    assert [names.of(tag) for tag in ("val/AP/a?", "val/AP/a!", "val/AP/a?", "val/mAP", "val/mAP/person")] == [
        *("val/AP.a_", "val/AP.a_ 2", "val/AP.a_", "val/mAP", "val/mAP.person")
    ]
    assert len(names.of("val/AP/" + "x" * 400)) <= 250


def test_a_missing_package_is_one_line_before_the_training(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    told = refused(
        lambda: check_services(["tensorboard", "mlflow"]),
        "--log-to mlflow needs the package mlflow, which is not installed",
    )
    assert told.endswith("-m pip install mlflow-skinny")
    assert "\n" not in told
    check_services(["tensorboard"])


def test_wandb_without_a_key_is_refused_unless_it_is_offline(wandb):
    wandb.key = False
    refused(lambda: check_services(["wandb"]), "--log-to wandb: not logged in: wandb login")
    wandb.mode = "offline"
    check_services(["wandb"])


def test_both_flags_name_tensorboard_once():
    assert services_of(Namespace(use_tfboard=True, log_to=["wandb", "tensorboard", "wandb"])) == [
        *("tensorboard", "wandb")
    ]
    assert services_of(Namespace(use_tfboard=False, log_to=[])) == []
