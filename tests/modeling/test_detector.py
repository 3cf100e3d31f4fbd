"""The whole model on a tiny backbone.

Axes: B clips, T frames, H and W rows and columns, N persons, M objects, D pooled channels, C classes.
"""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from torch import Tensor
from yacs.config import CfgNode

from alphaction.config import get_cfg
from alphaction.data.keyframes import Keyframe
from alphaction.data.normalize import normalize_clips
from alphaction.data.sample import ClipBatch
from alphaction.memory import MemoryPool
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.detector import DetectionModel, build_detection_model
from alphaction.modeling.registries import INTERACTION_STRUCTURES
from alphaction.utils.shapes_only import shapes_only


def config(structure: str | None = None, **ia: object) -> CfgNode:
    cfg = get_cfg()
    cfg.merge_from_list(
        [
            *("MODEL.BACKBONE.CONV_BODY", "Slowfast-Tiny"),
            *("MODEL.BACKBONE.FROZEN_BN", True),
            *("MODEL.BACKBONE.SLOWFAST.SLOW.CONV3_NONLOCAL", False),
            *("MODEL.BACKBONE.SLOWFAST.SLOW.CONV4_NONLOCAL", False),
            *("MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR", "2MLPFeatureExtractor"),
            *("MODEL.ROI_ACTION_HEAD.MLP_HEAD_DIM", 16),
            *("MODEL.ROI_ACTION_HEAD.NUM_CLASSES", 6),
            *("MODEL.ROI_ACTION_HEAD.NUM_PERSON_MOVEMENT_CLASSES", 3),
            *("MODEL.ROI_ACTION_HEAD.NUM_OBJECT_MANIPULATION_CLASSES", 2),
            *("MODEL.ROI_ACTION_HEAD.NUM_PERSON_INTERACTION_CLASSES", 1),
        ]
    )
    node = cfg.MODEL.IA_STRUCTURE
    node.ACTIVE = structure is not None
    if structure is not None:
        node.STRUCTURE = structure
        node.I_BLOCK_LIST = [["P", "O", "M"]] * 2 if structure == "parallel" else ["P", "O", "M", "P"]
        small = {"DIM_INNER": 8, "MAX_OBJECT": 2, "LENGTH": (2, 1), "USE_ZERO_INIT_CONV": False, "CONV_INIT_STD": 0.2}
        with shapes_only():
            node.DIM_IN = build_backbone(cfg).dim_out
        for key, value in (small | ia).items():
            node[key] = value
    return cfg


def make_batch(persons: tuple[int, ...] = (2, 1), objects: tuple[int, ...] = (1, 2)) -> ClipBatch:
    clips = torch.arange(len(persons))
    near = torch.rand(sum(persons) + sum(objects), 2) * 24
    boxes = torch.cat([near, near + 16 + torch.rand(len(near), 2) * 24], dim=1)
    return ClipBatch(
        indices=clips,
        keyframes=[Keyframe("movie", 900 + 2 * clip) for clip in range(len(persons))],
        slow=torch.randn(len(persons), 3, 1, 64, 64),
        fast=torch.randn(len(persons), 3, 8, 64, 64),
        sizes=torch.full((len(persons), 2), 64),
        boxes=boxes[: sum(persons)],
        clip_index=clips.repeat_interleave(torch.tensor(persons)),
        unit_boxes=boxes[: sum(persons)].double() / 64,
        scores=torch.rand(sum(persons)),
        labels=torch.eye(6)[torch.randint(6, (sum(persons),))],
        object_boxes=boxes[sum(persons) :],
        object_clip_index=clips.repeat_interleave(torch.tensor(objects)),
    )


def first_clip(batch: ClipBatch) -> ClipBatch:
    persons, objects = batch.clip_index == 0, batch.object_clip_index == 0
    per_object = {"object_boxes", "object_clip_index"}
    per_person = {"boxes", "clip_index", "unit_boxes", "scores", "labels"}
    changes = {}
    for field in fields(batch):
        value = getattr(batch, field.name)
        rows = objects if field.name in per_object else persons if field.name in per_person else slice(0, 1)
        changes[field.name] = None if value is None else value[rows]
    return replace(batch, **changes)


def build(cfg: CfgNode) -> DetectionModel:
    torch.manual_seed(1)
    return build_detection_model(cfg)


STRUCTURES = [None, *INTERACTION_STRUCTURES.names()]


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("persons", [(2, 1), (0, 1), (0, 0)])
def test_a_training_step_reaches_every_parameter(structure: str | None, persons: tuple[int, ...]) -> None:
    model = build(config(structure, DROPOUT=0.1) if structure else config()).train()
    output = model(make_batch(persons, (0, 0) if sum(persons) < 2 else (1, 2)))
    assert list(output.losses) == ["loss_movement", "loss_object", "loss_person"]
    assert list(output.accuracies) == ["accuracy_movement", "accuracy_object", "accuracy_person"]
    assert output.person_features.shape[0] == sum(persons)
    assert not output.person_features.requires_grad
    total = sum(output.losses.values())
    assert (total.item() > 0) == bool(sum(persons))
    total.backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_frozen_backbone_still_trains_the_head(structure: str | None) -> None:
    model = build(config(structure)).train()
    model.backbone.requires_grad_(False)
    sum(model(make_batch()).losses.values()).backward()
    assert all(parameter.grad is None for parameter in model.backbone.parameters())
    assert all(parameter.grad is not None for parameter in model.roi_heads.parameters())


