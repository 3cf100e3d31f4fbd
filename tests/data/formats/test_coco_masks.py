from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as rle

from alphaction.data.formats.coco_masks import box_of_mask


@pytest.mark.parametrize("share", [0.02, 0.3, 0.97])
def test_boxes_are_those_of_pycocotools(share):
    draw = np.random.default_rng(0)
    for _ in range(50):
        height, width = draw.integers(1, 40, 2).tolist()
        mask = (draw.random((height, width)) < share).astype(np.uint8)
        code = rle.encode(np.asfortranarray(mask))
        found = box_of_mask([height, width], code["counts"].decode())
        assert found == (list(rle.toBbox(code)) if mask.any() else None)


def test_counts_as_a_list():
    assert box_of_mask([4, 5], [5, 2]) == [1, 1, 1, 2]
    assert box_of_mask([4, 5], [6, 4]) == [1, 0, 2, 4]


@pytest.mark.parametrize(
    ("size", "counts"),
    [
        ([0, 5], [1, 2]),
        ([4, -1], [1, 2]),
        ([4, 5, 6], [1, 2]),
        ([10**30, 5], [1, 2]),
        ("45", [1, 2]),
        ([4, 5], [1, 200]),
        ([4, 5], [-3, 4]),
        ([4, 5], [[1], 2]),
        ([4, 5], [3]),
        ([4, 5], [3, 0]),
        ([4, 5], ""),
        ([4, 5], "\x01\x7f"),
        ([4, 5], "oooooooooooooooooooooooooooooo"),
        ([4, 5], "1o"),
        (None, None),
    ],
)
def test_wrong_masks_have_no_box(size, counts):
    assert box_of_mask(size, counts) is None
