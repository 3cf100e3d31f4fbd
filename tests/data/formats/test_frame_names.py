"""What the names of pictures say."""

from __future__ import annotations

import pytest

from alphaction.data.formats.frame_names import FramePattern, original_name, parse_frame_name
from alphaction.utils.errors import UserError


@pytest.mark.parametrize(
    ("name", "video", "number", "unit"),
    [
        ("1_000061.jpg", "1", 61, "frame"),
        ("video-61.png", "video", 61, "frame"),
        ("my clip (2)_000061.JPG", "my clip (2)", 61, "frame"),
        ("video.mp4_000061.jpg", "video.mp4", 61, "frame"),
        ("video_frame_61.jpg", "video_frame", 61, "frame"),
        ("video_mp4-0061_jpg.rf.0a1b2c3d4e5f60718293a4b5c6d7e8f9.jpg", "video_mp4", 61, "frame"),
        ("video/frame_000061.png", "frame", 61, "frame"),
        ("video/000001.jpg", "video", 1, "frame"),
        ("video/0902.jpg", "video", 902, "either"),
        ("a\\video/902", "a/video", 902, "either"),
        ("video/902.0", "video", 902, "second"),
        ("images/video/12.jpg", "images/video", 12, "either"),
        ("video.mp4#t=2.5", "video.mp4", 2.5, "second"),
        ("http://host/frames/clip_01/0007.jpg?x=1", "frames/clip_01", 7, "either"),
    ],
)
def test_names_that_name_a_video(name, video, number, unit):
    found = parse_frame_name(name)
    assert (found.videos[0], found.number, found.unit) == (video, number, unit)
    assert not found.unnamed


@pytest.mark.parametrize(
    ("name", "also"),
    [
        ("video_frame_61.jpg", "video"),
        ("video_mp4-61_jpg.rf.0a1b2c3d4e5f6071.jpg", "video"),
        ("3f2a9c1b-1_000061.jpg", "1"),
        ("video/frame_000061.png", "video"),
        ("images/video/12.jpg", "video"),
        ("video/img_00061.jpg", "video"),
    ],
)
def test_what_may_name_the_video_too(name, also):
    assert also in parse_frame_name(name).videos


@pytest.mark.parametrize(
    "name",
    [
        "frame_000061.PNG", "000061.jpg", "frame61.jpg", "img (61).jpg", "images/frame_000061.png", "train/61.jpg",
        "frame_0061_jpg.rf.0a1b2c3d4e5f6071.jpg", "ezgif-frame-061.jpg", "default/image-61.jpeg",
        "3f2a9c1b-frame_61.png", "/data/upload/4/3f2a9c1b-frame_61.png",
    ],
)  # fmt: skip
def test_names_without_a_video(name):
    found = parse_frame_name(name)
    assert (found.unnamed, found.number, found.unit) == (True, 61, "frame")


@pytest.mark.parametrize(
    "name", ["", "kitchen.jpg", "clip_01/a.jpg", "frame_.png", "12_left.jpg", "...", "IMG20230412093414.jpg"]
)
def test_names_without_a_frame(name):
    assert parse_frame_name(name) is None


def test_what_a_picture_was_called_before_roboflow():
    assert original_name("frame_1619_jpg.rf.62247ea563ef57c9c2f54d53fd1f3b6e.jpg") == "frame_1619_jpg"
    assert original_name("frame_1619.jpg") == ""


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("{video}_{frame}", "a_b_0061.jpg", [("a_b", 61)]),
        ("{video}_{frame}.jpg", "x/a_0061_jpg.rf.0a1b2c3d4e5f6071.jpg", [("a", 61)]),
        ("shot{frame}of{video}", "SHOT061of7.png", [("7", 61)]),
        ("{frame}", "0061.png", [("", 61)]),
        ("{frame:06d}", "000061.png", [("", 61)]),
        ("{video}/{frame}", "all/a/0061.png", [("a", 61)]),
        ("{video}/*_{frame}", "a/cam1_0061.png", [("a", 61)]),
        ("{video}{frame}", "a121.png", [("a12", 1), ("a1", 21), ("a", 121)]),
        ("{video}_{frame}", "a-0061.png", []),
    ],
)
def test_patterns(pattern, name, expected):
    found = [("".join(reading.videos), reading.number) for reading in FramePattern(pattern).parse(name)]
    assert found == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{video}_%06d", r"\{frame\} must stand in it once"),
        ("{frame}_{frame}", r"\{frame\} must stand in it once"),
        ("{movie}_{frame}", "its fields are {video}, once or not at all, and {frame}"),
    ],
)
def test_wrong_patterns(pattern, message):
    with pytest.raises(UserError, match=message):
        FramePattern(pattern)