@pytest.mark.parametrize("structure", STRUCTURES)
@torch.inference_mode()
def test_another_clip_changes_nothing_for_the_first(structure: str | None) -> None:
    model, batch = build(config(structure)).eval(), make_batch((2, 3), (1, 2))

    def predict(batch: ClipBatch) -> Tensor:
        return model.predict_from_features(model.extract_features(batch), batch)

    torch.testing.assert_close(predict(batch)[:2], predict(first_clip(batch)), rtol=1e-4, atol=1e-5)


def test_the_step_is_the_two_passes_and_the_loss() -> None:
    model, batch = build(config("serial")).eval(), make_batch()
    pool = MemoryPool.from_config(config("serial"))
    pool.write([Keyframe("movie", 899)], torch.rand(1, pool.dim), torch.tensor([0]))
    memory = pool.read(batch.keyframes)
    output = model(batch, memory, boxes_per_process=torch.tensor(5.0))
    pooled = model.extract_features(batch)
    without_frames = replace(batch, slow=None, fast=None)
    logits = model.predict_from_features(pooled.to("cpu"), without_frames, memory)
    losses, accuracies = model.head.loss(logits, batch.labels, 5.0)
    assert torch.equal(output.person_features, pooled.person)
    for name, value in losses.items():
        torch.testing.assert_close(output.losses[name], value)
    assert output.accuracies == accuracies
    # Only the first clip sees second 899.
    forgetful = model.predict_from_features(pooled, without_frames)
    assert not torch.allclose(forgetful[:2], logits[:2])
    assert torch.equal(forgetful[2], logits[2])


@pytest.mark.parametrize("to_bgr", [False, True])
@torch.inference_mode()
def test_uint8_frames_are_normalized_and_float_frames_are_left(to_bgr: bool) -> None:
    cfg = config()
    cfg.INPUT.PIXEL_MEAN, cfg.INPUT.PIXEL_STD, cfg.INPUT.TO_BGR = [90.0, 120.0, 30.0], [20.0, 60.0, 45.0], to_bgr
    model, seen = build(cfg).eval(), []
    model.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    frames = {"slow": torch.randint(256, (2, 3, 1, 64, 64)), "fast": torch.randint(256, (2, 3, 8, 64, 64))}
    batch = replace(make_batch(), sizes=torch.tensor([[64, 64], [48, 40]]))
    batch = replace(batch, **{name: clips.byte() for name, clips in frames.items()})
    model(batch)
    mean, std = torch.tensor(cfg.INPUT.PIXEL_MEAN), torch.tensor(cfg.INPUT.PIXEL_STD)
    for found, clips in zip(seen[0], frames.values(), strict=True):
        expected = (clips - mean[:, None, None, None]) / std[:, None, None, None]
        expected[1, :, :, 40:] = expected[1, :, :, :, 48:] = 0  # padding
        torch.testing.assert_close(found, expected.flip(1) if to_bgr else expected)
    normalized = normalize_clips(batch, cfg.INPUT.PIXEL_MEAN, cfg.INPUT.PIXEL_STD, to_bgr)
    model(normalized)
    assert all(torch.equal(*pair) for pair in zip(*seen, strict=True))
    assert [name for name in model.state_dict() if "pixel" in name] == []


@torch.inference_mode()
def test_probabilities() -> None:
    model, batch = build(config()).eval(), make_batch()
    probabilities = model.probabilities(model.predict_from_features(model.extract_features(batch), batch))
    assert probabilities.shape == (3, 6)
    torch.testing.assert_close(probabilities[:, :3].sum(dim=1), torch.ones(3))
    assert ((probabilities > 0) & (probabilities < 1)).all()


@torch.inference_mode()
def test_objects_are_pooled_only_where_they_matter() -> None:
    batch = make_batch()
    plain, with_objects = build(config()).eval(), build(config("serial")).eval()
    assert (plain.uses_objects, plain.uses_memory) == (False, False)
    assert (with_objects.uses_objects, with_objects.uses_memory) == (True, True)
    assert plain.extract_features(batch).object is None
    assert with_objects.extract_features(batch).object.shape == (3, with_objects.backbone.dim_out)
    persons_only = build(config("serial", I_BLOCK_LIST=["P"])).eval()
    assert (persons_only.uses_objects, persons_only.uses_memory) == (False, False)


@pytest.mark.parametrize("structure", [None, "serial"])
def test_bfloat16_autocast(structure: str | None) -> None:
    model, batch = build(config(structure)).train(), make_batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(batch)
    exact = model(batch)
    assert output.person_features.dtype == torch.float32
    for name, loss in output.losses.items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, exact.losses[name], rtol=0.1, atol=0.01)
    sum(output.losses.values()).backward()


def test_a_training_step_needs_labels() -> None:
    model, batch = build(config()), make_batch()
    with pytest.raises(ValueError, match="labels"):
        model(replace(batch, labels=None))


def test_training_learns_a_batch() -> None:
    model, batch = build(config("dense", USE_ZERO_INIT_CONV=True)).train(), make_batch()
    optimizer = torch.optim.SGD(model.roi_heads.parameters(), lr=2e-3, momentum=0.9)
    history = []
    for _ in range(30):
        loss = sum(model(batch).losses.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.5 * history[0]
