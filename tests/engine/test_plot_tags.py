"""Groups of plotted metrics."""

from __future__ import annotations

import pytest

from alphaction.engine.plot_tags import plot_tag


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("loss", "train/loss"),
        ("loss_movement", "train/loss_movement"),
        ("accuracy_movement", "train/accuracy_movement"),
        ("lr", "train/lr"),
        ("skipped_steps", "train/skipped_steps"),
        ("step_time", "speed/step_time"),
        ("data_time", "speed/data_time"),
        ("data_share", "speed/data_share"),
        ("memory_mb", "speed/memory_mb"),
        ("eta_seconds", "speed/eta_seconds"),
        ("toy_val/mAP", "val/mAP"),
        ("toy_val/mAP/person", "val/mAP/person"),
        ("toy_val/loss", "val/loss"),
        ("toy_val/AP/shake hands with (a person)", "val/AP/shake hands with (a person)"),
        ('toy_val/AP/走/"sit" down', 'val/AP/走/"sit" down'),
        ("toy_val/AP/a\nb\udcff", "val/AP/a\\nb\\udcff"),
        ("ema/toy_val/mAP", "val_ema/mAP"),
        ("ema/toy_val/AP/ema/x", "val_ema/AP/ema/x"),
    ],
)
def test_tags_of_a_run_with_one_dataset(name, tag):
    assert plot_tag(name, ["toy_val"]) == tag


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("a/mAP", "val/a/mAP"),
        ("a/b/AP/c", "val/a/b/AP/c"),
        ("ema/a/loss", "val_ema/a/loss"),
        ("loss", "train/loss"),
    ],
)
def test_several_datasets_are_told_apart(name, tag):
    assert plot_tag(name, ["a", "a/b"]) == tag


def test_a_dataset_may_be_called_ema():
    assert plot_tag("ema/mAP", ["ema"]) == "val/mAP"
    assert plot_tag("ema/ema/mAP", ["ema"]) == "val_ema/mAP"
