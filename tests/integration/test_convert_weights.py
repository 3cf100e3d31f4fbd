"""Weights with settings in runs: training, its plan, evaluation and prediction refuse a config that does not fit."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from contracts.zoo_files import write_zoo_file, zoo_case
from integration.harness import Runner, load_script
from messages import says

from alphaction.checkpoint.foreign.sources import load_sources
from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.annotations import LabelMap, read_label_map
from alphaction.engine.setup import Runtime
from alphaction.engine.train import plan_run
from alphaction.modeling.detector import build_detection_model
from alphaction.utils.errors import UserError
from alphaction.workflows.convert.convert_options import ConvertOptions
from alphaction.workflows.convert.convert_weights import convert_weights, license_lines, write_conversion
from alphaction.workflows.predict.load_model import load_model
from alphaction.zoo import WEIGHTS, cached_file, find_weights

SAMPLING = "INPUT.SLOW_SAMPLING"
WARNED = "the outputs will be wrong"


def toy_label_map(runner: Runner) -> LabelMap:
    cfg = load_cfg(runner.config, ["DATASETS.DATA_DIR", str(runner.data)])
    return read_label_map(find_dataset(cfg, "toy_val").label_map)


@pytest.fixture
def trained(runner: Runner, tmp_path: Path) -> Path:
    """A checkpoint as a run of the toy config leaves it, converted: plain tensors and the settings of its config."""
    folder = tmp_path / "trained"
    folder.mkdir()
    cfg = load_cfg(runner.config, ["DATASETS.DATA_DIR", str(runner.data)])
    label_map = toy_label_map(runner)
    head = cfg.MODEL.ROI_ACTION_HEAD
    head.NUM_CLASSES = label_map.num_classes
    head.NUM_PERSON_MOVEMENT_CLASSES, head.NUM_OBJECT_MANIPULATION_CLASSES, head.NUM_PERSON_INTERACTION_CLASSES = (
        label_map.group_sizes
    )
    state = build_detection_model(cfg).state_dict()
    content = {"model": state, "label_map": label_map.to_dict(), "config": cfg.dump(), "iteration": 5, "optimizer": {}}
    torch.save({**content, "version": "0"}, folder / "run.pth")
    options = ConvertOptions(input=folder / "run.pth", output=folder / "w.pth", config_out=folder / "w.yaml")
    conversion = convert_weights(options)
    assert "Settings were read from the config of the run that wrote it" in "\n".join(conversion.lines)
    write_conversion(conversion)
    return folder / "w.pth"


def test_the_written_config_fits(runner: Runner, trained: Path) -> None:
    cfg = load_cfg(trained.with_suffix(".yaml"))
    assert cfg.MODEL.BACKBONE.CONV_BODY == "Slowfast-Tiny"
    assert cfg.MODEL.WEIGHT == str(trained)
    label_map = toy_label_map(runner)
    load_model(cfg, trained, label_map, Runtime(torch.device("cpu"), 0, 1, 0))
    cfg.merge_from_list([SAMPLING, "first"])
    with pytest.raises(UserError, match=f"trained with {SAMPLING} middle"):
        load_model(cfg, trained, label_map, Runtime(torch.device("cpu"), 0, 1, 0))


def test_training_and_its_plan_refuse_other_settings(runner: Runner, trained: Path, tmp_path: Path) -> None:
    def planned(*extra: str):
        arguments = runner.arguments(tmp_path / "run", "MODEL.WEIGHT", str(trained), *extra)
        return plan_run(load_script(runner.root / "train_net.py").parse_arguments(arguments))

    assert planned().start.action == "weights"
    with pytest.raises(UserError, match=f"trained with {SAMPLING} middle .*the config says first: set {SAMPLING} "):
        planned(SAMPLING, "first")
    with pytest.raises(UserError, match=r"MODEL\.ROI_ACTION_HEAD\.POOLER_ALIGNED False") as error:
        planned("MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED", "True", "MODEL.BACKBONE.SLOWFAST.STEM_POOL_PADDING", "1")
    assert "STEM_POOL_PADDING 0" in str(error.value)
    assert "--no-head trains a new one" in str(error.value)
    assert planned("--no-head", "MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED", "True").start.action == "weights"
    warnings = planned(SAMPLING, "first", "MODEL.WEIGHT_MISMATCH", "warn").warnings
    assert any(WARNED in warning.lower() for warning in warnings)


@pytest.mark.parametrize("kind", ["original", "converted"])
def test_the_plan_refuses_a_public_file_that_does_not_fit(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, kind: str
) -> None:
    # Tensors that take no space, which a file from elsewhere would be refused for.
    monkeypatch.setattr("alphaction.checkpoint.file_bounds.MOST_INFLATION", 10**9)
    case = "pytorchvideo_ava_slow_r50"
    tensors = {name: torch.zeros(()).expand(shape) for name, shape in zoo_case(case)["tensors"].items()}
    path = write_zoo_file(case, tmp_path, tensors)
    conversion = convert_weights(ConvertOptions(input=path, output=tmp_path / "made.pth"))
    values = {key: setting.value for key, setting in conversion.converted.settings.items() if setting.part != "head"}
    values |= {key: value for key, value in conversion.converted.recipe.items() if "SIZE" not in key}
    values |= {"MODEL.IA_STRUCTURE.ACTIVE": False}
    if kind == "converted":
        path = tmp_path / "made.pth"
        write_conversion(conversion)
    key = "MODEL.BACKBONE.SLOWFAST.LAST_STAGE_DILATION"
    # With a new head, as the toy classes are others: what concerns the network is refused all the same.
    kept = [str(item) for pair in values.items() for item in pair]
    arguments = runner.arguments(tmp_path / "run", "--plan", *kept, "MODEL.WEIGHT", str(path), key, "1")
    monkeypatch.setattr("sys.argv", ["train_net.py", *arguments])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(runner.root / "train_net.py"), run_name="__main__")
    assert end.value.code
    says(capsys.readouterr().err, path, f"trained with {key} 2", f"set {key} 2")


def test_evaluation_refuses_other_settings(runner: Runner, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="trained with TEST.EXTEND_SCALE"):
        runner.test(tmp_path / "run", "MODEL.WEIGHT", str(trained), "TEST.EXTEND_SCALE", "(0.3, 0.3)")


def test_evaluation_of_avas_classes_on_others_is_one_sentence(runner: Runner, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("alphaction.checkpoint.file_bounds.MOST_INFLATION", 10**9)
    case = "pytorchvideo_ava_slow_r50"
    tensors = {name: torch.zeros(()).expand(shape) for name, shape in zoo_case(case)["tensors"].items()}
    path = write_zoo_file(case, tmp_path, tensors)
    with pytest.raises(UserError) as error:
        runner.test(tmp_path / "run", "MODEL.WEIGHT", str(path))
    number = toy_label_map(runner).num_classes
    says(str(error.value), f"{path}: these weights classify AVA's 80 classes, the dataset has {number}.")
    assert "NUM_CLASSES" not in str(error.value)


def test_what_would_be_overwritten_or_is_missing(trained: Path, tmp_path: Path) -> None:
    given = {"input": trained, "output": tmp_path / "o.pth", "config_out": tmp_path / "o.yaml"}
    (tmp_path / "there.pth").touch()
    (tmp_path / "there.yaml").touch()
    for change, said in (
        ({"output": tmp_path / "there.pth"}, "exists. Choose another name, or replace it with --force"),
        ({"config_out": tmp_path / "there.yaml"}, "--config-out .* exists"),
        ({"output": tmp_path / "o.bin"}, r"name it .*o\.pth"),
        ({"config_out": tmp_path / "o.json"}, "configs are YAML files"),
        ({"input": tmp_path / "away.pth"}, "--input: .*away.pth does not exist"),
        ({"output": trained, "force": True}, "is the file to convert"),
        ({"source": "pyslowfast"}, r"--from pyslowfast: .*w\.pth is not of PySlowFast; .*\(--from alphaction\)"),
    ):
        with pytest.raises(UserError, match=said):
            convert_weights(ConvertOptions(**given | change))
    with pytest.raises(UserError, match="INPUT.TAUU"):
        convert_weights(ConvertOptions(**given), ["INPUT.TAUU", "3"])
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["there.pth", "there.yaml"]


def test_public_weights_are_converted_by_their_name(trained: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    entry = replace(find_weights("alphaction_r50_4x16_k700"), name="tiny_toy", file_name="w.pth")
    monkeypatch.setitem(WEIGHTS, "tiny_toy", entry)
    options = ConvertOptions(input=Path("zoo:tiny_toy"), output=tmp_path / "o.pth")
    with pytest.raises(UserError, match=f"zoo:tiny_toy are for browsers to download(?s:.*){cached_file(entry)}"):
        convert_weights(options)
    cached_file(entry).parent.mkdir(parents=True)
    cached_file(entry).write_bytes(trained.read_bytes())
    conversion = convert_weights(options)
    assert conversion.options.input == cached_file(entry)
    assert conversion.converted.settings["MODEL.BACKBONE.CONV_BODY"].value == "Slowfast-Tiny"
    with pytest.raises(UserError, match=r"tiny_to.*Did you mean tiny_toy"):
        convert_weights(replace(options, input=Path("zoo:tiny_to")))
    with pytest.raises(UserError, match=r"--output .*w\.pth is the file to convert"):
        convert_weights(replace(options, output=cached_file(entry), force=True))


def test_an_unknown_file_lists_the_known_projects(tmp_path: Path) -> None:
    torch.save({"stem.weight": torch.ones(1)}, tmp_path / "a.pth")
    with pytest.raises(UserError, match="not recognized as a file of .*PySlowFast .*Its names begin with stem.weight"):
        convert_weights(ConvertOptions(input=tmp_path / "a.pth", output=tmp_path / "o.pth"))


def test_a_license_without_commerce_is_seen(trained: Path, tmp_path: Path) -> None:
    content = torch.load(trained, weights_only=True)
    torch.save(content | {"license": "CC-BY-NC-4.0"}, tmp_path / "a.pth")
    conversion = convert_weights(ConvertOptions(input=tmp_path / "a.pth", output=tmp_path / "o.pth"))
    assert any("NO COMMERCIAL USE" in line for line in license_lines(conversion.converted))
    assert list(load_sources()) == sorted(load_sources())
