"""Predictions from the past alone, moment by moment: those of a whole video; and nothing of the past stays for ever."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from random_network import LABEL_MAP, random_network

from alphaction.data.annotations import BoxTable
from alphaction.data.collate import BatchCollator
from alphaction.data.loader import build_test_loader
from alphaction.data.video.frame_window import FrameWindow
from alphaction.engine.inference import predict_dataset
from alphaction.evaluation import Predictions
from alphaction.memory import MemoryPool
from alphaction.workflows.predict.network import Network
from alphaction.workflows.predict.online import OnlinePredictor
from alphaction.workflows.predict.predictor import clips_of_persons

FPS, SECONDS = 12, 9
VIDEO = "lobby"


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """Nine seconds of noise that changes."""
    rng = np.random.default_rng(5)
    return [rng.integers(0, 255, (32, 48, 3), dtype=np.uint8) for _ in range(FPS * SECONDS)]


@pytest.fixture(scope="module")
def boxes() -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """Boxes and scores, not in the order of the scores, each half second; nobody is there at seconds 3 and 4."""
    rng = np.random.default_rng(6)
    found = {}
    for half in range(2 * SECONDS):
        count = 0 if 6 <= half < 10 else int(rng.integers(1, 4))
        corners = rng.uniform(0, 0.5, (count, 2))
        sides = rng.uniform(0.2, 0.5, (count, 2))
        found[half / 2] = np.concatenate([corners, corners + sides], axis=1), rng.uniform(0.6, 1, count)
    return found


def window(frames: list[np.ndarray]) -> FrameWindow:
    return FrameWindow(iter(frames), FPS, VIDEO)


def offline(network: Network, frames, boxes) -> Predictions:
    """Return what evaluations and tools/predict_video.py compute: features of all clips first, then the scores."""
    rows = [
        (second, box, score)
        for second, (some, scores) in boxes.items()
        for box, score in zip(some, scores, strict=True)
    ]
    seconds, corners, scores = zip(*rows, strict=True)
    persons = BoxTable.from_columns([VIDEO] * len(rows), seconds, np.array(corners), np.array(scores))
    dataset = clips_of_persons(network.cfg, LABEL_MAP, VIDEO, window(frames), persons, None)
    collate = BatchCollator(network.cfg.DATALOADER.SIZE_DIVISIBILITY)
    batches = (
        collate([dataset[request] for request in some])
        for some in build_test_loader(network.cfg, dataset).batch_sampler
    )
    pool = MemoryPool.from_config(network.cfg) if network.model.uses_memory else None
    return predict_dataset(network.model, dataset, batches, network.runtime, pool=pool)


def at(predictions: Predictions, second: float, boxes: np.ndarray) -> np.ndarray:
    """Return the scores of the boxes of a second, in their order."""
    index = [keyframe.second for keyframe in predictions.keyframes].index(second)
    rows = np.flatnonzero(predictions.keyframe_index == index)
    order = [rows[np.abs(predictions.boxes[rows] - box).max(axis=1).argmin()] for box in boxes]
    return predictions.scores[order]


@pytest.mark.parametrize("stride", [1.0, 0.5])
@pytest.mark.parametrize("experiment", ["toy", "base"])
def test_what_the_past_alone_gives_is_what_a_file_gives(experiment, stride, frames, boxes):
    memory = ("MODEL.IA_STRUCTURE.LENGTH", [2, 0]) if experiment == "toy" else ()
    network = random_network(experiment, *memory, "TEST.STRIDE", stride)
    moments = {second: found for second, found in boxes.items() if stride == 0.5 or second == int(second)}
    expected = offline(network, frames, moments)
    predictor = OnlinePredictor(network, VIDEO, window(frames))
    assert predictor.reach == pytest.approx(2 / FPS)  # the last frame of a clip that is used
    for second, (some, scores) in moments.items():
        got = predictor.classify(second, some, scores)
        assert got.dtype == np.float32
        assert got.shape == (len(some), 2)
        if len(some):
            np.testing.assert_allclose(got, at(expected, second, some), atol=1e-6, rtol=0)


def test_the_memory_is_that_of_the_seconds_before(frames, boxes):
    network = random_network("toy", "MODEL.IA_STRUCTURE.LENGTH", [2, 0])
    some, scores = boxes[2]
    alone = OnlinePredictor(network, VIDEO, window(frames)).classify(2, some, scores)
    one_before = OnlinePredictor(network, VIDEO, window(frames))
    one_before.classify(1, *boxes[1])
    assert np.abs(one_before.classify(2, some, scores) - alone).max() > 1e-4


def test_only_what_is_read_is_remembered(frames, boxes):
    network = random_network("toy", "MODEL.IA_STRUCTURE.LENGTH", [2, 0])
    predictor = OnlinePredictor(network, VIDEO, window(frames))
    kept = []
    for second in range(SECONDS):
        predictor.classify(second, *boxes[second])
        kept.append(predictor.remembered)
    # A later clip reads the two seconds before it; nobody is there at seconds 3 and 4.
    assert kept == [1, 2, 3, 3, 3, 1, 2, 3, 3]


def test_boxes_of_low_scores_have_no_result(frames, boxes):
    network = random_network("base", "TEST.BOX_THRESH", 0.5)
    predictor = OnlinePredictor(network, VIDEO, window(frames))
    three = np.array([[0.1, 0.1, 0.5, 0.5], [0.2, 0.2, 0.9, 0.9], [0.0, 0.4, 0.3, 1.0]])
    scores = predictor.classify(0.25, three, np.array([0.6, 0.4, 0.9]))
    assert np.isnan(scores).tolist() == [[False, False], [True, True], [False, False]]
    assert np.isnan(predictor.classify(1, three, np.full(3, 0.1))).all()
    assert predictor.classify(2, np.zeros((0, 4)), np.zeros(0)).shape == (0, 2)


def test_what_is_yet_to_come_is_told_once(frames, boxes, caplog):
    network = random_network("toy", "MODEL.IA_STRUCTURE.LENGTH", [2, 3])
    with caplog.at_level(logging.WARNING):
        predictor = OnlinePredictor(network, VIDEO, window(frames))
        for second in range(3):
            predictor.classify(second, *boxes[second])
    (record,) = caplog.records
    assert "the 3 seconds after a moment (MODEL.IA_STRUCTURE.LENGTH (2, 3))" in record.getMessage()
    assert "LENGTH (2, 0)" in record.getMessage()
