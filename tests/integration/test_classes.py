"""Own label maps: one class, two classes, ids with gaps."""

from __future__ import annotations

import math
import shutil

import pytest
from integration.harness import losses

pytestmark = pytest.mark.slow

LABEL_MAPS = {
    "one sigmoid class": {1: ("lift", "OBJECT_MANIPULATION")},
    "one movement class": {1: ("stay", "PERSON_MOVEMENT")},
    "two movement classes": {1: ("stay", "PERSON_MOVEMENT"), 2: ("walk", "PERSON_MOVEMENT")},
    "ids with gaps": {
        7: ("jump", "PERSON_MOVEMENT"),
        3: ("push", "PERSON_INTERACTION"),
        12: ("stay", "PERSON_MOVEMENT"),
    },
}


@pytest.mark.parametrize("name", LABEL_MAPS)
def test_a_run_with_an_own_label_map(runner, toy_folder, tmp_path, name):
    """Replace the toy's class ids by those of a small label map; train, evaluate, and look at the names."""
    classes = LABEL_MAPS[name]
    runner.data = tmp_path / "data"
    shutil.copytree(toy_folder, runner.data)
    annotations = runner.data / "toy" / "annotations"
    entries = [
        f'label {{ name: "{text}" label_id: {number} label_type: {kind} }}\n'
        for number, (text, kind) in classes.items()
    ]
    (annotations / "toy_action_list.pbtxt").write_text("".join(entries))
    ids = list(classes)
    for split in ("train", "val"):
        rows = [row.split(",") for row in (annotations / f"{split}.csv").read_text().splitlines()]
        renamed = [[*row[:6], str(ids[int(row[6]) % len(ids)]), *row[7:]] for row in rows]
        (annotations / f"{split}.csv").write_text("".join(",".join(row) + "\n" for row in renamed))

    metrics = runner.train(tmp_path / "out", "SOLVER.MAX_ITER", "2", "INPUT.FLIP_CLASS_PAIRS", "[]")
    assert all(math.isfinite(value) for value in losses(metrics).values())
    result = runner.test(tmp_path / "out", "INPUT.FLIP_CLASS_PAIRS", "[]")
    assert set(result["per_class"]) == {text for text, _ in classes.values()}
    assert 0.0 < result["mAP"] <= 1.0
    detections = (tmp_path / "out/inference/toy_val/detections.csv").read_text().splitlines()
    written = {int(row.split(",")[6]) for row in detections}
    assert written == set(ids)
