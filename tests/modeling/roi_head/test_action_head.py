"""Axes: B clips, C channels, T frames, H and W rows and columns, N boxes, D pooled channels."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from alphaction.config import get_cfg
from alphaction.layers import RoiAlign3d, RoiPool3d
from alphaction.modeling.interaction import InteractionInputs
from alphaction.modeling.registries import FEATURE_EXTRACTORS, INTERACTION_STRUCTURES, POOLERS, PREDICTORS
from alphaction.modeling.roi_head import ActionHead, BoxPooler, FCPredictor
from alphaction.utils.errors import UserError

BOXES = torch.tensor([[0.0, 0, 95, 63], [16, 16, 40, 40]])
CLIPS = torch.tensor([1, 0])


def config(extractor: str = "2MLPFeatureExtractor", structure: str | None = None, **ia: object):
    cfg = get_cfg()
    cfg.MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR = extractor
    cfg.MODEL.ROI_ACTION_HEAD.MLP_HEAD_DIM = 9
    cfg.MODEL.IA_STRUCTURE.ACTIVE = structure is not None
    layers = {"parallel": [["P", "O", "M"]]}.get(structure, ["P", "O", "M"])
    keys = {"DIM_IN": 6, "DIM_INNER": 4, "DIM_OUT": 6, "MAX_OBJECT": 2, "I_BLOCK_LIST": layers} | ia
    for key, value in keys.items():
        cfg.MODEL.IA_STRUCTURE[key] = value
    if structure is not None:
        cfg.MODEL.IA_STRUCTURE.STRUCTURE = structure
    return cfg


def make_inputs(width: int = 6) -> InteractionInputs:
    clip_index = torch.tensor([0, 0, 1])
    return InteractionInputs(torch.randn(3, width), clip_index, torch.ones(3), 2, torch.randn(1, width), clip_index[:1])


# --- pooling


def test_pooling_finds_the_maximum_inside_the_box() -> None:
    features = torch.zeros(2, 1, 1, 4, 6)
    features[1, 0, 0, 3, 5] = 8.0  # in the corner of the whole image, and outside the other box
    features[0, 0, 0, 0, 0] = 4.0
    pooled = BoxPooler(RoiPool3d(7, 1 / 16), True)((None, features), BOXES, CLIPS)
    assert pooled.tolist() == [[8.0], [0.0]]


def test_pathways_are_concatenated_slow_first() -> None:
    slow, fast = torch.full((2, 3, 2, 4, 6), 2.0), torch.full((2, 2, 8, 4, 6), 5.0)
    pooler = BoxPooler(RoiAlign3d(7, 1 / 16), True)
    torch.testing.assert_close(pooler((slow, fast), BOXES, CLIPS), torch.tensor([[2.0, 2, 2, 5, 5]] * 2))
    torch.testing.assert_close(pooler((slow, None), BOXES, CLIPS), torch.full((2, 3), 2.0))


def test_time_is_averaged_before_or_after_pooling() -> None:
    features = torch.randn(2, 3, 4, 4, 6)
    before, after = (BoxPooler(RoiAlign3d(7, 1 / 16), mean_first) for mean_first in (True, False))
    # ROIAlign is linear, so the order does not matter; ROIPool takes maxima, so it does.
    torch.testing.assert_close(before((features, None), BOXES, CLIPS), after((features, None), BOXES, CLIPS))
    before, after = (BoxPooler(RoiPool3d(7, 1 / 16), mean_first) for mean_first in (True, False))
    found = after((features, None), BOXES, CLIPS)
    assert (found >= before((features, None), BOXES, CLIPS) - 1e-6).all()
    assert not torch.allclose(found, before((features, None), BOXES, CLIPS))
    frames = [RoiPool3d(7, 1 / 16)(features[:, :, [t]], BOXES, CLIPS) for t in range(4)]
    torch.testing.assert_close(found, torch.cat(frames, dim=2).mean(dim=2).amax(dim=(2, 3)))


@pytest.mark.parametrize("name", POOLERS.names())
def test_every_pooler_takes_its_settings_from_the_config(name: str) -> None:
    cfg = config()
    cfg.MODEL.ROI_ACTION_HEAD.merge_from_list(["POOLER_TYPE", name, "POOLER_RESOLUTION", 3, "POOLER_SCALE", 0.5])
    cfg.MODEL.ROI_ACTION_HEAD.TIME_POOLING = "max"
    pooler = BoxPooler.from_config(cfg, stride=2)
    assert pooler.time_pooling == "max"
    assert pooler.pooler.output_size == 3
    assert pooler.pooler.spatial_scale == 0.5
    features = torch.randn(2, 3, 1, 4, 6, requires_grad=True)
    pooled = pooler((features, None), torch.empty(0, 4), torch.empty(0, dtype=torch.int64))
    assert pooled.shape == (0, 3)
    pooled.sum().backward()
    assert features.grad is not None


@pytest.mark.parametrize("time_first", [True, False])
def test_maximum_over_time(time_first: bool) -> None:
    features = torch.randn(2, 3, 4, 4, 6)
    found = BoxPooler(RoiAlign3d(7, 1 / 16), time_first, "max")((features, None), BOXES, CLIPS)
    maps = features.amax(dim=2, keepdim=True) if time_first else features
    frames = [RoiAlign3d(7, 1 / 16)(maps[:, :, [t]], BOXES, CLIPS) for t in range(maps.shape[2])]
    torch.testing.assert_close(found, torch.cat(frames, dim=2).amax(dim=(2, 3, 4)))
    assert not torch.allclose(found, BoxPooler(RoiAlign3d(7, 1 / 16), time_first)((features, None), BOXES, CLIPS))


def test_alignment_and_scale_follow_config_and_network() -> None:
    cfg = config()
    assert BoxPooler.from_config(cfg).pooler.aligned is False
    cfg.MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED = True
    pooler = ActionHead.from_config(cfg, 6, stride=32).pooler.pooler
    assert (pooler.aligned, pooler.spatial_scale) == (True, 1 / 32)
    cfg.MODEL.ROI_ACTION_HEAD.POOLER_SCALE = 1 / 32
    assert BoxPooler.from_config(cfg, stride=32).pooler.spatial_scale == 1 / 32
    with pytest.raises(UserError, match=r"POOLER_SCALE: 0\.03125, .* 16 pixels\. Set it to 0\.0625"):
        BoxPooler.from_config(cfg)


def test_rounding_pools_have_nothing_to_align() -> None:
    cfg = config()
    cfg.MODEL.ROI_ACTION_HEAD.merge_from_list(["POOLER_TYPE", "pooling3d", "POOLER_ALIGNED", True])
    with pytest.raises(UserError, match=r"POOLER_ALIGNED: True needs POOLER_TYPE align3d"):
        BoxPooler.from_config(cfg)


@pytest.mark.parametrize("stride", [16, 32])
def test_frames_that_are_no_multiple_of_the_stride(stride: int) -> None:
    """A ramp in pixels: boxes find their place though the map's last cells reach beyond the frame of 50 x 70."""
    cfg = config()
    cfg.MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED = True
    rows, columns = -(-50 // stride), -(-70 // stride)
    centers = (torch.arange(columns) + 0.5) * stride
    features = centers.expand(1, 1, 1, rows, columns)
    boxes = torch.tensor([[stride / 2, 0, 56.0, 50.0], [0.0, 0, 30.0, 50.0]])
    pooled = BoxPooler.from_config(cfg, stride)((None, features), boxes, torch.tensor([0, 0]))
    # The samples' last column ends half a sample before the box does.
    assert (boxes[:, 2] - pooled[:, 0]).abs().max() < 4


def test_pooled_features_are_float32() -> None:
    pooler = BoxPooler(RoiAlign3d(7, 1 / 16), True)
    assert pooler((torch.ones(2, 1, 1, 4, 6, dtype=torch.bfloat16), None), BOXES, CLIPS).dtype == torch.float32


# --- feature extractors and predictors

STRUCTURES = [None, *INTERACTION_STRUCTURES.names()]


@pytest.mark.parametrize("fusion", ["add", "concat"])
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("extractor", FEATURE_EXTRACTORS.names())
@pytest.mark.parametrize("predictor", PREDICTORS.names())
def test_every_head_and_structure(extractor: str, structure: str | None, fusion: str, predictor: str) -> None:
    cfg = config(extractor, structure, FUSION=fusion, DROPOUT=0.2, LAYER_NORM=True, USE_ZERO_INIT_CONV=False)
    cfg.MODEL.ROI_ACTION_HEAD.merge_from_list(["DROPOUT_RATE", 0.3, "PREDICTOR", predictor])
    head = ActionHead.from_config(cfg, 6).train()
    logits = head(make_inputs())
    assert logits.shape == (3, 80)
    logits.square().sum().backward()
    missing = [name for name, parameter in head.named_parameters() if parameter.grad is None]
    assert missing == []


def test_names_of_the_published_checkpoints() -> None:
    head = ActionHead.from_config(config(structure="serial"), 6)
    names = list(head.state_dict())
    assert names[0] == "feature_extractor.ia_structure.person_dim_reduce.weight"
    assert names[-6:] == [
        *("feature_extractor.fc1.weight", "feature_extractor.fc1.bias"),
        *("feature_extractor.fc2.weight", "feature_extractor.fc2.bias"),
        *("predictor.cls_score.weight", "predictor.cls_score.bias"),
    ]


def test_maxpool_extractor_without_structure_has_no_parameters() -> None:
    extractor = FEATURE_EXTRACTORS.get("MaxpoolFeatureExtractor").from_config(config(), 6)
    inputs = make_inputs()
    assert not list(extractor.parameters())
    assert torch.equal(extractor(inputs), inputs.persons)


@pytest.mark.parametrize(("fusion", "width"), [("add", 6), ("concat", 12)])
def test_fusion(fusion: str, width: int) -> None:
    cfg = config("MaxpoolFeatureExtractor", "serial", FUSION=fusion, USE_ZERO_INIT_CONV=False, CONV_INIT_STD=0.5)
    extractor = FEATURE_EXTRACTORS.get("MaxpoolFeatureExtractor").from_config(cfg, 6).eval()
    inputs = make_inputs()
    fused, added = extractor(inputs), extractor.ia_structure(inputs)
    assert fused.shape == (3, width) == (3, extractor.dim_out)
    expected = inputs.persons + added if fusion == "add" else torch.cat([inputs.persons, added], dim=1)
    assert torch.equal(fused, expected)


def test_two_layers_by_hand() -> None:
    cfg = config()
    cfg.MODEL.ROI_ACTION_HEAD.MLP_HEAD_DIM = 1
    extractor = FEATURE_EXTRACTORS.get("2MLPFeatureExtractor").from_config(cfg, 2)
    with torch.no_grad():
        extractor.fc1.weight[:] = torch.tensor([[1.0, -2.0]])
        extractor.fc2.weight[:], extractor.fc2.bias[:] = 3.0, 1.0
    persons = torch.tensor([[5.0, 1.0], [1.0, 5.0]])
    inputs = InteractionInputs(persons, torch.tensor([0, 0]), torch.ones(2), 1)
    assert extractor(inputs).tolist() == [[10.0], [1.0]]


def test_with_skip_the_classifier_sees_what_goes_into_the_layers_as_well() -> None:
    cfg = config(structure="serial", FUSION="concat", DIM_OUT=5)
    plain = FEATURE_EXTRACTORS.get("2MLPFeatureExtractor").from_config(cfg, 6).eval()
    cfg.MODEL.ROI_ACTION_HEAD.MLP_SKIP = True
    skipping = FEATURE_EXTRACTORS.get("2MLPFeatureExtractor").from_config(cfg, 6).eval()
    assert (plain.dim_out, skipping.dim_out) == (9, 9 + 6 + 5)
    skipping.load_state_dict(plain.state_dict())  # weights have the same names and shapes
    inputs = make_inputs()
    expected = torch.cat([plain(inputs), inputs.persons, plain.ia_structure(inputs)], dim=1)
    torch.testing.assert_close(skipping(inputs), expected)


@pytest.mark.parametrize("skip", [False, True])
def test_only_with_skip_a_structure_learns_behind_layers_that_have_died(skip: bool) -> None:
    """Units that are 0 for every person pass no gradient on."""
    cfg = config(structure="serial", USE_ZERO_INIT_CONV=False)
    cfg.MODEL.ROI_ACTION_HEAD.MLP_SKIP = skip
    extractor = FEATURE_EXTRACTORS.get("2MLPFeatureExtractor").from_config(cfg, 6)
    nn.init.constant_(extractor.fc2.bias, -100.0)
    extractor(make_inputs()).square().sum().backward()
    assert bool(extractor.ia_structure.M_block_1.out.weight.grad.abs().max() > 0) == skip


def test_dropout_leaves_its_input_alone() -> None:
    """In place it would overwrite what the ReLU before it needs for its backward pass."""
    predictor = FCPredictor(4, 2, dropout=0.5).train()
    weight = nn.Parameter(torch.ones(3, 4))
    predictor(weight.relu()).sum().backward()
    assert weight.grad is not None
    features = torch.ones(3, 4)
    predictor(features)
    assert torch.equal(features, torch.ones(3, 4))


@pytest.mark.parametrize(
    ("ia", "message"),
    [
        ({"DIM_IN": 5}, "DIM_IN is 5.*DIM_IN to 6"),
        ({"FUSION": "add", "DIM_OUT": 4}, "DIM_OUT .* 4 and 6.*DIM_OUT to 6"),
        ({"FUSION": "sum"}, '"sum".*add, concat'),
    ],
)
def test_widths_that_do_not_fit(ia: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ActionHead.from_config(config(structure="serial", **ia), 6)


@pytest.mark.parametrize(
    ("key", "name"),
    [("FEATURE_EXTRACTOR", "2MLPFeatureExtracter"), ("PREDICTOR", "FcPredictor"), ("POOLER_TYPE", "align")],
)
def test_mistyped_names(key: str, name: str) -> None:
    cfg = config()
    cfg.MODEL.ROI_ACTION_HEAD[key] = name
    with pytest.raises(UserError, match=f'{key}.*"{name}"'):
        ActionHead.from_config(cfg, 6)
