"""Whether the saved state of a memory pool is one that a pool can be made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alphaction.data.keyframes import to_milliseconds
from alphaction.utils.mapped_pages import row_blocks
from alphaction.utils.messages import counted

_COLUMNS = {
    "video_index": (torch.int64,),
    "seconds": (torch.int64, torch.float64),
    "counts": (torch.int64,),
    "tags": (torch.float32,),
}
"""One value for each keyframe, and the types that it may have."""
_LONGEST = 2**40
"""Seconds that a keyframe may lie from the beginning of a video."""


def state_problems(state: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong in a state as :meth:`MemoryPool.state_dict` returns it, each as "ENTRY is ..., not ...".

    What follows from an entry that is wrong is not looked at.
    """
    found = list(_type_problems(state))
    yield from found or _value_problems(state)


def _type_problems(state: Mapping[str, Any]) -> Iterator[str]:
    videos, latest, features, scales = (state.get(name) for name in ("videos", "latest_tag", "features", "scales"))
    if not isinstance(videos, list) or not all(isinstance(name, str) for name in videos):
        yield "videos is no list of names"
    elif len(set(videos)) < len(videos):
        yield "videos has a name twice"
    if type(latest) is not float:
        yield f"latest_tag is {_kind(latest)}, not a number"
    if not _is_plain(features, (torch.float32, torch.float16), 2):
        yield f"features is {_kind(features)}, not a tensor [N, D] of float32 or float16"
    if scales is not None and not _is_plain(scales, (torch.float32,), 1):
        yield f"scales is {_kind(scales)}, not a tensor [N] of float32"
    lengths = set()
    for name, dtypes in _COLUMNS.items():
        column = state.get(name)
        if _is_plain(column, dtypes, 1):
            lengths.add(len(column))
        else:
            expected = " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
            yield f"{name} is {_kind(column)}, not a tensor [K] of {expected}"
    if len(lengths) > 1:
        yield f"{', '.join(_COLUMNS)} are not of one length"


def _value_problems(state: Mapping[str, Any]) -> Iterator[str]:
    videos, features, counts = state["videos"], state["features"], state["counts"]
    index, seconds, tags = state["video_index"], state["seconds"], state["tags"]
    if len(index) and not (0 <= index.min() and index.max() < len(videos)):
        yield f"video_index points beyond the {len(videos)} videos"
    if len(counts) and not (1 <= counts.min() and counts.max() <= len(features)):
        yield "counts holds a number of persons that is not there"
    elif int(counts.sum()) != len(features):
        yield f"counts adds up to {int(counts.sum())} persons, features has {len(features)}"
    if len(seconds) and not (torch.isfinite(seconds).all() and seconds.abs().max() <= _LONGEST):
        yield "seconds holds a time that no video has"
    elif len(np.unique(np.stack([index.numpy(), to_milliseconds(seconds.detach().numpy())]), axis=1)[0]) < len(index):
        yield "a keyframe is there twice"
    if torch.isinf(tags).any() or state["latest_tag"] in (float("inf"), float("-inf")):
        yield "a loss (tags, latest_tag) is infinite"
    scales = state.get("scales")
    if scales is not None and len(scales) != len(features):
        yield f"scales has {counted(len(scales), 'value')} for {counted(len(features), 'person')}"
    elif not _all_finite(features, scales):
        yield "features holds infinite values or NaN"


def _all_finite(features: Tensor, scales: Tensor | None) -> bool:
    start = 0
    for block in row_blocks(features):
        if scales is not None:
            block = block.float() * scales[start : start + len(block), None]
            start += len(block)
        # A sum is infinite or NaN if a value is; or if it is too large, and only then each value is looked at.
        if not block.sum(dtype=torch.float32).isfinite() and not block.isfinite().all():
            return False
    return True


def _is_plain(value: object, dtypes: tuple[torch.dtype, ...], dimensions: int) -> bool:
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not value.is_quantized
        and value.device.type == "cpu"
        and value.dtype in dtypes
        and value.ndim == dimensions
    )


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {list(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    return "missing" if value is None else f"a {type(value).__name__}"
