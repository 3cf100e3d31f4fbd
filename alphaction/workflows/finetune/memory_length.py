"""How far the memory of a config reaches: over the whole video where that is affordable, or as far as is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics

# Slots before and after, as published. A slot costs the same on every network: features to read and to reduce.
MOST_SLOTS = 30


@dataclass(frozen=True)
class MemoryLength:
    """MODEL.IA_STRUCTURE.LENGTH.

    Attributes:
        slots: before the current second, and as many after it; a slot is as long as keyframes are apart.
        reason: what they cover, and why, for a comment.
    """

    slots: int
    reason: str


def choose_memory_length(stats: DatasetStatistics, seconds: int | None = None) -> MemoryLength:
    """Return how far the memory reaches.

    From every keyframe of a video to every other one: what decides a label may be anywhere, and attention finds it.
    There are at most 30 slots each way, which is what the published models have.

    Args:
        stats: figures of a dataset whose keyframes are at regular distances.
        seconds: asked for, each way; None: as many as suit the dataset.

    Raises:
        UserError: if fewer seconds are asked for than keyframes are apart.
    """
    step, most = stats.memory_step, stats.memory_slots
    if seconds is None:
        slots = min(MOST_SLOTS, most)
        why = "" if slots == most else f"; {MOST_SLOTS} slots as published"
    elif seconds < step:
        raise UserError(
            f"--memory-seconds {seconds}: the keyframes of {stats.train} are mostly {step} s apart, so that so short a "
            f"memory would hold none. Give {step} or more."
        )
    else:
        slots, why = min(seconds // step, most), "; as given by --memory-seconds"
        if seconds // step > most:
            why += f" {seconds}, which no annotated video is long enough for"
        elif seconds % step:
            why += f" {seconds}, in steps of {step} s"
    return MemoryLength(slots, f"{slots * step} s before and after: {_covered(stats, slots * step)}{why}")


def _covered(stats: DatasetStatistics, reach: int) -> str:
    """Return how much of the training videos a memory sees that reaches so many seconds each way."""
    whole = sum(span <= reach for span in stats.memory_spans)
    if whole == len(stats.memory_spans):
        return "the whole video from each of its keyframes"
    longest = f"the longest has keyframes over {max(stats.memory_spans)} s"
    if whole == 0:
        return f"a part of every video; {longest}"
    return f"the whole video from each of its keyframes in {whole / len(stats.memory_spans):.0%} of them; {longest}"
