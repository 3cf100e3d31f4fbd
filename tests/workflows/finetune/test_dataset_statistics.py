"""Figures that are read from a dataset."""

from __future__ import annotations

import pytest

from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.frame_size import SeenVideo
from alphaction.workflows.finetune.generate import collect_statistics

CLASSES = [("walk", "PERSON_MOVEMENT"), ("run", "PERSON_MOVEMENT")]


def test_figures_of_a_dataset(make_dataset):
    rows = [
        (0, "0.0,0.0,0.5,0.5", (1,)),
        (1, "0.0,0.0,0.5,0.5", (1, 2)),
        (1, "0.5,0.0,1.0,0.25", (2,)),
        (2, "0.0,0.0,0.5,1.0", (1,)),
    ]
    data = make_dataset(CLASSES, train=rows, detections=[(2, "0.1,0.1,0.5,0.9", 0.62)])
    stats = collect_statistics(FinetuneOptions("own", data_dir=str(data)))
    assert (stats.train, stats.val) == ("own_train", "own_val")
    assert (stats.videos, stats.keyframes, stats.boxes, stats.several["movement"]) == (1, 3, 4, 1)
    assert not stats.exclusive_movement
    assert stats.persons == (2, 2)
    assert stats.seen == (SeenVideo((64, 48), (0.5, 0.5, 0.25, 1.0)),)
    assert stats.fps == (10.0, 10.0, 10.0)
    assert (stats.memory_step, stats.memory_slots) == (1, 2)
    assert not stats.has_objects
    assert stats.detections.threshold == 0.6
    assert stats.example_video.name == "one.mp4"


def test_a_movement_pair_in_the_validation_split_counts_too(make_dataset):
    data = make_dataset(CLASSES, val=[(2, "0.1,0.1,0.5,0.9", (1, 2))])
    assert collect_statistics(FinetuneOptions("own", data_dir=str(data))).several["movement"] == 1


def test_irregular_keyframes_leave_nothing_to_remember(make_dataset):
    data = make_dataset(CLASSES, train=[(second, "0.1,0.1,0.5,0.9", (1,)) for second in (0, 1, 3, 7)])
    assert collect_statistics(FinetuneOptions("own", data_dir=str(data))).memory_step == 0


def test_object_boxes_of_the_toy_dataset(toy_data):
    stats = collect_statistics(FinetuneOptions("toy_train", data_dir=str(toy_data)))
    assert stats.has_objects
    assert stats.label_map.group_sizes == (6, 3, 4)


def test_splits_with_other_classes(make_dataset, toy_data):
    data = make_dataset(CLASSES)
    options = FinetuneOptions(
        "own", val_dataset="toy_val", data_dir=str(data), catalog=(str(toy_data / "toy" / "dataset.yaml"),)
    )
    with pytest.raises(UserError, match="One model has one list of classes"):
        collect_statistics(options)


@pytest.mark.parametrize(
    ("seconds", "step"),
    [
        ((0, 0.5, 1, 1.5, 2, 2.5), 1),  # a slot is a whole second, at which there are keyframes, too
        ((0, 1, 1.4, 2, 3, 3.7, 4), 1),
        ((0.2, 2.2, 4.2, 6.3), 2),
        ((0, 0.1, 0.2, 7), 0),
    ],
)
def test_memory_of_keyframes_between_seconds(make_dataset, seconds, step):
    data = make_dataset(CLASSES, train=[(second, "0.1,0.1,0.5,0.9", (1,)) for second in seconds])
    assert collect_statistics(FinetuneOptions("own", data_dir=str(data))).memory_step == step
