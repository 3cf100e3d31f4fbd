"""Config keys as arguments, and a schedule that follows its length."""

from __future__ import annotations

from pathlib import Path

import pytest
from messages import says

from alphaction.api.overrides import apply_values, config_values, fit_schedule
from alphaction.config import get_cfg
from alphaction.utils.errors import UserError


def test_names_of_keys():
    values = config_values({"max_iter": 3, "SOLVER__STEPS": (1, 2), "OUTPUT_DIR": Path("x")}, {"TEST.BOX_THRESH": 0.1})
    assert values == {"TEST.BOX_THRESH": 0.1, "SOLVER.MAX_ITER": 3, "SOLVER.STEPS": (1, 2), "OUTPUT_DIR": "x"}
    with pytest.raises(UserError) as error:
        config_values({"sed": 3}, None, ("seed",))
    says(str(error.value), "there is no argument sed=", '"seed"', "SOLVER__BASE_LR=0.01")
    assert config_values({"SOLVER.MAX_ITER": 3}) == {"SOLVER.MAX_ITER": 3}
    for other, name in {"epochs": "max_iter", "learning_rate": "lr", "batch": "batch_size"}.items():
        with pytest.raises(UserError, match=f'no argument {other}=. Did you mean "{name}" '):
            config_values({other: 3})
    with pytest.raises(UserError, match=r"SOLVER.MAX_ITER is given twice, the second time as max_iter="):
        config_values({"max_iter": 3}, {"SOLVER.MAX_ITER": 3})


def schedule(given: dict) -> dict:
    """Return the schedule of 1000 iterations after these keys were given."""
    cfg = get_cfg()
    solver = cfg.SOLVER
    solver.MAX_ITER, solver.STEPS, solver.WARMUP_ITERS = 1000, (500, 900), 100
    solver.CHECKPOINT_PERIOD, solver.EVAL_PERIOD = 200, 500
    apply_values(cfg, given)
    fit_schedule(cfg, given, 1000)
    names = ("MAX_ITER", "STEPS", "WARMUP_ITERS", "CHECKPOINT_PERIOD", "EVAL_PERIOD")
    return {name: cfg.SOLVER[name] for name in names}


def test_the_schedule_follows_max_iter():
    assert tuple(schedule({"SOLVER.MAX_ITER": 100}).values()) == (100, (50, 90), 10, 20, 50)
    assert tuple(schedule({"SOLVER.MAX_ITER": 2000}).values()) == (2000, (1000, 1800), 200, 400, 1000)
    assert tuple(schedule({"SOLVER.MAX_ITER": 1}).values()) == (1, (), 0, 1, 1)
    assert tuple(schedule({"SOLVER.BASE_LR": 1.0}).values()) == (1000, (500, 900), 100, 200, 500)
    given = {"SOLVER.MAX_ITER": 100, "SOLVER.EVAL_PERIOD": 7, "SOLVER.WARMUP_ITERS": 5, "SOLVER.STEPS": (30,)}
    assert tuple(schedule(given).values()) == (100, (30,), 5, 20, 7)
