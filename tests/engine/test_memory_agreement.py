"""One pool, read as training reads it (seed, penalty) and as a test does (neither): the same persons, the same logits.

Axes: B clips, S seconds around a clip, P persons a second, N persons of the batch, M objects, D channels.
"""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.config import get_cfg
from alphaction.data.keyframes import Keyframe
from alphaction.data.sample import ClipBatch
from alphaction.memory import MemoryFeatures, MemoryPool
from alphaction.modeling.detector import DetectionModel, PooledFeatures
from alphaction.modeling.registries import INTERACTION_STRUCTURES
from alphaction.modeling.roi_head import ActionHead

DIM, LIMIT = 8, 2
LOSS = 1.7  # of the step that filled the pool, and of the one that reads it
BEFORE, AFTER = 3, 2
BLOCKS = {
    "serial": ["P", "O", "M"],
    "dense": ["P", "O", "M", "P", "O", "M"],
    "parallel": [["P", "O", "M"], ["P", "O", "M"]],
}
# The first and last seconds of a movie, one amid, a movie of one keyframe, and one that is not remembered at all.
CLIPS = [Keyframe("a", 0), Keyframe("a", 6), Keyframe("a", 11), Keyframe("b", 3), Keyframe("c", 2)]
REMEMBERED = [Keyframe("a", second) for second in range(12) if second != 5] + [Keyframe("b", 3)]


def config(structure: str = "serial", **keys: object) -> CfgNode:
    cfg = get_cfg()
    head = cfg.MODEL.ROI_ACTION_HEAD
    head.FEATURE_EXTRACTOR, head.MLP_HEAD_DIM = "2MLPFeatureExtractor", 16
    head.NUM_CLASSES, head.NUM_PERSON_MOVEMENT_CLASSES = 6, 3
    head.NUM_OBJECT_MANIPULATION_CLASSES, head.NUM_PERSON_INTERACTION_CLASSES = 2, 1
    options = {"ACTIVE": True, "STRUCTURE": structure, "I_BLOCK_LIST": BLOCKS[structure], "DIM_IN": DIM, "DIM_OUT": DIM}
    options |= {
        "DIM_INNER": DIM,
        "MAX_OBJECT": 3,
        "MAX_PER_SEC": LIMIT,
        "LENGTH": (BEFORE, AFTER),
        "DROPOUT": 0.5,
    } | keys
    for key, value in options.items():
        cfg.MODEL.IA_STRUCTURE[key] = value
    return cfg


def build(cfg: CfgNode) -> DetectionModel:
    """A detector without a backbone, in which every parameter and every running mean matters."""
    head = ActionHead.from_config(cfg, DIM)
    model = DetectionModel(nn.Identity(), head, pixel_mean=[0.0] * 3, pixel_std=[1.0] * 3).eval()
    means = [buffer for name, buffer in model.named_buffers() if name.endswith("center.mean")]
    assert bool(means) == cfg.MODEL.IA_STRUCTURE.CENTER_FEATURES
    for values in (*model.parameters(), *means):
        nn.init.normal_(values, std=0.3)
    return model


def fill(pool: MemoryPool, persons: tuple[int, ...], tag: float | None = LOSS) -> dict[Keyframe, Tensor]:
    """Remember ``persons[0]`` persons of the first second, and so on in turn; return what is stored, best first."""
    stored = {}
    for position, keyframe in enumerate(REMEMBERED):
        features = torch.randn(persons[position % len(persons)], DIM)
        scores = torch.rand(len(features))
        pool.write([keyframe], features, torch.zeros(len(features), dtype=torch.int64), tag=tag, scores=scores)
        stored[keyframe] = features[scores.argsort(descending=True)]
    return stored


def make_batch(persons: tuple[int, ...]) -> tuple[ClipBatch, PooledFeatures]:
    """A batch of CLIPS without frames, two objects in each but the last, and its pooled features."""
    clips = torch.arange(len(CLIPS))
    clip_index, object_clip_index = clips.repeat_interleave(torch.tensor(persons)), clips[:-1].repeat_interleave(2)
    count, objects = len(clip_index), len(object_clip_index)
    batch = ClipBatch(
        indices=clips,
        keyframes=CLIPS,
        slow=None,
        fast=None,
        sizes=torch.full((len(CLIPS), 2), 64),
        boxes=torch.zeros(count, 4),
        clip_index=clip_index,
        unit_boxes=torch.zeros(count, 4).double(),
        scores=torch.rand(count),
        labels=None,
        object_boxes=torch.zeros(objects, 4),
        object_clip_index=object_clip_index,
    )
    return batch, PooledFeatures(torch.randn(count, DIM), torch.randn(objects, DIM))


