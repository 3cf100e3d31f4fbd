"""Tables that do not belong together."""

from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.annotations import NO_CLASS, AnnotationTable, BoxTable
from alphaction.data.table_checks import require_boxes, require_labels, require_matches, used_videos
from alphaction.utils.errors import UserError

BOX = [[0.1, 0.1, 0.5, 0.5]]


def annotated(class_id: int = 1) -> AnnotationTable:
    return AnnotationTable.from_columns(["v", "w"], [900, 1800], BOX * 2, [class_id] * 2, source="truth.csv")


def detected(video: str, second: int) -> BoxTable:
    return BoxTable.from_columns([video], [second], np.array(BOX), np.ones(1), source="found.csv")


def test_boxes_of_other_seconds_and_videos():
    require_matches(detected("w", 1800), annotated())
    with pytest.raises(UserError, match=r"found.csv \(video v, second 0\).* 900 to 1800.* 0 to 0\b"):
        require_matches(detected("v", 0), annotated())
    with pytest.raises(UserError, match=r'truth.csv.*"W".*"w"'):
        require_matches(detected("W", 1800), annotated())


def test_nothing_to_learn():
    require_boxes(annotated())
    require_labels(annotated())
    with pytest.raises(UserError, match="truth.csv has 2 boxes "):
        require_labels(annotated(NO_CLASS))
    nothing = AnnotationTable.from_columns([], [], np.zeros((0, 4)), [], source="truth.csv")
    with pytest.raises(UserError, match="truth.csv has 0 keyframes "):
        require_boxes(nothing)


def test_videos_without_a_keyframe_are_not_used():
    assert used_videos(annotated().without({("v", 900)}).keyframes) == ["w"]
