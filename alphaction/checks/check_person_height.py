"""Whether persons are high enough in the frames that a network gets, and how high they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from alphaction.checks.check_settings import CheckSettings
from alphaction.checks.findings import Finding
from alphaction.data.tables import DatasetTables
from alphaction.data.transforms import Size

FEWEST_CELLS = 1.5
"""Feature cells below which a median person is too small. Of a person 22 pixels (1.4 cells) high in a rendered world
the small network could not tell whether she waves (AP 0.54, chance 0.50); at 29 pixels (1.8 cells) it could."""


@dataclass(frozen=True)
class PersonHeight:
    """How high the annotated persons of a split are in resized frames.

    Attributes:
        pixels: the median.
        cell: pixels of a cell of the feature map.
        frame: the most common (width, height) of resized frames.
        shrunk: share of the videos whose shorter side is less than INPUT.MIN_SIZE says, because of INPUT.MAX_SIZE.
    """

    pixels: float
    cell: int
    frame: Size
    shrunk: float

    @property
    def cells(self) -> float:
        """The median in cells of the feature map."""
        return self.pixels / self.cell

    def __str__(self) -> str:
        return f"{self.pixels:.0f} pixels, {self.cells:.1f} feature cells of {self.cell}"


def resized_sides(split: DatasetTables, settings: CheckSettings, frame_sizes: Mapping[str, Size]) -> np.ndarray:
    """Return width and height of each annotated box in resized frames, float [R, 2]; NaN where a size is not known.

    Args:
        split: the split.
        settings: sizes to which frames are resized.
        frame_sizes: video -> (width, height).
    """
    keyframes, annotations = split.annotations.keyframes, split.annotations
    resize = settings.resize_rule(split.training)
    names = map(str, keyframes.videos)
    scaled = np.array([resize(frame_sizes[name]) if name in frame_sizes else (np.nan, np.nan) for name in names])
    video = keyframes.video_index[annotations.keyframe_of_box()]
    return (annotations.boxes[:, 2:] - annotations.boxes[:, :2]) * scaled.reshape(-1, 2)[video]


def person_height(
    split: DatasetTables, settings: CheckSettings, frame_sizes: Mapping[str, Size]
) -> PersonHeight | None:
    """Return how high the persons of a split are in the network's frames; None without a box in a known video."""
    heights = resized_sides(split, settings, frame_sizes)[:, 1]
    heights = heights[np.isfinite(heights)]
    if not len(heights):
        return None
    rule = settings.resize_rule(split.training)
    frames = [rule(frame_sizes[name]) for name in map(str, split.annotations.keyframes.videos) if name in frame_sizes]
    shrunk = float(np.mean([min(frame) < rule.min_size for frame in frames]))
    return PersonHeight(float(np.median(heights)), settings.cell, max(set(frames), key=frames.count), shrunk)


def check_person_height(
    split: DatasetTables, settings: CheckSettings, frame_sizes: Mapping[str, Size]
) -> Iterator[Finding]:
    """Yield a warning if the median person is too small for the chosen config to see what that person does."""
    found = person_height(split, settings, frame_sizes)
    if found is None or not settings.chosen or found.cells >= FEWEST_CELLS:
        return
    ending = "TRAIN" if split.training else "TEST"
    rule = settings.resize_rule(split.training)
    width, height = found.frame
    cause = f"INPUT.MIN_SIZE_{ending} {rule.min_size}"
    if found.shrunk > 0:
        cause = f"INPUT.MAX_SIZE_{ending} {rule.max_size} keeps the shorter side below MIN_SIZE, {rule.min_size}"
    yield Finding(
        "warning",
        "small persons",
        f"{split.annotations.source}: in frames of {width}x{height} pixels the median person is {found} high; below "
        f"{FEWEST_CELLS} cells little is seen of what persons do. {cause}: raise it, or let "
        "tools/generate_finetune_config.py choose both.",
        split.name,
    )
