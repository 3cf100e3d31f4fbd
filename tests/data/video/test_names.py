"""Names that tools give to videos."""

from __future__ import annotations

import pytest

from alphaction.data.video.names import VideoNames
from alphaction.utils.errors import UserError


@pytest.mark.parametrize(
    ("raw", "video"),
    [
        ("clip_01", "clip_01"), ("clip_01.mp4", "clip_01"), ("CLIP 01.MKV", "clip_01"), ("a/b/clip_01.mov", "clip_01"),
        ("C:\\videos\\clip_01.avi", "clip_01"), ("v1.2", "v1.2"), ("v1.2.mp4", "v1.2"), ("12345678-x.mp4", "x"),
        ("/data/upload/4/0a1b2c3d-v1.2.mp4", "v1.2"), ("day2/cam", "day2/cam"), ("cam.mp4", "day2/cam"),
    ],
)  # fmt: skip
def test_names_of_tools_are_matched(raw, video):
    assert VideoNames(["clip_01", "v1.2", "x", "day2/cam"], "file").match(raw) == video


def test_an_address_of_a_local_file_is_decoded_once():
    assert VideoNames(["a#b c%20d"], "file").match("/data/local-files/?d=in/a%23b%20c%2520d.mp4") == "a#b c%20d"


def test_an_exact_name_wins_over_the_upload_prefix():
    assert VideoNames(["0a1b2c3d-x", "x"], "file").match("/data/upload/4/0a1b2c3d-x.mp4") == "0a1b2c3d-x"


def test_ambiguous_and_unknown_names_are_errors():
    names = VideoNames(["Clip-1", "clip 1", "walk"], "file.xml")
    with pytest.raises(UserError, match=r'file.xml, track 3: .*"clip_1.mp4".* Clip-1, clip 1'):
        names.match("clip_1.mp4", place="track 3")
    with pytest.raises(UserError, match=r'"/x/wlak.mp4".*"walk"'):
        names.match("/x/wlak.mp4")
    with pytest.raises(UserError, match="file.xml"):
        names.match("")


def test_the_second_name_is_tried_where_the_first_is_unknown():
    assert VideoNames(["walk"], "file").match("task 7", "walk.mp4") == "walk"


def test_a_name_without_letters_fits_only_itself():
    names = VideoNames(["++", "walk"], "file")
    assert names.find("++.mp4") == ["++"]
    assert names.find("--.mp4") == []
