"""The small network on small data: the length of a clip, how clips vary in training, and how long that takes.

A network that starts from random weights knows 100 to 300 clips by heart after some 20 epochs. What keeps it learning
is that no clip ever comes the same way again: docs/RESULTS.md has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from alphaction.config.config_text import Setting
from alphaction.utils.messages import counted
from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.interaction_schedule import usual_length

# Epochs that a small dataset gets where they take no longer than BUDGET; a large one gets the usual ones.
MOST_EPOCHS = 80
# Where large frames would leave a dataset of at most so many clips fewer epochs than that, frames are smaller: a person
# has so many feature cells instead of 2.5.
SMALL, ENOUGH_EPOCHS, FEWEST_CELLS = 1000, 40, 1.7
# Work of a whole training, in seconds of one core: with two, 15 minutes at most.
BUDGET = 1200.0
# Seconds of one core for a million pixels forward and backward (float32, from 0.30 to 0.34 for frames of 128 x 96 to
# 384 x 288), and how much sooner two cores are done than one.
_SECONDS_PER_MEGAPIXEL, _TWO_CORES = 0.33, 1.6

# How clips vary.
ZOOM, STRETCH, SPEED = (0.6, 1.4), 1.2, 1.4
COLORS = {"HUE_JITTER": 40.0, "SAT_JITTER": 0.15, "VAL_JITTER": 0.2, "GRAY_PROB": 0.2}
# Seconds that a clip may move: where its boxes stay; and at most where they go along, up to half-way to the next.
_SHIFT_SECONDS, _FURTHEST_SHIFT = 0.3, 0.5


@dataclass(frozen=True)
class TinyClip:
    """The frames of the small network's clips: rate in frames per second, counts, and steps as INPUT has them."""

    fps: float
    frames: int
    tau: int
    alpha: int

    @classmethod
    def of(cls, stats: DatasetStatistics) -> TinyClip:
        """Return the clips that suit a dataset's videos."""
        fps = round(min(12.0, stats.fps[1]), 2)
        # Skipping every second frame must leave about 5 of them a second, or motion is lost.
        return cls(fps, 16, 4, 2 if fps / 2 >= 5 else 4)

    def core_seconds(self, pixels: int) -> float:
        """Return what a training clip with frames of so many pixels costs one core, in seconds."""
        shown = self.frames // self.tau * (1 + self.alpha)
        return _SECONDS_PER_MEGAPIXEL * shown * pixels / 1e6


def varies(options: FinetuneOptions) -> bool:
    """Return whether training clips vary as :func:`jitter_settings` says.

    Not those of an IA structure: a partner or an object that decides a label may then be out of view.
    """
    return options.tiny and not options.use_ia


def is_short_of_epochs(options: FinetuneOptions, stats: DatasetStatistics, pixels: int) -> bool:
    """Return whether frames of so many pixels leave a small dataset too few epochs for clips that vary."""
    small = varies(options) and stats.epoch_clips <= SMALL
    return small and _affordable(stats, pixels) < ENOUGH_EPOCHS * stats.epoch_clips


def small_length(stats: DatasetStatistics, batch: int, pixels: int) -> tuple[int, str]:
    """Return the iterations that suit a dataset whose clips vary, and why.

    Args:
        stats: figures of the dataset.
        batch: clips of an iteration.
        pixels: of a frame.
    """
    least, why = usual_length(stats.epoch_clips, batch)
    wanted = math.ceil(MOST_EPOCHS * stats.epoch_clips / batch)
    iterations = max(least, min(wanted, int(_affordable(stats, pixels) / batch)))
    if iterations == wanted > least:
        why = f"{MOST_EPOCHS} epochs, as clips vary"
    elif iterations > least:
        why = f"as many epochs as {BUDGET / 60:.0f} minutes of one core allow, as clips vary"
    seconds = iterations * batch * TinyClip.of(stats).core_seconds(pixels)
    return iterations, f"{why}; about {expected_minutes(seconds)} on 2 cores"


def _affordable(stats: DatasetStatistics, pixels: int) -> float:
    """Return how many clips with frames of so many pixels BUDGET is enough for."""
    return BUDGET / TinyClip.of(stats).core_seconds(pixels)


def expected_minutes(core_seconds: float) -> str:
    """Return in words how long two cores need for what takes one ``core_seconds``."""
    return counted(max(1, round(core_seconds / _TWO_CORES / 60)), "minute")


def time_shift(stats: DatasetStatistics, clip: TinyClip) -> tuple[float, str]:
    """Return how far clips may move in time, in timeline frames, and why."""
    seconds, why = _SHIFT_SECONDS, "where labels still hold"
    if stats.track_step > 2 * seconds:
        seconds, why = min(stats.track_step / 2, _FURTHEST_SHIFT), "boxes go along, as persons have ids"
    # Also the slowest clip, which covers least time, has its keyframe in it.
    shift = min(round(seconds * clip.fps, 2), math.floor(clip.frames // 2 / SPEED * 100) / 100)
    return shift, f"up to {shift / clip.fps:.2g} s earlier or later: {why}"


def jitter_settings(options: FinetuneOptions, stats: DatasetStatistics, clip: TinyClip) -> Iterator[Setting]:
    """Yield how training clips vary, each with its reason."""
    if not varies(options):
        return
    yield Setting(
        "INPUT.ZOOM_JITTER",
        list(ZOOM),
        "training clips are shown smaller and larger, at a random place: few clips teach their places by heart",
    )
    yield Setting("INPUT.STRETCH_JITTER", STRETCH, "and up to a fifth wider or higher")
    yield Setting("INPUT.TIME_JITTER", *time_shift(stats, clip))
    yield Setting("INPUT.SPEED_JITTER", SPEED, "slower and faster, as other people move")
    yield Setting(
        "INPUT.COLOR_JITTER", True, "in other light and other clothes; without, clips are known by their colors"
    )
    for key, value in COLORS.items():
        yield Setting(f"INPUT.{key}", value)
