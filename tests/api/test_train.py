"""Training and evaluation from Python: the runs of train_net.py, in a process that goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from integration.harness import SMALL, Runner
from messages import says

from alphaction import ActionDetector
from alphaction.config import get_cfg
from alphaction.utils.errors import UserError
from alphaction.utils.logging import get_logger

pytestmark = pytest.mark.slow

BASE = "config_files/tiny/base.yaml"
KEYS = dict(zip(SMALL[::2], SMALL[1::2], strict=True)) | {"SOLVER.MAX_ITER": 2, "SOLVER.WARMUP_ITERS": 1}


@pytest.fixture
def untrained(repo_root, small_toy_folder) -> ActionDetector:
    return ActionDetector.from_config(
        repo_root / BASE, keys=KEYS, DATASETS__DATA_DIR=str(small_toy_folder), MODEL__DEVICE="cpu"
    )


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C do what it does in a terminal, also where the tests run in the background of a shell."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.fixture
def weights_of():
    """Function: file -> its tensors."""
    return lambda path: torch.load(path, weights_only=True)["model"]


def refused(call, *args, **how) -> str:
    with pytest.raises(UserError) as error:
        call(*args, **how)
    return str(error.value)


@contextmanager
def interrupting(text: str, times: int = 1) -> Iterator[None]:
    """Press Ctrl-C when a line with ``text`` is logged; another time, if asked for, after a while in the same step."""
    logger, pressed = get_logger(), []
    original = logger.handle

    def handle(record):
        original(record)
        if not pressed and text in record.getMessage():
            for _ in range(times):
                pressed.append(os.kill(os.getpid(), signal.SIGINT))
                time.sleep(1.0 if times > 1 else 0.0)

    logger.handle = handle
    try:
        yield
    finally:
        del logger.handle
    assert pressed


def test_a_run_is_that_of_train_net(repo_root, small_toy_folder, subprocess_env, untrained, tmp_path, weights_of):
    runner = Runner(repo_root, small_toy_folder, subprocess_env)
    runner.config = repo_root / BASE
    runner.train(tmp_path / "line", "--skip-final-test", "SOLVER.MAX_ITER", "2")

    result = untrained.train("toy", output_dir=tmp_path / "api")

    log = (tmp_path / "api" / "log.txt").read_text()
    assert "Next\n  result.detector.evaluate('toy_val')\n" in log
    assert "tools/" not in log.rpartition("Next")[2]

    assert result.report == tmp_path / "api" / "report.html"
    expected, got = weights_of(tmp_path / "line" / "model_final.pth"), weights_of(tmp_path / "api" / "model_final.pth")
    assert expected.keys() == got.keys()
    assert all(torch.equal(expected[name], got[name]) for name in expected)
    assert result.folder == tmp_path / "api"
    assert list(result.losses()) == [1, 2]
    assert 0 <= result.metrics["toy_val/mAP"] <= 1
    assert result.detector.path == result.checkpoint
    says(str(result), f"{tmp_path / 'api'}: model_best.pth\n  the last evaluation:\n    toy_val/mAP ")
    # The process is as it was.
    assert get_logger().handlers == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    evaluated = result.detector.evaluate("toy")
    assert evaluated.mAP == pytest.approx(result.metrics["toy_val/mAP"], abs=1e-6)
    assert "mAP" in str(evaluated)
    assert tuple(evaluated.per_class) == result.detector.classes


def test_ctrl_c_leaves_a_checkpoint_and_the_process(untrained, tmp_path):
    with interrupting("iter 1/"), pytest.raises(KeyboardInterrupt) as stop:
        untrained.train("toy", output_dir=tmp_path / "run", max_iter=50, SOLVER__WARMUP_ITERS=1)
    says(str(stop.value), "continues from model_", "resume=True")
    saved = sorted((tmp_path / "run").glob("model_0*.pth"))
    assert len(saved) == 1
    assert get_logger().handlers == []
    done = int(saved[0].stem.removeprefix("model_"))
    result = untrained.train("toy", output_dir=tmp_path / "run", resume=True, max_iter=done + 1, report=False)
    assert result.losses().keys() >= {done + 1}


def test_ctrl_c_twice_leaves_the_process(untrained, tmp_path):
    with interrupting("iter 1/", times=2), pytest.raises(KeyboardInterrupt) as stop:
        untrained.train("toy", output_dir=tmp_path / "run", max_iter=50)
    says(str(stop.value), "No checkpoint was saved yet", "detector.train('toy', ...)")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_may_begin_with_the_weights_of_another(
    untrained, plain_run, tmp_path, monkeypatch, small_toy_folder, weights_of
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(plain_run, "output/toy")
    before = Path("output/toy/model_final.pth").read_bytes()
    first = ActionDetector.from_checkpoint("output/toy", device="cpu")
    second = first.train(
        "toy_train", val="toy_val", **{"SOLVER.MAX_ITER": 1}, lr=1e-12, report=False, data_dir=small_toy_folder
    )
    assert second.folder == Path("output/toy_2")  # that of the weights is another run's
    assert list(second.losses()) == [1]
    started, ended = weights_of("output/toy/model_final.pth"), weights_of(second.checkpoint)
    name = next(name for name in started if name.endswith("weight") and started[name].ndim == 5)
    assert torch.allclose(started[name], ended[name], atol=1e-6)
    assert Path("output/toy/model_final.pth").read_bytes() == before
    third = untrained.train("toy", max_iter=1, report=False)  # from random weights, in the folder of the first
    assert third.folder == Path("output/toy")
    assert Path("output/toy/earlier_run/model_final.pth").read_bytes() == before


def test_wrong_arguments(untrained, plain, tmp_path, toy):
    says(refused(untrained.train, "toy", max_iters=3), "there is no argument max_iters=", 'Did you mean "max_iter"')
    says(refused(untrained.train, "toy", SOLVER__MAX_ITERS=3), "unknown key SOLVER.MAX_ITERS", "SOLVER.MAX_ITER")
    says(refused(untrained.train, "toy", keys={"SOLVER.BASE": 3}), "unknown key SOLVER.BASE", "BASE_LR")
    says(refused(untrained.train, "toy", keys=["SOLVER.MAX_ITER", 3]), "keys= is a list", "dict")
    says(refused(untrained.train, "toy", max_iter="many"), "SOLVER.MAX_ITER", "many")
    says(refused(untrained.train, "toy", max_iter=2, SOLVER__MAX_ITER=3), "given twice")
    says(refused(untrained.train, "tpy"), 'dataset "tpy" is not known', '"toy"', "data_dir=")
    says(refused(untrained.train, "toy_val"), "nothing says what to evaluate on", "val=")
    says(refused(untrained.train, tmp_path / "dataset.yaml"), "dataset.yaml", "Expected")
    says(refused(untrained.predict, "a.mp4"), "not trained yet", "train()")
    says(refused(untrained.evaluate, "toy"), "not trained yet")
    says(refused(untrained.train, None), "None is not a dataset")
    says(refused(untrained.train, [3]), "3 is not a dataset")
    says(refused(untrained.train, ""), "'' is not a dataset")
    says(refused(untrained.train, "toy", val=3), "val=3", "a split")
    says(refused(untrained.train, "toy", seed="a"), "seed='a'", "a whole number")
    says(refused(plain.evaluate, ["toy_val"]), "['toy_val']", "one dataset is evaluated at a time")
    says(refused(plain.evaluate, None), "None is not a dataset")
    says(refused(ActionDetector, "output/toy"), "ActionDetector.from_checkpoint('output/toy')")
    says(refused(ActionDetector.from_config, None), "None is not a config")
    says(refused(ActionDetector.from_config, BASE, device="tpu"), "device=", "tpu")
    says(refused(plain.evaluate, "toy", output_dir=toy / "dataset.yaml"), "output_dir=", "is a file")
    says(refused(plain.evaluate, "toys"), 'dataset "toys" is not known')
    assert untrained.classes == ()
    assert repr(untrained) == "ActionDetector(not trained, Slowfast-Tiny, starts from random weights)"


def test_a_training_takes_the_first_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    message = refused(ActionDetector.from_config, BASE, device="cuda:1")
    says(message, "device='cuda:1'", "CUDA_VISIBLE_DEVICES=1", 'device="cuda"')
    assert ActionDetector.from_config(BASE, device="cuda").cfg.MODEL.DEVICE == "cuda"


def test_a_dataset_is_named_by_its_file(plain, small_toy_folder):
    folder = small_toy_folder / "toy"
    expected = plain.evaluate("toy", data_dir=small_toy_folder)
    assert plain.evaluate(folder, data_dir="nowhere").per_class == pytest.approx(expected.per_class, nan_ok=True)
    assert plain.evaluate(folder / "dataset.yaml").mAP == expected.mAP


def test_an_evaluation_writes_only_where_it_is_told_to(plain, plain_run, tmp_path, small_toy_folder):
    before = sorted(plain_run.rglob("*"))
    plain.evaluate("toy_val", data_dir=small_toy_folder)
    assert sorted(plain_run.rglob("*")) == before
    result = plain.evaluate("toy_val", data_dir=small_toy_folder, output_dir=tmp_path)
    written = json.loads((tmp_path / "inference" / "toy_val" / "result.json").read_text())
    assert written["mAP"] == pytest.approx(result.mAP)


def test_checkpoints_are_found(plain_run, tmp_path, plain, caplog):
    assert ActionDetector.from_checkpoint(str(plain_run), device="cpu").path == plain_run / "model_final.pth"
    run = tmp_path / "run"
    shutil.copytree(plain_run, run)
    shutil.copy(run / "model_final.pth", run / "model_best.pth")
    assert ActionDetector.from_checkpoint(run, device="cpu").path == run / "model_best.pth"
    assert plain.cfg.is_frozen()
    assert plain.cfg.MODEL.BACKBONE.CONV_BODY == "Slowfast-Tiny"
    assert "13 classes: " in repr(plain)
    assert set(plain.thresholds) == set(plain.classes)
    load = ActionDetector.from_checkpoint
    says(refused(load, tmp_path / "no.pth"), "no.pth", "zoo:NAME")
    says(refused(load, None), "None is not a checkpoint")
    says(refused(load, tmp_path), "holds no checkpoint", "run")
    says(refused(load, "zoo:slowfast_r50_8x8_k4"), "no public weights", "Did you mean")
    says(refused(load, run, device="tpu"), "device", "tpu")
    says(refused(load, run, devise="cpu"), "there is no argument devise=", '"device"')
    says(refused(load, run, TEST__BOX_TRESH=1), "TEST.BOX_THRESH")
    lowered = load(run, device="cpu", TEST__BOX_THRESH=0.1)
    assert lowered.cfg.TEST.BOX_THRESH == 0.1


def test_weights_without_a_config(plain_run, tmp_path, repo_root):
    weights = torch.load(plain_run / "model_final.pth", weights_only=True)
    bare = tmp_path / "bare.pth"
    torch.save({"model": weights["model"], "label_map": weights["label_map"]}, bare)
    says(refused(ActionDetector.from_checkpoint, bare), "bare.pth", "nothing says", 'config="config.yaml"')
    given = ActionDetector.from_checkpoint(bare, config=repo_root / BASE, device="cpu")
    assert given.classes == tuple(weights["label_map"]["names"])
    shutil.copy(plain_run / "config.yaml", tmp_path / "config.yaml")
    assert ActionDetector.from_checkpoint(bare, device="cpu").cfg.INPUT.MIN_SIZE_TEST == 64


def test_a_backbone_is_trained_from(plain_run, tmp_path, repo_root):
    weights = torch.load(plain_run / "model_final.pth", weights_only=True)["model"]
    bare = tmp_path / "bare.pth"
    torch.save({name: tensor for name, tensor in weights.items() if name.startswith("backbone")}, bare)
    told = ("holds a backbone alone", "ActionDetector.from_config(", ".train(DATASET)")
    says(refused(ActionDetector.from_checkpoint, bare), f'MODEL__WEIGHT="{bare}"', *told)
    says(refused(ActionDetector.from_checkpoint, bare, config=repo_root / BASE), f'MODEL__WEIGHT="{bare}"', *told)
    name = "zoo:slowfast_r50_8x8_k400"
    says(refused(ActionDetector.from_checkpoint, name), f'MODEL__WEIGHT="{name}"', *told)  # nothing is downloaded


def test_a_config_of_another_version(plain_run, tmp_path):
    content = torch.load(plain_run / "model_final.pth", weights_only=True)
    place = content["extra"] if "config" in content.get("extra", {}) else content
    place["config"] = place["config"].replace("FRAME_NUM", "FRAMES_NUM")
    torch.save(content, tmp_path / "newer.pth")
    says(refused(ActionDetector.from_checkpoint, tmp_path / "newer.pth"), "newer.pth", "FRAMES_NUM", "config=")


def test_a_config_in_memory(repo_root):
    cfg = get_cfg()
    cfg.merge_from_file(repo_root / BASE)
    assert ActionDetector.from_config(cfg).cfg.SOLVER.MAX_ITER == cfg.SOLVER.MAX_ITER
    says(refused(ActionDetector.from_config, Path("no.yaml")), "no.yaml")
