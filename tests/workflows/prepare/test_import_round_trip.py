"""Export to each tool's format, import, and find the same table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from workflows.prepare import cvat_exporters, exporters
from workflows.prepare.importing import imported, listed

from alphaction.data.annotations import NO_CLASS, AnnotationTable, read_annotations, read_label_map
from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.formats.known_formats import ANNOTATION_FORMATS
from alphaction.data.video.whole_movies import MovieSource
from alphaction.toy import ToyOptions, make_toy_dataset
from alphaction.workflows.prepare.import_report import summary
from alphaction.workflows.prepare.import_rows import ReadingRules, import_annotations

EXPORTS = {
    "ava": (exporters.export_ava, "a.csv", "ava"),
    "actions": (exporters.export_actions_json, "a.json", "coco"),
    "coco": (exporters.export_coco, "a.json", "coco"),
    "coco of cvat": (exporters.export_coco_cvat, "a.json", "coco"),
    "coco with attributes": (exporters.export_coco_attributes, "a.json", "coco"),
    "via": (exporters.export_via, "a.json", "via"),
    "via of pictures": (exporters.export_via_pictures, "a.json", "via"),
    "cvat": (cvat_exporters.export_cvat, "a.xml", "cvat"),
    "cvat images": (cvat_exporters.export_cvat_images, "a.xml", "cvat"),
    "labelstudio": (exporters.export_labelstudio, "a.json", "labelstudio"),
    "fiftyone": (exporters.export_fiftyone, "samples.json", "fiftyone"),
}
ONE_VIDEO = {"vidat"}
"""Formats whose files speak of one video."""


def test_every_annotation_format_has_an_exporter():
    assert {format for _, _, format in EXPORTS.values()} | ONE_VIDEO == set(ANNOTATION_FORMATS)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The toy world's table, label map and videos."""
    folder = tmp_path_factory.mktemp("toy") / "toy"
    make_toy_dataset(folder, ToyOptions(num_train=4, num_val=1, seconds=8))
    label_map = read_label_map(folder / "annotations" / "toy_action_list.pbtxt")
    table = read_annotations(folder / "annotations" / "train.csv", label_map)
    videos = MovieSource(folder / "videos")
    infos = {video: videos.probe(video) for video in sorted({k.video for k in table.keyframes})}
    return table, label_map, infos


def to_table(found, label_map) -> AnnotationTable:
    columns = [[], [], [], [], []]
    for row, labels in enumerate(found.labels()):
        for label in labels or [None]:
            class_id = NO_CLASS if label is None else label_map.find(label).id
            values = (
                found.videos[found.video_codes[row]],
                found.numbers[row],
                found.boxes[row],
                class_id,
                found.person_ids[row],
            )
            for column, value in zip(columns, values, strict=True):
                column.append(value)
    videos, seconds, boxes, class_ids, person_ids = columns
    return AnnotationTable.from_columns(videos, seconds, np.array(boxes), class_ids, person_ids)


def assert_same(found: AnnotationTable, table: AnnotationTable, tolerance: float) -> None:
    assert list(found.keyframes) == list(table.keyframes)
    np.testing.assert_array_equal(found.row_offsets, table.row_offsets)
    for k in range(len(table.keyframes)):
        rows = np.arange(*table.rows(k).indices(len(table)))
        # A tool's file is ordered by track: compare the boxes of a keyframe by person.
        ours, theirs = (rows[np.argsort(t.person_ids[rows], kind="stable")] for t in (found, table))
        np.testing.assert_array_equal(found.person_ids[ours], table.person_ids[theirs])
        np.testing.assert_allclose(found.boxes[ours], table.boxes[theirs], rtol=0, atol=tolerance)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(found.labels(a), table.labels(b))


@pytest.mark.parametrize("name", EXPORTS)
def test_round_trip_gives_the_same_table(world, tmp_path, name):
    table, label_map, infos = world
    export, file, format = EXPORTS[name]
    export(tmp_path / file, table, label_map, infos)
    found = imported(tmp_path / file, infos)
    assert found.format == format
    found = found.take(found.has_box)  # every second of CVAT's COCO is a keyframe
    assert len(found) == len(table)
    assert_same(to_table(found, label_map), table, 1e-6)
    assert found.person_ids.min() >= 0
    if name in ("via", "via of pictures", "coco with attributes", "labelstudio"):
        used = {label for labels in found.labels() for label in labels}
        assert {name: label_map.find(name).group for name in used} == dict(found.class_groups)


def rows_of(found) -> list[tuple]:
    return sorted((*row[:3], tuple(sorted(row[3]))) for row in listed(found))


def test_a_round_trip_through_json_min_loses_only_persons(world, tmp_path):
    table, label_map, infos = world
    exporters.export_ava(tmp_path / "a.csv", table, label_map, infos)
    exporters.export_labelstudio_min(tmp_path / "a.json", table, label_map, infos)
    found = imported(tmp_path / "a.json", infos)
    assert found.format == "labelstudio"
    expected = [(*row[:3], tuple(sorted(label_map.find(label).name for label in row[3])))
                for row in listed(imported(tmp_path / "a.csv", infos))]  # fmt: skip
    assert rows_of(found) == sorted(expected)


