"""Why a network without interactions cannot know the person and object classes: the pixels are out of its reach."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from toy.casts import extreme_casts

from alphaction.config import load_cfg
from alphaction.data.box_geometry import flip_horizontal, jitter_boxes, resize_boxes, unit_to_pixel
from alphaction.data.transforms import ResizeRule
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.roi_head.pooling import BoxPooler
from alphaction.toy.interactions_world import LAG, Coins, InteractionsWorld, make_scene
from alphaction.toy.render import DRIFT, SHAKE

LIMITS, DEFAULTS = InteractionsWorld.limits, InteractionsWorld.defaults
# A codec's square of pixels, which it may treat as a whole.
BLOCK = 16
SIZES = sorted(
    {
        (DEFAULTS.width, DEFAULTS.height),
        (2 * DEFAULTS.width, 2 * DEFAULTS.height),
        *((int(aspect * 48 + 1) // 2 * 2, 48) for aspect in (LIMITS.min_aspect, LIMITS.max_aspect)),
    }
)


@pytest.fixture(scope="module")
def cfg(repo_root):
    return load_cfg(repo_root / "config_files" / "tiny" / "interactions.yaml")


@pytest.fixture
def backbone(cfg, monkeypatch):
    """The config's network with weights that let everything through, so that a gradient of 0 means: no connection."""
    network = build_backbone(cfg).eval().double()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv3d):
            torch.nn.init.constant_(module.weight, 0.01)
        elif isinstance(module, torch.nn.BatchNorm3d):
            torch.nn.init.ones_(module.weight)
    # A maximum passes a gradient to one of its arguments; the mean reaches as far and passes it to all.
    monkeypatch.setattr(F, "max_pool2d", F.avg_pool2d)  # pooling over frames, on the CPU
    monkeypatch.setattr(F, "max_pool3d", F.avg_pool3d)
    return network


def seen_columns(cfg, backbone: torch.nn.Module, size: tuple[int, int]) -> np.ndarray:
    """Return which columns of the frame each column of the features depends on, bool [W / 16, W]."""
    frames = cfg.INPUT.FRAME_NUM // cfg.INPUT.TAU
    clips = [
        torch.rand(1, 3, number, size[1], size[0], dtype=torch.float64, requires_grad=True)
        for number in (frames, frames * cfg.INPUT.ALPHA)
    ]
    features = [maps for maps in backbone(*clips) if maps is not None]
    seen = []
    for cell in range(features[0].shape[-1]):
        total = sum(maps[..., cell].sum() for maps in features)
        gradients = torch.autograd.grad(total, clips, retain_graph=True, allow_unused=True)
        seen.append(sum(of.abs().sum(dim=(0, 1, 2, 3)) for of in gradients if of is not None) > 0)
    return torch.stack(seen).numpy()


def pooled_cells(cfg, box: torch.Tensor, num_cells: int) -> np.ndarray:
    """Return which columns of the features a box is pooled from, bool [num_cells]."""
    features = torch.ones(1, 1, 1, 3, num_cells, requires_grad=True)
    grid = BoxPooler.from_config(cfg).pooler(features, box[None].float(), torch.zeros(1, dtype=torch.int64))
    return (torch.autograd.grad(grid.sum(), features)[0].abs().sum(dim=(0, 1, 2, 3)) > 0).numpy()


def all_places(aspect: float) -> list[np.ndarray]:
    """Return all that persons 0 and 1 and the ball ever cover, float [3, 4] in frame units, for extreme places.

    The camera moves everything together: its limits are places of their own.
    """
    seconds = 2 * LAG
    everything = Coins(*(np.ones(shape, dtype=bool) for shape in ((2, seconds), seconds, seconds)))
    places = []
    for cast in extreme_casts(aspect):
        scene = make_scene(cast, everything)
        boxes = np.array(
            [
                [*(person.skeleton.box() for person in scene.snapshot(time)), scene.props[0].box(time)]
                for time in np.arange(0.0, 2.0, 1 / 24)
            ]
        )
        covered = np.concatenate([boxes[..., :2].min(axis=0), boxes[..., 2:].max(axis=0)], axis=-1)
        places += [covered + np.array([shift, 0, shift, 0]) for shift in (-SHAKE - DRIFT, 0.0, SHAKE + DRIFT)]
    return places


def columns_of(box: torch.Tensor, size: tuple[int, int]) -> slice:
    """Return the columns of the blocks that a pixel box touches."""
    return slice(int(box[0]) // BLOCK * BLOCK, min((int(box[2]) // BLOCK + 1) * BLOCK, size[0]))


@pytest.mark.parametrize("video", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_pooled_features_do_not_depend_on_the_other_person_or_the_ball(cfg, backbone, video):
    size = ResizeRule(cfg.INPUT.MIN_SIZE_TRAIN, cfg.INPUT.MAX_SIZE_TRAIN)(video)
    assert size == ResizeRule(cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST)(video)
    seen = seen_columns(cfg, backbone, size)
    outwards = cfg.MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_X[0]
    assert outwards > cfg.TEST.EXTEND_SCALE[0] / 2
    for places, flip in product(all_places(video[0] / video[1]), (False, True)):
        unit = torch.from_numpy(places * video[1] / np.array([*video, *video])).clamp(0, 1)
        boxes = resize_boxes(unit_to_pixel(unit, video), video, size)
        if flip:
            boxes = flip_horizontal(boxes, size[0])
        # The largest box that training may draw.
        widest = jitter_boxes(boxes, np.random.default_rng(0), (outwards, -outwards), (0.0, 0.0), size)
        for person in range(2):
            dependent = seen[pooled_cells(cfg, widest[person], len(seen))].any(axis=0)
            assert dependent[columns_of(boxes[person], size)].all()
            assert not dependent[columns_of(boxes[1 - person], size)].any()
            assert not dependent[columns_of(boxes[2], size)].any()


def test_a_feature_sees_more_than_its_person(cfg, backbone):
    """The reach is no small one: it is the distance that keeps the ball out of it."""
    seen = seen_columns(cfg, backbone, (DEFAULTS.width, DEFAULTS.height))
    middle = np.flatnonzero(seen[len(seen) // 2])
    assert middle[-1] - middle[0] > 100
    assert len(middle) == middle[-1] - middle[0] + 1
