from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest
import torch
from torchvision.models import detection
from torchvision.ops.misc import FrozenBatchNorm2d
from workflows.detect.stubs import save_random_weights

from alphaction.utils.errors import UserError
from alphaction.workflows.detect.detector_weights import MODELS, build_model, class_names, coco_weights
from alphaction.workflows.detect.person_detector import PersonDetector
from alphaction.zoo.cache import Record

MOBILENET = "fasterrcnn_mobilenet_v3_large_fpn"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch, tmp_path):
    """Any download is an error, as on a machine without network; the cache is empty."""

    def refuse(url, *args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def two_classes(tmp_path_factory) -> Path:
    return save_random_weights(tmp_path_factory.mktemp("weights") / "persons.pth", num_classes=2)


def build(path: Path | None, name: str = MOBILENET):
    return build_model(name, path, score=0.0, short_side=64, max_per_frame=100)


def test_outputs_equal_torchvisions_own(two_classes):
    model, num_classes = build(two_classes)
    assert num_classes == 2
    own = detection.fasterrcnn_mobilenet_v3_large_fpn(
        weights=None, weights_backbone=None, num_classes=2, min_size=64, max_size=107, box_score_thresh=0.0
    )
    own.load_state_dict(torch.load(two_classes, weights_only=True))
    image = torch.rand(3, 64, 80)
    with torch.no_grad():
        ours, theirs = model.eval()([image])[0], own.eval()([image])[0]
    assert len(ours["scores"]) > 0
    torch.testing.assert_close(ours, theirs)


def test_coco_weights_get_frozen_norms_with_eps_0(two_classes, tmp_path):
    # torchvision's own COCO files of these networks have no counters, and its loader sets eps to 0.
    state = {k: v for k, v in torch.load(two_classes, weights_only=True).items() if "num_batches" not in k}
    torch.save(state, tmp_path / "coco.pth")
    for path, eps in ((tmp_path / "coco.pth", 0.0), (two_classes, 1e-5)):
        norms = [m for m in build(path)[0].backbone.body.modules() if isinstance(m, FrozenBatchNorm2d)]
        assert len(norms) > 10
        assert {norm.eps for norm in norms} == {eps}


def test_checkpoints_of_training_scripts_are_unpacked(two_classes, tmp_path):
    state = torch.load(two_classes, weights_only=True)
    torch.save({"model": {f"module.{key}": value for key, value in state.items()}, "epoch": 3}, tmp_path / "c.pth")
    model, _ = build(tmp_path / "c.pth")
    key = "roi_heads.box_predictor.cls_score.weight"
    assert torch.equal(model.state_dict()[key], state[key])


@pytest.mark.parametrize("name", sorted(MODELS))
def test_missing_weights_say_which_file_to_put_where(name, tmp_path):
    with pytest.raises(UserError) as error:
        build(None, name)
    url = MODELS[name][1].url
    text = str(error.value)
    assert url.startswith("https://download.pytorch.org/models/fasterrcnn_")
    assert url in text
    assert str(tmp_path / "cache" / "hub" / "checkpoints" / url.rpartition("/")[2]) in text
    assert "--weights" in text
    assert "--import" in text


def test_cached_weights_are_used_if_they_are_the_published_ones(two_classes, tmp_path):
    path = tmp_path / "cache" / "hub" / "checkpoints" / "fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(two_classes.read_bytes())
    with pytest.raises(UserError, match="begins with fb6a3cc7"):
        coco_weights(MOBILENET)
    Record.of(path, f"fb6a3cc7{56 * '0'}", "a test").write(path)
    assert build(None)[1] == 2


def test_weights_of_another_network_name_the_first_difference(two_classes):
    with pytest.raises(UserError) as error:
        build(two_classes, "fasterrcnn_resnet50_fpn")
    assert "does not fit fasterrcnn_resnet50_fpn: backbone.body.conv1.weight is" in str(error.value)
    assert "--model fasterrcnn_mobilenet_v3_large_fpn" in str(error.value)


def test_files_that_are_no_weights(tmp_path):
    (tmp_path / "text.pth").write_text("not weights")
    with pytest.raises(UserError, match="text.pth.*plain tensors"):
        build(tmp_path / "text.pth")
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="has no roi_heads.box_predictor.cls_score.weight .its first tensor is a."):
        build(tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(UserError, match="holds list without named tensors"):
        build(tmp_path / "list.pth")
    with pytest.raises(UserError, match="othr.pth does not exist.*other.pth"):
        build(tmp_path / "othr.pth")


def test_code_in_a_file_is_not_run(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"model": Harmful()}, tmp_path / "harmful.pth")
    with pytest.raises(UserError, match="harmful.pth holds dict without named tensors"):
        build(tmp_path / "harmful.pth")
    assert not (tmp_path / "ran").exists()


def test_an_unknown_model():
    with pytest.raises(UserError, match='Did you mean "fasterrcnn_resnet50_fpn'):
        build(None, "fasterrcnn_resnet50")


def test_class_names():
    assert class_names(91)[:3] == ["__background__", "person", "bicycle"]
    assert class_names(2) == ["__background__", "person"]
    assert class_names(4) == ["__background__", "person", "class 2", "class 3"]


def test_from_torchvision_finds_boxes_inside_the_frame(two_classes):
    import numpy as np

    detector = PersonDetector.from_torchvision(
        two_classes, "cpu", score=0.0, model=MOBILENET, short_side=64, max_per_frame=7
    )
    noise = np.random.default_rng(0).integers(0, 255, (64, 80, 3), dtype=np.uint8)
    (found,) = detector.detect([noise])
    assert 0 < len(found) <= 7
    assert set(found.labels) == {"person"}
    assert found.boxes.min() >= 0
    assert found.boxes.max() <= 1
    assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize(
    "odd",
    [
        torch.full((2, 2), float("nan")),
        torch.eye(2).to_sparse(),
        torch.zeros(2, 2, dtype=torch.complex64),
        torch.zeros(2, 2, dtype=torch.int8),
    ],
)
def test_tensors_that_are_no_weights(tmp_path, odd):
    torch.save({"roi_heads.box_predictor.cls_score.weight": odd}, tmp_path / "odd.pth")
    with pytest.raises(UserError, match=r"odd\.pth.*cls_score\.weight"):
        build(tmp_path / "odd.pth")


def test_a_damaged_file_of_the_old_form(tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    whole = (tmp_path / "old.pth").read_bytes()
    for end in (40, 120, len(whole) // 2, len(whole) - 9):
        (tmp_path / "old.pth").write_bytes(whole[:end])
        with pytest.raises(UserError, match=r"weights of the detector: .*old\.pth"):
            build(tmp_path / "old.pth")
