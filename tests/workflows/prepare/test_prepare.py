"""From videos and annotation files to a registered dataset, on rendered videos."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from workflows.prepare.preparing import SECONDS, prepare, write_rows

from alphaction.config import get_cfg
from alphaction.config.paths_catalog import AVA_LABEL_MAP, DatasetSpec, find_dataset
from alphaction.data.annotations import AnnotationTable, read_annotations, read_boxes, read_label_map
from alphaction.data.tables import open_source
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.prepare_report import tables_text


def spec_of(catalog: Path, split: str) -> DatasetSpec:
    cfg = get_cfg()
    cfg.DATASETS.CATALOG = [str(catalog)]
    return find_dataset(cfg, f"own_{split}")


def table_of(spec: DatasetSpec) -> AnnotationTable:
    return read_annotations(spec.annotations, read_label_map(spec.label_map), spec.exclusions)


def read_rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def assert_same(a: AnnotationTable, b: AnnotationTable) -> None:
    assert a.keyframes == b.keyframes
    for column in ("row_offsets", "boxes", "person_ids", "label_offsets", "label_ids"):
        np.testing.assert_array_equal(getattr(a, column), getattr(b, column))


def test_the_tables_are_those_of_the_source(toy, options):
    boxes = tuple(toy / f"boxes/{split}_person_detections.csv" for split in ("train", "val"))
    objects = tuple(toy / f"boxes/{split}_object_detections.csv" for split in ("train", "val"))
    catalog, text = prepare(replace(options, person_boxes=boxes, object_boxes=objects))
    label_map = read_label_map(options.label_map)
    for split, videos in (("train", 3), ("val", 2)):
        spec = spec_of(catalog, split)
        table = table_of(spec)
        assert read_label_map(spec.label_map) == label_map
        assert_same(table, read_annotations(toy / f"annotations/{split}.csv", label_map))
        assert len(set(table.keyframes.video_index.tolist())) == videos
        for role, source in (("person_boxes", boxes), ("object_boxes", objects)):
            found = read_boxes(getattr(spec, role), objects=True)
            wanted = read_boxes(source[split == "val"], objects=True)
            assert set(found.keyframes) == set(wanted.keyframes) & set(table.keyframes)
            for keyframe in found.keyframes:
                np.testing.assert_array_equal(found.lookup(*keyframe)[0], wanted.lookup(*keyframe)[0])
                np.testing.assert_array_equal(found.lookup(*keyframe)[1], wanted.lookup(*keyframe)[1])
    assert "5 videos, 30 seconds in all; 128x96 pixels; 10 frames per second" in text
    assert re.search(r"person boxes: \d+ of \d+ .* are left out", text)
    assert "no person boxes for val" not in text
    assert f"python tools/validate_dataset.py --all own DATASETS.CATALOG {catalog}" in text


def test_class_counts_are_printed_for_each_split(toy, options):
    _, text = prepare(options)
    counts = json.loads((toy / "toy.json").read_text())["boxes_per_class"]
    for name, count in counts.items():
        (line,) = [line for line in text.splitlines() if f"  {name} (" in line]
        assert [int(number) for number in line.split()[-2:]] == [count["train"], count["val"]]
    assert "no person boxes for val" in text


def test_classes_are_collected_where_there_is_no_label_map(options):
    catalog, text = prepare(replace(options, label_map=None))
    path = spec_of(catalog, "train").label_map
    label_map = read_label_map(path)
    assert set(label_map.groups) == {"object"}
    assert {f"class {i}" for i in label_map.ids} == set(label_map.names)
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert any(f"{len(label_map)} classes" in line for line in comments)
    assert "--class-group movement" in text


def test_one_file_is_divided_by_time_where_videos_are_few(toy, options):
    only = replace(options, train=(toy / "annotations/val.csv",), val=())
    catalog, text = prepare(only)
    train, val = (table_of(spec_of(catalog, split)) for split in ("train", "val"))
    assert "split by time, as only 2 videos are annotated" in text
    for video in ("val_000", "val_001"):
        seconds = [[k.second for k in table.keyframes if k.video == video] for table in (train, val)]
        assert min(seconds[1]) - max(seconds[0]) >= 3
    assert prepare(only)[1] == text


def test_several_files_and_folders_are_one_set_divided_by_video(toy, options, tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    for split in ("train", "val"):
        shutil.copy(toy / f"annotations/{split}.csv", folder)
    catalog, text = prepare(replace(options, train=(folder,), val=(), split_by="video", val_fraction=0.4))
    train, val = (table_of(spec_of(catalog, split)) for split in ("train", "val"))
    assert not {k.video for k in train.keyframes} & {k.video for k in val.keyframes}
    assert {k.video for k in val.keyframes} | {k.video for k in train.keyframes} == {
        *(f"train_{i:03d}" for i in range(3)),
        *(f"val_{i:03d}" for i in range(2)),
    }
    assert "split by video" in text


def test_negatives_and_exclusions_stay(toy, options, tmp_path):
    rows = [["train_000", 1, 0.1, 0.1, 0.4, 0.9, "", 7], ["train_000", 1, 0.5, 0.1, 0.9, 0.9, 1, 8]]
    rows += [["train_001", t, 0.5, 0.1, 0.9, 0.9, 2, 8] for t in (2, 3)]
    train = write_rows(tmp_path / "train.csv", rows)
    excluded = write_rows(tmp_path / "excluded.csv", [["train_001.mp4", 3], ["train_002", 5]])
    catalog, text = prepare(replace(options, train=(train,), train_exclusions=excluded))
    spec = spec_of(catalog, "train")
    table = table_of(spec)
    assert [tuple(keyframe) for keyframe in table.keyframes] == [("train_000", 1), ("train_001", 2)]
    assert [table.labels(row).tolist() for row in range(3)] == [[], [1], [2]]
    assert table.person_ids.tolist() == [7, 8, 8]
    assert "boxes without action" in text
    assert "train: excluded seconds: 2" in text


def test_overhang_is_clipped_and_counted_and_far_boxes_are_refused(options, tmp_path):
    rows = [["train_000", 1, -0.02, 0.1, 0.4, 1.01, 1, 7]]
    catalog, text = prepare(replace(options, train=(write_rows(tmp_path / "a.csv", rows),)))
    assert table_of(spec_of(catalog, "train")).boxes.tolist() == [[0.0, 0.1, 0.4, 1.0]]
    assert "train: boxes clipped to the frame: 1" in text
    far = write_rows(tmp_path / "far.csv", [*rows, ["train_000", 2, 0.5, 0.1, 1.4, 0.9, 1, 7]])
    with pytest.raises(UserError, match=r"far\.csv, line 2: the box .* lies outside the frame.*--box-format"):
        prepare(replace(options, train=(far,), force=True))


@pytest.mark.parametrize(("factor", "hint"), [(1000, "milliseconds"), (10, r"frame numbers: divide .* \(10\)")])
def test_times_that_are_no_seconds_are_recognized(toy, options, tmp_path, factor, hint):
    rows = [[video, int(t) * factor, *rest] for video, t, *rest in read_rows(toy / "annotations/train.csv")]
    first = next(i for i, row in enumerate(rows, start=1) if row[1] > SECONDS)
    late = write_rows(tmp_path / "late.csv", rows)
    with pytest.raises(UserError, match=hint) as error:
        prepare(replace(options, train=(late,)))
    assert f"{late}, line {first}: train_000 ends at 6.00 s" in str(error.value)
    assert not options.folder.exists()


def test_a_video_cut_off_is_found_before_anything_is_registered(toy, options, tmp_path):
    shutil.copytree(toy / "videos", tmp_path / "videos")
    broken = tmp_path / "videos" / "val_001.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(UserError, match=r"val_001\.mp4.*copy or download it again"):
        prepare(replace(options, videos=tmp_path / "videos"))
    assert not (options.folder / "dataset.yaml").exists()
    # Nobody needs it: a notice, not an error.
    rows = [row for row in read_rows(toy / "annotations/val.csv") if row[0] != "val_001"]
    _, text = prepare(replace(options, videos=tmp_path / "videos", val=(write_rows(tmp_path / "val.csv", rows),)))
    assert "1 of them cannot be used" in text
    assert "1 of 5 videos (val_001)" in text


def test_videos_in_several_folders_are_explained(toy, options, tmp_path):
    for name in ("a", "b"):
        (tmp_path / "all" / name).mkdir(parents=True)
        shutil.copy(toy / "videos" / "val_000.mp4", tmp_path / "all" / name)
    with pytest.raises(
        UserError, match=r"2 videos lie in 2 folders inside it, some under the same name; .*cam1_morning"
    ):
        prepare(replace(options, videos=tmp_path / "all"))
    (tmp_path / "all" / "b" / "val_000.mp4").rename(tmp_path / "all" / "b" / "val_001.mp4")
    with pytest.raises(UserError, match=r"2 videos lie in 2 folders inside it.*ln -s"):
        prepare(replace(options, videos=tmp_path / "all"))
    with pytest.raises(UserError, match=r"holds no video \(\.mp4"):
        prepare(replace(options, videos=toy / "boxes"))


def test_a_name_that_is_taken_is_refused(toy, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "first").mkdir(parents=True)
    catalog = (toy / "dataset.yaml").read_text().replace("name: world", "name: own")
    (tmp_path / "data" / "first" / "dataset.yaml").write_text(catalog)
    with pytest.raises(UserError, match=r'"own_train" is registered already, by data/first/dataset\.yaml'):
        prepare(options)
    with pytest.raises(UserError, match='such as "my_own"'):
        prepare(replace(options, name="my own"))


def test_found_datasets_need_no_override_and_paths_are_relative(toy, options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(toy / "videos", tmp_path / "videos")
    catalog, text = prepare(replace(options, output=None, videos=Path("videos")))
    assert catalog == Path("data/own/dataset.yaml")
    assert "videos: ../../videos\n" in catalog.read_text()
    assert "DATASETS.CATALOG" not in text
    assert find_dataset(get_cfg(), "own_val").videos.resolve() == tmp_path / "videos"


def test_classes_without_labels_are_counted_not_listed(toy, options):
    table = read_annotations(toy / "annotations/train.csv", read_label_map(options.label_map))
    lines = tables_text(read_label_map(AVA_LABEL_MAP), {"train": table})
    used = len(np.unique(table.label_ids))
    assert lines[-1] == f"  and {80 - used} of 80 classes without a label"
    assert len([line for line in lines if line.rstrip().endswith(" 0")]) <= 1  # boxes without action
    assert len(lines) == 7 + used


def test_shared_keyframes_and_foreign_boxes_are_reported(toy, options, tmp_path):
    _, text = prepare(replace(options, train=options.val))
    assert "10 of 10 keyframes of own_val (100.0%) are in own_train as well" in text
    foreign = write_rows(tmp_path / "boxes.csv", [["val_0", 1, 0.1, 0.1, 0.5, 0.5, 0.9]])
    with pytest.raises(UserError, match=r'none of its videos is annotated \(1, the first: "val_0"\)'):
        prepare(replace(options, train=options.val, person_boxes=(foreign,)))


def test_cut_clips_are_registered_instead_of_videos(toy, options):
    short = replace(options, train=options.val, label_map=options.label_map, cut_clips=True, processes=1)
    catalog, text = prepare(short)
    spec = spec_of(catalog, "val")
    assert spec.videos is None
    assert spec.clips == catalog.parent / "clips"
    for video in ("val_000", "val_001"):
        for second in range(SECONDS):
            assert (spec.clips / video / f"{second}.mp4").is_file()
            assert (catalog.parent / "keyframes" / video / f"{second}.jpg").is_file()
    assert "of 2 videos are cut" in text


def test_cut_clips_hold_keyframes_between_seconds(options, tmp_path):
    rows = write_rows(tmp_path / "own.csv", [[f"train_00{k}", 1.5, 0.1, 0.1, 0.4, 0.9, 1] for k in (0, 1)])
    catalog, _ = prepare(replace(options, train=(rows,), val=(rows,), cut_clips=True, processes=1))
    clips, movie = open_source(spec_of(catalog, "train")), MovieSource(options.videos)
    found, expected = (source.read("train_000", 1.5, [-5, 0, 5], 0).astype(int) for source in (clips, movie))
    assert abs(found - expected).mean() < 4  # the clips are compressed again
    assert abs(found[0] - expected[1]).mean() > abs(found[1] - expected[1]).mean()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"val_fraction": 0.2}, "with --val leave them out"),
        ({"val": (), "val_fraction": 1.5}, r"--val-fraction 1\.5: expected a number between 0 and 1"),
        ({"keyframe_interval": 0}, "--keyframe-interval 0"),
        ({"format": "cavt"}, '--format "cavt" .*Did you mean "cvat"'),
        ({"box_format": "xyhw"}, '--box-format "xyhw" .*Did you mean "xywh"'),
        ({"normalized": "maybe", "processes": 0}, r'(?s)--normalized "maybe" .*auto, no, yes.*--processes 0'),
        ({"class_group": "move"}, 'Did you mean "movement"'),
        ({"train": (Path("nowhere.csv"),)}, "--train: nowhere.csv does not exist"),
        ({"person_boxes": (Path("nowhere.csv"),)}, "--person-boxes: nowhere.csv does not exist"),
        ({"videos": Path("nowhere")}, "--videos: nowhere does not exist"),
    ],
)
def test_wrong_options(options, change, message):
    with pytest.raises(UserError, match=message):
        prepare(replace(options, **change))


def test_german_excel(toy, options, tmp_path):
    text = (toy / "annotations/train.csv").read_text().splitlines()
    rows = [";".join(cell.replace(".", ",") if "." in cell else cell for cell in line.split(",")) for line in text]
    german = tmp_path / "german.csv"
    german.write_text("\n".join(["sep=;", *rows]) + "\n", encoding="utf-8-sig")
    catalog, _ = prepare(replace(options, train=(german,)))
    again, _ = prepare(replace(options, output=tmp_path / "points"))
    written = [(file.parent / "annotations/own_train.csv").read_text() for file in (catalog, again)]
    assert written[0] == written[1]


def test_few_labels_are_one_note_for_each_split_below_what_was_left_out(toy, options, tmp_path):
    train = tmp_path / "train.csv"
    train.write_text("".join(options.train[0].read_text().splitlines(True)[:4]))
    boxes = tmp_path / "persons.csv"
    boxes.write_text("val_000,2,0.1,0.1,0.2,0.2,0.9\nval_000,99,0.1,0.1,0.2,0.2,0.9\n")
    videos = tmp_path / "videos"
    (videos / "inner").mkdir(parents=True)
    for path in [*options.videos.iterdir()]:
        (videos / path.name).symlink_to(path)
    (videos / "inner" / "x.mp4").write_text("")
    _, text = prepare(replace(options, train=(train,), person_boxes=(boxes,), videos=videos))
    assert "  1 more video lies in folders inside it (inner), which are not searched" in text
    notes = [
        line for line in text.partition("Notes:")[2].partition("To check it:")[0].splitlines() if "labels for" in line
    ]
    of_train = [note for note in notes if note.startswith(f"  - {train}: ")]
    assert len(of_train) == 1
    assert re.search(r": no labels for \d+ classes: .*\. Fewer than 10 labels for \d class", of_train[0])
    lines = text.partition("Notes:\n")[2].splitlines()
    left_out = next(k for k, line in enumerate(lines) if "1 of 2 lie at moments without annotations" in line)
    assert left_out < next(k for k, line in enumerate(lines) if "keyframes without any" in line)
    assert left_out < lines.index(of_train[0])
