"""The first clips of a training as the network sees them: resized, mirrored, with their colors and boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alphaction.data.dataset import ActionDataset
from alphaction.data.device_colors import shift_colors
from alphaction.data.joined_dataset import JoinedDataset
from alphaction.data.sample import ClipBatch
from alphaction.engine.pictures import annotated_persons
from alphaction.utils.drawing import box_colors, contact_sheet, draw_detections, fit_into, fitted_label, fitted_text
from alphaction.utils.lettering import legible_name

_CELL = (396, 320)  # largest width and height of a frame; three of them are 1200 pixels wide
_LABELED = 1  # of the frames that are shown, the one in the middle
_OBJECTS = (150, 150, 150)


@dataclass(frozen=True)
class SeenClip:
    """A clip of a batch, with what is shown of it.

    Attributes:
        index: position in the dataset.
        frames: uint8 RGB [3, H, W, 3]: first, middle and last of the fast pathway (of the slow one without it), without
            the padding; None if the batch has feature maps in their place.
        titles: of the frames.
        boxes, object_boxes: float [n, 4], [m, 4], as fractions of the frame.
        labels: bool [n, C].
    """

    index: int
    frames: np.ndarray | None
    titles: tuple[str, ...]
    boxes: np.ndarray
    object_boxes: np.ndarray
    labels: np.ndarray


def seen_clips(batch: ClipBatch, limit: int) -> list[SeenClip]:
    """Return the first ``limit`` clips of a training batch that is not on the device yet; no tensor is changed."""
    clips = []
    for position in range(min(limit, len(batch))):
        width, height = batch.sizes[position].tolist()
        frames, titles = _frames(batch, position, width, height)
        mine = batch.clip_index == position
        clips.append(
            SeenClip(
                index=int(batch.indices[position]),
                frames=frames,
                titles=titles,
                boxes=_fractions(batch.boxes[mine], width, height),
                object_boxes=_fractions(batch.object_boxes[batch.object_clip_index == position], width, height),
                labels=batch.labels[mine].numpy() > 0.5,
            )
        )
    return clips


def clip_sheet(clips: Sequence[SeenClip], dataset: ActionDataset | JoinedDataset) -> np.ndarray:
    """Return a picture with a row for each clip: its first, middle and last frame.

    The boxes, which the network pools from all frames, are drawn on each, and their labels on the middle one. A clip
    without frames, for which a feature map was kept, is shown as it is annotated.
    """
    pictures, titles = [], []
    for clip in clips:
        if clip.frames is None:
            pictures.append(_annotated(clip, dataset))
            titles.append(f"{_name(clip, dataset)}: as annotated; its feature map is kept")
            continue
        names = _names(clip.labels, dataset)
        for number, frame in enumerate(clip.frames):
            labels = names if number == _LABELED else [[] for _ in names]
            pictures.append(_drawn(frame, clip.boxes, labels, clip.object_boxes))
        titles += [_name(clip, dataset), *clip.titles[1:]]
    columns = 3 if len(pictures) > len(clips) else 2
    return contact_sheet(pictures, columns=columns, titles=[fitted_text(title, _CELL[0]) for title in titles])


def _frames(batch: ClipBatch, position: int, width: int, height: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
    clip = batch.slow if batch.fast is None else batch.fast
    if clip is None:
        return None, ()
    total = clip.shape[2]
    shown = [0, total // 2, total - 1]
    frames = clip[position : position + 1, :, shown, :height, :width]
    if batch.color_shifts is not None:  # What the device is going to do, done here for three frames.
        frames = shift_colors(frames, batch.color_shifts[position : position + 1])
    pathway = "slow" if batch.fast is None else "fast"
    titles = tuple(f"frame {number + 1} of {total}, {pathway} pathway" for number in shown)
    return frames[0].permute(1, 2, 3, 0).to(torch.uint8).numpy().copy(), titles


def _fractions(boxes: Tensor, width: int, height: int) -> np.ndarray:
    """Return boxes in pixels, whose last pixel belongs to them, as fractions of the frame."""
    sides = boxes.double() + boxes.new_tensor([0.0, 0.0, 1.0, 1.0])
    return (sides / boxes.new_tensor([width, height, width, height])).numpy()


def _drawn(frame: np.ndarray, boxes: np.ndarray, labels: list[list[str]], objects: np.ndarray) -> np.ndarray:
    image = fit_into(frame, *_CELL)
    if len(objects):
        image = draw_detections(image, objects, [[]] * len(objects), color=_OBJECTS, min_side=0, thickness=1)
    labels = [[fitted_label(name, image) for name in names] for names in labels]
    return draw_detections(image, boxes, labels, color=box_colors(None, len(boxes)), min_side=0)


def _names(labels: np.ndarray, dataset: ActionDataset | JoinedDataset) -> list[list[str]]:
    classes = list(dataset.label_map)
    return [[legible_name(classes[c].name, classes[c].id) for c in np.flatnonzero(row)] for row in labels]


def _name(clip: SeenClip, dataset: ActionDataset | JoinedDataset) -> str:
    keyframe = dataset.keyframes[clip.index]
    return f"{keyframe.video}, second {keyframe.second}"


def _annotated(clip: SeenClip, dataset: ActionDataset | JoinedDataset) -> np.ndarray:
    one, index = dataset.locate(clip.index) if isinstance(dataset, JoinedDataset) else (dataset, clip.index)
    keyframe = one.keyframes[index]
    frame = one.source.read(keyframe.video, keyframe.second, [0], one.fps)[0]
    boxes, labels = annotated_persons(one.tables, keyframe)
    return _drawn(frame, boxes, labels, np.zeros((0, 4)))
