"""Which layout the outputs of a network have: by their shapes, names and types, and by values where these do not tell.

Axes: B frames, N places or anchors, Q queries, K boxes that were found, C classes.
"""

from __future__ import annotations

from torch import Tensor

from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.messages import counted, listed
from alphaction.workflows.detect.onnx_model.build import (
    BUILDERS,
    DETR,
    DETR_SOFTMAX,
    END2END,
    NMS,
    TORCHVISION,
    YOLOV5,
    YOLOV8,
    YOLOX,
    Outputs,
)
from alphaction.workflows.detect.onnx_model.decode import FRAME, Layout
from alphaction.workflows.detect.onnx_model.outputs import (
    Facts,
    described,
    finished_form,
    finished_parts,
    grid,
    in_pixels,
    mask_channels,
    one_table,
    query_parts,
)

_FORMS = """The layouts that are known:
  yolov8        one output [1, 4 + classes, boxes]: center, width, height, scores (YOLOv8, YOLO11 and others)
  yolov5        one output [1, boxes, 5 + classes]: the same with objectness (YOLOv5, YOLOv6, YOLOv7)
  yolox         as yolov5, boxes in cells, not in pixels
  end2end       one output [1, boxes, 6]: corners, score, class (YOLOv10, YOLO26, exports with nms=True)
  torchvision   boxes [boxes, 4], scores, labels from 1
  nms           boxes [1, boxes, 4], scores, labels from 0, their number
  detr          boxes [1, queries, 4] and logits [1, queries, classes] (RT-DETR, RF-DETR, D-FINE)
  detr-softmax  the same, the last class is "no object" (DETR, YOLOS)"""


def resolve(outputs: Outputs, facts: Facts, wanted: str | None = None) -> Layout | None:
    """Return the layout of the outputs of a run.

    Args:
        outputs: name -> values of the first frames; float tensors are float32.
        facts: what else tells.
        wanted: --onnx-layout; None: recognize it.

    Returns:
        the layout, or None if nothing was found on these frames and only what is found tells.

    Raises:
        UserError: no layout fits, or several do.
    """
    if facts.task not in ("", "detect", "segment", "pose"):
        raise CheckpointError(f'{facts.source}: its task is "{facts.task}", and boxes are needed: export a detector.')
    name = wanted or _recognized(outputs, facts)
    if name is None:
        return None
    build = BUILDERS[name]
    layout = build(name, outputs, facts)
    if layout is None and wanted is not None:
        raise UserError(
            f"--onnx-layout {wanted} does not fit the outputs of {facts.source}: {described(outputs)}. {_FORMS}"
        )
    if layout is not None and layout.unit != FRAME and name in (END2END, NMS) and _is_empty(name, outputs):
        return None  # only boxes tell whether they are fractions
    return layout


def _is_empty(name: str, outputs: Outputs) -> bool:
    """Return whether finished boxes, which may be filled up with zeros or -1, are none."""
    if name == END2END:
        boxes = outputs[one_table(outputs)][..., :4]
        return not bool((boxes[..., 2:] > boxes[..., :2]).any())
    parts = finished_parts(outputs)
    boxes = outputs[parts.boxes]
    nothing = parts.number is not None and not bool((outputs[parts.number] > 0).any())
    return nothing or not bool((boxes[..., 2:] > boxes[..., :2]).any())


def _recognized(outputs: Outputs, facts: Facts) -> str | None:
    """Return the name of the only layout that fits, or None if this run does not tell."""
    if (table := one_table(outputs)) is not None:
        return _recognized_table(outputs[table], outputs, facts)
    if query_parts(outputs) is not None:
        return _recognized_queries(outputs, facts)
    parts = finished_parts(outputs)
    if parts is None:
        if all(value.numel() == 0 for value in outputs.values()):
            return None
        raise CheckpointError(
            f"{facts.source}: the outputs are {described(outputs)}, and it is not clear what they are. {_FORMS}\n"
            "Export the model in one of these, or import the boxes that another program finds with it."
        )
    labels = outputs[parts.labels]
    if outputs[parts.boxes].ndim == 2:
        if bool((labels == 0).any()):
            raise _ambiguous(
                outputs, facts, "some labels are 0, which torchvision's models keep for the background", (NMS,)
            )
        return TORCHVISION if labels.numel() else None
    if parts.number is None and not facts.takes_sizes:
        raise _ambiguous(outputs, facts, "it is not clear how frames are fitted and labels are counted", (NMS,))
    return NMS


def _recognized_table(table: Tensor, outputs: Outputs, facts: Facts) -> str | None:
    rows, columns = table.shape[1:]
    by_row, by_column = grid(rows, facts.size), grid(columns, facts.size)
    if by_row is None and by_column is not None and by_column[0] == 1:
        return YOLOV8
    finished = finished_form(table.flatten(0, 1))
    if finished is None:
        return None
    if finished and by_row is None:
        return END2END if finished == "corners" else DETR
    if by_row is not None and by_column is None:
        return YOLOV5 if by_row[0] == 3 else _one_box_a_cell(table, outputs, facts)
    if by_row is None and columns > 4 and not in_pixels(table[..., :4]) and bool((table[..., 4:] >= 0).all()):
        return DETR
    raise _ambiguous(
        outputs,
        facts,
        f"the number of boxes is not that of a YOLO's cells on frames of {facts.size[1]}x{facts.size[0]}",
        (YOLOV8, YOLOV5, END2END, DETR),
    )


def _one_box_a_cell(table: Tensor, outputs: Outputs, facts: Facts) -> str:
    """Return the layout of [B, N, columns] with one box a cell: YOLOv8 turned, YOLOv6, or YOLOX."""
    columns = table.shape[2] - mask_channels(outputs)
    classes = len(facts.names) if facts.names else 80
    if columns == 4 + classes:
        return YOLOV8
    if columns == 5 + classes or facts.names is None:
        if bool((table[..., 4] == 1).all()):
            return YOLOV5  # YOLOv6 has no objectness and writes 1
        if bool((table[..., 2:4] < 0).any()):
            return YOLOX  # logarithms; no box has a negative size
    raise _ambiguous(
        outputs,
        facts,
        "there may be an objectness before the classes or none, and pixels in 0-1 or in 0-255",
        (YOLOV5, YOLOV8, YOLOX),
    )


def _recognized_queries(outputs: Outputs, facts: Facts) -> str:
    boxes, logits = query_parts(outputs)
    num_classes = outputs[logits].shape[2]
    if in_pixels(outputs[boxes]):
        raise CheckpointError(
            f"{facts.source}: the outputs are {described(outputs)}, but {boxes} does not hold fractions of the frame. "
            f"{_FORMS}"
        )
    if num_classes == 92:  # COCO's 0 to 90 and "no object"
        return DETR_SOFTMAX
    if num_classes in (80, 91) or {boxes, logits} == {"dets", "labels"}:
        return DETR
    if facts.names and num_classes == len(facts.names):
        return DETR
    raise _ambiguous(
        outputs,
        facts,
        f"of {counted(num_classes, 'class', 'classes')}, the last may be no object",
        (DETR, DETR_SOFTMAX),
    )


def _ambiguous(outputs: Outputs, facts: Facts, why: str, layouts: tuple[str, ...]) -> UserError:
    return UserError(
        f"{facts.source}: the outputs are {described(outputs)}, and {why}. Say what they are: --onnx-layout "
        f"{listed(layouts, separator=' or ')}. {_FORMS}"
    )
