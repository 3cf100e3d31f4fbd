"""The check of videos before work on them starts."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused, says

from alphaction.data.video.check_videos import check_videos, describe_videos, require_usable
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_video):
    """Movies of 4 s."""
    folder = tmp_path_factory.mktemp("videos")
    make_video(folder / "wide.mp4")
    make_video(folder / "tall.mp4", fps=7, frames=28, size=(48, 80))
    (folder / "broken.mp4").write_bytes(b"\0" * 3000)
    return folder


def test_what_was_checked_is_described(folder):
    checks = check_videos(MovieSource(folder), {"wide": [0, 3], "tall": np.array([1])})
    require_usable(checks, "pets")
    assert [check.video for check in checks] == ["wide", "tall"]
    assert (checks[0].info.fps, checks[1].info.height) == (25, 80)
    assert describe_videos(checks) == "2 videos checked (48x80, 64x48; 7 to 25 frames/s; 8 s)"


def test_all_problems_are_listed_at_once(folder):
    seconds = {**{f"absent_{number}": [1] for number in range(12)}, "wide": [6, 2, 1], "broken": [0]}
    checks = check_videos(MovieSource(folder), seconds)
    source = "pets (annotations: truth.csv)"
    refused(lambda: require_usable(checks, source), f"{source}: problems in 14 of 14 ", '"absent_0"', "and 4 more")
    parts = ("broken.mp4: ", "wide.mp4: ends at 4.00 s", "1 of its 3 annotated keyframes", "second 6")
    refused(lambda: require_usable(checks[12:], "pets"), *parts)


@pytest.mark.parametrize("decode", [True, False])
def test_a_wrong_unit_is_recognized(folder, decode):
    checks = check_videos(MovieSource(folder), {"wide": [0, 1000, 2000], "tall": [1000]}, decode=decode)
    assert [(check.beyond.tolist(), check.problems) for check in checks] == [([1000, 2000], ()), ([1000], ())]
    assert [check.end for check in checks] == pytest.approx([4, 4], abs=0.2)
    with pytest.raises(UserError, match="by 1000"):
        require_usable(checks, "pets")


def test_a_file_that_was_cut_off_and_wrong_seconds_are_told_apart(make_video, tmp_path):
    whole = make_video(tmp_path / "whole.mkv", frames=200).read_bytes()
    (tmp_path / "whole.mkv").write_bytes(whole[: len(whole) // 2])
    [check] = check_videos(MovieSource(tmp_path), {"whole": [1, 7, 900]})
    assert check.beyond.tolist() == [900]
    says(
        check.problems[0],
        "8.00 s",
        "cut off",
        "1 of its 3 annotated keyframes",
        "second 7",
    )