def read_both(pool: MemoryPool, seed: int = 7, loss: float = LOSS) -> tuple[MemoryFeatures, MemoryFeatures]:
    """Return the memory around CLIPS as training and as a test read it."""
    return pool.read(CLIPS, penalty=True, current_tag=torch.tensor(loss), seed=seed), pool.read(CLIPS)


def cells(memory: MemoryFeatures) -> dict[tuple[int, int], list[list[float]]]:
    """Return {(clip, slot): the persons there, sorted}: their order within a second means nothing."""
    return {
        (clip, slot): sorted(memory.features[clip, slot, memory.present[clip, slot]].tolist())
        for clip, slot in memory.present.any(dim=2).nonzero().tolist()
    }


def expected_cells(stored: dict[Keyframe, Tensor], rate: int) -> dict[tuple[int, int], list[list[float]]]:
    """Return what :func:`cells` should: the best-scored persons of every remembered second around CLIPS."""
    return {
        (clip, BEFORE + step): sorted(stored[second][:LIMIT].tolist())
        for clip, (video, own) in enumerate(CLIPS)
        for step in range(-BEFORE, AFTER + 1)
        if step and (second := Keyframe(video, own + step * rate)) in stored
    }


@pytest.mark.parametrize("rate", [1, 2])
def test_both_reads_find_the_same_persons_within_the_limit(rate: int) -> None:
    pool = MemoryPool.from_config(config(MEMORY_RATE=rate))
    stored = fill(pool, (1, 2))
    training, test = read_both(pool)
    assert torch.equal(training.present, test.present)
    assert cells(training) == cells(test) == expected_cells(stored, rate)
    assert not training.features[~training.present].any()
    assert not test.features[~test.present].any()
    # Before the first second, after the last, the forgotten second 5, and the clip's own: nobody.
    seconds = {1: {0: [4, 5], 1: [0, 1, 4, 5], 2: [0, 1, 2]}, 2: {0: [4, 5], 1: [0, 1, 2, 4, 5], 2: [1, 2]}}[rate]
    assert {clip: [s for c, s in cells(test) if c == clip] for clip in range(3)} == seconds


@pytest.mark.parametrize("rate", [1, 2])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"MASK_ABSENT": True},
        {"CENTER_FEATURES": True},
        {"MEMORY_OWN_SECOND": False},
        {"COSINE_SCALE": 3.0},
        {"MASK_ABSENT": True, "CENTER_FEATURES": True, "MEMORY_OWN_SECOND": False, "COSINE_SCALE": 3.0},
    ],
    ids=lambda options: "-".join(options).lower() or "upstream",
)
@pytest.mark.parametrize("structure", INTERACTION_STRUCTURES.names())
@torch.no_grad()
def test_both_reads_give_the_same_logits(structure: str, options: dict[str, object], rate: int) -> None:
    cfg = config(structure, MEMORY_RATE=rate, **options)
    model, pool = build(cfg), MemoryPool.from_config(cfg)
    fill(pool, (2, 1))
    batch, pooled = make_batch((2, 1, 2, 0, 1))
    training, test = (model.predict_from_features(pooled, batch, memory) for memory in read_both(pool))
    torch.testing.assert_close(training, test, rtol=1e-5, atol=1e-5)
    assert training.isfinite().all()
    # What is compared depends on the memory, but for the clip around which there is none.
    change = (model.predict_from_features(pooled, batch) - test).abs().amax(dim=1)
    assert {clip: bool(change[batch.clip_index == clip].max() > 0.01) for clip in (0, 1, 2, 4)} == {
        0: True,
        1: True,
        2: True,
        4: False,
    }


@torch.no_grad()
def test_training_mode_changes_nothing_without_dropout() -> None:
    cfg = config(DROPOUT=0.0)
    cfg.MODEL.ROI_ACTION_HEAD.DROPOUT_RATE = 0.0
    model, pool = build(cfg), MemoryPool.from_config(cfg)
    fill(pool, (2, 1))
    batch, pooled = make_batch((2, 1, 2, 0, 1))
    training, test = read_both(pool)
    expected = model.predict_from_features(pooled, batch, test)
    torch.testing.assert_close(model.train().predict_from_features(pooled, batch, training), expected)


def test_over_the_limit_training_draws_from_those_that_a_test_ranks() -> None:
    pool = MemoryPool.from_config(config())
    stored = fill(pool, (4, 3))
    drawn: dict[tuple[int, int], set] = {}
    for seed in range(60):
        training, test = read_both(pool, seed)
        assert torch.equal(training.present, test.present)
        assert cells(test) == expected_cells(stored, rate=1)
        for cell, persons in cells(training).items():
            drawn.setdefault(cell, set()).update(map(tuple, persons))
    for (clip, slot), persons in drawn.items():
        everyone = stored[Keyframe(CLIPS[clip].video, CLIPS[clip].second + slot - BEFORE)]
        assert persons == set(map(tuple, everyone.tolist()))
    assert set(drawn) == set(expected_cells(stored, rate=1))


