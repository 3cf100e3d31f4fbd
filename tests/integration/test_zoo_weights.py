"""MODEL.WEIGHT zoo:NAME in trainings, plans and tests, from a server on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from integration.harness import load_script
from messages import refused, says
from zoo.web import serving

from alphaction.engine.train import plan_run
from alphaction.zoo import WEIGHTS, PublicWeights, cached_file
from alphaction.zoo.cache import record_file

pytestmark = pytest.mark.slow


@pytest.fixture
def public(runner, tmp_path, monkeypatch):
    """A model of the toy dataset as public weights, its server, and the cache that it goes to."""
    options = ("--skip-final-test", "SOLVER.MAX_ITER", "2")
    runner.train(tmp_path / "first", *options)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving((tmp_path / "first" / "model_final.pth").read_bytes()) as server:
        entry = PublicWeights(
            name="tiny_toy", what="Tiny, toy", kind="detector", source="alphaction", backbone="tiny", page="https://x.org",
            file_name="tiny.pth", url=server.url, license="CC-BY-NC-4.0", commercial=False,
        )  # fmt: skip
        monkeypatch.setitem(WEIGHTS, "tiny_toy", entry)
        yield entry, server


def test_plan_training_and_test_use_one_download(public, runner, tmp_path, capfd):
    entry, server = public
    options = ("--transfer", "--skip-final-test", "SOLVER.MAX_ITER", "2", "MODEL.WEIGHT", "zoo:tiny_toy")
    output = tmp_path / "second"
    args = load_script(runner.root / "train_net.py").parse_arguments(runner.arguments(output, *options))
    capfd.readouterr()
    plan = plan_run(args)
    says(capfd.readouterr().err, "NO COMMERCIAL USE", server.url)
    path = cached_file(entry)
    assert record_file(path).is_file()
    assert not output.exists()
    assert plan.start.path == path
    license_warning = next(warning for warning in plan.warnings if "zoo:tiny_toy" in warning)
    says(license_warning, path, "CC-BY-NC-4.0", "NO COMMERCIAL USE")

    runner.train(output, *options)
    log = (output / "log.txt").read_text()
    says(log, f"WARNING: {license_warning}", "weights of zoo:tiny_toy, iteration 0")
    written = yaml.safe_load((output / "config.yaml").read_text())
    assert written["MODEL"]["WEIGHT"] == "zoo:tiny_toy"
    runner.test(tmp_path / "third", "MODEL.WEIGHT", "zoo:tiny_toy")
    assert f"WARNING: {license_warning}" in (tmp_path / "third" / "log.txt").read_text()
    assert server.asked == [""]

    # A run that is continued, or a checkpoint that is tested, needs the file no more.
    shutil.rmtree(Path(path).parent)
    runner.train(output, "--skip-final-test", "SOLVER.MAX_ITER", "3", "MODEL.WEIGHT", "zoo:tiny_toy")
    assert server.asked == [""]


def test_names_that_are_none_are_refused_before_anything_else(runner, tmp_path):
    for name, parts in (
        ("zoo:mvitv2_s_k40", ("mvitv2_s_k40", "mvitv2_s_k400", "--list")),
        ("zoo:fasterrcnn_resnet50_fpn", ("persons", "tools/detect_persons.py --model fasterrcnn_resnet50_fpn")),
    ):
        refused(lambda name=name: runner.train(tmp_path / "run", "--transfer", "MODEL.WEIGHT", name), *parts)
        refused(lambda name=name: runner.test(tmp_path / "run", "MODEL.WEIGHT", name), *parts)
    assert not (tmp_path / "run").exists()
