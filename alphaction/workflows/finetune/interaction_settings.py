"""The Interaction Aggregation structure of a config: blocks that the dataset can feed, and their sizes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from alphaction.config import get_cfg
from alphaction.config.config_text import Setting
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.backbone.base import Backbone
from alphaction.utils.errors import UserError
from alphaction.utils.shapes_only import shapes_only
from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics
from alphaction.workflows.finetune.finetune_options import IA_STRUCTURES, FinetuneOptions
from alphaction.workflows.finetune.memory_length import choose_memory_length
from alphaction.workflows.finetune.networks import NETWORKS

_NODE = "MODEL.IA_STRUCTURE"
DEFAULT_CHANNELS = 2304


def usable_blocks(stats: DatasetStatistics) -> tuple[list[str], list[str]]:
    """Return the kinds of blocks that the dataset can feed, of P, O and M, and why others are left out."""
    kinds, reasons = ["P"], []
    if stats.has_objects:
        kinds.append("O")
    else:
        reasons.append(f"no O blocks: {stats.train} or {stats.val} names no object_boxes")
    if stats.memory_step:
        kinds.append("M")
    else:
        reasons.append("no M blocks: keyframes have hardly any neighbor at a regular distance in time to remember")
    return kinds, reasons


@cache
def backbone_facts(backbone: str) -> Backbone:
    """Return a backbone for its channels and its stride; it is built without memory for its weights."""
    cfg = get_cfg()
    cfg.MODEL.BACKBONE.CONV_BODY = NETWORKS[backbone].conv_body
    with shapes_only():
        return build_backbone(cfg)


def interaction_settings(options: FinetuneOptions, stats: DatasetStatistics) -> Iterator[Setting]:
    """Yield the settings of MODEL.IA_STRUCTURE."""
    slow, fast = backbone_facts(options.backbone).out_channels
    channels = slow + fast
    if options.tiny:
        yield Setting(f"{_NODE}.DIM_IN", channels, f"{slow} slow + {fast} fast channels")
    elif channels != DEFAULT_CHANNELS:
        yield Setting(f"{_NODE}.DIM_IN", channels, "channels of the backbone's features")
    yield Setting(f"{_NODE}.ACTIVE", options.use_ia)
    if not options.use_ia:
        return
    structure = IA_STRUCTURES[options.structure]
    kinds, reasons = usable_blocks(stats)
    meaning = "persons (P), objects (O), memory of other seconds (M)"
    yield Setting(f"{_NODE}.STRUCTURE", structure)
    yield Setting(f"{_NODE}.I_BLOCK_LIST", _blocks(options, structure, kinds), "; ".join([meaning, *reasons]))
    yield Setting(f"{_NODE}.DIM_INNER", _inner_width(options, channels))
    yield Setting(f"{_NODE}.DIM_OUT", channels)
    yield Setting(f"{_NODE}.FUSION", "add")
    yield from _limits(options, stats, kinds)
    yield Setting(f"{_NODE}.TEMPORAL_POSITION", True)
    yield Setting(f"{_NODE}.LAYER_NORM", True)
    yield Setting(f"{_NODE}.USE_ZERO_INIT_CONV", True)
    yield Setting(f"{_NODE}.DROPOUT", 0.1 if options.tiny else 0.2)


def _inner_width(options: FinetuneOptions, channels: int) -> int:
    """Return the paper's 1024 of 2304 channels, or about that share of narrower features."""
    if options.tiny:
        return 128
    return 1024 if channels >= 2048 else max(128, channels // 2)


def _blocks(options: FinetuneOptions, structure: str, kinds: list[str]) -> list:
    if structure == "parallel":
        return [list(kinds), list(kinds)]
    # A dense structure differs from a serial one from the third block on; the small serial one has each kind once.
    once = options.tiny and structure == "serial"
    return list(kinds) if once else kinds * 2


def _limits(options: FinetuneOptions, stats: DatasetStatistics, kinds: list[str]) -> Iterator[Setting]:
    usual, most = stats.persons
    if options.tiny:
        persons = min(25, most + (most + 1) // 2)
        why = f"the fullest keyframe has {most}; half as many again for false detections, at most 25"
    else:
        persons = max(25, most)
        why = f"25 as published, or the fullest keyframe's {most} if that is more"
    yield Setting(f"{_NODE}.MAX_PERSON", persons, "as published" if stats.published else why)
    if "O" in kinds:
        yield Setting(f"{_NODE}.MAX_OBJECT", 5, "the best scored of a clip")
    if "M" not in kinds:
        if options.memory_seconds is not None:
            raise UserError(
                f"--memory-seconds {options.memory_seconds}: there is nothing to remember, as keyframes of "
                f"{stats.train} have hardly any neighbor at a regular distance in time. Leave it out."
            )
        return
    # No more than the clip's own: a small dataset's second has few persons, and empty slots cost as much as full ones.
    per_second = 5 if stats.published else min(persons, max(5, min(10, usual)))
    yield Setting(f"{_NODE}.MAX_PER_SEC", per_second, "the best scored persons of a remembered second")
    length = choose_memory_length(stats, options.memory_seconds)
    yield Setting(f"{_NODE}.LENGTH", [length.slots, length.slots], length.reason)
    yield Setting(f"{_NODE}.MEMORY_RATE", stats.memory_step, f"keyframes are mostly {stats.memory_step} s apart")
