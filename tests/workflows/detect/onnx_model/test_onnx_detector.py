"""Boxes from ONNX files of every layout, against numbers computed here by hand or by loops."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from workflows.detect.onnx_model.files import write_model

from alphaction.utils.errors import UserError
from alphaction.workflows.detect.detected_boxes import COCO_80, Wanted
from alphaction.workflows.detect.onnx_model.build import LAYOUTS
from alphaction.workflows.detect.onnx_model.detector import OnnxDetector

# Frames of 48 x 144 lie in inputs of 64 x 96 as 32 x 96, below 16 gray rows.
FRAME = np.full((48, 144, 3), 200, dtype=np.uint8)
CELLS = 8 * 12 + 4 * 6 + 2 * 3
NAMES = {"names": "{0: 'person', 1: 'dog'}"}


def detect(path, frame=FRAME, score=0.5, every_class=False, **options):
    detector = OnnxDetector.from_file(path, Wanted(score, every_class), device="cpu", **options)
    return detector.detect([frame])[0]


def centers(rows, total=CELLS, columns=6):
    """Return [1, total, columns] with these rows, given as x1, y1, x2, y2 in pixels of the input and scores."""
    table = np.zeros((1, total, columns), dtype=np.float32)
    table[..., :4] = (48, 32, 4, 4)
    for index, (x1, y1, x2, y2, *scores) in enumerate(rows):
        table[0, index] = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, *scores)
    return table


def expected(x1, y1, x2, y2):
    """Return a box in pixels of the letterboxed input as fractions of the frame."""
    return [x1 / 96, (y1 - 16) / 32, x2 / 96, (y2 - 16) / 32]


TWO = [(12, 20, 36, 44, 0.9, 0.1), (60, 20, 84, 40, 0.6, 0.3), (14, 20, 38, 44, 0.2, 0.8), (60, 21, 84, 41, 0.55, 0.0)]
PERSONS = [expected(12, 20, 36, 44), expected(60, 20, 84, 40)]


@pytest.mark.parametrize("turned", [True, False])
def test_yolov8(tmp_path, turned):
    table = centers(TWO)
    path = write_model(tmp_path / "y.onnx", {"output0": table.transpose(0, 2, 1) if turned else table}, metadata=NAMES)
    found = detect(path)
    np.testing.assert_allclose(found.boxes, PERSONS, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.scores, [0.9, 0.6], rtol=1e-6)
    assert found.labels == ["person", "person"]
    everything = detect(path, every_class=True)
    # The dog lies on a person, and is none of it; a score is that of the best class.
    assert everything.labels == ["person", "dog", "person"]


def test_yolov5_multiplies_by_the_objectness(tmp_path):
    rows = [(12, 20, 36, 44, 0.9, 1.0, 0.2), (60, 20, 84, 40, 0.5, 0.9, 0.1), (4, 20, 20, 40, 1.0, 0.1, 0.7)]
    path = write_model(tmp_path / "y.onnx", {"output0": centers(rows, 3 * CELLS, 7)}, metadata=NAMES)
    found = detect(path, score=0.4, every_class=True)
    assert found.labels == ["person", "dog", "person"]
    np.testing.assert_allclose(found.scores, [0.9, 0.7, 0.45], rtol=1e-6)
    np.testing.assert_allclose(found.boxes[[0, 2]], PERSONS, atol=1e-6)


def test_yolov5_of_persons_only_is_no_table_of_finished_boxes(tmp_path):
    path = write_model(tmp_path / "y.onnx", {"o": centers([(12, 20, 36, 44, 0.9, 0.8)], 3 * CELLS, 6)})
    np.testing.assert_allclose(detect(path).scores, [0.72], rtol=1e-6)


def test_yolov6_without_objectness_is_told_by_its_ones(tmp_path):
    table = centers([(12, 20, 36, 44, 1.0, 0.8, 0.1)], CELLS, 7)
    table[..., 4] = 1
    np.testing.assert_allclose(detect(write_model(tmp_path / "y.onnx", {"o": table}, metadata=NAMES)).scores, [0.8])


def test_yolox_cells_and_corner(tmp_path):
    table = np.zeros((1, CELLS, 7), dtype=np.float32)
    table[..., 2:4] = -1
    # Cell (row 2, column 3) of stride 8, and cell (row 1, column 2) of stride 16.
    table[0, 2 * 12 + 3] = (0.5, 0.25, np.log(3), np.log(2), 0.9, 1.0, 0)
    table[0, 96 + 1 * 6 + 2] = (0.0, 0.5, np.log(1), np.log(0.5), 1.0, 0.8, 0)
    path = write_model(tmp_path / "y.onnx", {"output": table}, metadata=NAMES)
    found = detect(path)
    # The frame lies in the upper left corner, 96 x 32.
    wanted = [[(28 - 12) / 96, (18 - 8) / 32, (28 + 12) / 96, (18 + 8) / 32], [24 / 96, 20 / 32, 40 / 96, 28 / 32]]
    np.testing.assert_allclose(found.boxes, wanted, atol=1e-6)
    np.testing.assert_allclose(found.scores, [0.9, 0.8], rtol=1e-6)


def test_yolox_cells_lie_otherwise_in_upright_frames(tmp_path):
    table = np.zeros((1, CELLS, 7), dtype=np.float32)
    table[..., 2:4] = -1
    table[0, 2 * 8 + 3] = (0.5, 0.25, np.log(3), np.log(2), 0.9, 1.0, 0)  # cell (row 2, column 3) of 12 x 8
    path = write_model(tmp_path / "y.onnx", {"output": table}, shape=(1, 3, "h", "w"), metadata=NAMES)
    detector = OnnxDetector.from_file(path, Wanted(0.5), device="cpu", layout="yolox", size=96)
    detector.detect([np.zeros((64, 96, 3), dtype=np.uint8)])
    (found,) = detector.detect([np.zeros((96, 64, 3), dtype=np.uint8)])
    np.testing.assert_allclose(found.boxes, [[(28 - 12) / 64, (18 - 8) / 96, (28 + 12) / 64, (18 + 8) / 96]], atol=1e-6)


def finished(name):
    """Return the outputs of a model that finds one person in pixels of the input."""
    box = [12, 20, 36, 44]
    if name == "end2end":
        rows = np.zeros((1, 20, 6), dtype=np.float32)
        rows[0, 0] = (*box, 0.9, 0)
        return {"output0": rows}
    values = {
        "boxes": np.zeros((1, 5, 4), dtype=np.float32),
        "scores": np.zeros((1, 5), dtype=np.float32),
        "labels": np.zeros((1, 5), dtype=np.int32),
    }
    values["boxes"][0, 0], values["scores"][0, 0] = box, 0.9
    return {"num_dets": np.array([[1]], dtype=np.int32), **values} if name == "counted" else values


@pytest.mark.parametrize(
    ("name", "layout"),
    [("end2end", None), ("end2end", "end2end"), ("counted", None), ("counted", "nms"), ("uncounted", "nms")],
)
def test_frames_without_persons_before_the_first_one(tmp_path, name, layout):
    path = write_model(tmp_path / "y.onnx", finished(name), metadata=NAMES, blind_in_black=True)
    detector = OnnxDetector.from_file(path, Wanted(0.5), device="cpu", layout=layout)
    black, bright = np.zeros((64, 96, 3), dtype=np.uint8), np.full((64, 96, 3), 255, dtype=np.uint8)
    found = [detector.detect([frame])[0].boxes.tolist() for frame in (black, bright, black)]
    person = [pytest.approx([12 / 96, 20 / 64, 36 / 96, 44 / 64])]
    assert found == [[], person, []]


def test_end2end_without_suppression(tmp_path):
    rows = np.zeros((1, 20, 6), dtype=np.float32)
    rows[0, :3] = [(12, 20, 36, 44, 0.9, 0), (60, 20, 84, 40, 0.6, 0), (12, 20, 36, 45, 0.7, 1)]
    path = write_model(tmp_path / "y.onnx", {"output0": rows}, metadata=NAMES)
    found = detect(path)
    np.testing.assert_allclose(found.boxes, PERSONS, atol=1e-6)
    assert detect(path, every_class=True).labels == ["person", "dog", "person"]


def test_end2end_with_boxes_inside_out(tmp_path):
    rows = np.zeros((1, 4, 6), dtype=np.float32)
    rows[0] = [(12, 20, 36, 44, 0.9, 0), (60, 20, 84, 40, 0.6, 0), (50, 30, 40, 35, 0.8, 0), (9, 30, 40, 20, 0.1, 1)]
    path = write_model(tmp_path / "y.onnx", {"output0": rows}, metadata=NAMES)
    np.testing.assert_allclose(detect(path).boxes, PERSONS, atol=1e-6)


def test_end2end_says_nothing_until_something_is_found(tmp_path):
    path = write_model(tmp_path / "y.onnx", {"output0": np.zeros((1, 20, 6), dtype=np.float32)}, metadata=NAMES)
    assert len(detect(path)) == 0


@pytest.mark.parametrize("names", [("boxes", "labels", "scores"), ("12", "7", "3")])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_torchvision_counts_from_1_and_takes_frames_as_they_are(tmp_path, names, order):
    values = [
        np.array([[36, 12, 72, 36], [0, 0, 144, 24], [1, 1, 9, 9]], dtype=np.float32),
        np.array([1, 1, 2], dtype=np.int64),
        np.array([0.75, 0.9, 0.95], dtype=np.float32),
    ]
    path = write_model(tmp_path / "t.onnx", {names[i]: values[i] for i in order}, shape=(3, "h", "w"))
    found = detect(path)
    np.testing.assert_allclose(found.boxes, [[0, 0, 1, 0.5], [0.25, 0.25, 0.5, 0.75]])
    assert detect(path, every_class=True).labels == ["bicycle", "person", "person"]


def test_torchvision_of_a_fixed_size_is_letterboxed(tmp_path):
    values = {"boxes": np.array([[12, 20, 36, 44]], np.float32), "l": np.array([1]), "s": np.array([0.9], np.float32)}
    found = detect(write_model(tmp_path / "t.onnx", values, shape=(3, 64, 96)))
    np.testing.assert_allclose(found.boxes, PERSONS[:1], atol=1e-6)


def test_boxes_scores_labels_and_their_number(tmp_path):
    boxes = np.array([[[12, 20, 36, 44], [60, 20, 84, 40], [1, 20, 9, 40]]], dtype=np.float32)
    values = {
        "num_dets": np.array([[2]], dtype=np.int32),
        "det_boxes": boxes,
        "det_scores": np.array([[0.9, 0.6, 0.8]], dtype=np.float32),
        "det_classes": np.array([[0, 0, 0]], dtype=np.int32),
    }
    found = detect(write_model(tmp_path / "n.onnx", values))
    np.testing.assert_allclose(found.boxes, PERSONS, atol=1e-6)


def queries(num_classes, hits):
    """Return boxes [1, 5, 4] and logits of as many classes that are low but for hits (query, class, logit)."""
    boxes = np.full((1, 5, 4), 0.5, dtype=np.float32)
    boxes[0, 0] = (0.25, 0.5, 0.25, 0.5)
    logits = np.full((1, 5, num_classes), -8, dtype=np.float32)
    for query, label, value in hits:
        logits[0, query, label] = value
    return boxes, logits


def test_detr_may_give_a_box_several_classes(tmp_path):
    boxes, logits = queries(80, [(0, 0, 2.0), (0, 16, 1.0), (2, 0, 0.0)])
    path = write_model(tmp_path / "d.onnx", {"logits": logits, "pred_boxes": boxes})
    found = detect(path, every_class=True)
    assert found.labels == ["person", "dog", "person"]
    np.testing.assert_allclose(found.scores, 1 / (1 + np.exp([-2.0, -1.0, 0.0])), rtol=1e-6)
    # Stretched to the input: fractions of it are those of the frame.
    np.testing.assert_allclose(found.boxes[0], [0.125, 0.25, 0.375, 0.75])


def test_outputs_of_the_layers_and_a_mask_of_padding(tmp_path):
    boxes, logits = queries(92, [(0, 1, 9.0)])
    outputs = {"logits": logits, "pred_boxes": boxes, "last_hidden_state": np.zeros((1, 5, 16), dtype=np.float32)}
    found = detect(write_model(tmp_path / "d.onnx", outputs, mask=True))
    np.testing.assert_allclose(found.boxes, [[0.125, 0.25, 0.375, 0.75]])


def test_rf_detr_counts_as_coco_does(tmp_path):
    boxes, logits = queries(91, [(0, 1, 2.0), (1, 12, 3.0)])
    path = write_model(tmp_path / "d.onnx", {"dets": boxes, "labels": logits})
    assert detect(path).labels == ["person"]
    assert len(detect(path, every_class=True)) == 1  # 12 is no class of COCO


def test_detr_with_no_object(tmp_path):
    boxes, logits = queries(92, [(0, 1, 2.0), (0, 91, 1.0), (1, 1, 1.0), (1, 91, 3.0)])
    found = detect(write_model(tmp_path / "d.onnx", {"logits": logits, "pred_boxes": boxes}))
    others = 90 * np.exp(-8.0)
    np.testing.assert_allclose(found.scores, [np.exp(2.0) / (np.exp(2.0) + np.exp(1.0) + others)], rtol=1e-5)


def test_sizes_of_the_frames_as_an_input(tmp_path):
    values = {
        "labels": np.array([[0, 1]]),
        "boxes": np.array([[[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0.6, 0.7]]], dtype=np.float32),
        "scores": np.array([[0.9, 0.8]], dtype=np.float32),
    }
    found = detect(write_model(tmp_path / "r.onnx", values, sizes=True))
    np.testing.assert_allclose(found.boxes, [[0.1, 0.2, 0.3, 0.4]], atol=1e-6)


def test_queries_in_one_table(tmp_path):
    rows = np.zeros((1, 5, 6), dtype=np.float32)
    rows[0] = (0.9, 0.9, 0.1, 0.1, 0.01, 46)
    rows[0, 1] = (0.25, 0.5, 0.25, 0.5, 0.9, 0)
    names = {"names": str(dict(enumerate(COCO_80)))}
    found = detect(write_model(tmp_path / "r.onnx", {"output0": rows}, metadata=names))
    np.testing.assert_allclose(found.boxes, [[0.125, 0.25, 0.375, 0.75]], atol=1e-6)


def test_masks_and_keypoints_beside_the_classes(tmp_path):
    masks = np.zeros((1, 32, 16, 24), dtype=np.float32)
    table = np.concatenate([centers(TWO), np.full((1, CELLS, 32), 5, np.float32)], axis=2).transpose(0, 2, 1)
    path = write_model(tmp_path / "m.onnx", {"a": table, "b": masks}, metadata=NAMES | {"task": "segment"})
    np.testing.assert_allclose(detect(path).scores, [0.9, 0.6], rtol=1e-6)
    pose = {"names": "{0: 'person'}", "task": "pose", "kpt_shape": "[17, 3]"}
    one = centers([row[:5] for row in TWO], columns=5)
    table = np.concatenate([one, np.full((1, CELLS, 51), 50, np.float32)], axis=2).transpose(0, 2, 1)
    found = detect(write_model(tmp_path / "k.onnx", {"a": table}, metadata=pose))
    np.testing.assert_allclose(found.scores, [0.9, 0.6], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
@pytest.mark.parametrize("last", [True, False])
def test_what_the_network_is_given(tmp_path, dtype, last):
    shape = (1, 64, 96, 3) if last else (1, 3, 64, 96)
    table = centers(TWO).transpose(0, 2, 1)
    path = write_model(tmp_path / "y.onnx", {"o": table}, shape=shape, dtype=dtype, metadata=NAMES)
    detector = OnnxDetector.from_file(path, Wanted(0.5), device="cpu")
    frame = np.zeros((64, 96, 3), dtype=np.uint8)
    frame[5, 7] = (255, 51, 102)
    given, session = {}, detector._model._session

    def run(outputs, feed):
        given.update(feed)
        return session.run(outputs, feed)

    detector._model._session = SimpleNamespace(run=run, get_outputs=session.get_outputs)
    assert len(detector.detect([frame])[0]) == 2
    value = given["images"]
    assert value.shape == shape
    assert value.dtype == dtype
    pixel = value[0, 5, 7] if last else value[0, :, 5, 7]
    np.testing.assert_allclose(pixel, [255, 51, 102] if dtype == "uint8" else [1, 0.2, 0.4], atol=1e-3)


def test_a_fixed_batch_is_filled_up(tmp_path):
    tables = np.concatenate([centers(TWO[:1]), centers(TWO[1:2])]).transpose(0, 2, 1)
    path = write_model(tmp_path / "y.onnx", {"o": tables}, shape=(2, 3, 64, 96), metadata=NAMES)
    detector = OnnxDetector.from_file(path, Wanted(0.5), device="cpu")
    found = detector.detect([FRAME] * 3)
    np.testing.assert_allclose([one.scores[0] for one in found], [0.9, 0.6, 0.9], rtol=1e-6)


def test_one_class_is_persons_and_another_can_be_named(tmp_path):
    table = centers([(12, 20, 36, 44, 0.1, 0.9)]).transpose(0, 2, 1)
    path = write_model(tmp_path / "y.onnx", {"o": table}, metadata={"names": '["helmet", "worker"]'})
    for person in ("worker", "Worker", "1"):
        assert detect(path, person_class=person).labels == ["person"]
    with pytest.raises(UserError, match=r"2 classes is called \"person\": 0 helmet, 1 worker.*--person-class"):
        detect(path)
    with pytest.raises(UserError, match=r"--person-class workers: .*0 helmet, 1 worker.*Did you mean \"worker\""):
        detect(path, person_class="workers")
    one = write_model(tmp_path / "1.onnx", {"o": centers([(12, 20, 36, 44, 0.9)], columns=5).transpose(0, 2, 1)})
    assert detect(one).labels == ["person"]


@pytest.mark.parametrize(
    ("outputs", "parts"),
    [
        ({"o": np.full((1, 50, 9), 0.5, np.float32) * 9}, ("o [1, 50, 9] float32", "yolov8 or yolov5")),
        ({"o": np.full((1, CELLS, 9), 0.5, np.float32) * 9}, ("objectness", "yolov5 or yolov8 or yolox")),
        ({"a": np.zeros((1, 7), np.float32) + 3}, ("a [1, 7] float32", "import the boxes")),
        ({"a": np.zeros((1, 5, 4), np.float32), "b": np.zeros((1, 5, 3), np.float32)}, ("detr or detr-softmax",)),
        (
            {"b": np.ones((1, 4), np.float32), "l": np.array([0]), "s": np.ones(1, np.float32)},
            ("labels are 0", "--onnx-layout nms"),
        ),
    ],
)
def test_what_is_not_clear_is_asked(tmp_path, refused, outputs, parts):
    path = write_model(tmp_path / "x.onnx", outputs)
    refused(lambda: detect(path), str(path), *parts)


def test_a_layout_or_size_that_does_not_fit_is_refused(tmp_path, refused):
    path = write_model(tmp_path / "y.onnx", {"o": centers(TWO).transpose(0, 2, 1)}, metadata=NAMES)
    refused(lambda: detect(path, layout="torchvision"), "--onnx-layout torchvision", "o [1, 6, 126]")
    refused(lambda: detect(path, layout="yolov5"), "names 2 classes", "--onnx-layout")
    refused(lambda: detect(path, size=640), "--onnx-size 640", "96x64")
    obb = write_model(tmp_path / "o.onnx", {"o": centers(TWO)}, metadata=NAMES | {"task": "obb"})
    refused(lambda: detect(obb), '"obb"')
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    refused(lambda: detect(tmp_path / "broken.onnx"), "broken.onnx", "onnxruntime")
    refused(lambda: detect(tmp_path / "none.onnx"), "--onnx", "none.onnx")


def test_every_layout_can_be_asked_for(tmp_path):
    for layout in LAYOUTS:
        path = write_model(tmp_path / "x.onnx", {"x": np.zeros((2, 2, 2, 2), np.float32)})
        with pytest.raises(UserError, match=f"--onnx-layout {layout} does not fit"):
            detect(path, layout=layout)
