"""Small ONNX files: their outputs are constants, so that a test knows what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8}


def write_model(
    path: Path,
    outputs: Mapping[str, np.ndarray],
    *,
    shape: Sequence[int | str] = (1, 3, 64, 96),
    dtype: str = "float32",
    metadata: Mapping[str, str] | None = None,
    sizes: bool = False,
    mask: bool = False,
    blind_in_black: bool = False,
) -> Path:
    """Write a model with one input of frames; return its path.

    Args:
        path: the file.
        outputs: name -> value, whatever the frames are.
        shape: of the input; texts are free axes.
        dtype: of the input.
        metadata: key -> text.
        sizes: take the sizes of frames (int64 "orig_target_sizes") as well, and multiply "boxes", fractions, by them.
        blind_in_black: give zeros for frames that are black.
        mask: take a mask of frames (int64 "pixel_mask") as well, and multiply "pred_boxes" by its mean.
    """
    inputs = [helper.make_tensor_value_info("images", _TYPES[dtype], list(shape))]
    nodes, results = [], []
    if blind_in_black:
        nodes += [
            helper.make_node("ReduceMax", ["images"], ["brightest"], keepdims=0),
            helper.make_node("Ceil", ["brightest"], ["any_light"]),
        ]
    constants = []
    for name, value in outputs.items():
        constants.append(numpy_helper.from_array(value, f"{name}_value"))
        if sizes and name == "boxes":
            nodes += [
                helper.make_node("Cast", ["orig_target_sizes"], ["wide_high"], to=TensorProto.FLOAT),
                helper.make_node("Concat", ["wide_high", "wide_high"], ["sides"], axis=1),
                helper.make_node("Mul", [f"{name}_value", "sides"], [name]),
            ]
        elif mask and name == "pred_boxes":
            nodes += [
                helper.make_node("Cast", ["pixel_mask"], ["ones"], to=TensorProto.FLOAT),
                helper.make_node("ReduceMean", ["ones"], ["one"], keepdims=0),
                helper.make_node("Mul", [f"{name}_value", "one"], [name]),
            ]
        elif blind_in_black:
            kind = helper.np_dtype_to_tensor_dtype(value.dtype)
            nodes += [
                helper.make_node("Cast", ["any_light"], [f"{name}_light"], to=kind),
                helper.make_node("Mul", [f"{name}_value", f"{name}_light"], [name]),
            ]
        else:
            nodes.append(helper.make_node("Identity", [f"{name}_value"], [name]))
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        results.append(helper.make_tensor_value_info(name, kind, list(value.shape)))
    if sizes:
        inputs.append(helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, ["n", 2]))
    if mask:
        inputs.append(helper.make_tensor_value_info("pixel_mask", TensorProto.INT64, ["n", 8, 8]))
    graph = helper.make_graph(nodes, "detector", inputs, results, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    onnx.save(model, path)
    return path
