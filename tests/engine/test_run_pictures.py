"""Sheets of training clips and of validation keyframes, and the numbers of labels."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from engine.toy_trainer import make_batch
from messages import says

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import ActionClass, LabelMap
from alphaction.data.dataset import ActionDataset
from alphaction.data.device_colors import shift_colors
from alphaction.data.keyframes import Keyframe
from alphaction.engine import keyframe_sheet
from alphaction.engine.clip_sheet import SeenClip, clip_sheet, seen_clips
from alphaction.engine.keyframe_sheet import KeyframeSheet, telling_keyframes
from alphaction.engine.label_counts import label_counts_picture, label_counts_table
from alphaction.engine.plots import Plots
from alphaction.engine.run_pictures import RunPictures
from alphaction.evaluation import Predictions
from alphaction.utils.logging import LOGGER_NAME

ODD = 'talk to/"hear" ' + "someone who stands very far away " * 4
LABEL_MAP = LabelMap(
    (ActionClass(1, "stand", "movement"), ActionClass(2, "坐", "movement"), ActionClass(5, ODD, "person"))
)


@pytest.fixture(scope="module")
def val_set(toy_folder, repo_root) -> ActionDataset:
    """The toy validation set."""
    cfg = load_cfg(str(repo_root / "config_files/tiny/toy.yaml"), ["DATASETS.DATA_DIR", str(toy_folder)])
    return ActionDataset.from_config(cfg, find_dataset(cfg, "toy_val"), training=False)


def predictions_of(dataset: ActionDataset, score: float = 0.6) -> Predictions:
    """Return the annotated boxes with one score for all classes, and nothing at the first keyframe."""
    boxes = [dataset.annotated_persons(index)[0] for index in range(1, len(dataset))]
    scores = np.full((sum(map(len, boxes)), dataset.label_map.num_classes), score)
    index = np.repeat(np.arange(1, len(dataset)), [len(of_keyframe) for of_keyframe in boxes])
    return Predictions(dataset.keyframes, index, np.concatenate(boxes), scores, np.array(dataset.label_map.ids))


def recorded(monkeypatch) -> list[tuple]:
    """Return what is drawn from now on: boxes, lines, and the other arguments."""
    drawn = []

    def draw(frame, boxes, lines, **more):
        drawn.append((boxes, lines, more))
        return frame

    monkeypatch.setattr(keyframe_sheet, "draw_detections", draw)
    return drawn


def clips_batch(frames: torch.Tensor, **more):
    """Return a batch of one clip [3, T, H, W] with a person and an object, padded by 10 pixels."""
    padded = torch.nn.functional.pad(frames, (0, 10, 0, 10))[None]
    height, width = frames.shape[2:]
    return replace(
        make_batch(0, [1.0]),
        fast=padded,
        sizes=torch.tensor([[width, height]]),
        boxes=torch.tensor([[2.0, 4.0, 11.0, 23.0]]),
        labels=torch.tensor([[1.0, 0.0, 1.0]]),
        object_boxes=torch.tensor([[0.0, 0.0, 1.0, 1.0]]),
        object_clip_index=torch.tensor([0]),
        **more,
    )


def test_a_clip_is_shown_as_the_network_gets_it():
    frames = torch.randint(0, 256, (3, 8, 32, 40), dtype=torch.uint8)
    [clip] = seen_clips(clips_batch(frames), limit=4)
    assert clip.frames.shape == (3, 32, 40, 3)  # without the padding
    for shown, frame in zip(clip.frames, (0, 4, 7), strict=True):
        assert np.array_equal(shown, frames[:, frame].permute(1, 2, 0).numpy())
    assert clip.titles[1] == "frame 5 of 8, fast pathway"
    assert clip.boxes.tolist() == [[2 / 40, 4 / 32, 12 / 40, 24 / 32]]
    assert clip.labels.tolist() == [[True, False, True]]
    assert clip.object_boxes.tolist() == [[0, 0, 2 / 40, 2 / 32]]


def test_colors_that_the_device_shifts_are_shown_shifted():
    frames = torch.randint(0, 256, (3, 2, 8, 8), dtype=torch.uint8)
    shifts = torch.tensor([[40, -30, 20]], dtype=torch.int16)
    batch = clips_batch(frames, color_shifts=shifts)
    before = batch.fast.clone()
    [clip] = seen_clips(batch, limit=1)
    expected = shift_colors(frames[None], shifts)[0].permute(1, 2, 3, 0).numpy()
    assert np.array_equal(clip.frames[0], expected[0])
    assert np.array_equal(clip.frames[2], expected[1])
    assert torch.equal(batch.fast, before)


@pytest.mark.parametrize("size", [(64, 64), (1920, 1080), (90, 160), (3, 200)])
@pytest.mark.parametrize("persons", [0, 1, 30])
def test_any_clip_can_be_drawn(size, persons):
    rng = np.random.default_rng(persons)
    corners = rng.random((persons, 2)) / 2
    clip = SeenClip(
        index=0,
        frames=np.zeros((3, size[1], size[0], 3), dtype=np.uint8),
        titles=("a", "b", "c"),
        boxes=np.concatenate([corners, corners + 0.4], axis=1),
        object_boxes=np.zeros((0, 4)),
        labels=rng.random((persons, 3)) > 0.3,
    )
    dataset = SimpleNamespace(label_map=LABEL_MAP, keyframes=[Keyframe("a video " * 30, 3)])
    sheet = clip_sheet([clip, clip], dataset)
    assert sheet.shape[1] <= 1204
    assert sheet.dtype == np.uint8


def test_the_keyframes_are_always_the_same_and_show_all_classes_and_several_videos(val_set):
    chosen = telling_keyframes(val_set, 6)
    assert chosen == telling_keyframes(val_set, 6)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == 6
    assert len({val_set.keyframes[position].video for position in chosen}) == min(6, len(val_set.keyframes.videos))
    assert torch.stack([val_set.annotated_persons(p)[1].amax(0) for p in chosen]).amax(0).sum() >= 10
    assert len(telling_keyframes(val_set, 10**6)) == len(val_set)


def test_predictions_stand_beside_the_truth(val_set, monkeypatch):
    drawn = recorded(monkeypatch)
    sheet = KeyframeSheet([val_set])
    image = sheet.draw([predictions_of(val_set)])
    assert image.shape[1] <= 1204
    assert len(drawn) == 12
    for (predicted, lines, more), (annotated, names, of_truth) in zip(drawn[::2], drawn[1::2], strict=True):
        if len(predicted):  # nothing is predicted at the first keyframe
            assert np.array_equal(predicted, annotated)
            assert more["color"] == of_truth["color"]
        assert all(line.endswith("60%") for of_box in lines for line in of_box)
        assert {name for of_box in names for name in of_box} <= set(val_set.label_map.names)


def test_a_box_whose_classes_are_all_doubtful_shows_the_best_one(val_set, monkeypatch):
    drawn = recorded(monkeypatch)
    KeyframeSheet([val_set]).draw([predictions_of(val_set, 0.05)])
    assert {len(of_box) for _, lines, _ in drawn[::2] for of_box in lines} == {1}


def test_a_box_that_overlaps_nobody_is_gray():
    colors = keyframe_sheet._matching_colors(
        np.array([[0, 0, 0.1, 0.1], [0.5, 0.5, 1, 1]]), np.array([[0.5, 0.5, 1, 0.9]])
    )
    assert colors == [keyframe_sheet._UNMATCHED, keyframe_sheet.PALETTE[0]]


def test_sheets_are_written_and_shown(val_set, tmp_path):
    shown = []
    plots = Plots([SimpleNamespace(picture=lambda *what: shown.append(what), text=lambda *what: shown.append(what))])
    pictures = RunPictures(tmp_path, plots, lambda: 150)
    pictures.show_keyframes([(val_set, predictions_of(val_set))])
    image = cv2.imread(str(tmp_path / "validation_0000150.png"))
    assert (shown[0][:2], shown[0][2].width) == ((150, "validation"), image.shape[1])
    pictures.show_labels([val_set], [val_set])
    assert [what[:2] for what in shown[1:]] == [(0, "data/labels"), (0, "data/label_counts")]


def test_what_cannot_be_drawn_is_a_warning(val_set, tmp_path, caplog):
    caplog.set_level(logging.WARNING, LOGGER_NAME)
    pictures = RunPictures(tmp_path, Plots(), lambda: 2)
    broken = replace(predictions_of(val_set), class_ids=np.arange(val_set.label_map.num_classes) + 900)
    pictures.show_keyframes([(val_set, broken)])
    assert [message.partition(":")[0] for message in caplog.messages] == [
        "the sheet of validation keyframes is not drawn"
    ]


def test_a_sheet_that_cannot_be_written_is_told_and_shown_all_the_same(val_set, tmp_path, capsys):
    (tmp_path / "file").touch()
    shown = []
    plots = Plots([SimpleNamespace(picture=lambda *what: shown.append(what))])
    RunPictures(tmp_path / "file", plots, lambda: 2).show_keyframes([(val_set, predictions_of(val_set))])
    says(capsys.readouterr().err, "validation_0000002.png: cannot be written", "The run goes on")
    assert len(shown) == 1


@pytest.mark.parametrize("start", [0, 7])
def test_a_run_that_goes_on_keeps_the_sheet_of_its_start(tmp_path, start):
    loader = [clips_batch(torch.zeros(3, 8, 32, 40, dtype=torch.uint8))] * 6
    dataset = SimpleNamespace(label_map=LABEL_MAP, keyframes=[Keyframe("a", 3)])
    pictures = RunPictures(tmp_path, Plots(), lambda: start)
    watched = pictures.watching(loader, dataset)
    assert [id(batch) for batch in watched] == [id(batch) for batch in loader]
    assert (tmp_path / "train_clips.png").stat().st_size > 1000
    (tmp_path / "train_clips.png").write_bytes(b"kept")
    list(pictures.watching(loader, dataset))
    assert ((tmp_path / "train_clips.png").read_bytes() == b"kept") == (start > 0)


def test_numbers_of_labels(val_set):
    table = label_counts_table([val_set], [val_set, val_set]).splitlines()
    assert table[:2] == ["| class | group | training labels | validation labels |", "|---|---|---:|---:|"]
    counts = [tuple(map(int, line.split(" | ")[2:4])) for line in (line.strip("| ") for line in table[2:])]
    assert sum(train for train, _ in counts) == len(val_set.annotations.label_ids)
    assert all(validation == 2 * train for train, validation in counts)
    assert counts == sorted(counts, reverse=True)
    picture = label_counts_picture([val_set], [])
    assert picture.shape[1] == 1000


def test_a_name_cannot_break_the_table_of_labels():
    odd = SimpleNamespace(label_map=LabelMap((ActionClass(1, "a|b\nc", "movement"),)))
    odd.annotations = SimpleNamespace(label_ids=np.array([1, 1]))
    assert label_counts_table([odd], []).splitlines()[2:] == ["| a\\|b c | movement | 2 | 0 |"]


@pytest.mark.parametrize(("exclusive", "most"), [(("movement",), 1), ((), 3)])
def test_of_an_exclusive_group_only_the_best_class_is_written(val_set, monkeypatch, exclusive, most):
    drawn = recorded(monkeypatch)
    KeyframeSheet([val_set], exclusive).draw([predictions_of(val_set)])
    movements = {entry.name for entry in val_set.label_map if entry.group == "movement"}
    shown = [[line.rpartition(" ")[0] for line in of_box] for _, lines, _ in drawn[::2] for of_box in lines]
    assert max(sum(name in movements for name in of_box) for of_box in shown) == most
