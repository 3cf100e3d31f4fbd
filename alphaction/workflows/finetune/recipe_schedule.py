"""Batch, learning rate and length of a run: the published recipe scaled to the GPUs, and fitted to the dataset."""

from __future__ import annotations

import math
from dataclasses import dataclass

from alphaction.solver import rate_ratio
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted
from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics
from alphaction.workflows.finetune.finetune_options import MAX_ITERATIONS, FinetuneOptions
from alphaction.workflows.finetune.interaction_schedule import interaction_length
from alphaction.workflows.finetune.networks import Training
from alphaction.workflows.finetune.small_recipe import small_length
from alphaction.workflows.finetune.starting_weights import weights_of

# The published recipe: 8 GPUs with 2 clips each, on AVA.
RECIPE_BATCH, RECIPE_LR, RECIPE_WARMUP, RECIPE_PERIOD = 16, 0.0004, 2000, 10_000
CLIPS_PER_GPU = 2
# With an IA structure or without: iterations, and where the learning rate drops.
RECIPE_ITERATIONS = {False: (90_000, (50_000, 70_000)), True: (110_000, (70_000, 90_000))}
AVA_CLIPS = 184_000
# A new classifier must see that many clips before it knows its classes, but the same clips 50 times at most.
MIN_CLIPS, MAX_EPOCHS = 32_000, 50

# The small network, from random weights: what config_files/tiny was tuned to.
TINY_BATCH, TINY_LR, TINY_WARMUP = 8, 0.003, 50
# From loaded weights: the backbone, and how much faster a new head learns. Chosen on clips of JHMDB-21 that were held
# out of its training split.
LOADED_LR, LOADED_HEAD_FACTOR = 0.0005, 5.0
# Frames with more pixels cost four times as much as those the batch of 8 was tuned to.
TINY_LARGE_FRAME = 192 * 341
EVALUATIONS = 5

# AdamW, for a new head on a frozen backbone, which nobody has published. The rate of finetuning, which spares the
# backbone, would leave it half learned after the few steps of a small dataset.
HEAD_BATCH, HEAD_LR = 8, 0.001


@dataclass(frozen=True)
class Schedule:
    """Numbers of the SOLVER section, and why.

    Attributes:
        batch: clips of an optimizer step, over all GPUs.
        lr: learning rate.
        lr_reason: where it comes from.
        max_iter: optimizer steps.
        steps: where the learning rate drops; empty for the cosine of the small network.
        warmup: iterations of the warm-up.
        period: iterations between two evaluations, and between two checkpoints.
        reason: where the length of the run comes from.
        epochs: passes over the training clips, those with rare classes repeated where the config does that.
        epoch: iterations of one pass.
    """

    batch: int
    lr: float
    lr_reason: str
    max_iter: int
    steps: tuple[int, ...]
    warmup: int
    period: int
    reason: str
    epochs: float
    epoch: int

    @property
    def evaluations(self) -> int:
        """How often the run is evaluated: each period, and at its end."""
        return math.ceil(self.max_iter / self.period)


