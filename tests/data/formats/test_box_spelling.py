from __future__ import annotations

import numpy as np
import pytest

from alphaction.data.formats.box_spelling import BOX_FORMATS, to_corners


@pytest.mark.parametrize(
    ("form", "written"), [("xyxy", [2, 4, 8, 6]), ("xywh", [2, 4, 6, 2]), ("cxcywh", [5, 5, 6, 2])]
)
def test_every_form_of_a_box_has_the_same_corners(form, written):
    corners = to_corners(np.array([written]), form)
    assert (corners.tolist(), corners.dtype) == ([[2, 4, 8, 6]], np.float64)
    assert to_corners(np.zeros((0, 4)), form).shape == (0, 4)


def test_other_forms_are_refused():
    assert BOX_FORMATS == ("xyxy", "xywh", "cxcywh")
    with pytest.raises(ValueError, match="expected xyxy, xywh, cxcywh"):
        to_corners(np.zeros((1, 4)), "yxyx")
