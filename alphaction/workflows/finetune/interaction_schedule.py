"""How long the small network trains: usually, and with an IA structure."""

from __future__ import annotations

import math

from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics

EPOCHS, LEAST_EPOCHS, LEAST_ITERATIONS = 9, 3, 300
# What docs/ablation.md asks for is learned within 16,000 clips: a large dataset is seen less often than a small one.
ENOUGH_CLIPS = 20_000


def usual_length(clips: int, batch: int) -> tuple[int, str]:
    """Return the iterations of the small network where nothing speaks for fewer or more, and why.

    Args:
        clips: of an epoch.
        batch: clips of an iteration.
    """
    why = f"{EPOCHS} epochs, enough for random weights, but at least {LEAST_ITERATIONS} iterations"
    return max(LEAST_ITERATIONS, math.ceil(EPOCHS * clips / batch)), why


def interaction_length(stats: DatasetStatistics, batch: int) -> tuple[int, str]:
    """Return the iterations that suit a dataset, and why.

    Args:
        stats: figures of the dataset.
        batch: clips of an iteration.
    """
    clips = stats.epoch_clips
    wanted = min(EPOCHS * clips, max(LEAST_EPOCHS * clips, ENOUGH_CLIPS))
    if wanted == EPOCHS * clips:
        return usual_length(clips, batch)
    if wanted == ENOUGH_CLIPS:
        why = f"{ENOUGH_CLIPS} clips, enough for random weights in less than {EPOCHS} epochs"
    else:
        why = f"{LEAST_EPOCHS} epochs, which are more than the {ENOUGH_CLIPS} clips that random weights need"
    return max(LEAST_ITERATIONS, math.ceil(wanted / batch)), why
