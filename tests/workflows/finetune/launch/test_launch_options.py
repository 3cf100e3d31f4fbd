"""The command line of tools/finetune_quickstart.sh."""

from __future__ import annotations

import re

import pytest

from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.launch.launch_options import LaunchOptions, parse_options


def test_defaults():
    assert parse_options(["c.yaml"]) == LaunchOptions("c.yaml")
    assert parse_options(["c.yaml"]).tensorboard


def test_every_option():
    line = (
        "--new-classes --resume --no-tensorboard --skip-val --compile --seed 7 --nnodes 3 --node-rank 2 "
        "--master-addr a --master-port 1234 c.yaml --num-gpus 4 --dry-run --yes -- SOLVER.MAX_ITER 5 OUTPUT_DIR --x"
    )
    assert parse_options(line.split()) == LaunchOptions(
        "c.yaml",
        num_gpus=4,
        new_classes=True,
        resume=True,
        tensorboard=False,
        compile=True,
        skip_val=True,
        seed=7,
        nnodes=3,
        node_rank=2,
        master_addr="a",
        master_port=1234,
        dry_run=True,
        yes=True,
        overrides=("SOLVER.MAX_ITER", "5", "OUTPUT_DIR", "--x"),
    )


def test_single_gpu_is_one_gpu():
    assert parse_options(["c.yaml", "--single-gpu"]) == parse_options(["c.yaml", "--num-gpus", "1"])
    assert parse_options(["c.yaml", "--cpu"]).cpu


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "CONFIG is missing"),
        ("c.yaml -- SOLVER.MAX_ITER", "pairs KEY VALUE"),
        ("c.yaml -- SOLVER.MAX_ITER=5", 'write "SOLVER.MAX_ITER 5"'),
        ("c.yaml -- OUTPUT_DIR a --yes", "--yes stands where a config key is expected"),
        ("c.yaml --num-gpu 2", r'--num-gpu\..*"--num-gpus"'),
        ("c.yaml --bogus", "--bogus.*--cpu"),
        ("c.yaml SOLVER.MAX_ITER 5", "`-- SOLVER.MAX_ITER 5`"),
        ("c.yaml OUTPUT_DIR out", "`-- OUTPUT_DIR out`"),
        ("c.yaml d.yaml", "d.yaml: one CONFIG"),
        ("c.yaml --nnodes 2", "--nnodes 2 .*--node-rank and --master-addr"),
        ("c.yaml --nnodes 2 --node-rank 0", "--nnodes 2 .*--master-addr"),
        ("c.yaml --nnodes 2 --node-rank 2 --master-addr a", "--node-rank 2: .*0 to 1"),
        ("c.yaml --node-rank 1", "--node-rank 1 .*--nnodes"),
        ("c.yaml --num-gpus 0", "--cpu"),
    ],
)
def test_mistakes_are_explained(line, message):
    with pytest.raises(UserError, match=message):
        parse_options(line.split())


def test_an_empty_config_is_called_so():
    with pytest.raises(UserError, match='CONFIG is empty \\("", an unset variable'):
        parse_options(["", "--cpu"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("c.yaml --num-gpus two", "--num-gpus: two: "),
        ("c.yaml --num-gpus -1", "--num-gpus: -1: "),
        ("c.yaml --master-port 70000", "--master-port: 70000: .*from 1 to 65535"),
        ("c.yaml --cpu --single-gpu", "--single-gpu: .*--cpu"),
    ],
)
def test_malformed_values(line, message, capsys):
    with pytest.raises(SystemExit) as stop:
        parse_options(line.split())
    assert stop.value.code == 2
    assert re.search(message, capsys.readouterr().err)


def test_one_machine_may_be_given_in_full():
    options = parse_options("c.yaml --nnodes 1 --node-rank 0 --master-addr a".split())
    assert (options.nnodes, options.node_rank) == (1, 0)
