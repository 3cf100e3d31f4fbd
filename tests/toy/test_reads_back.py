"""The package's own readers take the files as they are."""

from __future__ import annotations

import json

from alphaction.config import get_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import read_annotations, read_boxes, read_label_map


def test_readers_find_everything(tiny_dataset):
    cfg = get_cfg()
    cfg.DATASETS.DATA_DIR = str(tiny_dataset.parent)
    counts = json.loads((tiny_dataset / "toy.json").read_text())["boxes_per_class"]
    for split, videos in (("train", 3), ("val", 2)):
        spec = find_dataset(cfg, f"toy_{split}")
        label_map = read_label_map(spec.label_map)
        assert label_map.group_sizes == (6, 3, 4)
        table = read_annotations(spec.annotations, label_map, spec.exclusions)
        assert {keyframe.video for keyframe in table.keyframes} == {f"{split}_{v:03d}" for v in range(videos)}
        assert len(table.label_ids) == sum(count[split] for count in counts.values())
        boxes, scores = read_boxes(spec.person_boxes).lookup(f"{split}_000", 1)
        assert len(boxes) == len(scores) >= 2
        assert len(read_boxes(spec.object_boxes)) > 0
