"""When a training has diverged, and when it only has a hard time."""

from __future__ import annotations

import math

import pytest
import torch
from messages import says
from torch import nn

from alphaction.config import get_cfg
from alphaction.engine.divergence import DivergenceWatch, remedies
from alphaction.modeling.roi_head.losses import ActionLoss
from alphaction.utils.errors import DivergenceError


def watch_after(losses: list[float], undecided: float = 4.0) -> DivergenceWatch:
    watch = DivergenceWatch(undecided, "Lower SOLVER.BASE_LR.")
    for iteration, loss in enumerate(losses, 1):
        watch.record(iteration, {"loss": loss})
    return watch


@pytest.mark.parametrize(
    "losses",
    [
        [4.0, 3.0, 2.0, 1.0, 0.5],
        [4.0, *[1e-5] * 30, 3.9, 1e-5, 60.0, 0.1],  # almost 0, then a class that is new to it
        [0.02, 0.01, 5.0, 4.0, 3.0],  # weights that fit, and too high a rate in the beginning
        [4.0, 229.0, 30.0, 6.0, 2.0],  # a spike
        [3000.0, 900.0, 80.0, 20.0],  # weights at random that are far off
        [4.0, 500.0, 450.0, 500.0, 420.0, 390.0, 300.0],  # for a while
        [math.nan, 4.0, math.nan, 3.0],  # all steps of a line were skipped
    ],
)
def test_no_false_alarm(losses):
    watch_after(losses)


@pytest.mark.parametrize(
    ("losses", "shown"),
    [
        ([4.0, 3.0, 6e16], ["iteration 3", "6e+16", "4 that"]),
        ([4.0, 3.0, 3.0, 4100.0], ["iteration 4", "4100", "about 3 before"]),
        ([6e16], ["iteration 1", "6e+16", "knows nothing is 4"]),
        ([4.0, math.inf], ["iteration 2", "loss is infinite"]),
        ([4.0, 500.0, 800.0, 900.0, 1000.0, 1200.0], ["iteration 6", "500, 800, 900, 1000, 1200", "(4)"]),
        # Twice as high with each line: never far from the median, but lost.
        ([2.0**power for power in range(30)], ["iteration"]),
    ],
)
def test_the_alarm_names_the_iteration_and_the_level_before(losses, shown):
    with pytest.raises(DivergenceError) as caught:
        watch_after(losses)
    says(str(caught.value), *[part for part in shown if part != "4 that"], "SOLVER.BASE_LR")
    assert caught.value.status == 5


def test_to_look_leaves_the_past_as_it_is():
    watch = watch_after([4.0, 3.0])
    before = watch.state_dict()
    watch.check(3, {"loss": 2.0})
    watch.check(3, {})
    assert watch.state_dict() == before
    with pytest.raises(DivergenceError):
        watch.check(3, {"loss": 1e5})


def test_weights_that_grow_out_of_proportion():
    model = nn.Linear(2, 2)
    watch = DivergenceWatch(4.0)
    watch.begin(model)
    with torch.no_grad():
        model.weight.mul_(100)
        watch.check_weights(1, model)
        model.weight.mul_(1e4)
    with pytest.raises(DivergenceError, match=r"iteration 2: the norm"):
        watch.check_weights(2, model)
    watch.begin(model)  # again after a restart: it is the run's beginning that counts
    with pytest.raises(DivergenceError):
        watch.check_weights(2, model)
    with torch.no_grad():
        model.bias[0] = math.nan
    with pytest.raises(DivergenceError, match="some weight is not finite"):
        watch.check_weights(3, model)


def test_a_continued_run_judges_like_one_that_was_left_alone():
    losses = [4.0, *(3.0 / n for n in range(1, 30)), *[900.0] * 4]
    watch, continued = watch_after(losses), DivergenceWatch(4.0)
    continued.load_state_dict(watch.state_dict())
    assert continued.state_dict() == watch.state_dict()
    for one in (watch, continued):
        with pytest.raises(DivergenceError, match="the last 5 logged losses"):
            one.record(40, {"loss": 900.0})


@pytest.mark.parametrize(
    "change",
    [
        {"past": None},
        {"past": [1]},
        {"past": [math.nan]},
        {"past": "abc"},
        {"high": 1.0},
        {"first": "4"},
        {"norm": math.inf},
        {"norm": torch.zeros(3)},
    ],
)
def test_a_past_of_other_types_is_refused(change):
    watch = DivergenceWatch(4.0)
    before = watch.state_dict()
    with pytest.raises(ValueError, match="no "):
        watch.load_state_dict({"past": [1.0], "first": 1.0, "high": 0, "norm": 1.0} | change)
    assert watch.state_dict() == before


def test_the_remedies_have_the_values_of_the_run():
    cfg = get_cfg()
    cfg.SOLVER.BASE_LR, cfg.SOLVER.CLIP_GRAD_NORM, cfg.SOLVER.AMP = 0.5, 0.0, "fp16"
    says(remedies(cfg), "SOLVER.BASE_LR (0.5 now: try 0.05)", "SOLVER.CLIP_GRAD_NORM (0 now: try 10)", "bf16")
    cfg.SOLVER.CLIP_GRAD_NORM, cfg.SOLVER.WARMUP_ON = 10.0, False
    says(remedies(cfg), "CLIP_GRAD_NORM (10 now: try 1)", "SOLVER.WARMUP_ON True")


def test_the_loss_of_a_network_that_knows_nothing():
    loss = ActionLoss((4, 3, 0), (1.0, 2.0, 1.0))
    # A softmax over 4 and a sigmoid, both focal with gamma 2.
    assert loss.undecided() == pytest.approx(0.75**2 * math.log(4) + 2 * 0.25 * math.log(2))
