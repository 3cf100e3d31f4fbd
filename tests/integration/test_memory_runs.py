"""Whole runs that should remember the same: one process or two, interrupted or not; and what a test reads.

Axes: S seconds around a clip, P persons a second, D channels.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from integration.harness import Runner, read_metrics
from integration.memory_record import MemoryRecord, entries, load_record, recording
from torch import Tensor

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.dataset import ActionDataset
from alphaction.data.loader import build_test_loader
from alphaction.engine.classes import adopt_label_map
from alphaction.engine.run_lock import RUN_LOCK
from alphaction.engine.trainer import Trainer
from alphaction.modeling import build_detection_model
from alphaction.toy import ToyOptions

pytestmark = pytest.mark.slow

BEFORE, AFTER, LIMIT = 3, 2, 2
ITERATIONS = 4
# Nothing may depend on the process: no dropout, no batch statistics; what a clip draws (flip, jitter, colors, which of
# its persons) does not. The optimizer is SGD: Adam's first steps make much of a gradient's rounding.
OPTIONS = (
    f"SOLVER.MAX_ITER {ITERATIONS} SOLVER.CHECKPOINT_PERIOD 100 SOLVER.OPTIMIZER sgd SOLVER.BASE_LR 0.0003 "
    "MODEL.BACKBONE.FROZEN_BN True MODEL.ROI_ACTION_HEAD.DROPOUT_RATE 0.0 MODEL.IA_STRUCTURE.DROPOUT 0.0 "
    f"MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP 3 MODEL.IA_STRUCTURE.MAX_PER_SEC {LIMIT} "
    f"MODEL.IA_STRUCTURE.LENGTH ({BEFORE},{AFTER})"
).split()
# The options for training from random weights; their defaults are upstream's.
NEW_OPTIONS = (
    "MODEL.IA_STRUCTURE.MASK_ABSENT True MODEL.IA_STRUCTURE.CENTER_FEATURES True "
    "MODEL.IA_STRUCTURE.POSITION_INIT_STD 0.5 MODEL.IA_STRUCTURE.MEMORY_OWN_SECOND False "
    "MODEL.IA_STRUCTURE.COSINE_SCALE 3.0"
).split()
STRUCTURE = "roi_heads.action.feature_extractor.ia_structure"


@pytest.fixture(scope="module")
def small_runner(made_toy, repo_root: Path, subprocess_env: dict[str, str], quick_python: str) -> Runner:
    """The command lines on 1 + 2 videos of 6 seconds."""
    return Runner(repo_root, made_toy(ToyOptions(num_train=1, num_val=2, seconds=6)), subprocess_env, quick_python)


def run_alone(runner: Runner, output: Path, *extra: str) -> MemoryRecord:
    with recording() as record:
        runner.train(output, *OPTIONS, *extra)
    return record


@pytest.fixture(scope="module")
def alone(small_runner: Runner, tmp_path_factory) -> tuple[Path, MemoryRecord]:
    """(OUTPUT_DIR, record) of one process."""
    output = tmp_path_factory.mktemp("alone")
    return output, run_alone(small_runner, output)


def run_pair(runner: Runner, output: Path, records: Path, *extra: str) -> list[MemoryRecord]:
    """Train with two processes and gloo; return what each of them saw."""
    script = Path(__file__).with_name("memory_record.py")
    launcher = [runner.python, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command = [*launcher, str(script), str(records), *runner.arguments(output, *OPTIONS, *extra)]
    process = subprocess.run(command, env=runner.env, capture_output=True, text=True, timeout=300, cwd=records)
    assert process.returncode == 0, process.stderr[-2000:]
    return [load_record(records, rank) for rank in (0, 1)]


@pytest.fixture(scope="module")
def pair(small_runner: Runner, tmp_path_factory) -> tuple[Path, list[MemoryRecord]]:
    """(OUTPUT_DIR, records) of two processes."""
    output = tmp_path_factory.mktemp("pair")
    return output, run_pair(small_runner, output, tmp_path_factory.mktemp("records"))


def assert_same_pool(found: dict, expected: dict) -> None:
    """Compare two states of a pool but for rounding."""
    found_entries, expected_entries = entries(found), entries(expected)
    assert found_entries.keys() == expected_entries.keys()
    assert found["latest_tag"] == pytest.approx(expected["latest_tag"], rel=1e-4)
    for keyframe, (features, tag) in expected_entries.items():
        assert found_entries[keyframe][1] == pytest.approx(tag, rel=1e-4), keyframe
        torch.testing.assert_close(found_entries[keyframe][0], features, rtol=1e-3, atol=1e-4)


def test_two_processes_remember_what_one_does(small_runner: Runner, alone: tuple, pair: tuple, tmp_path: Path) -> None:
    pools = [record.pools[ITERATIONS] for record in pair[1]]
    expected = alone[1].pools[ITERATIONS]
    assert expected["counts"].tolist() == [3] * 5  # at most PROPOSAL_PER_CLIP
    assert len(set(expected["tags"].tolist())) > 1  # of several steps
    # Five clips fill batches of four: some steps see a clip twice, once even in both processes.
    clips = [keyframe for keyframe, _ in alone[1].training]
    assert any(set(clips[step : step + 2]) & set(clips[step + 2 : step + 4]) for step in range(0, len(clips), 4))
    for pool in pools:
        assert_same_pool(pool, expected)
    # Each process keeps a memory of its own: these may not drift apart by a single bit.
    for name, value in pools[0].items():
        assert torch.equal(value, pools[1][name]) if isinstance(value, Tensor) else value == pools[1][name], name
    accumulated = run_alone(small_runner, tmp_path, "--skip-final-test", "SOLVER.ACCUMULATION_STEPS", "2")
    assert_same_pool(accumulated.pools[ITERATIONS], expected)


def test_two_processes_read_what_one_does_in_training(alone: tuple, pair: tuple) -> None:
    reads, parts = alone[1].training, [record.training for record in pair[1]]
    assert [len(part) for part in parts] == [2 * ITERATIONS] * 2
    together = [part[2 * step + clip] for step in range(ITERATIONS) for part in parts for clip in range(2)]
    assert [keyframe for keyframe, _ in together] == [keyframe for keyframe, _ in reads]
    for (keyframe, (features, present)), (_, (expected, expected_present)) in zip(together, reads, strict=True):
        assert torch.equal(present, expected_present), keyframe
        torch.testing.assert_close(features, expected, rtol=1e-3, atol=1e-4)
    assert sum(int(present.sum()) for _, (_, present) in reads) > 40


def features_of_every_clip(runner: Runner, output: Path, *extra: str) -> tuple[ActionDataset, dict]:
    """Return the test set, and (video, second) -> features [persons, D], best first, of a run's last weights."""
    arguments = runner.arguments(output, *OPTIONS, "TEST.VIDEOS_PER_BATCH", "1", *extra)
    cfg = load_cfg(runner.config, arguments[2:])
    dataset = ActionDataset.from_config(cfg, find_dataset(cfg, "toy_val"), training=False)
    adopt_label_map(cfg, dataset.label_map)
    model = build_detection_model(cfg).eval()
    model.load_state_dict(torch.load(output / "model_final.pth", weights_only=True)["model"])
    found = {}
    with torch.inference_mode():
        for batch in build_test_loader(cfg, dataset):
            pooled = model.extract_features(batch)
            found[tuple(batch.keyframes[0])] = pooled.person[batch.scores.argsort(descending=True, stable=True)]
    return dataset, found


