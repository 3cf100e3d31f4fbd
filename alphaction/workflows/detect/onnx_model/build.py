"""The layout of a name for given outputs: where its boxes are, what they count, and what the network takes.

Axes: B frames, N places or anchors, Q queries, K boxes that were found, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor

from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, listed
from alphaction.workflows.detect.onnx_model import decode
from alphaction.workflows.detect.onnx_model.decode import FRACTION, FRAME, INPUT, Found, Layout
from alphaction.workflows.detect.onnx_model.outputs import (
    Facts,
    finished_form,
    finished_parts,
    grid,
    in_pixels,
    mask_channels,
    one_table,
    query_parts,
)
from alphaction.workflows.detect.onnx_model.prepare import (
    BYTES,
    CORNER,
    IMAGENET,
    LETTERBOX,
    SMOOTH,
    STRETCH,
    UNIT,
    WHOLE,
    Preparation,
)

Outputs = Mapping[str, Tensor]
YOLOV8, YOLOV5, YOLOX, END2END = "yolov8", "yolov5", "yolox", "end2end"
TORCHVISION, NMS, DETR, DETR_SOFTMAX = "torchvision", "nms", "detr", "detr-softmax"
LAYOUTS = (YOLOV8, YOLOV5, YOLOX, END2END, TORCHVISION, NMS, DETR, DETR_SOFTMAX)
"""Values of --onnx-layout; docstrings of :mod:`alphaction.workflows.detect.onnx_model.decode` say what they are.

``nms`` is boxes, scores and labels from 0, with or without their number; ``torchvision`` the same of a single frame,
with labels from 1.
"""
_IOU_WITHOUT_OBJECTNESS = 0.7
_IOU_WITH_OBJECTNESS = 0.45


def _yolo(name: str, outputs: Outputs, facts: Facts) -> Layout | None:
    """Return the layout of one table of all places, with or without objectness, either way around."""
    output = one_table(outputs)
    if output is None:
        return None
    table = outputs[output]
    turned = _is_turned(table, facts)
    if turned:
        table = table.transpose(1, 2)
    first = 4 if name == YOLOV8 else 5
    num_classes = _num_classes(table.shape[2] - first, mask_channels(outputs), facts)
    pixels = facts.pixels or (BYTES if name == YOLOX else UNIT)
    strides: tuple[int, ...] = ()
    if name == YOLOX:
        cells = grid(table.shape[1], facts.size)
        if cells is None or cells[0] != 1:
            return None
        # An export may hold boxes in pixels already; sizes are logarithms otherwise, some of which are negative.
        strides = cells[1] if bool((table[..., 2:4] < 0).any()) else ()
    read = decode.yolo_without_objectness if name == YOLOV8 else decode.yolo_with_objectness

    def boxes(values: Outputs, index: int) -> Found:
        rows = values[output][index]
        rows = rows.T if turned else rows
        if strides:
            rows = decode.yolox_places(rows, facts.size, strides)
        return read(rows, num_classes)

    return Layout(
        name,
        boxes,
        Preparation(CORNER if name == YOLOX else LETTERBOX, pixels, bgr=name == YOLOX),
        INPUT if strides or in_pixels(table[..., :4]) else FRACTION,
        num_classes,
        nms_iou=_IOU_WITHOUT_OBJECTNESS if name == YOLOV8 else _IOU_WITH_OBJECTNESS,
    )


def _is_turned(table: Tensor, facts: Facts) -> bool:
    """Return whether [B, a, b] has its boxes along b."""
    by_row, by_column = grid(table.shape[1], facts.size), grid(table.shape[2], facts.size)
    if (by_row is None) != (by_column is None):
        return by_column is not None
    return table.shape[1] < table.shape[2]


def _num_classes(columns: int, masks: int, facts: Facts) -> int:
    """Return the number of classes; what a model of masks or keypoints has beside them is left out.

    Raises:
        UserError: there are other columns than the file's names account for.
    """
    more = masks if facts.task in ("", "segment") else facts.keypoints
    num_classes = columns - more
    if num_classes < 1 or (facts.names is not None and num_classes != len(facts.names)):
        names = f", and the file names {counted(len(facts.names), 'class', 'classes')}" if facts.names else ""
        raise CheckpointError(
            f"{facts.source}: {counted(columns, 'column')} of its output {'are' if columns != 1 else 'is'} left for "
            f"scores{names}{f' and has {more} columns of masks or keypoints' if more else ''}. Is it another layout? "
            f"Say so: --onnx-layout {listed(LAYOUTS, 10, ' or ')}."
        )
    return num_classes


def _end2end(name: str, outputs: Outputs, facts: Facts) -> Layout | None:
    output = one_table(outputs)
    if output is None or outputs[output].shape[2] < 6:
        return None
    rows = outputs[output][..., :4]
    return Layout(
        name,
        lambda values, index: decode.finished_rows(values[output][index]),
        Preparation(LETTERBOX, facts.pixels or UNIT),
        INPUT if in_pixels(rows) else FRACTION,
    )


def _finished(name: str, outputs: Outputs, facts: Facts) -> Layout | None:
    """Return the layout of boxes, scores and labels that are ready: torchvision's, or those of a batch."""
    parts = finished_parts(outputs)
    if parts is None:
        return None
    batched = outputs[parts.boxes].ndim == 3

    def boxes(values: Outputs, index: int) -> Found:
        found, scores, labels = (values[part] for part in (parts.boxes, parts.scores, parts.labels))
        if batched:
            found, scores, labels = found[index], scores[index], labels[index]
        if parts.number is not None:
            number = int(values[parts.number].flatten()[index])
            found, scores, labels = found[:number], scores[:number], labels[:number]
        solid = (found[:, 2:] > found[:, :2]).all(dim=1)  # the rest may be filled up with zeros or -1
        return Found(found, scores, labels.long()).where(solid)

    pixels = facts.pixels or UNIT
    if name == TORCHVISION:
        return Layout(name, boxes, Preparation(WHOLE, pixels), INPUT, first_label=1)
    if facts.takes_sizes:
        return Layout(name, boxes, Preparation(SMOOTH, pixels), FRAME)
    unit = INPUT if in_pixels(outputs[parts.boxes]) else FRACTION
    return Layout(name, boxes, Preparation(LETTERBOX, pixels), unit)


