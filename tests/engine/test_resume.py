"""What a continued run says of its settings."""

from __future__ import annotations

from alphaction.config import get_cfg
from alphaction.engine.resume import differences


def test_keys_that_a_run_of_before_did_not_have_count_where_they_are_set():
    cfg = get_cfg()
    now = {"seed": 1, "world_size": 1, "config": cfg.dump()}
    cfg.MODEL.ROI_ACTION_HEAD.pop("CLASS_BALANCE_BETA")
    cfg.MODEL.ROI_ACTION_HEAD.pop("GROUPS")
    cfg.SOLVER.MAX_ITER = 7
    before = {**now, "config": cfg.dump()}
    changed = f"SOLVER.MAX_ITER 7 -> {get_cfg().SOLVER.MAX_ITER}"
    assert list(differences(before, now)) == [changed]
    weighed = get_cfg()
    weighed.MODEL.ROI_ACTION_HEAD.CLASS_BALANCE_BETA = 0.9
    assert list(differences(before, {**now, "config": weighed.dump()})) == [
        "MODEL.ROI_ACTION_HEAD.CLASS_BALANCE_BETA absent -> 0.9",
        changed,
    ]
