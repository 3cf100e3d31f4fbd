"""Every tool's format from file to registered dataset, without a label map; boxes that refer to image ids."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import cvat_exporters
import exporters

from alphaction.config import get_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import AnnotationTable, LabelMap, read_annotations, read_boxes, read_label_map
from alphaction.data.video.whole_movies import MovieSource
from alphaction.toy import ToyOptions, make_toy_dataset
from alphaction.workflows.prepare.prepare import prepare_dataset
from alphaction.workflows.prepare.prepare_options import PrepareOptions
from alphaction.workflows.prepare.video_library import VideoLibrary, relative_to

SPLITS = ("train", "val")
EXPORTS = {
    "coco": (exporters.export_coco, "json"),
    "via": (exporters.export_via, "json"),
    "coco of cvat": (exporters.export_coco_cvat, "json"),
    "coco with attributes": (exporters.export_coco_attributes, "json"),
    "via of pictures": (exporters.export_via_pictures, "json"),
    "cvat": (cvat_exporters.export_cvat, "xml"),
    "labelstudio": (exporters.export_labelstudio, "json"),
}


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Path:
    """A toy dataset of 2 + 2 videos of 6 seconds; tests must not change it."""
    options = ToyOptions(num_train=2, num_val=2, seconds=6, fps=10.0, width=128, height=96)
    return make_toy_dataset(tmp_path_factory.mktemp("toy") / "world", options)


def toy_tables(toy: Path) -> tuple[LabelMap, dict[str, AnnotationTable]]:
    label_map = read_label_map(toy / "annotations/toy_action_list.pbtxt")
    return label_map, {split: read_annotations(toy / f"annotations/{split}.csv", label_map) for split in SPLITS}


def export_all(toy: Path, folder: Path, export, suffix: str) -> dict[str, tuple[Path, ...]]:
    label_map, tables = toy_tables(toy)
    videos = MovieSource(toy / "videos")
    files = {}
    for split, table in tables.items():
        path = folder / f"{split}.{suffix}"
        export(path, table, label_map, {name: videos.probe(name) for name in table.keyframes.videos.tolist()})
        files[split] = (path,)
    return files


def by_name(table: AnnotationTable, label_map: LabelMap) -> dict[tuple, tuple]:
    """Return (video, second, person id) -> class names."""
    return {
        (*keyframe, int(table.person_ids[row])): tuple(
            sorted(label_map.find(int(class_id)).name for class_id in table.labels(row))
        )
        for k, keyframe in enumerate(table.keyframes)
        for row in range(*table.rows(k).indices(len(table)))
    }


@pytest.mark.parametrize("format", EXPORTS)
def test_a_tools_export_becomes_the_dataset_it_came_from(toy, tmp_path, format):
    files = export_all(toy, tmp_path, *EXPORTS[format])
    catalog = prepare_dataset(
        PrepareOptions(name="own", videos=toy / "videos", output=tmp_path / "own", **files),
        say=lambda line: None,
        progress=False,
    )
    cfg = get_cfg()
    cfg.DATASETS.CATALOG = [str(catalog)]
    toy_map, tables = toy_tables(toy)
    for split in SPLITS:
        spec = find_dataset(cfg, f"own_{split}")
        label_map = read_label_map(spec.label_map)
        table = read_annotations(spec.annotations, label_map)
        assert by_name(table, label_map) == by_name(tables[split], toy_map)
        used = {name for other in tables.values() for names in by_name(other, toy_map).values() for name in names}
        assert set(label_map.names) == used
        if format in ("coco", "coco of cvat"):
            assert all(label_map.find(name).id == toy_map.find(name).id for name in used)
        else:
            assert label_map.ids
            assert sorted(label_map.ids) == list(range(1, len(used) + 1))
        if format in ("via", "via of pictures", "coco with attributes", "labelstudio"):
            assert all(label_map.find(name).group == toy_map.find(name).group for name in used)


@pytest.mark.parametrize("first_val_id", [1, 1001])
def test_boxes_find_their_keyframes_by_image_id(toy, tmp_path, first_val_id):
    files = export_all(toy, tmp_path, exporters.export_actions_json, "json")
    shift = first_val_id - 1  # images of train have the ids from 1 on
    content = json.loads(files["val"][0].read_text())
    for entry in content["images"]:
        entry["id"] += shift
    for entry in content["annotations"]:
        entry["image_id"] += shift
    files["val"][0].write_text(json.dumps(content))
    images = content["images"]
    found = [{"image_id": image["id"], "bbox": [12.8, 9.6, 64, 48], "score": 0.9} for image in images]
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps(found))
    lines: list[str] = []
    catalog = prepare_dataset(
        PrepareOptions(
            name="own",
            videos=toy / "videos",
            output=tmp_path / "own",
            label_map=toy / "annotations/toy_action_list.pbtxt",
            person_boxes=(boxes,),
            **files,
        ),
        say=lines.append,
        progress=False,
    )
    assert ("read as the images of val" in "\n".join(lines)) == (first_val_id == 1)
    _, tables = toy_tables(toy)
    written = read_boxes(catalog.parent / "boxes/own_val_person_detections.csv")
    assert written.keyframes == tables["val"].keyframes
    np.testing.assert_allclose(written.boxes, np.tile([0.1, 0.1, 0.6, 0.6], (len(images), 1)), atol=1e-12)
    assert not (catalog.parent / "boxes/own_train_person_detections.csv").exists()


def test_videos_are_known_by_the_names_of_tools(toy):
    library = VideoLibrary(toy / "videos")
    assert library.name_of("train_000.mp4") == "train_000"
    assert library.name_of("videos/train 000.mp4") == "train_000"
    assert library.name_of("train_9") is None
    assert library.size("val_001") == (128, 96)


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        ("/w/data/own/videos", "/w/data/own", "videos"),
        ("/w/shared/videos", "/w/main/data/own", "../../../shared/videos"),
        ("/mnt/videos", "/w/data/own", "/mnt/videos"),
        ("/w/videos", "/w/a/b/c/d", "/w/videos"),
        ("/w/a/data/videos", "/w/b/data/own", "../../../a/data/videos"),
        ("/u/a/data/videos", "/w/a/data/own", "/u/a/data/videos"),
    ],
)
def test_near_paths_are_relative(path, folder, expected):
    assert relative_to(Path(path), Path(folder)) == expected
