"""metrics.jsonl and running means."""

from __future__ import annotations

import json
import time

import pytest
import torch
from messages import says

from alphaction.engine.metric_log import MetricLog, RunningMeans
from alphaction.utils.logging import close_logging, set_up_logging


def test_running_means_start_anew_after_pop():
    means = RunningMeans()
    means.add({"loss": torch.tensor(1.0), "b": torch.tensor(4.0)})
    means.add({"loss": torch.tensor(3.0), "b": torch.tensor(0.0)})
    assert means.pop() == {"loss": 2.0, "b": 2.0}
    assert means.pop() == {}


def test_json_lines_and_text_log(tmp_path):
    set_up_logging(tmp_path, is_main=True)
    log = MetricLog(tmp_path, max_iter=10, start_iteration=4, is_main=True, use_tensorboard=True)
    log.log_train(6, {"loss": 0.5}, lr=0.1, data_seconds=0.0, device=torch.device("cpu"))
    log.write(6, {"mAP": float("nan")})
    log.close()
    close_logging()
    first, second = (json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines())
    assert (first["iteration"], first["loss"], first["lr"]) == (6, 0.5, 0.1)
    assert set(first) >= {"data_time", "step_time", "data_share", "memory_mb", "eta_seconds"}
    assert first["eta_seconds"] == pytest.approx(4 * first["step_time"])
    assert first["memory_mb"] > 10
    assert second == {"iteration": 6, "mAP": None}
    text = (tmp_path / "log.txt").read_text()
    says(text, "iter 6/10", "waiting 0%")
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_other_processes_write_nothing(tmp_path):
    log = MetricLog(tmp_path, max_iter=10, start_iteration=0, is_main=False, use_tensorboard=True)
    log.write(1, {"loss": 1.0})
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_a_pause_is_not_part_of_a_step(tmp_path):
    log = MetricLog(tmp_path, max_iter=4, start_iteration=0, is_main=True, use_tensorboard=False)
    with log.paused():
        time.sleep(0.2)
    log.log_train(2, {"loss": 0.5}, lr=0.1, data_seconds=0.0, device=torch.device("cpu"))
    log.close()
    record = json.loads((tmp_path / "metrics.jsonl").read_text())
    assert 0.0 <= record["step_time"] < 0.05