def test_the_current_second_is_the_same_within_the_limit() -> None:
    pool = MemoryPool.from_config(config())
    fill(pool, (2, 1))
    batch, pooled = make_batch((2, 1, 2, 0, 1))
    args = (pooled.person, batch.clip_index, batch.scores)
    training, test = (memory.with_current(*args) for memory in read_both(pool, loss=10 * LOSS))
    assert torch.equal(training.present, test.present)
    for clip in range(len(CLIPS)):
        own = sorted(pooled.person[batch.clip_index == clip].tolist())
        # Made by the current network, hence not scaled.
        assert cells(training).get((clip, BEFORE), []) == cells(test).get((clip, BEFORE), []) == own


def test_over_the_limit_the_current_second_is_drawn_in_training() -> None:
    pool = MemoryPool.from_config(config())
    batch, pooled = make_batch((5, 0, 3, 1, 0))
    args = (pooled.person, batch.clip_index, batch.scores)
    drawn: dict[int, set] = {}
    for seed in range(60):
        training, test = (memory.with_current(*args) for memory in read_both(pool, seed))
        assert torch.equal(training.present, test.present)
        for (clip, slot), persons in cells(training).items():
            assert slot == BEFORE
            drawn.setdefault(clip, set()).update(map(tuple, persons))
    for clip, persons in drawn.items():
        rows = (batch.clip_index == clip).nonzero()[:, 0]
        assert persons == set(map(tuple, pooled.person[rows].tolist()))
        best = rows[batch.scores[rows].argsort(descending=True)][:LIMIT]
        assert cells(test)[clip, BEFORE] == sorted(pooled.person[best].tolist())
    assert set(drawn) == {0, 2, 3}


@pytest.mark.parametrize("loss", [0.3, LOSS, 40.0])
def test_only_training_scales_by_the_ratio_of_the_losses(loss: float) -> None:
    pool = MemoryPool.from_config(config(MAX_PER_SEC=1))
    tags = dict(zip(REMEMBERED, torch.logspace(-2, 2, len(REMEMBERED)), strict=True))
    stored = {}
    for keyframe, tag in tags.items():
        stored[keyframe] = torch.randn(1, DIM)
        pool.write([keyframe], stored[keyframe], torch.tensor([0]), tag=tag)
    training, test = read_both(pool, loss=loss)
    current, checked = torch.tensor(loss), 0
    for clip, slot in test.present.any(dim=2).nonzero().tolist():
        second = Keyframe(CLIPS[clip].video, CLIPS[clip].second + slot - BEFORE)
        scale = torch.minimum(tags[second] / current, current / tags[second])
        assert scale <= 1
        assert torch.equal(test.features[clip, slot], stored[second])
        assert torch.equal(training.features[clip, slot], stored[second] * scale)
        checked += 1
    assert checked == 9
    # Without PENALTY training does not scale either.
    assert torch.equal(pool.read(CLIPS, current_tag=current, seed=7).features, test.features)


def test_random_writes_end_as_in_a_dictionary() -> None:
    """Entries that grow, shrink and move, checkpoints in between: nobody overwrites a neighbor."""
    draw = random.Random(0)
    pool, known = MemoryPool(DIM, LIMIT, (BEFORE, AFTER)), {}
    for step in range(150):
        keyframes = [Keyframe("ab"[second % 2], second // 2) for second in draw.sample(range(40), 6)]
        clip_index = torch.tensor(sorted(draw.choices(range(6), k=draw.randint(0, 14))), dtype=torch.int64)
        features, scores, tag = torch.randn(len(clip_index), DIM), torch.rand(len(clip_index)), draw.uniform(0.5, 5)
        pool.write(keyframes, features, clip_index, tag=tag, scores=scores)
        for clip, keyframe in enumerate(keyframes):
            rows = (clip_index == clip).nonzero()[:, 0]
            if len(rows):
                known[keyframe] = features[rows[scores[rows].argsort(descending=True)]]
        if step % 40 == 39:
            state, pool = pool.state_dict(), MemoryPool(DIM, LIMIT, (BEFORE, AFTER))
            pool.load_state_dict(state)
    assert len(pool) == len(known) == 40
    clips = [Keyframe(video, second) for video in "ab" for second in range(20)]
    memory = pool.read(clips)
    for clip, (video, own) in enumerate(clips):
        for slot in range(BEFORE + 1 + AFTER):
            expected = known.get(Keyframe(video, own + slot - BEFORE), torch.zeros(0, DIM))[:LIMIT]
            if slot == BEFORE:
                expected = expected[:0]
            assert torch.equal(memory.features[clip, slot, memory.present[clip, slot]], expected)
