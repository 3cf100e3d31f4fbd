"""The command line of tools/finetune_quickstart.sh."""

from __future__ import annotations

import pytest

from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.launch.launch_options import LaunchOptions, parse_options


def test_defaults():
    assert parse_options(["c.yaml"]) == LaunchOptions("c.yaml")
    assert parse_options(["c.yaml"]).tensorboard


def test_every_option():
    line = (
        "--new-classes --resume --no-tensorboard --skip-val --seed 7 --nnodes 3 --node-rank 2 --master-addr a "
        "--master-port 1234 c.yaml --num-gpus 4 --dry-run --yes -- SOLVER.MAX_ITER 5 OUTPUT_DIR --x"
    )
    assert parse_options(line.split()) == LaunchOptions(
        "c.yaml",
        num_gpus=4,
        new_classes=True,
        resume=True,
        tensorboard=False,
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
        ("c.yaml --num-gpu 2", 'unknown option --num-gpu. Did you mean "--num-gpus"?'),
        ("c.yaml --bogus", "unknown option --bogus. Known: --cpu"),
        ("c.yaml SOLVER.MAX_ITER 5", "write `-- SOLVER.MAX_ITER 5` at the end"),
        ("c.yaml OUTPUT_DIR out", "write `-- OUTPUT_DIR out` at the end"),
        ("c.yaml d.yaml", "d.yaml: one CONFIG is expected"),
        ("c.yaml --nnodes 2", "--nnodes 2 also needs --node-rank and --master-addr"),
        ("c.yaml --nnodes 2 --node-rank 0", "--nnodes 2 also needs --master-addr"),
        ("c.yaml --nnodes 2 --node-rank 2 --master-addr a", "--node-rank 2: expected 0 to 1"),
        ("c.yaml --node-rank 1", "--node-rank 1 needs --nnodes N"),
        ("c.yaml --num-gpus 0", "--cpu trains without GPUs"),
    ],
)
def test_mistakes_are_explained(line, message):
    with pytest.raises(UserError) as error:
        parse_options(line.split())
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("c.yaml --num-gpus two", "--num-gpus: two: expected a whole number"),
        ("c.yaml --num-gpus -1", "--num-gpus: -1: expected a whole number"),
        ("c.yaml --master-port 70000", "--master-port: 70000: expected a whole number from 1 to 65535"),
        ("c.yaml --cpu --single-gpu", "not allowed with argument --cpu"),
    ],
)
def test_malformed_values(line, message, capsys):
    with pytest.raises(SystemExit) as stop:
        parse_options(line.split())
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_one_machine_may_be_given_in_full():
    options = parse_options("c.yaml --nnodes 1 --node-rank 0 --master-addr a".split())
    assert (options.nnodes, options.node_rank) == (1, 0)
