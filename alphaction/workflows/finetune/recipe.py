"""From choices and the figures of a dataset to every key of a config, each with the reason for its value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from alphaction.config.class_groups import MOVEMENT, SIZE_KEYS, WEIGHT_KEYS
from alphaction.config.config_text import Setting
from alphaction.data.augmentation import flip_pairs
from alphaction.utils.cores import available_cores
from alphaction.utils.messages import counted
from alphaction.workflows.finetune import public_recipe
from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics
from alphaction.workflows.finetune.finetune_options import FinetuneOptions, experiment_name
from alphaction.workflows.finetune.frame_size import FrameSize, choose_frame_size
from alphaction.workflows.finetune.interaction_settings import backbone_facts, interaction_settings, learns_anew
from alphaction.workflows.finetune.own_groups import own_groups, own_weights
from alphaction.workflows.finetune.recipe_schedule import LOADED_HEAD_FACTOR, Schedule, plan_schedule
from alphaction.workflows.finetune.small_recipe import FEWEST_CELLS, TinyClip, is_short_of_epochs, jitter_settings
from alphaction.workflows.finetune.starting_weights import Start, has_trained_head, starting_point, weights_of

_GROUP_NAMES = ("movement", "object manipulation", "person interaction")


def build_recipe(options: FinetuneOptions, stats: DatasetStatistics) -> tuple[list[Setting], Schedule]:
    """Return all settings in the order of the file, and the schedule among them.

    Args:
        options: checked choices.
        stats: figures of the dataset.
    """
    start = starting_point(options)
    size = _frame_size(options, stats, start)
    schedule = plan_schedule(options, stats, size.pixels)
    settings = [
        *_network(options, start),
        *_head(options, stats, start),
        *interaction_settings(options, stats),
        *_input(options, stats, size, start),
        *_datasets(options, stats),
        *_loader(options, stats),
        *_solver(options, stats, schedule),
        *_test(options, stats, schedule, start),
        Setting("OUTPUT_DIR", options.output_dir or f"output/{experiment_name(options)}"),
    ]
    return settings, schedule


def _frame_size(options: FinetuneOptions, stats: DatasetStatistics, start: Start) -> FrameSize:
    stride, usual = backbone_facts(options.backbone).stride, start.settings.get("INPUT.MIN_SIZE_TEST", 256)
    size = choose_frame_size(stats.seen, stride, usual=usual, tiny=options.tiny)
    if stats.published:
        return replace(size, reason="" if options.tiny else "as published")
    if is_short_of_epochs(options, stats, size.pixels):
        size = choose_frame_size(stats.seen, stride, usual=usual, tiny=True, cells=FEWEST_CELLS)
    return size


def loss_weights(options: FinetuneOptions, stats: DatasetStatistics) -> tuple[float, float, float]:
    """Return the weight of each group's loss; 0 for a group without classes, whose weight is not used.

    The loss of a group of sigmoids is a mean over its classes. Times their number it is their sum, so that a class
    counts the same in a group of 2 as in AVA's of 49. The small network, trained for few steps,
    has twice that for objects and interactions: they are rarer than movements.
    """
    movement, handled, person = stats.label_map.group_sizes
    factor = 2.0 if options.tiny else 1.0
    pose = 1.2 if stats.exclusive_movement else float(movement)
    return (pose if movement else 0.0, factor * handled, factor * person)


def _network(options: FinetuneOptions, start: Start) -> Iterator[Setting]:
    if options.network.training is not None:
        yield from public_recipe.network_settings(options, start)
        return
    weights = start.weight
    yield Setting("MODEL.WEIGHT", weights, start.comment)
    if options.num_gpus == 0:
        yield Setting("MODEL.DEVICE", "cpu", "written for a machine without GPU (--num-gpus 0)")
    yield Setting("MODEL.BACKBONE.CONV_BODY", options.network.conv_body)
    frozen = "as in the recipe, whose 2 clips per GPU are too few for new statistics: the loaded ones are kept"
    if options.tiny and not weights:
        why = "from 0, as for pretrained weights, the convolutions over time and space would begin switched off"
        yield Setting("MODEL.BACKBONE.BN_INIT_GAMMA", 1.0, why)
    if not options.tiny:
        yield Setting("MODEL.BACKBONE.FROZEN_BN", bool(weights), frozen if weights else "nothing is loaded to keep")
        yield Setting("MODEL.BACKBONE.SLOWFAST.BETA", 0.125)
    yield Setting("MODEL.BACKBONE.SLOWFAST.SLOW.CONV3_NONLOCAL", False)
    yield Setting("MODEL.BACKBONE.SLOWFAST.SLOW.CONV4_NONLOCAL", False)
    if not options.tiny:
        yield Setting("MODEL.NONLOCAL.FROZEN_BN", bool(weights))


def _head(options: FinetuneOptions, stats: DatasetStatistics, start: Start) -> Iterator[Setting]:
    head, label_map, training = "MODEL.ROI_ACTION_HEAD", stats.label_map, options.network.training
    if training is not None:
        yield from public_recipe.head_settings(options, start)
    else:
        yield Setting(f"{head}.FEATURE_EXTRACTOR", "2MLPFeatureExtractor")
        yield Setting(f"{head}.MEAN_BEFORE_POOLER", True)
    if options.tiny:
        yield Setting(f"{head}.MLP_HEAD_DIM", 256)
    if learns_anew(options, stats):
        yield Setting(f"{head}.MLP_SKIP", True, "so that the two layers cannot lose what the IA structure finds")
    yield Setting(
        f"{head}.NUM_CLASSES",
        label_map.num_classes,
        "from AVA's label map" if stats.published else f"from {label_map.source}",
    )
    for key, size in zip(SIZE_KEYS, label_map.group_sizes, strict=True):
        yield Setting(f"{head}.{key}", size)
    if training is not None and label_map.group_sizes[0]:
        why = "all classes are independent sigmoids, as in the network that the weights are of"
        yield Setting(f"{head}.EXCLUSIVE_MOVEMENT", False, why)
    elif label_map.group_sizes[0]:
        learned = "softmax" if stats.exclusive_movement else "independent sigmoids"
        yield Setting(
            f"{head}.EXCLUSIVE_MOVEMENT", stats.exclusive_movement, f"{learned}: {stats.labels_are(MOVEMENT)}"
        )
    if label_map.own_groups:
        yield from own_groups(stats, training is None)
    yield from public_recipe.loss_settings(options, stats) if training is not None else _weights(options, stats)
    most, fullest = stats.persons
    comment = f"at least 10; 95% of the keyframes have {most} persons or fewer, the fullest {fullest}"
    comment = "as published" if stats.published else comment
    yield Setting(f"{head}.PROPOSAL_PER_CLIP", max(10, most), comment)
    dropout = training.dropout if training is not None else 0.1 if options.tiny else 0.2
    yield Setting(f"{head}.DROPOUT_RATE", dropout)


def _weights(options: FinetuneOptions, stats: DatasetStatistics) -> Iterator[Setting]:
    weights = loss_weights(options, stats)
    for group, (key, weight, size) in enumerate(zip(WEIGHT_KEYS, weights, stats.label_map.group_sizes, strict=True)):
        if not size:
            continue  # Nothing is computed for an empty group.
        if group == 0 and stats.exclusive_movement:
            comment = "one softmax over the movements"
        else:
            comment = f"the number of {_GROUP_NAMES[group]} classes ({size}), as the loss is a mean over them"
            comment += "; twice that, as they are rarer than movements" if options.tiny and group else ""
        yield Setting(f"MODEL.ROI_ACTION_HEAD.{key}", weight, comment)
    if stats.label_map.own_groups:
        yield own_weights(stats, factor=2.0 if options.tiny else 1.0)


def _input(options: FinetuneOptions, stats: DatasetStatistics, size: FrameSize, start: Start) -> Iterator[Setting]:
    sizes = list(_sizes(size))
    if options.network.training is not None:
        yield from public_recipe.input_settings(options, stats, start, sizes)
        return
    low, usual, high = stats.fps
    rates = f"{usual:.4g}" if low == high else f"{low:.4g} to {high:.4g}, median {usual:.4g}"
    rates += f" ({stats.probed} of {stats.videos} looked at)" if stats.probed < stats.videos else ""
    clip = TinyClip.of(stats)
    if options.tiny:
        fps, frames, tau, alpha = clip.fps, clip.frames, clip.tau, clip.alpha
        why = f"frames a second of the videos: {rates}; more than 12 would only cost time"
    else:
        fps, frames = 25.0, 64
        tau, alpha = (16, 8) if options.backbone == "resnet50" else (8, 4)
        why = "the recipe's, at which the pretrained networks were trained"
        why += "" if stats.published else f"; that of the videos: {rates}; slower ones repeat frames"
    comment = f"{counted(frames, 'frame')}: {frames / fps:.1f} s, {frames // tau} to the slow pathway, "
    comment += f"{frames // tau * alpha} to the fast one"
    yield Setting("INPUT.FPS", fps, why)
    yield Setting("INPUT.FRAME_NUM", frames, comment)
    yield Setting("INPUT.FRAME_SAMPLE_RATE", 1)
    yield Setting("INPUT.TAU", tau)
    yield Setting("INPUT.ALPHA", alpha)
    if not options.tiny:
        yield Setting("INPUT.SLOW_JITTER", True)
        yield Setting("INPUT.COLOR_JITTER", True)
    yield from jitter_settings(options, stats, clip)
    yield from sizes
    pairs = flip_pairs(stats.label_map.names)
    if pairs:
        yield Setting("INPUT.FLIP_CLASS_PAIRS", pairs, "half of the training clips are mirrored: these change places")


def _sizes(size: FrameSize) -> Iterator[Setting]:
    for split in ("TRAIN", "TEST"):
        yield Setting(f"INPUT.MIN_SIZE_{split}", size.short, size.reason if split == "TRAIN" else "")
        yield Setting(f"INPUT.MAX_SIZE_{split}", size.long)


def _datasets(options: FinetuneOptions, stats: DatasetStatistics) -> Iterator[Setting]:
    if options.data_dir != "data":
        yield Setting("DATASETS.DATA_DIR", options.data_dir)
    if options.catalog:
        yield Setting("DATASETS.CATALOG", list(options.catalog))
    figures = f"{counted(stats.keyframes, 'keyframe')} of {counted(stats.videos, 'video')}"
    if stats.boxes:
        figures += f", {counted(stats.boxes, 'box', 'boxes')}"
    yield Setting("DATASETS.TRAIN", [stats.train], figures + (" (published figures)" if stats.published else ""))
    yield Setting("DATASETS.TEST", [stats.val])


def _loader(options: FinetuneOptions, stats: DatasetStatistics) -> Iterator[Setting]:
    cores, here = available_cores(), torch.cuda.device_count()
    if options.num_gpus == 0:
        workers, why = max(1, min(4, cores // 2)), f"half of this machine's {counted(cores, 'core')}, but 1 to 4"
    elif here >= options.num_gpus:
        each = cores // options.num_gpus
        workers, why = (
            max(1, min(8, each)),
            f"{counted(cores, 'core')} for {counted(options.num_gpus, 'GPU')}, but 1 to 8",
        )
    else:
        workers, why = 4, f"for each GPU; raise it where a machine has more than {4 * options.num_gpus} cores"
    yield Setting("DATALOADER.NUM_WORKERS", workers, why)
    if stats.rare is not None:
        yield Setting("DATALOADER.REPEAT_THRESHOLD", stats.rare.threshold, stats.rare.reason)
    yield from public_recipe.loader_settings(options)


def _solver(options: FinetuneOptions, stats: DatasetStatistics, schedule: Schedule) -> Iterator[Setting]:
    gpus = counted(options.num_gpus, "GPU") if options.num_gpus else "the CPU"
    per_gpu = f", {schedule.batch // options.processes} on each GPU" if options.num_gpus > 1 else ""
    yield Setting(
        "SOLVER.REFERENCE_GPUS",
        options.processes,
        f"batch, learning rate and iterations are meant for {gpus}; --adjust-lr scales them from here",
    )
    yield Setting("SOLVER.VIDEOS_PER_BATCH", schedule.batch, f"clips of a step{per_gpu}")
    if options.network.training is not None:
        yield from public_recipe.solver_settings(options, stats, schedule)
    else:
        yield from _own_solver(options, schedule)
    repeats = "" if stats.rare is None else f" ({counted(stats.epoch_clips, 'clip')} with repeats)"
    length = (
        f"{counted(stats.keyframes, 'keyframe')}{repeats}, batch {schedule.batch}: "
        f"{counted(schedule.epoch, 'iteration')} an epoch, {schedule.epochs:.3g} epochs; {schedule.reason}"
    )
    yield Setting("SOLVER.MAX_ITER", schedule.max_iter, length)
    if options.tiny:
        yield Setting("SOLVER.SCHEDULER", "half_period_cosine")
        yield Setting("SOLVER.CLIP_GRAD_NORM", 10.0)
    elif options.network.training is None or options.network.training.drops:
        drops = "where the rate drops to a tenth, in the recipe's proportion" if schedule.steps else "too short to drop"
        yield Setting("SOLVER.STEPS", list(schedule.steps), drops)
    if not options.tiny and options.network.training is None:
        yield Setting("SOLVER.WARMUP_FACTOR", 0.25)
    yield Setting("SOLVER.WARMUP_ITERS", schedule.warmup)
    evaluations = f"{counted(schedule.evaluations, 'evaluation')} with the one at the end"
    yield Setting("SOLVER.EVAL_PERIOD", schedule.period, evaluations)
    yield Setting("SOLVER.CHECKPOINT_PERIOD", schedule.period)


def _own_solver(options: FinetuneOptions, schedule: Schedule) -> Iterator[Setting]:
    if options.tiny:
        yield Setting("SOLVER.OPTIMIZER", "adamw", "learns in few steps")
    yield Setting("SOLVER.BASE_LR", schedule.lr, schedule.lr_reason)
    if options.tiny and weights_of(options) and not has_trained_head(options):
        yield Setting("SOLVER.HEAD_LR_FACTOR", LOADED_HEAD_FACTOR, "the head is new, and the backbone is not")
    yield Setting("SOLVER.BIAS_LR_FACTOR", 1.0 if options.tiny else 2.0)
    if options.use_ia and not options.tiny:
        other = "; 1.0 if it is taken from the weights" if has_trained_head(options) else ""
        yield Setting("SOLVER.IA_LR_FACTOR", 10.0, f"for an IA structure from random weights{other}")
    if options.use_ia and options.tiny:
        yield Setting(
            "SOLVER.IA_LR_FACTOR", 0.3, "what the structure finds changes slower than the classifier learns it"
        )
    yield Setting("SOLVER.WEIGHT_DECAY", 0.01 if options.tiny else 1e-7)


def _test(options: FinetuneOptions, stats: DatasetStatistics, schedule: Schedule, start: Start) -> Iterator[Setting]:
    if options.network.training is not None:
        yield from public_recipe.test_settings(start)
    found = stats.detections
    if found is not None:
        costs = "as all do" if found.recall == found.best_recall else f"all of them {found.best_recall:.1%}"
        why = f"detections above it find {found.recall:.1%} of the annotated persons at IoU 0.5, {costs}"
        yield Setting("TEST.BOX_THRESH", found.threshold, why)
    elif stats.published:
        yield Setting("TEST.BOX_THRESH", 0.8)
    else:
        why = f"of no effect: {stats.val} has no person_boxes, and is evaluated on the annotated ones"
        yield Setting("TEST.BOX_THRESH", 0.8, why)
    yield Setting("TEST.ACTION_THRESH", 0.0)
    yield Setting("TEST.VIDEOS_PER_BATCH", max(schedule.batch, options.processes))
