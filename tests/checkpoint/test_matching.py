"""Loading weights into small models whose names are like the detector's."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
import torch
from checkpoint.small_detector import Detector
from messages import says
from torch import Tensor, nn

from alphaction.checkpoint import load_trained_weights, load_weights, match_weights
from alphaction.checkpoint.load_report import part_of
from alphaction.checkpoint.matching import unwrap_model
from alphaction.config import get_cfg
from alphaction.modeling.interaction.center import RunningCenter
from alphaction.utils.errors import UserError

NAMES = {"ids": [1, 2, 3], "names": ["sit", "run", "dig"], "groups": ["movement", "movement", "object"]}


def write(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def differing(a: dict[str, Tensor], b: dict[str, Tensor]) -> set[str]:
    return {name for name in a if not torch.equal(a[name], b[name])}


def test_every_tensor_is_copied(tmp_path: Path) -> None:
    theirs, ours = Detector(seed=1), Detector(seed=2)
    assert differing(theirs.state_dict(), ours.state_dict())
    report = load_weights(ours, write(tmp_path / "a.pth", {"model": theirs.state_dict()}))
    assert differing(theirs.state_dict(), ours.state_dict()) == set()
    assert report.complete
    assert report.warnings == []
    says(report.summary().splitlines()[0], f"{tmp_path}/a.pth: 16 of 16 tensors", "exact names")


def test_half_precision_weights_are_converted(tmp_path: Path) -> None:
    theirs, ours = Detector(seed=1), Detector(seed=2)
    load_weights(ours, write(tmp_path / "a.pth", theirs.half().state_dict()))
    weight = ours.state_dict()["backbone.slow.conv1.weight"]
    assert weight.dtype == torch.float32
    assert torch.equal(weight, theirs.state_dict()["backbone.slow.conv1.weight"].float())


def test_classifier_of_other_classes_is_skipped_and_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = Detector(classes=7, seed=2), Detector(classes=3, seed=1)
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    with caplog.at_level(logging.DEBUG, logger="alphaction.checkpoint"):
        report = load_weights(ours, write(tmp_path / "a.pth", theirs.state_dict()))
    kept = {f"roi_heads.action.predictor.cls_score.{leaf}" for leaf in ("weight", "bias")}
    assert {mismatch.name for mismatch in report.mismatched} == kept
    assert all(torch.equal(before[name], ours.state_dict()[name]) for name in kept)
    assert torch.equal(
        ours.roi_heads["action"]["feature_extractor"]["fc1"].weight,
        theirs.roi_heads["action"]["feature_extractor"]["fc1"].weight,
    )
    lines = report.summary().splitlines()
    assert "14 of 16 tensors" in lines[0]
    says(lines[-1], ": 2 ", "cls_score.weight [7, 5], in the file [3, 5]", "cls_score.bias [7], in the file [3]")
    assert caplog.messages == [report.details(), report.summary()]


def test_summary_counts_by_part_and_details_list_every_tensor() -> None:
    model = Detector().state_dict()
    weights = {name: tensor for name, tensor in model.items() if "fast" not in name} | {"fc.weight": torch.zeros(2)}
    report = match_weights(model, weights)
    rows = [line.split() for line in report.summary().splitlines()[1:]]
    assert rows[:5] == [
        ["loaded", "missing"],
        ["backbone.slow", "6", "0"],
        ["roi_heads.action.feature_extractor", "2", "0"],
        ["roi_heads.action.predictor", "2", "0"],
        ["backbone.fast", "0", "5"],
    ]
    assert "not in the model: 1 (fc.weight)" in report.summary()
    assert "1 num_batches_tracked" in report.summary()
    details = report.details().splitlines()
    assert len(details) == 16  # 10 loaded, 5 missing, 1 unused
    assert "loaded       backbone.slow.conv1.weight" in details
    assert "missing      backbone.fast.bn1.running_var" in details
    assert "unused       fc.weight" in details


def test_no_head_keeps_the_whole_head(tmp_path: Path) -> None:
    ours, theirs = Detector(seed=2), Detector(seed=1)
    report = load_weights(ours, write(tmp_path / "a.pth", theirs.state_dict()), no_head=True)
    state, other = ours.state_dict(), theirs.state_dict()
    assert differing(state, other) == {name for name in state if name.startswith("roi_heads.action.")}
    assert report.unused == []
    assert len(report.skipped) == 4
    assert re.search(r"--no-head.*: 4\b", report.summary())


def test_prefix_change_loads_the_right_pathway(tmp_path: Path) -> None:
    ours, theirs = Detector(seed=2), Detector(seed=1)
    kinetics = {n.removeprefix("backbone."): t for n, t in theirs.state_dict().items() if n.startswith("backbone.")}
    report = load_weights(ours, write(tmp_path / "a.pth", {"module." + n: t for n, t in kinetics.items()}))
    assert report.loaded["backbone.fast.conv1.weight"] == "fast.conv1.weight"
    assert torch.equal(ours.backbone["fast"].conv1.weight, theirs.backbone["fast"].conv1.weight)
    assert "loaded       backbone.fast.conv1.weight <- fast.conv1.weight" in report.details()


def test_mostly_random_backbone_is_a_warning(tmp_path: Path) -> None:
    weights = {"backbone.slow.conv1.weight": Detector().state_dict()["backbone.slow.conv1.weight"]}
    report = load_weights(Detector(), write(tmp_path / "a.pth", weights))
    assert len(report.warnings) == 1
    assert "1 of 10 backbone tensors" in report.warnings[0]


@pytest.mark.parametrize(("license_name", "level"), [("Apache-2.0", logging.INFO), ("CC-BY-NC-4.0", logging.WARNING)])
def test_the_license_of_converted_weights_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, license_name: str, level: int
) -> None:
    told = {"settings": {}, "recipe": {}, "source": "videomae", "what": "ViT-S backbone", "license": license_name}
    path = write(tmp_path / "a.pth", {"model": Detector(seed=1).state_dict(), **told})
    with caplog.at_level(logging.INFO, logger="alphaction.checkpoint"):
        load_weights(Detector(), path, cfg=get_cfg())
    (record,) = [record for record in caplog.records if license_name in record.getMessage()]
    assert record.levelno == level
    assert ("no commercial use" in record.getMessage()) is (level == logging.WARNING)
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="alphaction.checkpoint"):
        load_weights(Detector(), path, cfg=get_cfg(), license_told=True)
    assert "ViT-S backbone" in caplog.text
    assert license_name not in caplog.text


def test_label_map_of_other_classes_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.pth", {"model": Detector().state_dict(), "label_map": NAMES})
    assert load_weights(Detector(), path, label_map=NAMES).warnings == []
    swapped = {**NAMES, "names": ["run", "sit", "dig"]}
    with caplog.at_level(logging.WARNING):
        report = load_weights(Detector(), path, label_map=swapped)
    says(report.warnings[0], "channel 0", '"sit" (movement)', '"run" (movement)')
    assert caplog.messages == report.warnings
    # No warning where the classifier is not taken over.
    assert load_weights(Detector(), path, no_head=True, label_map=swapped).warnings == []
    assert load_weights(Detector(classes=7), path, label_map=swapped).warnings == []


def with_center(seed: int) -> Detector:
    """A detector with a part of its head that others lack: what CENTER_FEATURES adds."""
    detector = Detector(seed=seed)
    detector.roi_heads["action"]["feature_extractor"]["ia_structure"] = nn.ModuleDict(
        {"person_center": RunningCenter(6)}
    )
    return detector


def center_of(detector: Detector) -> RunningCenter:
    return detector.roi_heads["action"]["feature_extractor"]["ia_structure"]["person_center"]


def test_weights_of_a_larger_head_are_for_training_only(tmp_path: Path) -> None:
    """As of a checkpoint with an IA structure where MODEL.IA_STRUCTURE.ACTIVE is off: the classifier fits."""
    path, ours = write(tmp_path / "a.pth", with_center(seed=1).state_dict()), Detector(seed=2)
    report = load_weights(ours, path)
    assert report.complete
    assert "not in the model: 2 (roi_heads.action.feature_extractor.ia_structure" in report.summary()
    with pytest.raises(UserError, match=r"2 tensors .*roi_heads\.action\.feature_.*config\.yaml"):
        load_trained_weights(ours, path, NAMES)


def test_a_center_that_the_file_lacks_is_learned_from_the_first_batch(tmp_path: Path) -> None:
    path, ours = write(tmp_path / "a.pth", Detector(seed=1).state_dict()), with_center(seed=2)
    report = load_weights(ours, path)
    assert [name.rpartition(".")[2] for name in report.missing] == ["mean", "steps"]
    center_of(ours).update(torch.full((3, 6), 4.0))
    assert center_of(ours).mean.tolist() == [4.0] * 6
    with pytest.raises(UserError, match="2 tensors"):
        load_trained_weights(ours, path, NAMES)
    # A center of the file continues from there.
    load_weights(theirs := with_center(seed=3), write(tmp_path / "b.pth", ours.state_dict()))
    center_of(theirs).update(torch.full((3, 6), 8.0))
    assert center_of(theirs).mean.tolist() == [6.0] * 6


def test_weights_reach_the_model_inside_wrappers(tmp_path: Path) -> None:
    theirs, ours = Detector(seed=1), Detector(seed=2)
    assert unwrap_model(nn.DataParallel(ours)) is ours
    assert unwrap_model(torch.compile(ours)) is ours
    assert unwrap_model(ours) is ours
    load_weights(nn.DataParallel(ours), write(tmp_path / "a.pth", theirs.state_dict()))
    assert differing(theirs.state_dict(), ours.state_dict()) == set()


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("backbone.slow.res_nl1.res_0.btnk.conv1.conv.weight", "backbone.slow"),
        ("backbone.Tconv1.weight", "backbone.Tconv1"),
        (
            "roi_heads.action.feature_extractor.ia_structure.P_block_1.key.bias",
            "roi_heads.action.feature_extractor.ia_structure",
        ),
        ("roi_heads.action.feature_extractor.fc1.weight", "roi_heads.action.feature_extractor"),
        ("roi_heads.action.predictor.cls_score.bias", "roi_heads.action.predictor"),
        ("scale", "scale"),
    ],
)
def test_part_of(name: str, part: str) -> None:
    assert part_of(name) == part


def test_a_classifier_of_one_number_is_another_shape(tmp_path):
    state = {**Detector().state_dict(), "roi_heads.action.predictor.cls_score.weight": torch.tensor(1.0)}
    torch.save(state, tmp_path / "odd.pth")
    report = load_weights(Detector(), tmp_path / "odd.pth", cfg=get_cfg())
    assert [entry.name for entry in report.mismatched] == ["roi_heads.action.predictor.cls_score.weight"]
