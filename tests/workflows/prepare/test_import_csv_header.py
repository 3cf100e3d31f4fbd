"""The csv importer follows the header: order of columns, corners or sizes, and says how it read the boxes."""

from __future__ import annotations

import pytest
from workflows.prepare.importing import import_text, listed

from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.video.file import VideoInfo
from alphaction.utils.errors import UserError

SHOP = VideoInfo(width=641, height=481, fps=25.0, duration=20.0, frames=500)
BOX = (0.25, 0.25, 0.5, 0.75)  # of 640 x 480: 160, 120, 320, 360


@pytest.mark.parametrize(
    ("names", "cells", "reading"),
    [
        (
            "video,second,x,y,width,height,action,person_id",
            "clip_01.avi,3,160,120,160,240,wave,5",
            "x, y, width, height in pixels",
        ),
        ("video,second,x,y,w,h,class", "clip_01,3,160,120,160,240,wave", "x, y, width, height in pixels"),
        ("video,second,xmin,xmax,ymin,ymax,class", "clip_01,3,160,320,120,360,wave", "x1, y1, x2, y2 in pixels"),
        ("video,second,y1,x1,y2,x2,class", "clip_01,3,120,160,360,320,wave", "x1, y1, x2, y2 in pixels"),
        ("class,video,second,x1,y1,x2,y2", "wave,clip_01,3,160,120,320,360", "x1, y1, x2, y2 in pixels"),
        (
            "video;second;cx;cy;w;h;label",
            "clip_01;3;240;240;160;240;wave",
            "center x, center y, width, height in pixels",
        ),
        (
            "video_id,timestamp,x1,y1,x2,y2,action_id,person_id",
            "clip_01,0003,0.25,0.25,0.5,0.75,wave,5",
            "x1, y1, x2, y2 in fractions of the frame",
        ),
    ],
)
def test_the_header_says_where_everything_is(tmp_path, names, cells, reading):
    found = import_text(tmp_path, f"{names}\n{cells}\n")
    assert listed(found) == [("clip_01", 3, BOX, ("wave",), 5 if "person" in names else -1)]
    assert found.notes == (f"boxes are read as {reading}, as the header says",)


def test_sizes_that_would_pass_for_corners_are_read_as_sizes(tmp_path):
    text = "video,second,x,y,width,height,action,person_id\nSHOP.CAM.avi,0,100,200,160,220,sit,1\n"
    found = import_text(tmp_path, text, ("SHOP.CAM",), SHOP)
    assert found.boxes.tolist() == [pytest.approx([100 / 641, 200 / 481, 260 / 641, 420 / 481])]


def test_without_a_header_columns_are_those_of_ava(tmp_path):
    assert import_text(tmp_path, "clip_01,3,160,120,320,360,wave\n").notes == (
        "boxes are read as x1, y1, x2, y2 in pixels",
    )
    told = import_text(tmp_path, "clip_01,3,160,120,160,240,wave\n", box_format="xywh")
    assert listed(told)[0][2] == BOX
    assert told.notes == ("boxes are read as x, y, width, height in pixels, as --box-format says",)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "video,second,x1,y1,x2,y2,class\nclip_01,0,0.5,0.1,0.2,0.2,1\n",
            {},
            r"line 2: .*x2 < x1.*row, or the header\.",
        ),
        (
            "video,second,x1,y1,x2,y2,class\nclip_01,0,0,0,1,1,1\n",
            {"box_format": "xywh"},
            r"line 1: .*--box-format says",
        ),
        (
            "video,second,x1,y1,x2,y2,class,mood\nclip_01,0,0,0,1,1,1,2\n",
            {},
            r'not known: "mood"\..*Known names: video',
        ),
        ("video,second,x1,y1,x2,y2,score\nclip_01,0,0,0,1,1,1\n", {}, 'column "score": boxes of a detector'),
        ("video,second,x1,y1,x2,y2\nclip_01,0,0,0,1,1\n", {}, "has no column class"),
        ("video,second,x1,y1,width,y2,class\nclip_01,0,0,0,1,1,1\n", {}, "names no box"),
    ],
)
def test_contradictions_and_unknown_names(tmp_path, text, options, message):
    with pytest.raises(UserError, match=message):
        import_text(tmp_path, text, **options)


@pytest.mark.parametrize("head", ["", "video,second,x1,y1,x2,y2,class,person\n"])
def test_a_row_may_end_before_the_person_id(tmp_path, head):
    for rows in (
        "clip_01,0,0,0,1,1,wave\nclip_01,1,0,0,1,1,wave,4\n",
        "clip_01,0,0,0,1,1,wave,\nclip_01,1,0,0,1,1,wave,4\n",
    ):
        assert import_text(tmp_path, head + rows).person_ids.tolist() == [-1, 4]


def test_a_class_that_means_a_person_is_no_action(tmp_path):
    found = import_text(tmp_path, "clip_01,0,0,0,1,1,Person\nclip_01,1,0,0,1,1,wave\n")
    assert found.labels() == [(), ("wave",)]
    assert found.counts['boxes of the class "Person", which is no action'] == 1


def test_a_column_of_frames_is_read_as_frames(tmp_path):
    rows = ["clip_01,1,0,0,1,1,wave", "clip_01,26,0,0,1,1,wave", "clip_01,30,0,0,1,1,wave", "clip_01,54,0,0,1,1,wave"]
    text = "\n".join(["video,frame_id,x1,y1,x2,y2,label", *rows])
    found = import_text(tmp_path, text)
    assert [row[:2] for row in listed(found)] == [("clip_01", 0), ("clip_01", 1), ("clip_01", 2)]
    assert found.source.where(2).endswith("line 5")
    assert found.counts["boxes at no keyframe left out: others are nearer to it, or the video ends before it"] == 1
    assert found.counts["boxes moved by more than 0.1 s to the nearest keyframe"] == 1
    assert found.notes[0].startswith(
        "numbers of frames: video clip_01, frame 30 of 25 a second counted from 1 = second 1.16 ("
    )
    naming = FrameNaming(frame_rate=1, first_frame=1)
    assert [row[1] for row in listed(import_text(tmp_path, text, naming=naming))] == [0, 25, 29, 53]
    with pytest.raises(UserError, match="line 2: frame 1, but the first frame is 5"):
        import_text(tmp_path, text, naming=FrameNaming(first_frame=5))
