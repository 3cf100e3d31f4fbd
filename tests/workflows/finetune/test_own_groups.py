"""Configs for label maps with groups of their own."""

from __future__ import annotations

from alphaction.modeling.roi_head import ActionLoss
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.generate import collect_statistics, generate_config
from alphaction.workflows.finetune.own_groups import groups_in_words

CLASSES = [
    ("walk", "PERSON_MOVEMENT"),
    ("sit", '"body / 姿势"\n  exclusive: true'),
    ("lie", '"body / 姿势"'),
    ("up", "gaze\n  exclusive: true"),
    ("down", "gaze"),
    ("hum", "sound"),
    ("clap", "sound"),
    ("sing", "sound"),
]
ROWS = [(1, "0.1,0.1,0.5,0.9", (1, 2, 4, 6, 7)), (2, "0.1,0.1,0.5,0.9", (3, 5, 4))]


def test_groups_that_are_exclusive_in_the_labels_are_softmaxes(make_dataset):
    data = make_dataset(CLASSES, train=ROWS)
    options = FinetuneOptions("own", data_dir=str(data), backbone="tiny")
    assert groups_in_words(collect_statistics(options)).endswith(
        "1 movement, 0 object, 0 person, 2 body / 姿势, 2 gaze, 3 sound"
    )
    made = generate_config(options)
    text = " ".join(made.text.replace("#", "").split())
    head = made.cfg.MODEL.ROI_ACTION_HEAD
    assert list(head.GROUPS) == ["body / 姿势", "gaze", "sound"]
    assert (list(head.GROUP_SIZES), list(head.EXCLUSIVE_GROUPS)) == ([2, 2, 3], ["body / 姿势"])
    assert list(head.GROUP_LOSS_WEIGHTS) == [1.2, 4.0, 6.0]
    assert "gaze: independent, 1 box has several classes: no softmax learns that" in text
    assert "body / 姿势: softmax, no box carries two classes" in text
    assert ActionLoss.from_config(made.cfg).num_classes == 8


def test_public_networks_have_sigmoids_only(make_dataset):
    data = make_dataset(CLASSES, train=ROWS)
    made = generate_config(FinetuneOptions("own", data_dir=str(data), backbone="slowfast_r50_8x8"))
    head = made.cfg.MODEL.ROI_ACTION_HEAD
    assert (list(head.GROUPS), list(head.EXCLUSIVE_GROUPS)) == (["body / 姿势", "gaze", "sound"], [])
    assert sum([head.POSE_LOSS_WEIGHT, *head.GROUP_LOSS_WEIGHTS]) == 1.0
