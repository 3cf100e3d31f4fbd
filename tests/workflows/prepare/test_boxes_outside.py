"""Boxes that leave the frame: what each format's files are taken for, and what is said of it."""

from __future__ import annotations

import pytest
from workflows.prepare.importing import import_text

from alphaction.data.annotations.checks import CLIPPED, NO_AREA, OUTSIDE
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.split_tables import build_table

# In pixels of 640 x 480: x, y, width, height.
INSIDE, OVER, GONE, CLICK = (64, 48, 320, 240), (512, 48, 192, 96), (700, 48, 20, 20), (64, 48, 0, 0)
FAR = (512, 48, 400, 96)


def table(found):
    return build_table([found], [[(1,)] * len(found)])


def via(boxes) -> dict:
    anchor = {"anchor_id": "FILE1_Z1_XY1", "desc": "", "default_option_id": ""}
    return {
        "attribute": {"1": {"aname": "action", "type": 4, "options": {"0": "sit"}, **anchor}},
        "file": {"1": {"fid": "1", "fname": "clip_01.mp4", "type": 4, "loc": 1, "src": ""}},
        "metadata": {
            str(k): {"vid": "1", "flg": 0, "z": [k], "xy": [2, *box], "av": {"1": "0"}} for k, box in enumerate(boxes)
        },
        "view": {"1": {"fid_list": ["1"]}},
    }


def coco(boxes) -> dict:
    images = [{"id": k, "file_name": f"clip_01/{k}.jpg", "width": 640, "height": 480} for k in range(len(boxes))]
    annotations = [
        {"id": k, "image_id": k, "category_id": 1, "bbox": list(box), "iscrowd": 0} for k, box in enumerate(boxes)
    ]
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "sit"}]}


@pytest.mark.parametrize("write", [via, coco])
def test_files_of_tools_are_clipped_whatever_the_share(tmp_path, write):
    found = table(import_text(tmp_path, write([INSIDE, OVER, OVER, GONE, FAR, *[INSIDE] * 4])))
    inside, edge = [0.1, 0.1, 0.6, 0.6], [0.8, 0.1, 1.0, 0.3]
    assert found.boxes.round(4).tolist() == [inside, edge, edge, edge, *[inside] * 4]
    assert len(found.keyframes) == 9  # second 3 stays annotated, without a box
    assert {name: found.counts[name] for name in (CLIPPED, OUTSIDE, NO_AREA)} == {CLIPPED: 3, OUTSIDE: 1, NO_AREA: 0}


def test_a_click_in_a_tool_is_left_out(tmp_path):
    found = table(import_text(tmp_path, via([INSIDE, CLICK, CLICK])))
    assert len(found) == 1
    assert found.counts[NO_AREA] == 2


def test_most_boxes_far_outside_are_another_size(tmp_path):
    with pytest.raises(UserError, match="as do 3 of 4 of its video. Is this the video that was annotated") as error:
        table(import_text(tmp_path, via([INSIDE, FAR, FAR, GONE])))
    assert "--box-format" not in str(error.value)


def csv(boxes) -> str:
    return "".join(f"clip_01,{k % 20},{','.join(map(str, box))},1\n" for k, box in enumerate(boxes))


GOOD, WIDE = (0.1, 0.1, 0.5, 0.5), (0.5, 0.1, 1.4, 0.9)


def test_a_few_wide_boxes_of_a_csv_are_clipped_and_many_refused(tmp_path):
    rows = [(0.1, 0.1, 0.5, 0.5 + k / 1000) for k in range(39)]
    found = table(import_text(tmp_path, csv([*rows, WIDE])))
    assert len(found) == 40
    assert found.counts[CLIPPED] == 1
    with pytest.raises(UserError, match=r"line 36: the box .* name it: --box-format xyxy"):
        table(import_text(tmp_path, csv([*rows[:35], WIDE, (0.5, 0.2, 1.4, 0.9), (0.5, 0.3, 1.4, 0.9)])))


def test_a_header_names_the_form_so_that_no_option_is_advised(tmp_path):
    text = "video,second,x1,y1,x2,y2,action\n" + csv([GOOD, WIDE])
    with pytest.raises(UserError, match="correct the header") as error:
        table(import_text(tmp_path, text))
    assert "--box-format" not in str(error.value)


def test_coco_of_few_boxes_is_not_taken_for_another_form_by_chance(tmp_path):
    found = import_text(tmp_path, coco([(250, 200, 200, 150), (480, 200, 220, 150)]))
    assert found.boxes[0].round(4).tolist() == [0.3906, 0.4167, 0.7031, 0.7292]
    assert table(found).boxes[1].round(4).tolist() == [0.75, 0.4167, 1.0, 0.7292]
