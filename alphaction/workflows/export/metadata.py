"""What an exported file says of itself: where it is from, what goes in and comes out, and the config that made it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

from alphaction import __version__
from alphaction.checkpoint import read_weight_file, stored_thresholds
from alphaction.checkpoint.exported_file import VERSION
from alphaction.config.pathways import active_pathways, fast_frames, slow_frames
from alphaction.data.annotations import LabelMap
from alphaction.workflows.export.graph import Port

_CHUNK = 1 << 20
SAME_IN_BOTH = ("label_map", "thresholds", "pixels", "frames", "boxes", "settings")
"""What a file and the checkpoint that it is checked against must agree in."""


def describe(cfg: CfgNode, weights: Path, label_map: LabelMap, config_text: str) -> dict[str, Any]:
    """Return what all files of an export say, as JSON has it.

    Args:
        cfg: the config, with the classes of the weights.
        weights: the checkpoint.
        label_map: its classes.
        config_text: YAML of the config.
    """
    thresholds = stored_thresholds(weights)
    given, head = cfg.INPUT, cfg.MODEL.ROI_ACTION_HEAD
    reads_slow, reads_fast = active_pathways(cfg)
    slow = slow_frames(given.FRAME_NUM, given.TAU, sampling=given.SLOW_SAMPLING) if reads_slow else ()
    fast = fast_frames(given.FRAME_NUM, given.TAU, given.ALPHA) if reads_fast else ()
    return {
        "version": VERSION,
        "alphaction": __version__,
        "made_from": {"name": weights.name, "sha256": sha256_of(weights)},
        "license": read_weight_file(weights).license,
        "label_map": _plain(label_map.to_dict()),
        "thresholds": None if thresholds is None else _plain(asdict(thresholds)),
        "pixels": {
            "mean": list(given.PIXEL_MEAN),
            "std": list(given.PIXEL_STD),
            "to_bgr": given.TO_BGR,
            "normalized": "by the network itself: it takes uint8 RGB",
        },
        "frames": {
            "of_a_clip": given.FRAME_NUM,
            "sample_rate": given.FRAME_SAMPLE_RATE,
            "per_second": given.FPS,
            "offset": given.CLIP_OFFSET,
            "slow": list(slow),
            "fast": list(fast),
            "shorter_side": given.MIN_SIZE_TEST,
            "longer_side_at_most": given.MAX_SIZE_TEST,
            "sides_are_multiples_of": cfg.DATALOADER.SIZE_DIVISIBILITY,
        },
        "boxes": {"extend_scale": list(cfg.TEST.EXTEND_SCALE), "lowest_score": cfg.TEST.BOX_THRESH},
        "settings": {
            "network": cfg.MODEL.BACKBONE.CONV_BODY,
            "interaction": cfg.MODEL.IA_STRUCTURE.STRUCTURE if cfg.MODEL.IA_STRUCTURE.ACTIVE else "",
            "blocks": _plain(cfg.MODEL.IA_STRUCTURE.I_BLOCK_LIST) if cfg.MODEL.IA_STRUCTURE.ACTIVE else [],
            "pooler": head.POOLER_TYPE,
            "aligned": head.POOLER_ALIGNED,
        },
        "config": config_text,
    }


def part_facts(shared: Mapping[str, Any], part: str, export_id: str, graph: Any) -> dict[str, Any]:
    """Return the whole text of one file.

    Args:
        shared: what :func:`describe` returned.
        part: which graph it is.
        export_id: the same for all files of an export.
        graph: has ``inputs`` and ``outputs``.
    """
    ports = {"inputs": _ports(graph.inputs), "outputs": _ports(graph.outputs)}
    return {**shared, "part": part, "export_id": export_id, **ports}


def differences(held: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Return what a file says otherwise than its checkpoint: "frames.tau: 8, the checkpoint has 4"."""
    lines = []
    for section in SAME_IN_BOTH:
        theirs, ours = _flat(section, held.get(section)), _flat(section, _plain(expected[section]))
        lines += [
            f"{name}: {theirs.get(name, 'nothing')!r} in the file, {ours.get(name, 'nothing')!r} in the checkpoint"
            for name in dict.fromkeys([*theirs, *ours])
            if theirs.get(name) != ours.get(name)
        ]
    return lines


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _ports(ports: Sequence[Port]) -> list[dict[str, Any]]:
    return [_plain(asdict(port)) for port in ports]


def _plain(value: Any) -> Any:
    """Return what JSON gives back for a value: lists for tuples."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in (sorted(value) if isinstance(value, set | frozenset) else value)]
    return value


def _flat(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {name: value}
    return {key: found for inner, entry in value.items() for key, found in _flat(f"{name}.{inner}", entry).items()}
