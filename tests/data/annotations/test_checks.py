"""Boxes that leave the frame, or have no area: clipped, left out, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alphaction.data.annotations.checks import (
    ANNOTATION_RULES,
    CLIPPED,
    DETECTION_RULES,
    NO_AREA,
    OUTSIDE,
    TABLE_RULES,
    TOOL_RULES,
    clip_boxes,
)
from alphaction.data.formats.file_content import RowSource
from alphaction.utils.errors import UserError

INSIDE, OVER, FAR = [0.1, 0.1, 0.5, 0.5], [0.8, 0.1, 1.04, 0.5], [0.8, 0.1, 1.3, 0.5]
GONE, CLICK = [1.01, 0.1, 1.03, 0.5], [0.3, 0.3, 0.3, 0.3]


def clip(boxes: list, rules, videos: list[int] | None = None):
    counts: dict[str, int] = {}
    source = RowSource(Path("f"), "annotations", lambda row: f"row {row}")
    codes = None if videos is None else np.array(videos)
    found, solid = clip_boxes(source, np.array(boxes), rules, "Try this.", counts, codes)
    return found[solid].tolist(), counts


def test_boxes_are_clipped_and_those_outside_or_without_area_left_out():
    boxes = [INSIDE, OVER, FAR, GONE, CLICK, INSIDE, INSIDE]
    clipped = [0.8, 0.1, 1.0, 0.5]
    found, counts = clip(boxes, TOOL_RULES)
    assert found == [INSIDE, clipped, clipped, INSIDE, INSIDE]
    assert counts == {CLIPPED: 2, OUTSIDE: 1, NO_AREA: 1}


@pytest.mark.parametrize(
    ("rules", "allowed"), [(TOOL_RULES, 50), (TABLE_RULES, 5), (DETECTION_RULES, 20), (ANNOTATION_RULES, 0)]
)
def test_the_share_of_far_boxes_decides(rules, allowed):
    for number in (allowed, allowed + 1):
        boxes = [FAR] * number + [INSIDE] * (100 - number)
        if number <= allowed:
            assert clip(boxes, rules)[1][CLIPPED] == number
            continue
        with pytest.raises(UserError, match=r"row 0: the box .*0.8, 0.1, 1.3, 0.5\) lies outside the frame.* Try this"):
            clip(boxes, rules)


def test_each_video_is_judged_by_itself_and_small_ones_together():
    good = [INSIDE] * 40
    with pytest.raises(UserError, match="row 40: .* as do 3 of 4 of its video. Try this. 2 more rows"):
        clip([*good, FAR, FAR, INSIDE, FAR], TOOL_RULES, [0] * 40 + [1] * 4)
    boxes, videos = [*good, FAR, FAR, INSIDE, INSIDE], [0] * 40 + [1, 2, 3, 4]
    assert clip(boxes, TOOL_RULES, videos)[1][CLIPPED] == 2
    with pytest.raises(UserError, match="row 40: .* as do 3 of 4 of the file"):
        clip([*good, FAR, FAR, FAR, INSIDE], TOOL_RULES, videos)


def test_many_boxes_without_area_are_a_mistake_but_in_tools():
    boxes = [INSIDE, CLICK, CLICK]
    assert clip(boxes, TOOL_RULES)[1][NO_AREA] == 2
    with pytest.raises(UserError, match="row 1: the box .* no width or no height.* 1 more row has"):
        clip(boxes, TABLE_RULES)


def test_datasets_of_our_own_hold_no_box_outside():
    with pytest.raises(UserError, match="no width or no height inside the frame"):
        clip([INSIDE, GONE], ANNOTATION_RULES)
