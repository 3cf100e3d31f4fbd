"""Contact sheets of a dataset."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import cv2
import numpy as np
import pytest

from alphaction.config import load_cfg
from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap
from alphaction.data.label_statistics import labels_per_keyframe
from alphaction.utils.drawing import PALETTE
from alphaction.utils.errors import UserError
from alphaction.workflows.inspect.sheets import (
    OBJECT_COLOR,
    PERSON_COLOR,
    RECORD,
    ShownDataset,
    choose_keyframes,
    draw_keyframe,
    draw_samples,
)

CLASSES = LabelMap(tuple(ActionClass(i, name, "movement") for i, name in enumerate("abcd", start=1)))


@pytest.fixture(scope="module")
def shown(small_toy_folder, repo_root):
    """The training split."""
    cfg = load_cfg(repo_root / "config_files" / "tiny" / "toy.yaml", ["DATASETS.DATA_DIR", str(small_toy_folder)])
    return ShownDataset.from_config(cfg, "toy_train")


def test_the_strip_is_the_clip(small_toy_folder, repo_root):
    def slots(offset):
        overrides = ["DATASETS.DATA_DIR", str(small_toy_folder), "INPUT.CLIP_OFFSET", offset]
        cfg = load_cfg(repo_root / "config_files" / "tiny" / "toy.yaml", overrides)
        return ShownDataset.from_config(cfg, "toy_train").slots

    assert (slots(2)[0], slots(2)[-1]) == (slots(0)[0] + 2, slots(0)[-1] + 2)
    assert 0 in slots(2)


def table(labels: dict[tuple[str, int], list[int]]) -> AnnotationTable:
    rows = [(video, second, class_id) for (video, second), ids in labels.items() for class_id in ids or [-1]]
    videos, seconds, class_ids = zip(*rows, strict=True)
    return AnnotationTable.from_columns(videos, seconds, np.tile([0.1, 0.1, 0.5, 0.5], (len(rows), 1)), class_ids)


def test_chosen_keyframes_show_every_class_then_every_video():
    crowd = {("v", second): [1] for second in range(50)}
    annotations = table({**crowd, ("v", 60): [2, 3], ("w", 5): [1], ("w", 9): []})
    keyframes = annotations.keyframes
    chosen = [keyframes[i] for i in choose_keyframes(annotations, CLASSES, 2)]
    assert ("v", 60) in chosen
    assert ("w", 5) in chosen
    present = labels_per_keyframe(annotations, CLASSES)
    assert present.sum(axis=0).tolist() == [51, 1, 1, 0]
    assert len(choose_keyframes(annotations, CLASSES, 100)) == len(keyframes)
    assert choose_keyframes(annotations, CLASSES, 20, seed=1) == choose_keyframes(annotations, CLASSES, 20, seed=1)
    assert choose_keyframes(annotations, CLASSES, 20, seed=1) != choose_keyframes(annotations, CLASSES, 20, seed=2)


def test_a_sheet_shows_boxes_in_their_colors_at_their_place(shown):
    position = next(
        k
        for k in range(len(shown.tables.annotations.keyframes))
        if len(shown.tables.object_boxes.lookup(*shown.tables.annotations.keyframes[k])[0])
    )
    sheet = draw_keyframe(shown, position)
    # Two panels of 160x120 enlarged four times, with gaps of 6 pixels.
    assert sheet.shape[1] == 2 * 640 + 3 * 6
    truth, detections = sheet[:560, :650], sheet[40:560, 650:]

    def has(picture: np.ndarray, color: tuple[int, int, int]) -> bool:
        return bool(np.all(picture == color, axis=-1).any())

    assert has(truth, PALETTE[0])
    assert not has(truth, OBJECT_COLOR)
    assert has(detections, PERSON_COLOR)
    assert has(detections, OBJECT_COLOR)
    row = shown.tables.annotations.rows(position).start
    left = np.argwhere(np.all(truth == PALETTE[0], axis=-1))[:, 1].min()
    assert left <= 6 + 640 * shown.tables.annotations.boxes[row, 0] + 2


def test_every_sample_is_a_file_and_classes_left_out_are_named(shown, tmp_path):
    report = draw_samples(
        shown, tmp_path / "new", choose_keyframes(shown.tables.annotations, shown.tables.label_map, 2)
    )
    assert len(report.files) == 2
    assert all(cv2.imread(str(path)).shape[1] == 1298 for path in report.files)
    annotated = {shown.tables.label_map.find(int(i)).name for i in shown.tables.annotations.label_ids}
    assert set(report.shown) | set(report.missing) == annotated
    assert set(report.unlabeled) == set(shown.tables.label_map.names) - annotated


def test_a_keyframe_that_is_not_annotated_is_explained(shown):
    assert shown.tables.annotations.keyframes[shown.keyframe("train_001", 2)] == ("train_001", 2)
    with pytest.raises(UserError, match="second 99 of train_001 .*3"):
        shown.keyframe("train_001", 99)
    with pytest.raises(UserError, match='"train_01".*"train_001"'):
        shown.keyframe("train_01", 0)


def test_pictures_of_an_earlier_run_go_and_other_files_stay(shown, tmp_path):
    first = draw_samples(shown, tmp_path, [0, 1]).files
    (tmp_path / "000_mine_0001.png").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    second = draw_samples(shown, tmp_path, [2]).files
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [second[0].name, "000_mine_0001.png", "notes.txt", RECORD]
    )
    assert not set(first) & set(second)


def test_a_record_that_was_edited_removes_nothing_else(shown, tmp_path):
    (tmp_path / "000_a_0001.png").write_text("mine")
    (tmp_path / "notes.txt").write_text("mine")
    folder = tmp_path / "sheets"
    folder.mkdir()
    (folder / RECORD).write_text('{"files": ["../000_a_0001.png", "../notes.txt", 3]}')
    draw_samples(shown, folder, [0])
    (folder / RECORD).write_text("no JSON")
    draw_samples(shown, folder, [0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000_a_0001.png", "notes.txt", "sheets"]


def test_the_command_line(repo_root, quick_python, subprocess_env, small_toy_folder, tmp_path):
    command = [quick_python, str(repo_root / "tools" / "visualize_dataset.py"), "--output-dir", "sheets"]
    data = ["DATASETS.DATA_DIR", str(small_toy_folder), "INPUT.FRAME_NUM", "4"]
    run = {"env": subprocess_env, "capture_output": True, "text": True, "cwd": tmp_path}
    done = subprocess.run([*command, "--dataset-name", "toy_val", "--num-samples", "1", *data], **run)
    assert done.returncode == 0, done.stderr
    assert [path.suffix for path in sorted((tmp_path / "sheets").iterdir())] == [".png", ".json"]


def test_a_time_that_is_not_annotated_names_the_nearest(shown):
    annotations = table({("v", second): [1] for second in (1, 2.5, 3, 9)})
    own = replace(shown, tables=replace(shown.tables, annotations=annotations))
    assert own.keyframe("v", 2.5) == 1
    with pytest.raises(UserError, match=r"second 2.25 of v is not annotated; nearest: 1, 2\.5, 3, 9$"):
        own.keyframe("v", 2.25)
    with pytest.raises(UserError, match=r"second 2 of v is not annotated"):
        own.keyframe("v", 2.0)


@pytest.mark.parametrize("folder", ["videos", "annotations", "boxes"])
def test_pictures_are_not_drawn_among_the_files_of_the_dataset(shown, small_toy_folder, folder):
    target = small_toy_folder / "toy" / folder
    before = sorted(target.iterdir())
    with pytest.raises(UserError, match=rf"--output-dir {target}: this folder holds files of toy_train\. Name "):
        draw_samples(shown, target, [0])
    assert sorted(target.iterdir()) == before
