"""metrics.jsonl and running means."""

from __future__ import annotations

import errno
import io
import json
import time
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from messages import says
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from alphaction.engine.event_file import EventFile
from alphaction.engine.metric_log import MetricLog, RunningMeans
from alphaction.engine.plots import Plots
from alphaction.utils.append_file import AppendFile
from alphaction.utils.errors import ResourceError
from alphaction.utils.logging import close_logging, get_logger, set_up_logging


def test_running_means_start_anew_after_pop():
    means = RunningMeans()
    means.add({"loss": torch.tensor(1.0), "b": torch.tensor(4.0)})
    means.add({"loss": torch.tensor(3.0), "b": torch.tensor(0.0)})
    assert means.pop() == {"loss": 2.0, "b": 2.0}
    assert means.pop() == {}


def test_json_lines_and_text_log(tmp_path):
    set_up_logging(tmp_path, is_main=True)
    events = EventFile(tmp_path / "tensorboard", 5)
    plots = Plots([events], ["toy_val"], [events.file])
    log = MetricLog(tmp_path, max_iter=10, start_iteration=4, is_main=True, plots=plots)
    log.log_train(6, {"loss": 0.5}, lr=0.1, data_seconds=0.0, device=torch.device("cpu"))
    log.write(6, {"toy_val/mAP": float("nan"), "toy_val/AP/a/b": 0.5})
    log.close()
    close_logging()
    first, second = (json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines())
    assert (first["iteration"], first["loss"], first["lr"]) == (6, 0.5, 0.1)
    assert set(first) >= {"data_time", "step_time", "data_share", "memory_mb", "eta_seconds"}
    assert first["eta_seconds"] == pytest.approx(4 * first["step_time"])
    assert first["memory_mb"] > 10
    assert second == {"iteration": 6, "toy_val/mAP": None, "toy_val/AP/a/b": 0.5}
    text = (tmp_path / "log.txt").read_text()
    says(text, "iter 6/10", "waiting 0%")
    shown = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    speed = {f"speed/{name}" for name in ("data_time", "step_time", "data_share", "memory_mb", "eta_seconds")}
    assert set(shown.Tags()["scalars"]) == {"train/loss", "train/lr", "val/mAP", "val/AP/a/b"} | speed
    assert [(point.step, point.value) for point in shown.Scalars("val/AP/a/b")] == [(6, 0.5)]


def test_other_processes_write_nothing(tmp_path):
    log = MetricLog(tmp_path, max_iter=10, start_iteration=0, is_main=False)
    log.write(1, {"loss": 1.0})
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_a_pause_is_not_part_of_a_step(tmp_path):
    log = MetricLog(tmp_path, max_iter=4, start_iteration=0, is_main=True)
    with log.paused():
        time.sleep(0.2)
    log.log_train(2, {"loss": 0.5}, lr=0.1, data_seconds=0.0, device=torch.device("cpu"))
    log.close()
    record = json.loads((tmp_path / "metrics.jsonl").read_text())
    assert 0.0 <= record["step_time"] < 0.05


def test_means_are_those_of_good_steps():
    means = RunningMeans()
    for loss, good in ((1.0, 1.0), (float("nan"), 0.0), (4.0, 1.0)):
        means.add({"loss": torch.tensor(loss)}, torch.tensor(good))
    assert means.peek() == {"loss": 2.5, "skipped_steps": 1}
    assert means.pop() == {"loss": 2.5, "skipped_steps": 1}
    means.add({"loss": torch.tensor(1.0)}, torch.tensor(0.0))
    assert str(means.pop()) == str({"loss": float("nan"), "skipped_steps": 1})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_once_and_ends_no_step(tmp_path, capsys):
    for name in ("metrics.jsonl", "log.txt"):
        (tmp_path / name).symlink_to("/dev/full")
    set_up_logging(tmp_path, is_main=True)
    log = MetricLog(tmp_path, max_iter=10, start_iteration=0, is_main=True)
    for iteration in (1, 2):
        log.log_train(iteration, {"loss": 0.5}, lr=0.1, data_seconds=0.0, device=torch.device("cpu"))
    log.close()
    close_logging()
    out, err = capsys.readouterr()
    says(out, "iter 1/10", "iter 2/10")
    assert err.count("\n") == 1
    says(err, "metrics.jsonl: cannot be written", "No space left on device", "the next checkpoint")
    with pytest.raises(ResourceError, match=r"metrics\.jsonl.*last lines.*No space left") as caught:
        log.require_written()
    assert caught.value.status == 7


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_an_event_file_on_a_full_disk_is_told_once_and_ends_no_step(tmp_path, capsys):
    set_up_logging(tmp_path, is_main=True)
    file = AppendFile(Path("/dev/full"))
    plots = Plots([SimpleNamespace(scalars=lambda step, values: file.write(b"points"))], files=[file])
    log = MetricLog(tmp_path, max_iter=10, start_iteration=0, is_main=True, plots=plots)
    log.write(1, {"loss": 0.5})
    log.write(2, {"loss": 0.5})
    log.close()
    close_logging()
    assert capsys.readouterr().err.count("/dev/full: cannot be written") == 1
    with pytest.raises(ResourceError, match=r"full.*last lines"):
        log.require_written()


class FullOutput(io.StringIO):
    """Standard output that goes to a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_standard_output_on_a_full_disk_ends_no_run(tmp_path, capsys):
    set_up_logging(tmp_path, is_main=True)
    with redirect_stdout(FullOutput()):
        get_logger().info("one")
        get_logger().info("two")
    close_logging()
    assert capsys.readouterr().err.count("standard output: cannot be written") == 1
    says((tmp_path / "log.txt").read_text(), "INFO: one\n", "INFO: two\n")


def test_a_log_that_cannot_be_opened_names_its_file(tmp_path):
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(ResourceError, match=r"metrics\.jsonl: cannot be written"):
        MetricLog(tmp_path, max_iter=10, start_iteration=0, is_main=True)


def test_a_continued_log_drops_what_is_done_again(tmp_path):
    for start, last in ((0, 4), (2, 5)):
        log = MetricLog(tmp_path, max_iter=10, start_iteration=start, is_main=True)
        for iteration in range(start + 1, last + 1):
            log.write(iteration, {"loss": float(10 * start + iteration), "lr": 0.1})
        log.close()
    read = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["iteration"], line["loss"]) for line in read] == [(1, 1.0), (2, 2.0), (3, 23.0), (4, 24.0), (5, 25.0)]
