"""The sections of a config for a network with public weights: as its weights were trained, and as it was finetuned.

The paper's own networks and the small one have their sections in :mod:`alphaction.workflows.finetune.recipe`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from alphaction.config.class_groups import WEIGHT_KEYS
from alphaction.config.config_text import Setting
from alphaction.data.augmentation import flip_pairs
from alphaction.utils.messages import counted
from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics
from alphaction.workflows.finetune.finetune_options import PARTS, FinetuneOptions
from alphaction.workflows.finetune.own_groups import own_shares
from alphaction.workflows.finetune.recipe_schedule import Schedule
from alphaction.workflows.finetune.starting_weights import Start

FEATURE_FOLDER = "output/features"
# PROPOSAL_JITTER_X and _Y where the mean training box is to be the annotated one. The keys' defaults, which are
# VideoMAE's, make it larger: its test boxes are enlarged.
_EVEN_JITTER = ([0.1, 0.1], [0.05, 0.05])
_HEAD = "MODEL.ROI_ACTION_HEAD"
_NONLOCAL_OFF = tuple(
    f"MODEL.BACKBONE.SLOWFAST.{pathway}.{stage}_NONLOCAL"
    for pathway in ("SLOW", "FAST")
    for stage in ("CONV3", "CONV4")
)


def network_settings(options: FinetuneOptions, start: Start) -> Iterator[Setting]:
    """Yield the weights, and the network that they need."""
    network, training = options.network, options.network.training
    yield Setting("MODEL.WEIGHT", start.weight, start.comment)
    if options.num_gpus == 0:
        yield Setting("MODEL.DEVICE", "cpu", "written for a machine without GPU (--num-gpus 0)")
    if network.checkpointing and options.freeze != "all":
        yield Setting("MODEL.ACTIVATION_CHECKPOINTING", True, "less memory, a third more time")
    yield Setting("MODEL.BACKBONE.CONV_BODY", network.conv_body)
    if options.freeze != "none":
        yield Setting("MODEL.BACKBONE.FREEZE", PARTS[options.freeze], "as asked for by --freeze")
    if network.transformer:
        if options.freeze != "all":
            yield Setting("MODEL.BACKBONE.DROP_PATH", training.drop_path, training.source)
    else:
        kept = "loaded statistics are kept" if start.weight else "nothing is loaded to keep"
        yield Setting("MODEL.BACKBONE.FROZEN_BN", bool(start.weight), kept)
    needed = dict.fromkeys(() if network.transformer else _NONLOCAL_OFF, False)
    needed |= _below(start.settings, "MODEL.BACKBONE.") | _below(start.settings, "MODEL.NONLOCAL.")
    if needed.get("MODEL.NONLOCAL.USE_BN") or any(needed.get(key) for key in _NONLOCAL_OFF):
        needed["MODEL.NONLOCAL.FROZEN_BN"] = bool(start.weight)
    needed.pop("MODEL.BACKBONE.CONV_BODY", None)
    # Keys of one section must follow each other.
    for key in sorted(needed, key=lambda key: (key.rpartition(".")[0], key)):
        yield Setting(key, needed[key])


def head_settings(options: FinetuneOptions, start: Start) -> Iterator[Setting]:
    """Yield how boxes are pooled, and the layers after that."""
    pooled = _below(start.settings, f"{_HEAD}.")
    extractor = "2MLPFeatureExtractor" if options.use_ia else "MaxpoolFeatureExtractor"
    why = "two layers, as the paper has behind its IA structures" if options.use_ia else "as published"
    yield Setting(f"{_HEAD}.FEATURE_EXTRACTOR", extractor, why)
    yield Setting(f"{_HEAD}.MEAN_BEFORE_POOLER", True)
    growth = start.settings.get("TEST.EXTEND_SCALE")
    if growth is not None and not any(growth):
        why = "outwards and inwards alike: these boxes are not enlarged at test (TEST.EXTEND_SCALE)"
        yield Setting(f"{_HEAD}.PROPOSAL_JITTER_X", _EVEN_JITTER[0], why)
        yield Setting(f"{_HEAD}.PROPOSAL_JITTER_Y", _EVEN_JITTER[1])
    for name in ("POOLER_RESOLUTION", "POOLER_SAMPLING_RATIO", "POOLER_ALIGNED", "TIME_POOLING"):
        if f"{_HEAD}.{name}" in pooled:
            yield Setting(f"{_HEAD}.{name}", pooled[f"{_HEAD}.{name}"])


def loss_settings(options: FinetuneOptions, stats: DatasetStatistics) -> Iterator[Setting]:
    """Yield the loss of all these networks: binary cross-entropy, the mean over all classes."""
    sizes = stats.label_map.group_sizes
    whole = "the group's share of the classes: together the mean over all of them"
    for key, size in zip(WEIGHT_KEYS, sizes, strict=True):
        if size:
            yield Setting(f"{_HEAD}.{key}", float(f"{size / stats.label_map.num_classes:.6g}"), whole)
    if stats.label_map.own_groups:
        yield own_shares(stats)
    yield Setting(f"{_HEAD}.FOCAL_LOSS.GAMMA", 0.0, "binary cross-entropy, as published")


def input_settings(
    options: FinetuneOptions, stats: DatasetStatistics, start: Start, sizes: list[Setting]
) -> Iterator[Setting]:
    """Yield the clips that the weights were trained on.

    Args:
        sizes: the settings of the frames' size.
    """
    clip = _below(start.settings, "INPUT.")
    frames, rate, fps = (clip[f"INPUT.{name}"] for name in ("FRAME_NUM", "FRAME_SAMPLE_RATE", "FPS"))
    low, usual, high = stats.fps
    videos = f"{usual:.4g}" if low == high else f"{low:.4g} to {high:.4g}, median {usual:.4g}"
    origin = "as the weights were trained" if start.weight else "as public weights of this network were trained"
    why = origin + ("" if stats.published else f"; the videos have {videos}")
    for name in ("PIXEL_MEAN", "PIXEL_STD", "TO_BGR"):
        if f"INPUT.{name}" in clip:
            yield Setting(f"INPUT.{name}", clip[f"INPUT.{name}"], "the weights' own" if name == "PIXEL_MEAN" else "")
    yield Setting("INPUT.FPS", fps, why)
    yield Setting("INPUT.FRAME_NUM", frames, f"{counted(frames, 'frame')}, {rate} apart: {frames * rate / fps:.2g} s")
    yield Setting("INPUT.FRAME_SAMPLE_RATE", rate)
    for name in ("CLIP_OFFSET", "TAU", "SLOW_SAMPLING", "ALPHA"):
        if f"INPUT.{name}" in clip:
            yield Setting(f"INPUT.{name}", clip[f"INPUT.{name}"])
    if options.freeze != "all":
        yield Setting("INPUT.COLOR_JITTER", True)
    yield from sizes
    if pairs := flip_pairs(stats.label_map.names):
        yield Setting("INPUT.FLIP_CLASS_PAIRS", pairs, "half of the training clips are mirrored: these change places")


def loader_settings(options: FinetuneOptions) -> Iterator[Setting]:
    """Yield where the features of a frozen backbone are kept."""
    if options.freeze == "all":
        why = "the frozen backbone's features are computed once and kept here"
        yield Setting("DATALOADER.FEATURE_CACHE", FEATURE_FOLDER, why)


def solver_settings(options: FinetuneOptions, stats: DatasetStatistics, schedule: Schedule) -> Iterator[Setting]:
    """Yield the optimizer and its rates, but for batch and length of the run."""
    training = options.network.training
    yield Setting("SOLVER.OPTIMIZER", training.optimizer, training.source)
    yield Setting("SOLVER.BASE_LR", schedule.lr, schedule.lr_reason)
    yield Setting("SOLVER.BIAS_LR_FACTOR", 1.0)
    if options.network.transformer and options.freeze != "all" and not stats.published:
        why = "a new head would hardly learn at the low rate of few clips"
        yield Setting("SOLVER.HEAD_LR_FACTOR", 10.0, why)
    yield Setting("SOLVER.WEIGHT_DECAY", training.weight_decay)
    if training.layer_decay < 1 and options.freeze != "all":
        why = "each layer of the backbone learns so much slower than the one after it"
        yield Setting("SOLVER.LAYER_DECAY", training.layer_decay, why)
    if not training.drops:
        yield Setting("SOLVER.SCHEDULER", "half_period_cosine")
        yield Setting("SOLVER.MIN_LR", float(f"{schedule.lr / 500:.3g}"))
    yield Setting("SOLVER.WARMUP_FACTOR", training.warmup_factor)
    if options.num_gpus and training.optimizer == "adamw":
        yield Setting("SOLVER.AMP", "bf16", "half the memory; needs an Ampere GPU or later, else fp16")


def test_settings(start: Start) -> Iterator[Setting]:
    """Yield how test boxes are enlarged."""
    if "TEST.EXTEND_SCALE" in start.settings:
        yield Setting("TEST.EXTEND_SCALE", list(start.settings["TEST.EXTEND_SCALE"]), "as the weights were trained")


def _below(settings: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in settings.items()
        if key.startswith(prefix)
    }
