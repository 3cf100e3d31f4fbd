"""Both inference passes on CUDA, which is simulated: see ``tests/simulated_cuda.py``."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from engine.cuda_world import backbone, config, make_world
from simulated_cuda import simulated_cuda

from alphaction.engine.inference import predict_dataset
from alphaction.modeling import build_detection_model
from benchmarks.speed.clips import make_batch, page_locked

NETWORKS = {
    "R50 dense": ("resnet50_4x16f_denseserial.yaml", "SOLVER.AMP", "bf16"),
    "tiny fp16": ("tiny/toy.yaml", "MODEL.IA_STRUCTURE.MEMORY_DTYPE", "float16", "SOLVER.AMP", "fp16"),
    "I3D": backbone("I3D-Resnet50"),
}
BATCHES = 2
FEATURES = "wait: _to_copy to the device at alphaction/modeling/detector.py:"
"""Features of the first pass go back to the device; nothing else of a batch waits before its results are taken."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * name.startswith("R50")) for name in NETWORKS]
)
def test_features_memory_and_predictions(name):
    """The host may wait where it takes what a pass has computed, but nowhere within the network or the memory."""
    with simulated_cuda() as device:
        world = make_world(config(*NETWORKS[name]), device.build)
        device.events.clear()
        predictions = predict_dataset(
            world.model.eval(),
            world.dataset(),
            [world.batch] * BATCHES,
            world.runtime,
            pool=world.pool,
            amp=world.cfg.SOLVER.AMP,
        )
    assert device.of("mixed") == []
    within = [str(event) for event in device.events if event.callers & {"_extract", "_predict"}]
    assert [event for event in within if not event.startswith(FEATURES)] == []
    # What goes to the host and back between the passes, and the predictions.
    assert len(device.events) <= 5 * BATCHES + 12
    persons = BATCHES * len(world.batch.boxes)
    assert predictions.scores.shape == (persons, world.cfg.MODEL.ROI_ACTION_HEAD.NUM_CLASSES)
    if world.pool is not None:
        assert len(world.pool.state_dict()["features"]) > 0
        assert str(world.pool.state_dict()["features"].device) == "cpu"


def test_feature_maps_that_are_kept_and_boxes_of_their_own():
    """What the feature cache of a frozen backbone does."""
    with simulated_cuda() as device:
        cfg = config("tiny/toy.yaml")
        model = device.build(lambda: build_detection_model(cfg)).eval()
        batch = page_locked(make_batch(cfg, 2, 3, (64, 96))).to("cuda")
        maps = model.feature_maps(batch)
        assert maps.device == torch.device("cuda", 0)
        pooled = model.extract_features(replace(batch.without_frames(), features=maps))
        assert pooled.person.device == maps.device
        assert device.of("wait", "mixed", "pageable") == []
