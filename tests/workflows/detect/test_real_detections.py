"""Boxes that other people's tools really wrote, in ../shared/exports beside the clone; EXPORTS.md has the counts."""

from __future__ import annotations

import pytest

from alphaction.data.annotations import LabelMap, read_annotations
from alphaction.data.annotations.label_map import ActionClass
from alphaction.data.video.file import VideoInfo
from alphaction.workflows.detect.import_boxes import ImportRules, import_detections

CASES = [
    ("label_map_txt", "detection_boxes.csv", "csv", VideoInfo(640, 344, 10.0, 24.0, 240), {}),
    ("mot_spaces", "demo.txt", "mot", VideoInfo(480, 360, 30.0, 281 / 30, 281), {"first_frame": 0}),
]
FOUND = {
    "detection_boxes.csv": (44, 22, 22, [0.0623, 0.0371, 0.9693, 0.9631], 0.97325),
    "demo.txt": (1791, 58, 8, [0.0, 0.0111, 0.3854, 0.6972], 1.0),
}


@pytest.mark.parametrize(("folder", "file", "kind", "info", "rules"), CASES, ids=[case[1] for case in CASES])
def test_boxes_are_those_of_an_independent_parse(repo_root, folder, file, kind, info, rules):
    source = repo_root.parent / "shared" / "exports" / folder
    if not source.is_dir():
        pytest.skip("../shared/exports is not there")
    classes = LabelMap(tuple(ActionClass(number, f"class {number}", "object") for number in range(1, 9)))
    annotations = read_annotations(source / "keyframes.csv", classes)
    table = import_detections(source / file, kind, annotations, lambda video: info, ImportRules(**rules))
    read, boxes, keyframes, first, score = FOUND[file]
    assert (table.counts["boxes read"], len(table), len(table.keyframes)) == (read, boxes, keyframes)
    assert table.counts.get("boxes equal to another of that moment, left out", 0) == (22 if kind == "csv" else 0)
    found, scores = table.lookup(str(table.keyframes.videos[0]), 1)
    position = [number for number, box in enumerate(found.tolist()) if box == pytest.approx(first, abs=1e-4)]
    assert len(position) == 1
    assert scores[position[0]] == pytest.approx(score)
    if kind == "mot":
        assert 7 not in table.keyframes.seconds
