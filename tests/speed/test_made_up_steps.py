"""Training steps of the benchmarks."""

from __future__ import annotations

import pytest
import torch

from alphaction.config import load_cfg
from alphaction.modeling import build_detection_model
from benchmarks import CONFIGS
from benchmarks.speed.clips import full_memory, make_batch
from benchmarks.speed.made_up_steps import made_up_step


@pytest.mark.parametrize(("clips", "persons"), [(3, 1), (1, 3)])
def test_a_batch_may_have_more_persons_than_the_experiment(clips, persons):
    limits = ["SOLVER.VIDEOS_PER_BATCH", 2, "MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP", 1]
    cfg = load_cfg(str(CONFIGS / "tiny/toy.yaml"), limits)
    model = build_detection_model(cfg).train()
    batch = make_batch(cfg, clips, persons, (32, 48))
    pool = full_memory(cfg, model, batch.keyframes)
    step = made_up_step(cfg, model, batch, torch.device("cpu"), pool)
    step.run([batch])
    step.settle()
    assert len(pool) >= clips
    assert cfg.SOLVER.VIDEOS_PER_BATCH == 2
