"""Boxes with labels, sheets of pictures, PNG files."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from alphaction.utils import drawing
from alphaction.utils.errors import UserError

GRAY = np.full((120, 160, 3), 128, dtype=np.uint8)
BOX = np.array([[0.25, 0.25, 0.5, 0.75]])


def test_small_frames_are_enlarged_and_the_input_is_kept():
    frame = GRAY.copy()
    image = drawing.draw_detections(frame, BOX, [["walk"]])
    assert image.shape == (480, 640, 3)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(frame, GRAY)
    assert drawing.draw_detections(frame, BOX, [["walk"]], min_side=0).shape == frame.shape


def test_box_is_drawn_at_its_place_in_its_color():
    image = drawing.draw_detections(GRAY, BOX, [[]], color=(255, 0, 0))
    red = np.argwhere(np.all(image == (255, 0, 0), axis=-1))
    np.testing.assert_allclose(red.min(0), [120, 160], atol=2)
    np.testing.assert_allclose(red.max(0), [360, 320], atol=2)
    np.testing.assert_array_equal(image[240, 240], (128, 128, 128))


def test_labels_stand_on_a_filled_block_above_the_box():
    image = drawing.draw_detections(GRAY, BOX, [["walk left", "hold"]], [[0.91, 0.5]], color=(0, 0, 200))
    width, height = drawing.block_size(["walk left 91%", "hold 50%"])
    block = image[120 - height : 119, 160 : 160 + width]
    filled = np.all(block == (0, 0, 200), axis=-1)
    white = np.all(block > 200, axis=-1)
    assert filled.mean() > 0.5
    assert white.mean() > 0.03
    without = drawing.draw_detections(GRAY, BOX, [["walk left", "hold"]], color=(0, 0, 200))
    assert np.any(without != image)


def test_labels_of_close_boxes_do_not_cover_each_other():
    taken = [(100, 100, 200, 120)]
    x, y = drawing.free_place((80, 20), (100, 120, 180, 300), (640, 480), taken)
    assert (x, y) == (100, 301)


def test_labels_keep_away_from_other_boxes_where_they_can():
    above = (90, 40, 190, 119)
    below = (90, 301, 190, 400)
    assert drawing.free_place((80, 20), (100, 120, 180, 300), (640, 480), [], [above]) == (100, 301)
    assert drawing.free_place((80, 20), (100, 120, 180, 300), (640, 480), [], [above, below]) == (182, 120)


def test_letters_grow_with_the_picture():
    assert drawing.text_scale(GRAY) == drawing.FONT_SCALE
    large = np.zeros((1200, 1600, 3), dtype=np.uint8)
    assert drawing.text_scale(large) == pytest.approx(2 * drawing.FONT_SCALE)
    width, height = drawing.block_size(["walk left"])
    assert drawing.block_size(["walk left"], 2 * drawing.FONT_SCALE) > (1.6 * width, 1.5 * height)


@pytest.mark.parametrize("box", [(0, 0, 30, 479), (600, 400, 639, 479), (0, 0, 639, 479)])
def test_labels_stay_in_the_picture(box):
    x, y = drawing.free_place((120, 30), box, (640, 480), [])
    assert 0 <= x <= 640 - 120
    assert 0 <= y <= 480 - 30


def test_colors_can_be_one_for_all_or_one_each():
    assert drawing.box_colors((1, 2, 3), 2) == [(1, 2, 3)] * 2
    assert drawing.box_colors([(1, 2, 3), (4, 5, 6), (7, 8, 9)], 3) == [(1, 2, 3), (4, 5, 6), (7, 8, 9)]
    assert len(set(drawing.box_colors(None, 5))) == 5


def test_counts_that_differ_are_an_error():
    with pytest.raises(ValueError, match="1 boxes, 2 "):
        drawing.draw_detections(GRAY, BOX, [[], []])
    with pytest.raises(ValueError):
        drawing.draw_detections(GRAY, BOX, [["a", "b"]], [[0.5]])


def test_no_boxes():
    image = drawing.draw_detections(GRAY, np.zeros((0, 4)), [])
    np.testing.assert_array_equal(image, 128)


def test_contact_sheet_places_pictures_in_rows():
    colors = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    images = [np.full((40, 60, 3), color, dtype=np.uint8) for color in colors]
    sheet = drawing.contact_sheet(images, 2, gap=4)
    assert sheet.shape == (4 + 2 * 44, 4 + 2 * 64, 3)
    np.testing.assert_array_equal(sheet[4:44, 68:128], np.broadcast_to(colors[1], (40, 60, 3)))
    np.testing.assert_array_equal(sheet[48:88, 4:64], np.broadcast_to(colors[2], (40, 60, 3)))
    titled = drawing.contact_sheet(images, 2, ["red", "", "a title that is far too long for its picture"], gap=4)
    assert titled.shape[0] > sheet.shape[0]
    bar = (titled.shape[0] - sheet.shape[0]) // 2
    assert titled[4 : 4 + bar, 4:64].max() > 180
    assert titled[4 : 4 + bar, 68:128].max() < 60


def test_contact_sheet_rejects_wrong_counts():
    with pytest.raises(ValueError):
        drawing.contact_sheet([], 2)
    with pytest.raises(ValueError):
        drawing.contact_sheet([GRAY], 0)
    with pytest.raises(ValueError):
        drawing.contact_sheet([GRAY], 1, ["a", "b"])


def test_png_round_trip_makes_folders(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    path = tmp_path / "new" / "picture.png"
    drawing.write_png(path, image)
    np.testing.assert_array_equal(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), image)


def test_png_that_cannot_be_written_is_a_user_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="picture.png"):
        drawing.write_png(tmp_path / "file" / "picture.png", GRAY)


def test_a_long_text_loses_its_middle_and_fits():
    assert drawing.fitted_text("walk", 200) == "walk"
    short = drawing.fitted_text("walk towards the camera and back again, then sit down", 150)
    assert short.startswith("walk towards")
    assert short.endswith("down")
    assert drawing.block_size([short])[0] <= 150 < drawing.block_size([short + "mm"])[0]
    assert drawing.fitted_text("坐下" * 100, 5) in ("坐", "?", "坐下")


@pytest.mark.parametrize(
    ("size", "expected"), [((64, 64), (380, 380)), ((1920, 1080), (335, 596)), ((90, 160), (380, 214))]
)
def test_frames_fit_into_their_cell(size, expected):
    assert drawing.fit_into(np.zeros((size[1], size[0], 3), np.uint8), 596, 380).shape == (*expected, 3)


def test_a_png_of_few_colors_is_small_and_alike():
    rows, columns = np.mgrid[:200, :300].astype(np.uint8)
    image = np.stack([rows, columns, rows // 2 + columns // 3], axis=2)
    small = drawing.png_bytes(image, few_colors=True)
    shown = cv2.cvtColor(cv2.imdecode(np.frombuffer(small, np.uint8), 1), cv2.COLOR_BGR2RGB)
    assert np.abs(shown.astype(int) - image).mean() < 12
    assert len(small) < 60_000


def test_a_jpeg_of_better_quality_is_larger_and_nearer():
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    coarse, fine = (drawing.jpeg_bytes(image, quality) for quality in (30, 95))
    assert len(coarse) < len(fine)
    errors = []
    for data in (coarse, fine):
        shown = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), 1), cv2.COLOR_BGR2RGB)
        errors.append(np.abs(shown.astype(int) - image).mean())
    assert errors[1] < errors[0]
