from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from alphaction.data.annotations import Keyframe
from alphaction.utils.errors import UserError
from benchmarks.active.options import ActiveOptions
from benchmarks.active.report import table_of
from benchmarks.active.rounds import ALL, START, Cell, Outcome, next_keyframes
from benchmarks.active.study import OUTCOME, RUNS, cells_of, check_settings, read_outcome, report, run_study

OPTIONS = ActiveOptions(rounds=2, budget=3, seeds=(0, 1))


def outcome(keyframes: int, mean_ap: float) -> Outcome:
    return Outcome([("a", second) for second in range(keyframes)], 4 * keyframes, 6 * keyframes, mean_ap, {})


# Cell -> mAP.
SCORES = {
    **{Cell(START, seed, 0): 0.2 + 0.02 * seed for seed in (0, 1)},
    **{Cell("uncertain", seed, 1): 0.3 + 0.02 * seed for seed in (0, 1)},
    **{Cell("random", seed, 1): 0.25 + 0.04 * seed for seed in (0, 1)},
    Cell("uncertain", 0, 2): 0.4,
    **{Cell(ALL, seed, 0): 0.5 for seed in (0, 1)},
}
OUTCOMES = {cell: outcome(30 if cell.order == ALL else 3 * (cell.number + 1), score) for cell, score in SCORES.items()}


def test_every_round_comes_after_the_one_that_it_goes_on_from():
    cells = list(cells_of(OPTIONS))
    assert len(cells) == len(set(cells)) == 2 * (2 + 2 * 2)
    for place, cell in enumerate(cells):
        assert cell.before is None or cell.before in cells[:place]
    assert Cell("random", 1, 1).before == Cell(START, 1, 0)
    assert Cell("random", 1, 2).before == Cell("random", 1, 1)
    assert len({cell.name for cell in cells}) == len(cells)


def test_the_table_has_means_deviations_and_the_difference_of_each_seed():
    assert table_of(OUTCOMES, OPTIONS).splitlines()[2:] == [
        "| 3 | 12 | 12 | 21.0 ± 1.4 | 21.0 ± 1.4 |  |",
        "| 6 | 24 | 24 | 31.0 ± 1.4 | 27.0 ± 2.8 | +4.0 ± 1.4 |",
        "| 9 | 36 |  | 40.0 | not run | not run |",
        "| all 30 | 120 | 120 | 50.0 ± 0.0 | 50.0 ± 0.0 | |",
    ]


def test_what_has_ended_is_reported(tmp_path, capsys):
    options = replace(OPTIONS, output=tmp_path)
    with pytest.raises(UserError, match="no round of these seeds"):
        report(options)
    for cell, found in OUTCOMES.items():
        folder = tmp_path / RUNS / cell.name
        folder.mkdir(parents=True)
        (folder / OUTCOME).write_text(json.dumps(asdict(found)), encoding="utf-8")
    assert read_outcome(options, Cell("uncertain", 0, 2)).mean_ap == 0.4
    report(options)
    assert "9 of 12 trainings; wrote" in capsys.readouterr().out
    assert (tmp_path / "active.md").read_text(encoding="utf-8") == table_of(OUTCOMES, OPTIONS)
    assert (tmp_path / "active.png").read_bytes().startswith(b"\x89PNG")


def test_a_study_goes_on_with_its_own_settings_and_more_seeds_or_rounds(tmp_path):
    options = replace(OPTIONS, output=tmp_path / "new")
    check_settings(options)
    check_settings(replace(options, seeds=(5,), rounds=9, data=tmp_path))
    with pytest.raises(UserError, match="budget: there 3, now 4"):
        check_settings(replace(options, budget=4))


class Pool:
    """Ten keyframes."""

    @property
    def keyframes(self) -> list[Keyframe]:
        return [Keyframe("a", second) for second in range(10)]


def test_orders_share_the_start_and_draw_no_keyframe_twice():
    first = next_keyframes(Cell(START, 3, 0), [], Pool(), 4, None)
    assert first == next_keyframes(Cell(START, 3, 0), [], Pool(), 4, None)
    second = next_keyframes(Cell("random", 3, 1), first, Pool(), 4, None)
    third = next_keyframes(Cell("random", 3, 2), first + second, Pool(), 4, None)
    assert sorted(first + second + third) == Pool().keyframes
    assert first != next_keyframes(Cell(START, 4, 0), [], Pool(), 4, None)
    assert next_keyframes(Cell(ALL, 3, 0), [], Pool(), 4, None) == Pool().keyframes


@pytest.mark.slow
def test_a_tiny_study_runs_and_goes_on(tmp_path, capsys, monkeypatch):
    cells = [Cell(START, 0, 0), Cell("uncertain", 0, 1)]  # the others are trained in the same way
    monkeypatch.setattr("benchmarks.active.study.cells_of", lambda options: iter(cells))
    options = ActiveOptions(
        tmp_path / "data",
        tmp_path / "out",
        seeds=(0,),
        rounds=1,
        budget=2,
        iterations=2,
        train_videos=2,
        val_videos=1,
        before_videos=1,
        before_iterations=2,
    )
    run_study(options)
    first = capsys.readouterr().out
    assert "2 of 2 trainings" in first
    found = {cell: read_outcome(options, cell) for cell in cells}
    assert [len(found[cell].labeled) for cell in found] == [2, 4]
    assert all(0 < one.mean_ap < 1 and len(one.per_class) > 5 for one in found.values())
    start = found[Cell(START, 0, 0)]
    assert found[Cell("uncertain", 0, 1)].labeled[:2] == start.labeled
    run_study(options)
    assert "seed 0, start" not in capsys.readouterr().out