def _queries(name: str, outputs: Outputs, facts: Facts) -> Layout | None:
    output = one_table(outputs)
    if output is not None and name == DETR:
        return _queries_in_a_table(output, outputs[output], facts)
    parts = query_parts(outputs)
    if parts is None:
        return None
    boxes, logits = parts
    num_classes = outputs[logits].shape[2] - (name == DETR_SOFTMAX)
    read: Callable[[Tensor, Tensor], Found] = (
        decode.softmax_queries if name == DETR_SOFTMAX else partial(_queries_of, _are_logits(outputs[logits]))
    )
    return Layout(
        name,
        lambda values, index: read(values[boxes][index], values[logits][index]),
        Preparation(SMOOTH, facts.pixels or _pixels_of_queries(name, boxes, logits, num_classes, facts)),
        FRACTION,
        num_classes,
    )


def _queries_in_a_table(output: str, table: Tensor, facts: Facts) -> Layout:
    """Return the layout of YOLO's exports of RT-DETR: boxes and their scores, or the best score and its class."""
    preparation = Preparation(STRETCH, facts.pixels or UNIT)
    if finished_form(table.flatten(0, 1)) == "centers":
        return Layout(DETR, lambda values, index: decode.finished_queries(values[output][index]), preparation, FRACTION)
    num_classes = _num_classes(table.shape[2] - 4, 0, facts)

    def boxes(values: Outputs, index: int) -> Found:
        return decode.yolo_without_objectness(values[output][index], num_classes)

    return Layout(DETR, boxes, preparation, FRACTION, num_classes)


def _are_logits(values: Tensor) -> bool:
    return bool(((values < 0) | (values > 1)).any())


def _queries_of(logits: bool, boxes: Tensor, values: Tensor) -> Found:
    """Read classes as logits, or as the scores that some exports make of them."""
    return decode.sigmoid_queries(boxes, values if logits else torch.logit(values))


def _pixels_of_queries(name: str, boxes: str, logits: str, num_classes: int, facts: Facts) -> str:
    """Return the values that a network of queries takes: RT-DETR and D-FINE 0-1, the others ImageNet's.

    Raises:
        UserError: its outputs do not tell which one it is.
    """
    if name == DETR_SOFTMAX or num_classes == 91 or {boxes, logits} == {"dets", "labels"}:
        return IMAGENET
    if num_classes == 80:
        return UNIT
    raise CheckpointError(
        f"{facts.source}: it is not clear what values it takes. Say so: --onnx-pixels 0-1 (RT-DETR, D-FINE) or "
        "--onnx-pixels imagenet (RF-DETR, Deformable DETR)."
    )


Builder = Callable[[str, Outputs, Facts], Layout | None]
"""Name, outputs and facts -> the layout, or None if the outputs do not fit."""
BUILDERS: dict[str, Builder] = {
    YOLOV8: _yolo,
    YOLOV5: _yolo,
    YOLOX: _yolo,
    END2END: _end2end,
    TORCHVISION: _finished,
    NMS: _finished,
    DETR: _queries,
    DETR_SOFTMAX: _queries,
}