def test_a_round_trip_through_vidat_gives_the_same_boxes(world, tmp_path):
    table, label_map, infos = world
    for video, info in infos.items():
        exporters.export_vidat(tmp_path / f"{video}.json", table, label_map, {video: info})
        found = imported(tmp_path / f"{video}.json", infos)
        assert found.format == "vidat"
        own = table.without([keyframe for keyframe in table.keyframes if keyframe.video != video])
        assert_same(to_table(found, label_map), own, 1e-6)


def test_a_label_map_of_lines_has_the_same_classes(world, tmp_path):
    _, label_map, _ = world
    exporters.export_label_lines(tmp_path / "labels.txt", label_map)
    read = read_label_map(tmp_path / "labels.txt")
    assert {entry.id: entry.name for entry in read} == {entry.id: entry.name for entry in label_map}


def test_cvats_own_rounding_moves_a_side_by_half_a_hundredth_of_a_pixel(world, tmp_path):
    table, label_map, infos = world
    cvat_exporters.export_cvat(tmp_path / "a.xml", table, label_map, infos, digits=2)
    found = imported(tmp_path / "a.xml", infos)
    smallest = min(min(info.width, info.height) for info in infos.values())
    assert_same(to_table(found, label_map), table, 0.0051 / smallest)


def test_roboflow_knows_no_persons(world, tmp_path):
    table, label_map, infos = world
    exporters.export_coco_roboflow(tmp_path / "a.json", table, label_map, infos)
    found = imported(tmp_path / "a.json", infos, naming=FrameNaming(first_frame=0))
    assert set(found.person_ids.tolist()) == {-1}
    of_box = {
        (video, second, *np.round(table.boxes[row], 6).tolist()): int(table.person_ids[row])
        for video, second, row in exporters.rows_of(table)
    }
    keys = zip(found.video_codes.tolist(), found.numbers.tolist(), np.round(found.boxes, 6).tolist(), strict=True)
    persons = [of_box[(found.videos[code], second, *box)] for code, second, box in keys]
    assert_same(to_table(replace(found, person_ids=np.array(persons)), label_map), table, 1e-6)


@pytest.mark.parametrize("export", [cvat_exporters.export_cvat_jobs, cvat_exporters.export_cvat_bare])
def test_files_that_name_no_video_are_of_the_one_named_like_them(world, tmp_path, export):
    table, label_map, infos = world
    files = export(tmp_path, table, label_map, infos)
    parts = import_annotations(files, ReadingRules(), info=infos.__getitem__, video_names=list(infos))
    assert [(part.taken_for.video, part.taken_for.why) for part in parts] == [(video, "name") for video in infos]
    rows = [list_rows(part) for part in parts]
    expected = {video: [] for video in infos}
    for k, (video, second) in enumerate(table.keyframes):
        for row in range(*table.rows(k).indices(len(table))):
            names = {label_map.find(class_id).name for class_id in table.labels(row).tolist()}
            expected[video].append((video, second, table.boxes[row].round(5).tolist(), names, table.person_ids[row]))
    for video, found in zip(infos, rows, strict=True):
        assert sorted(found, key=str) == sorted(expected[video], key=str)


def list_rows(part) -> list[tuple]:
    return [
        (part.videos[code], second, box.round(5).tolist(), set(labels), person)
        for code, second, box, labels, person in zip(
            part.video_codes, part.numbers, part.boxes, part.labels(), part.persons(), strict=True
        )
    ]


@pytest.mark.parametrize(
    "name", ["ava", "actions", "coco with attributes", "via", "via of pictures", "cvat", "cvat images", "labelstudio"]
)
def test_negatives_survive(world, tmp_path, name):
    table, label_map, infos = world
    videos, seconds = [k.video for k in table.keyframes], [k.second for k in table.keyframes]
    boxes = np.tile([0.25, 0.25, 0.5, 0.75], (len(videos), 1))
    classes = [label_map.ids[0] if second % 2 else NO_CLASS for second in seconds]
    mixed = AnnotationTable.from_columns(videos, seconds, boxes, classes, [3] * len(videos))
    export, file, _ = EXPORTS[name]
    export(tmp_path / file, mixed, label_map, infos)
    found = imported(tmp_path / file, infos)
    assert_same(to_table(found, label_map), mixed, 1e-6)
    assert sum(not labels for labels in found.labels()) == classes.count(NO_CLASS) > 0
    assert "boxes without action" in summary(found)


@pytest.mark.parametrize("name", ["cvat", "labelstudio"])
def test_keyframe_interval_samples_every_other_second(world, tmp_path, name):
    table, label_map, infos = world
    export, file, _ = EXPORTS[name]
    export(tmp_path / file, table, label_map, infos)
    found = imported(tmp_path / file, infos, keyframe_interval=2)
    expected = {tuple(k) for k in table.keyframes if k.second % 2 == 0}
    assert {row[:2] for row in listed(found)} == expected
