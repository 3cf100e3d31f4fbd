"""A run on a label map with groups of its own: two exclusive ones, whose ids lie among each other, beside others."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from messages import says

from alphaction.config import load_cfg
from alphaction.config.class_groups import HEAD
from alphaction.data.annotations import LabelMap, read_label_map
from alphaction.engine.setup import Runtime
from alphaction.utils.errors import UserError
from alphaction.workflows.convert.convert_options import ConvertOptions
from alphaction.workflows.convert.convert_weights import convert_weights, write_conversion
from alphaction.workflows.predict.load_model import load_model

BODY, ALONE = 'body / "姿势"', "alone"
GROUP_OF = {"movement": BODY, "object": "object", "person": "with others"}


@pytest.fixture
def relabeled(runner, toy_folder, tmp_path) -> LabelMap:
    """Give the toy's movements in turn to two exclusive groups, and its interactions to an independent one."""
    runner.data = tmp_path / "data"
    shutil.copytree(toy_folder, runner.data)
    path = runner.data / "toy" / "annotations" / "toy_action_list.pbtxt"
    old = read_label_map(path)
    odd = {entry.id for entry in old if entry.group == "movement" and entry.id % 2}
    classes = [replace(entry, group=ALONE if entry.id in odd else GROUP_OF[entry.group]) for entry in old]
    label_map = LabelMap(tuple(classes), exclusive={BODY, ALONE})
    label_map.write(path)
    assert read_label_map(path) == label_map
    return label_map


def test_train_evaluate_and_continue(runner, relabeled, tmp_path):
    out = tmp_path / "out"
    lines = runner.train(out, "SOLVER.MAX_ITER", "2", "SOLVER.EVAL_PERIOD", "2", "INPUT.FLIP_PROB", "0.0")
    names = {name for line in lines for name in line}
    assert {"loss_body_姿势", "loss_alone", "loss_object", "loss_with_others", "accuracy_body_姿势"} <= names
    assert f"toy_val/mAP/{BODY}" in names or f"mAP/{BODY}" in names
    head = yaml.safe_load((out / "config.yaml").read_text(encoding="utf-8"))["MODEL"]["ROI_ACTION_HEAD"]
    groups = {group.name: group for group in relabeled.own_groups}
    assert head["GROUPS"] == list(groups)
    assert head["GROUP_SIZES"] == [len(group.ids) for group in groups.values()]
    assert sorted(head["EXCLUSIVE_GROUPS"]) == sorted([BODY, ALONE])
    content = torch.load(out / "model_final.pth", map_location="cpu", weights_only=False)
    assert LabelMap.from_dict(content["label_map"]) == relabeled

    result = runner.test(out, "INPUT.FLIP_PROB", "0.0")
    assert set(result["per_group"]) == {BODY, ALONE, "object", "with others"}
    sums: dict[tuple[str, ...], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    with (out / "inference" / "toy_val" / "detections.csv").open(encoding="utf-8") as file:
        for row in csv.reader(file):
            sums[tuple(row[:6])][relabeled.find(int(row[6])).group] += float(row[7])
    assert sums
    for each in sums.values():
        assert each[BODY] == pytest.approx(1.0, abs=1e-3)
        assert each[ALONE] == pytest.approx(1.0, abs=1e-3)
        assert each["with others"] != pytest.approx(1.0, abs=1e-3)

    _require_recorded_groups(out, relabeled, tmp_path)

    # What each channel means is no longer the same where a group is not exclusive any more.
    LabelMap(relabeled.classes, exclusive={BODY}).write(runner.data / "toy" / "annotations" / "toy_action_list.pbtxt")
    with pytest.raises(UserError) as caught:
        runner.train(out, "SOLVER.MAX_ITER", "4", "INPUT.FLIP_PROB", "0.0")
    says(str(caught.value), 'the classes of the group "alone" exclude each other in the checkpoint')


def _require_recorded_groups(out: Path, label_map: LabelMap, folder: Path) -> None:
    """What was learned by a softmax is refused where the config has sigmoids; weights of losses do not matter."""
    options = ConvertOptions(input=out / "model_final.pth", output=folder / "w.pth", config_out=folder / "w.yaml")
    write_conversion(convert_weights(options))
    text = (folder / "w.yaml").read_text(encoding="utf-8")
    assert "# leave these and the keys of GROUPS out to take your label map's" in text
    cfg = load_cfg(folder / "w.yaml", [f"{HEAD}.GROUP_LOSS_WEIGHTS", "[1, 2, 3]"])
    load_model(cfg, folder / "w.pth", label_map, Runtime(torch.device("cpu"), 0, 1, 0))
    cfg.merge_from_list([f"{HEAD}.EXCLUSIVE_GROUPS", f"[{ALONE}]"])
    with pytest.raises(UserError, match="trained with .*EXCLUSIVE_GROUPS"):
        load_model(cfg, folder / "w.pth", label_map, Runtime(torch.device("cpu"), 0, 1, 0))
