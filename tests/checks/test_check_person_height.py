"""How high persons are in a network's frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from backbone_names import BACKBONE_NAMES

from alphaction.checks.check_person_height import check_person_height, person_height
from alphaction.checks.check_settings import CheckSettings
from alphaction.config import get_cfg
from alphaction.config.feature_cells import feature_cell
from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap
from alphaction.data.tables import DatasetTables
from alphaction.data.transforms import ResizeRule
from alphaction.modeling.backbone import build_backbone
from alphaction.utils.shapes_only import shapes_only

WIDE = {"v": (256, 48)}


def of(low: int, high: int, **changes) -> CheckSettings:
    rule = ResizeRule(low, high)
    return replace(CheckSettings.from_config(get_cfg(), chosen=True), train_size=rule, test_size=rule, **changes)


@pytest.fixture
def split() -> DatasetTables:
    """A validation split of five boxes, 0.6 of a frame high, of video "v"."""
    boxes = np.tile([0.1, 0.2, 0.2, 0.8], (5, 1))
    table = AnnotationTable.from_columns(["v"] * 5, np.arange(5), boxes, np.ones(5, dtype=int), source="s_val.csv")
    return DatasetTables("s_val", LabelMap((ActionClass(1, "walk", "movement"),)), table, source=None)


def test_the_height_is_that_after_resizing(split):
    found = person_height(split, of(96, 192), WIDE)
    assert (found.frame, found.shrunk) == ((192, 36), 1.0)
    assert found.pixels == pytest.approx(0.6 * 36)
    assert str(found) == "22 pixels, 1.4 feature cells of 16"
    assert person_height(split, of(64, 352), WIDE).pixels == pytest.approx(0.6 * 64)
    assert person_height(split, of(64, 352), {}) is None


def test_a_limit_of_the_longer_side_that_makes_persons_too_small_is_a_warning(split):
    warning = next(check_person_height(split, of(96, 192), WIDE))
    assert warning.level == "warning"
    for part in ("192x36", "22 pixels, 1.4 feature cells of 16", "INPUT.MAX_SIZE_TEST 192", "below MIN_SIZE, 96"):
        assert part in warning.message
    assert not list(check_person_height(split, of(64, 352), WIDE))
    assert not list(check_person_height(split, replace(of(96, 192), chosen=False), WIDE))
    small = next(check_person_height(split, of(32, 352), WIDE))
    assert "INPUT.MIN_SIZE_TEST 32: raise it" in small.message
    assert list(check_person_height(split, of(64, 352, cell=32), WIDE))


@pytest.mark.parametrize("name", [name for name in BACKBONE_NAMES if isinstance(name, str)])
def test_cells_are_those_of_the_network(name):
    cfg = get_cfg()
    cfg.MODEL.BACKBONE.CONV_BODY = name
    with shapes_only():
        assert build_backbone(cfg).stride == feature_cell(name)
