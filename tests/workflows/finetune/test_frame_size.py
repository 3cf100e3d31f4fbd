"""The size of frames is what results when they are resized, whatever the videos' shapes; its cost is bounded."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alphaction.data.transforms import ResizeRule
from alphaction.workflows.finetune.frame_size import SeenVideo, choose_frame_size, resize_rule

SIDES = st.integers(32, 2200)
HEIGHTS = st.lists(st.floats(0.05, 1.0), min_size=1, max_size=4).map(tuple)
VIDEOS = st.lists(st.builds(SeenVideo, st.tuples(SIDES, SIDES), HEIGHTS), min_size=1, max_size=6)
# Of a network that knows 256 x 464: those pixels times 1.5 on each side; of the small one, 288 x 576.
MOST = {False: 384 * 704, True: 288 * 576}


def median_height(videos, rule):
    return np.median([share * rule(video.size)[1] for video in videos for share in video.heights])


@given(VIDEOS, st.booleans(), st.sampled_from([16, 32]))
@example([SeenVideo((256, 48), (0.61,))], True, 16)
@example([SeenVideo((48, 256), (0.3,))], True, 16)
@example([SeenVideo((1920, 804), (0.5,))], False, 16)
def test_what_is_written_is_what_results(videos, tiny, stride):
    size = choose_frame_size(videos, stride, tiny=tiny)
    rule = ResizeRule(size.short, size.long)
    usual = np.median([video.aspect for video in videos])
    for video in videos:
        if video.aspect <= 2 * usual:
            assert min(rule(video.size)) == size.short
    assert size.pixels <= MOST[tiny]
    person = median_height(videos, rule)
    pixels, cells, cell = re.search(r"is then (\d+) pixels high, ([\d.]+) feature cells of (\d+)", size.reason).groups()
    assert int(pixels) == pytest.approx(person, abs=0.51)
    assert (float(cells), int(cell)) == (pytest.approx(person / stride, abs=0.051), stride)


@given(VIDEOS, st.booleans())
@example([SeenVideo((32, 32), (0.25,)), SeenVideo((97, 97), (1.0,)), SeenVideo((236, 97), (1.0,))], True)
def test_frames_are_enlarged_only_while_the_median_person_is_small(videos, tiny):
    size = choose_frame_size(videos, 16, tiny=tiny)
    lowest = choose_frame_size([SeenVideo(video.size, (10.0,)) for video in videos], 16, tiny=tiny).short
    if size.short - 32 >= lowest:
        smaller = resize_rule(videos, size.short - 32)
        assert median_height(videos, smaller) < (2.5 if tiny else 2.0) * 16


@pytest.mark.parametrize(
    ("shape", "share", "tiny", "sides"),
    [
        ((256, 48), 0.61, True, (64, 352)),  # wide: 39 pixels, where a limit of 192 for the longer side left 22
        ((48, 256), 0.15, True, (64, 352)),
        ((128, 96), 0.5, True, (96, 128)),
        ((768, 576), 0.13, True, (288, 384)),
        ((1920, 1080), 0.5, False, (256, 464)),
        ((1280, 960), 0.5, False, (256, 464)),
        ((1920, 804), 0.5, False, (208, 512)),  # as many pixels as 256 x 464
        ((2048, 384), 0.6, False, (144, 768)),
        ((1920, 1080), 0.08, False, (384, 704)),
    ],
)
def test_sizes(shape, share, tiny, sides):
    size = choose_frame_size([SeenVideo(shape, (share,))], 16, tiny=tiny)
    assert (size.short, size.long) == sides


def test_a_single_panorama_does_not_make_all_frames_small_or_one_of_them_huge():
    usual = [SeenVideo((1280, 720), (0.5,))] * 9
    alone = choose_frame_size(usual, 16)
    size = choose_frame_size([*usual, SeenVideo((5000, 500), (0.5,))], 16)
    assert (size.short, size.long) == (alone.short, alone.long)
    assert "1 of 10 videos looked at (up to 5000 x 500)" in size.reason