def assert_reads_are_the_features(record: MemoryRecord, features: dict, rate: int) -> None:
    """Compare what a test read around each keyframe with the features of the keyframes around it."""
    for (video, own), (found, present) in record.test.items():
        for slot in range(BEFORE + 1 + AFTER):
            second = own + (slot - BEFORE) * rate
            expected = features[video, second][:LIMIT] if (video, second) in features and second != own else None
            count = 0 if expected is None else len(expected)
            assert present[slot].tolist() == [True] * count + [False] * (LIMIT - count), (video, own, slot)
            assert not found[slot, count:].any()
            if count:
                torch.testing.assert_close(found[slot, :count], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_test_reads_the_features_of_the_neighbors(small_runner: Runner, alone, pair, processes: int) -> None:
    output, records = (alone[0], [alone[1]]) if processes == 1 else pair
    dataset, features = features_of_every_clip(small_runner, output)
    assert len(features) == 10
    assert max(len(persons) for persons in features.values()) > LIMIT
    # Each process predicts its own share of the clips, with the memory of all.
    assert [len(record.test) for record in records] == ([10] if processes == 1 else [4, 6])  # five batches of two
    assert {key for record in records for key in record.test} == {tuple(keyframe) for keyframe in dataset.keyframes}
    for record in records:
        assert not any(record.penalties)
        assert_reads_are_the_features(record, features, rate=1)


def test_a_test_reads_at_the_memory_rate(small_runner: Runner, tmp_path: Path) -> None:
    rate = ("MODEL.IA_STRUCTURE.MEMORY_RATE", "2")
    record = run_alone(small_runner, tmp_path, *rate, "SOLVER.MAX_ITER", "2")
    assert_reads_are_the_features(record, features_of_every_clip(small_runner, tmp_path, *rate)[1], rate=2)
    assert sum(int(present.sum()) for _, present in record.test.values()) > 30


def test_two_processes_center_on_the_same_mean_at_test_time(small_runner: Runner, tmp_path: Path) -> None:
    """In training each has a mean of its own clips in the last step."""
    output, folder = tmp_path / "run", tmp_path / "records"
    folder.mkdir()
    records = run_pair(small_runner, output, folder, *NEW_OPTIONS, "SOLVER.MAX_ITER", "2")
    weights = torch.load(output / "model_final.pth", weights_only=True)["model"]
    assert weights[f"{STRUCTURE}.person_center.steps"] == 2
    means = [weights[f"{STRUCTURE}.{of}_center.mean"] for of in ("person", "object")]
    for record in records:
        uses = [[torch.equal(used, mean) for mean in means] for used in record.centers]
        assert {tuple(use) for use in uses} == {(True, False), (False, True)}


@pytest.mark.parametrize("new_options", [[], NEW_OPTIONS], ids=["upstream", "new"])
def test_a_resumed_run_remembers_every_bit(runner: Runner, tmp_path: Path, monkeypatch, new_options: list[str]) -> None:
    """Dropout, batch norms and augmentation are live here."""
    options = ("--skip-final-test", "SOLVER.CHECKPOINT_PERIOD", "4", "MODEL.IA_STRUCTURE.MAX_PER_SEC", "1")
    options += tuple(new_options)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    save = Trainer.save

    def save_and_leave(trainer: Trainer, iteration: int, final: bool = False) -> None:
        save(trainer, iteration, final)
        if iteration == 4 and not stopped.exists():
            shutil.copytree(whole, stopped, ignore=shutil.ignore_patterns(RUN_LOCK))

    # The inner patch ends first, so that both leave Trainer.save as they found it.
    with recording() as uninterrupted, monkeypatch.context() as patch:
        patch.setattr(Trainer, "save", save_and_leave)
        runner.train(whole, *options, "SOLVER.MAX_ITER", "7")
    (stopped / "metrics.jsonl").unlink()
    with recording() as resumed:
        runner.train(stopped, *options, "SOLVER.MAX_ITER", "7")
    assert [line["iteration"] for line in read_metrics(stopped)] == [5, 6, 7]

    saved = torch.load(stopped / "memory_pool_0000007.pth", weights_only=True)["pool"]
    expected = torch.load(whole / "memory_pool_0000007.pth", weights_only=True)["pool"]
    assert len(set(expected["tags"].tolist())) > 3  # of steps before and after the interruption
    for name, value in expected.items():
        assert torch.equal(saved[name], value) if isinstance(value, Tensor) else saved[name] == value, name
    weights = torch.load(stopped / "model_final.pth", weights_only=True)["model"]
    assert (f"{STRUCTURE}.person_center.mean" in weights) is bool(new_options)
    for name, value in torch.load(whole / "model_final.pth", weights_only=True)["model"].items():
        assert torch.equal(weights[name], value), name
    # What the steps after it read, scaled by PENALTY with the loss of the step before.
    assert len(resumed.training) == 3 * 4
    for (keyframe, found), (expected_keyframe, wanted) in zip(
        resumed.training, uninterrupted.training[-12:], strict=True
    ):
        assert keyframe == expected_keyframe
        assert torch.equal(found[0], wanted[0])
        assert torch.equal(found[1], wanted[1])
