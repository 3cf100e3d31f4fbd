"""The memory as the engine uses it: what is read and written in training, and that it decides predictions."""

from __future__ import annotations

import pytest
import torch

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.dataset import ActionDataset
from alphaction.data.loader import build_test_loader
from alphaction.engine import inference
from alphaction.engine.classes import adopt_label_map
from alphaction.engine.inference import predict_dataset
from alphaction.engine.setup import Runtime
from alphaction.memory import MemoryPool
from alphaction.modeling import build_detection_model

RUNTIME = Runtime(torch.device("cpu"), rank=0, world_size=1, seed=0)


@pytest.mark.parametrize("penalty", [True, False])
def test_a_step_reads_before_it_writes_and_compares_with_the_last_loss(runner, tmp_path, monkeypatch, penalty):
    reads, writes = [], []
    read, write = MemoryPool.read, MemoryPool.write

    def spy_read(pool, keyframes, **options):
        reads.append({**options, "keyframes": list(keyframes), "known": len(pool)})
        return read(pool, keyframes, **options)

    def spy_write(pool, keyframes, features, clip_index, **options):
        writes.append({**options, "keyframes": list(keyframes), "features": features})
        return write(pool, keyframes, features, clip_index, **options)

    monkeypatch.setattr(MemoryPool, "read", spy_read)
    monkeypatch.setattr(MemoryPool, "write", spy_write)
    metrics = runner.train(tmp_path, "--skip-final-test", "MODEL.IA_STRUCTURE.PENALTY", str(penalty))
    losses = [line["loss"] for line in metrics]
    assert len(reads) == len(writes) == 4
    assert [call["penalty"] for call in reads] == [penalty] * 4
    assert reads[0]["current_tag"] is None
    assert [float(call["current_tag"]) for call in reads[1:]] == pytest.approx(losses[:3])
    assert len({call["seed"] for call in reads}) == 4
    # Written under the clips that the same step read for, with that step's loss.
    assert [sorted(call["keyframes"]) for call in writes] == [sorted(call["keyframes"]) for call in reads]
    assert [float(call["tag"]) for call in writes] == pytest.approx(losses)
    assert reads[0]["known"] == 0
    assert reads[1]["known"] == 4


@pytest.fixture
def memory_model(runner, toy_folder):
    """(cfg, dataset, model) whose memory block is not at its zero initialization."""
    paths = ["DATASETS.DATA_DIR", str(toy_folder), "DATALOADER.NUM_WORKERS", "0", "TEST.VIDEOS_PER_BATCH", "4"]
    cfg = load_cfg(runner.config, paths)
    dataset = ActionDataset.from_config(cfg, find_dataset(cfg, "toy_val"), training=False)
    adopt_label_map(cfg, dataset.label_map)
    model = build_detection_model(cfg).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "M_block_1" in name or "cls_score" in name:
                parameter.normal_(std=0.3)
    return cfg, dataset, model


def predict(cfg, dataset, model, pool):
    return predict_dataset(model, dataset, build_test_loader(cfg, dataset), RUNTIME, pool=pool).scores


def test_predictions_are_made_from_the_memory_of_all_clips(memory_model):
    cfg, dataset, model = memory_model
    scores = predict(cfg, dataset, model, MemoryPool.from_config(cfg))
    without = predict(cfg, dataset, model, None)
    assert abs(scores - without).max() > 0.01

    # The same by hand, one clip at a time: features of all clips first, then predictions.
    pool, clips = MemoryPool.from_config(cfg), []
    with torch.inference_mode():
        for batch in build_test_loader(cfg, dataset):
            pooled = model.extract_features(batch)
            pool.write(batch.keyframes, pooled.person, batch.clip_index, scores=batch.scores)
            clips.append((batch, pooled))
        expected = torch.cat(
            [
                model.probabilities(model.predict_from_features(pooled, batch, pool.read(batch.keyframes)))
                for batch, pooled in clips
            ]
        )
    indices = torch.cat([batch.person_indices() for batch, _ in clips])
    expected = expected[torch.argsort(indices, stable=True)]
    torch.testing.assert_close(torch.from_numpy(scores), expected, rtol=1e-4, atol=1e-6)


def test_an_evaluation_exchanges_features_in_parts(memory_model, monkeypatch):
    cfg, dataset, model = memory_model
    at_once, in_parts = MemoryPool.from_config(cfg), MemoryPool.from_config(cfg)
    expected = predict(cfg, dataset, model, at_once)
    monkeypatch.setattr(inference, "_BATCHES_AT_ONCE", 1)
    assert (predict(cfg, dataset, model, in_parts) == expected).all()
    assert sorted(in_parts.keyframes()) == sorted(at_once.keyframes())


def test_a_memory_in_float16_changes_little(memory_model):
    cfg, dataset, model = memory_model
    expected = predict(cfg, dataset, model, MemoryPool.from_config(cfg))
    cfg.defrost()
    cfg.MODEL.IA_STRUCTURE.MEMORY_DTYPE = "float16"
    pool = MemoryPool.from_config(cfg)
    assert pool.dtype == torch.float16
    difference = abs(predict(cfg, dataset, model, pool) - expected).max()
    assert 0 < difference < 1e-3
