"""Random views of frames: boxes lie where their persons are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alphaction.data.transforms import ClipAugmentation
from alphaction.data.view import View, ViewJitter

SIZE = (64, 48)
BOX = torch.tensor([[0.25, 0.25, 0.5, 0.75]], dtype=torch.float64)  # pixels 16..31, 12..35


def frame_with_a_person() -> np.ndarray:
    frame = np.zeros((*SIZE[::-1], 3), dtype=np.uint8)
    frame[12:36, 16:32] = 255
    return frame


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    ("view", "box"),
    [
        ((0.0, 0.0, 1.0, 1.0), (16, 12, 31, 35)),
        ((0.125, 0.0, 0.625, 0.5), (16, 24, 47, 47)),  # twice as large, the lower half cut off
        ((-0.5, -1.0, 1.5, 1.0), (24, 30, 31, 41)),  # half as large, in the lower middle
        ((0.25, -0.5, 0.5, 1.5), (0, 18, 63, 29)),  # four times as wide, half as high
    ],
)
def test_boxes_follow_the_frames(view, box, flip):
    augmentation = ClipAugmentation(flip, view=View(*view))
    (clip,) = augmentation.pathways([frame_with_a_person()], [np.arange(1)])
    rows, columns = np.nonzero(clip[0, 0].numpy() > 127)
    seen = [columns.min(), rows.min(), columns.max(), rows.max()]
    pixels = augmentation.shown(BOX) * torch.tensor([*SIZE, *SIZE]) - torch.tensor([0, 0, 1, 1])
    assert augmentation.boxes(pixels, SIZE[0]).tolist()[0] == pytest.approx(seen)
    assert seen == list(box if not flip else (63 - box[2], box[1], 63 - box[0], box[3]))


def test_what_lies_beyond_the_frame_has_one_color():
    view = View(-0.5, 0.0, 1.5, 1.0, fill=(123, 116, 103))
    (clip,) = ClipAugmentation(view=view).pathways([frame_with_a_person()] * 2, [np.arange(2)])
    assert clip.shape == (3, 2, 48, 64)
    assert clip[:, 1, 24, [0, 15, 16, 63]].T.tolist() == [[123, 116, 103], [123, 116, 103], [0, 0, 0], [123, 116, 103]]


def test_a_box_counts_as_seen_from_half_of_it_on():
    boxes = torch.tensor([[0.0, 0.0, 0.5, 1.0], [0.0, 0.0, 0.49, 1.0], [0.3, 0.3, 0.4, 0.4], [0.8, 0.0, 1.0, 1.0]])
    view = View(0.25, 0.0, 0.75, 1.0)
    assert view.shows(boxes).tolist() == [True, False, True, False]
    assert view.boxes(boxes)[0].tolist() == [0, 0, 0.5, 1]
    assert ClipAugmentation().shows(boxes).tolist() == [True] * 4


def test_drawn_views():
    jitter, rng = ViewJitter((0.5, 2.0), 1.5, (1, 2, 3)), np.random.default_rng(0)
    views = [jitter.draw(rng, np.zeros((0, 4))) for _ in range(400)]
    zooms = np.array([view.zoom for view in views])
    sizes, stretches = np.sqrt(zooms.prod(axis=1)), zooms[:, 0] / zooms[:, 1]
    assert 0.5 <= sizes.min() < 0.53
    assert 1.9 < sizes.max() <= 2
    assert abs(np.log(sizes).mean()) < 0.05  # as often smaller as larger
    assert 1 / 1.5 <= stretches.min() < 0.7
    assert 1.45 < stretches.max() <= 1.5
    for view in views:  # one lies within the other
        for near, far in ((view.left, view.right), (view.top, view.bottom)):
            assert (near >= 0 and far <= 1 + 1e-9) or (near <= 0 and far >= 1 - 1e-9)
    assert {view.fill for view in views} == {(1, 2, 3)}


def test_half_of_the_persons_are_seen():
    jitter, rng = ViewJitter((3.0, 3.0)), np.random.default_rng(0)
    corners = np.array([[0.0, 0.0, 0.2, 0.2], [0.02, 0.0, 0.2, 0.2], [0.8, 0.8, 1.0, 1.0], [0.8, 0.82, 1.0, 1.0]])
    views = [jitter.draw(rng, corners) for _ in range(100)]
    counts = {int(view.shows(torch.from_numpy(corners)).sum()) for view in views if view is not None}
    assert counts == {2}  # never one corner alone is lost with the other
    assert None in views  # ten draws missed: the frame stays as it is
    everything = np.array([[0.0, 0.0, 1.0, 1.0]])
    assert all(jitter.draw(rng, everything) is None for _ in range(5))  # a ninth of this person would be seen


def test_views_are_off_by_default():
    assert ViewJitter.of((1.0, 1.0), 1.0, (122.8, 115.9, 103.0)) is None
    assert ViewJitter.of((1.0, 1.0), 1.2, (122.8, 115.9, 103.0)) == ViewJitter((1.0, 1.0), 1.2, (123, 116, 103))