def plan_schedule(options: FinetuneOptions, stats: DatasetStatistics, pixels: int) -> Schedule:
    """Return the schedule for a dataset.

    Args:
        options: a batch size, learning rate, number of iterations or epochs given there wins.
        stats: figures of the dataset.
        pixels: of one of the network's frames.

    Raises:
        UserError: if the epochs asked for are an absurd number of iterations.
    """
    batch = _batch(options, stats, pixels)
    lr, lr_reason = _learning_rate(options, batch)
    epoch = math.ceil(stats.epoch_clips / batch)
    as_published = stats.published and not options.tiny and options.max_iter is None and options.epochs is None
    max_iter, reason = _length(options, stats, batch, pixels)
    if options.max_iter is not None:
        max_iter, reason = options.max_iter, "as given by --max-iter"
    elif options.epochs is not None:
        max_iter, reason = max(1, round(options.epochs * stats.epoch_clips / batch)), "as given by --epochs"
        if max_iter > MAX_ITERATIONS:
            raise UserError(
                f"--epochs {options.epochs:g}: {counted(stats.epoch_clips, 'clip')} an epoch and "
                f"{counted(batch, 'clip')} a step make that {max_iter} iterations; expected {MAX_ITERATIONS} at most"
            )
    if (training := options.network.training) is not None:
        steps = tuple(step for step in (round(max_iter * share) for share in training.drops) if 0 < step < max_iter)
        warmup, period = min(round(max_iter * training.warmup), max_iter - 1), math.ceil(max_iter / EVALUATIONS)
        epochs = max_iter * batch / stats.epoch_clips
        return Schedule(batch, lr, lr_reason, max_iter, steps, warmup, max(1, period), reason, epochs, epoch)
    recipe_iter, recipe_steps = RECIPE_ITERATIONS[options.use_ia]
    scale = batch / RECIPE_BATCH
    steps = sorted({round(max_iter * step / recipe_iter) for step in recipe_steps})
    if options.tiny:
        steps, warmup = [], min(TINY_WARMUP, max_iter // 6)
    else:
        warmup = min(round(RECIPE_WARMUP / scale), max_iter // 10)
    period = round(RECIPE_PERIOD / scale) if as_published else math.ceil(max_iter / EVALUATIONS)
    if as_published:
        steps, warmup = [round(step / scale) for step in recipe_steps], round(RECIPE_WARMUP / scale)
    return Schedule(
        batch=batch,
        lr=lr,
        lr_reason=lr_reason,
        max_iter=max_iter,
        steps=tuple(step for step in steps if 0 < step < max_iter),
        warmup=warmup,
        period=max(1, period),
        reason=reason,
        epochs=max_iter * batch / stats.epoch_clips,
        epoch=epoch,
    )


def _batch(options: FinetuneOptions, stats: DatasetStatistics, pixels: int) -> int:
    if options.batch_size is not None:
        return options.batch_size
    each = CLIPS_PER_GPU
    if options.tiny:
        each = TINY_BATCH if pixels <= TINY_LARGE_FRAME else TINY_BATCH // 2
    # A batch larger than the dataset would hold clips twice.
    return options.processes * max(1, min(each, stats.keyframes // options.processes))


def _learning_rate(options: FinetuneOptions, batch: int) -> tuple[float, str]:
    """Return the learning rate for a batch, and why."""
    if options.lr is not None:
        return options.lr, "as given by --lr"
    training = options.network.training
    if training is not None and training.optimizer == "adamw" and options.freeze == "all":
        rate = HEAD_LR * rate_ratio("adamw", batch / HEAD_BATCH)
        why = f"{HEAD_LR} for {HEAD_BATCH} clips and a head alone, times the square root of {batch}/{HEAD_BATCH}"
    elif training is not None:
        rate = training.lr * rate_ratio(training.optimizer, batch / training.batch)
        law = "times the square root of" if training.optimizer == "adamw" else "times"
        why = f"{training.source}: {training.lr:g} for {training.batch} clips, {law} {batch}/{training.batch}"
    elif options.tiny:
        usual, start = (TINY_LR, "random") if not weights_of(options) else (LOADED_LR, "loaded")
        if batch == TINY_BATCH:
            return usual, f"for {TINY_BATCH} clips, AdamW and {start} weights"
        rate = usual * rate_ratio("adamw", batch / TINY_BATCH)
        why = f"{usual} for {TINY_BATCH} clips, times the square root of {batch}/{TINY_BATCH}, as AdamW needs"
    elif batch == RECIPE_BATCH:
        return RECIPE_LR, f"the recipe's, for {RECIPE_BATCH} clips"
    else:
        rate = RECIPE_LR * rate_ratio("sgd", batch / RECIPE_BATCH)
        why = f"linear scaling: {RECIPE_LR} for the recipe's {RECIPE_BATCH} clips, times {batch}/{RECIPE_BATCH}"
    return float(f"{rate:.6g}"), why


def _length(options: FinetuneOptions, stats: DatasetStatistics, batch: int, pixels: int) -> tuple[int, str]:
    """Return the iterations that suit the dataset, and why."""
    if options.tiny and options.use_ia:
        return interaction_length(stats, batch)
    if options.tiny:
        return small_length(stats, batch, pixels)
    if (training := options.network.training) is not None:
        return _public_length(training, stats, batch)
    recipe_iter, _ = RECIPE_ITERATIONS[options.use_ia]
    if stats.published:
        iterations = round(recipe_iter * RECIPE_BATCH / batch)
        return iterations, f"the recipe: {recipe_iter} iterations of {RECIPE_BATCH} clips"
    recipe_epochs = recipe_iter * RECIPE_BATCH / AVA_CLIPS
    epochs = max(recipe_epochs, min(MAX_EPOCHS, MIN_CLIPS / stats.epoch_clips))
    reason = (
        f"the recipe's {recipe_epochs:.1f} epochs on AVA, but at least {MIN_CLIPS} clips, which a new classifier "
        f"needs, though at most {MAX_EPOCHS} epochs; in whole iterations"
    )
    return math.ceil(epochs * stats.epoch_clips / batch), reason


def _public_length(training: Training, stats: DatasetStatistics, batch: int) -> tuple[int, str]:
    """Return the published epochs on AVA; on fewer clips more of them, as in :func:`_length`."""
    epochs, reason = training.epochs, f"{training.source}: {training.epochs} epochs"
    if not stats.published:
        epochs = max(epochs, min(MAX_EPOCHS, MIN_CLIPS / stats.epoch_clips))
        reason += f", but at least {MIN_CLIPS} clips, though at most {MAX_EPOCHS} epochs; in whole iterations"
    return math.ceil(epochs * stats.epoch_clips / batch), reason
