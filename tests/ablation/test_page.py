"""Claims, tables, the page and the pictures, from made-up numbers."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from messages import says

from alphaction.utils.errors import UserError
from benchmarks.ablation import plots
from benchmarks.ablation.arms import FULL, LENGTHS
from benchmarks.ablation.claims import judge
from benchmarks.ablation.dataset import KINDS
from benchmarks.ablation.page import TEMPLATE, filled, make_page, table
from benchmarks.ablation.plan import plan_study
from benchmarks.ablation.record import new_record
from benchmarks.ablation.results import ALL
from benchmarks.ablation.study import write_report

CHANCE = {"own": 50.0, "person": 50.0, "object": 50.0, "memory": 37.5}


def kinds(**values):
    """AP of a run: chance, but for what is given."""
    return {**CHANCE, "own": 99.0, **values}


def seeds(*spread, **values):
    """Three runs of an arm: each kind that is given, plus each number of ``spread``."""
    return [kinds(**{kind: value + one for kind, value in values.items()}) for one in spread or (0.0, 0.0, 0.0)]


@pytest.fixture
def good():
    """Numbers of a study in which everything holds."""
    return {
        "baseline": seeds(),
        "P": seeds(person=90.0),
        "O": seeds(object=92.0),
        "M": seeds(memory=80.0),
        **{name: seeds(person=95.0, object=95.0, memory=95.0) for name in FULL},
        **{arm: seeds(memory=37.5 if n < 4 else 85.0) for arm, n in LENGTHS.items()},
        "penalty_on": seeds(memory=82.0),
        "M_two_processes": seeds(-1.0, 0.0, 1.0, memory=79.0),
        "M_resumed": seeds(memory=81.0),
    }


def verdicts(results):
    return [claim.holds for claim in judge(results)]


def test_all_claims_hold(measured, good):
    results = measured(good)
    assert verdicts(results) == [True] * 9
    figures = [claim.figures for claim in judge(results)]
    assert figures[0] == "baseline 37.5 (+0.0 from 37.5); P 37.5 (+0.0 from 37.5); O 37.5 (+0.0 from 37.5)"
    assert figures[2] == "90.0 against 50.0: +40.0"
    assert figures[7] == "3 s 37.5 (+0.0 from 37.5)"
    assert figures[8] == "M_two_processes -2.0 to +0.0 (spread 1.0); M_resumed +1.0 (spread 1.0)"


@pytest.mark.parametrize(
    ("arm", "runs", "failing"),
    [
        ("P", seeds(person=90.0, memory=42.6), [0]),
        # Too little of the person classes, but no structure is measured against less than the best.
        ("P", seeds(person=64.9), [2]),
        ("O", seeds(object=64.9), [3]),
        ("dense", seeds(person=95.0, object=95.0, memory=67.4), [1, 5]),
        ("parallel", seeds(person=88.9, object=95.0, memory=95.0), [6]),
        ("length_3", seeds(memory=42.6), [7]),
        ("M_resumed", seeds(memory=77.9), [8]),
        # One seed of three.
        ("baseline", seeds(-5.1, 0.0, 5.0, memory=37.5), [0]),
        ("dense", seeds(0.0, 0.0, -28.0, person=95.0, object=95.0, memory=95.0), [1, 5]),
        ("M_two_processes", seeds(20.0, -16.0, -20.0, memory=80.0), [8]),
        # Changes that cancel out in the mean.
        ("M_two_processes", seeds(20.0, 0.0, -20.0, memory=80.0), [8]),
    ],
)
def test_a_claim_fails_with_its_number(measured, good, arm, runs, failing):
    found = verdicts(measured({**good, arm: runs}))
    assert [place for place, holds in enumerate(found) if not holds] == failing


def test_processes_and_breaks_are_judged_without_the_other_groups(measured, good):
    results = measured({**good, "M_two_processes": seeds(memory=80.5)})
    alone = plan_study(replace(results.study.options, arms=("consistency",)), results.study.data)
    claim = judge(replace(results, study=alone))[8]
    assert (claim.holds, claim.figures) == (True, "M_two_processes +0.5 (spread 1.0); M_resumed +1.0 (spread 1.0)")


def test_other_settings_stand_at_the_top_of_the_page(measured, good, tmp_path):
    results = measured(good)
    assert "other settings" not in make_page(results, {}, tmp_path)
    options = replace(results.study.options, overrides=("INPUT.FRAME_NUM", "16"))
    page = make_page(replace(results, study=replace(results.study, options=options)), {}, tmp_path)
    assert "`INPUT.FRAME_NUM 16`" in page.split("##")[0]


def test_within_one_spread_structures_are_as_good_as_a_block(measured, good):
    good = {**good, "P": seeds(-2.0, 0.0, 2.0, person=90.0)}
    claim = judge(measured({**good, "serial": seeds(person=89.0, object=95.0, memory=95.0)}))[4]
    assert claim.holds
    assert "person -1.0 to P, equal within the spread of 2.0" in claim.figures
    claim = judge(measured({**good, "serial": seeds(-3.0, 0.0, 3.0, person=87.9, object=95.0, memory=95.0)}))[4]
    assert claim.holds is False


def test_the_figures_of_every_seed_are_told_by_the_least_and_the_largest(measured, good):
    claims = judge(measured({**good, "M": seeds(-3.0, 0.0, 1.5, memory=80.0)}))
    assert claims[1].figures.startswith("M 79.5 (+39.5 to +44.0 from 37.5); serial 95.0 (+57.5 from 37.5)")


def test_what_is_missing_is_named(measured, good):
    results = measured({arm: runs for arm, runs in good.items() if arm != "O"})
    claims = judge(results)
    assert [claim.holds for claim in claims] == [None, True, True, None, None, None, None, True, True]
    assert claims[3].figures == "not finished: O"
    assert [str(run) for run in results.missing if run.arm == "O"] == ["O seed 0", "O seed 1", "O seed 2"]


@pytest.mark.parametrize(("arm", "unknown"), [("P", [0, 2, 4, 5, 6]), ("dense", [1, 5]), ("M_resumed", [8])])
def test_no_claim_is_judged_by_some_of_the_seeds(measured, good, arm, unknown):
    claims = judge(measured({**good, arm: good[arm][:2]}))
    assert [place for place, claim in enumerate(claims) if claim.holds is None] == unknown
    assert claims[unknown[0]].figures == f"not finished: {arm}"


def test_tables_have_chance_first_and_the_best_in_bold(measured, good):
    results = measured({**good, "M": seeds(-1.0, 0.0, 1.0, memory=80.0), "P": seeds(person=90.0)[:2]})
    lines = table(results, results.study.group("structures")).splitlines()
    assert lines[2] == "| chance | 50.0 | 50.0 | 50.0 | 37.5 | 45.8 | |"
    assert lines[4].startswith("| P: persons | **99.0 ± 0.0** (2 of 3 seeds) | 90.0 ± 0.0 (2 of 3 seeds) | 50.0 ")
    assert "| 80.0 ± 1.0 |" in lines[6]
    assert lines[7].count("**") == 10
    assert lines[7].endswith("| 2.0 |")
    rows = table(measured({"M": good["M"][:1]}), results.study.group("penalty")).splitlines()
    # An arm without any run, and the same run as M.
    assert "| **80.0** (1 of 3 seeds) |" in rows[4]
    assert rows[3] == "| M, old features scaled down | not run | not run | not run | not run | not run |  |"


def test_all_classes_count_alike(measured, good):
    results = measured(good)
    assert results.kind("M", ALL).mean == pytest.approx((99.0 + 99.0 + 80.0 + 80.0 + 50.0 + 50.0) / 6)
    assert results.chance(ALL) == pytest.approx((50 + 50 + 37.5 + 37.5 + 50 + 50) / 6)


def test_the_page_tells_everything(measured, good, tmp_path):
    results = measured(good)
    write_report(results, tmp_path / "docs" / "ablation.md")
    page = (tmp_path / "docs" / "ablation.md").read_text()
    for name in ("structures", "length", "penalty"):
        assert f"](images/ablation_{name}.png)" in page
        assert (tmp_path / "docs" / "images" / f"ablation_{name}.png").read_bytes().startswith(b"\x89PNG")
    assert page.count("| **holds** |") == 9
    assert "M_unmasked seed 0, 1, 2" in page  # the arms of the options were not run
    total = len(results.scores)  # of two minutes each
    says(page, f"{total} runs on CPU (2 cores)", f"{2 * total:.1f} min", "10.0 min", "2 runs at a time", "1 thread")
    says(
        page,
        "python tools/ablation.py --seeds 0,1,2 --jobs 2",
        "--world interactions --output data/interactions --num-train 4 --num-val 2 --width 224\n",
    )
    assert re.search(r"python train_net.py --config-file config_files/tiny/interactions.yaml --seed 0 \\\n", page)
    assert str(tmp_path) not in page
    prose = [line for line in page.splitlines() if not line.startswith("|")]
    assert max(map(len, prose)) <= 120


def test_the_cost_is_that_of_the_folder_whatever_the_report_is_asked_for(measured, good, tmp_path):
    results = measured({"M": good["M"]})
    options = replace(results.study.options, jobs=16, arms=("M",))
    results = replace(results, study=replace(results.study, options=options, jobs=16))
    page = make_page(results, {}, tmp_path)
    assert "--jobs 2 --arms M" in page
    says(page, "6.0 min", "10.0 min", "2 runs at a time")
    # Another arm's runs lie there, too: what the three took together is not known.
    for run in [*results.study.runs][:9]:
        new_record(run).write(run)
    page = make_page(results, {}, tmp_path)
    says(page, "6.0 min", "2 runs at a time")
    assert "10.0 min" not in page


def test_equal_numbers_give_equal_files(measured, good, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        write_report(measured(good), folder / "page.md")
    for path in first.rglob("*.*"):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes()


def test_a_page_about_a_gpu_is_not_run_without_one(measured, good, tmp_path):
    results = measured(good)
    options = replace(results.study.options, overrides=("MODEL.DEVICE", "cuda"))
    results = replace(results, study=replace(results.study, options=options, device="cuda"))
    page = make_page(results, {}, tmp_path)
    assert page.count("<!-- not run: needs GPUs -->\n```bash") == 2


def test_bars_stand_for_the_means(measured, good):
    results = measured({**good, "M": good["M"][:1]})
    figure = plots.plot_kinds(results, results.study.group("structures"))
    axes = figure.axes[0]
    bars = {c.get_label(): [bar.get_height() for bar in c] for c in axes.containers if hasattr(c, "patches")}
    assert bars["P: persons"] == pytest.approx([99.0, 90.0, 50.0, 37.5])
    chance = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert chance == pytest.approx([CHANCE[kind] for kind in KINDS])


def test_the_length_plot_has_its_lag_and_chance(measured, good):
    results = measured(good)
    axes = plots.plot_lengths(results, results.study.group("length")).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines["lag, 4 s"].get_xdata()) == [4, 4]
    assert list(lines["chance"].get_ydata()) == pytest.approx([37.5, 37.5])


def test_without_matplotlib_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install -e \.\[ablation\]"):
        plots.check_plotting()


def test_the_page_in_docs_has_the_template_s_prose(repo_root):
    """A change of the template needs no new runs, but the page that was generated before has to follow."""
    page = (repo_root / "docs" / "ablation.md").read_text(encoding="utf-8")
    prose = [text for text in TEMPLATE.read_text(encoding="utf-8").strip().split("\n\n") if "$" not in text]
    assert len(prose) > 10
    assert [text for text in prose if filled(text, {}) not in f"{page}\n"] == []


def test_a_paragraph_without_a_value_is_left_out():
    template = (
        "# Page\n\nFirst: $one.\n\nRun:\n\n```\n$two\n```\n\n## Kept\n\n$a_table\n\n## Gone\n\nText.\n\n$b_table\n"
    )
    assert filled(template, {"one": 1, "a_table": "| 1 |"}) == "# Page\n\nFirst: 1.\n\n## Kept\n\n| 1 |\n"
    assert filled(template, {"two": 2}) == "# Page\n\nRun:\n\n```\n2\n```\n"


def test_new_runs_join_a_page_of_earlier_ones(measured, good, tmp_path):
    """Only the sections of the chosen arms change, or appear where the template has them."""
    earlier, report = measured(good), tmp_path / "ablation.md"
    write_report(earlier, report)
    page = report.read_text()
    assert "## Two layers" in page
    start, end = page.index("## Two layers"), page.index("## How far")
    report.write_text(page[:start] + page[end:])  # as it was before there were such arms
    later = measured({"M_two_layers": seeds(memory=61.5), "recipe_serial": seeds(memory=97.5)})
    study = plan_study(replace(later.study.options, arms=("layers", "recipe")), later.study.data)
    write_report(replace(later, study=study), report, update=True)
    found = report.read_text()
    added = found[found.index("## Two layers") : found.index("## How far")]
    assert found.replace(added, "") == page[:start] + page[end:]
    says(added, "61.5 ± 0.0", "97.5 ± 0.0")
    says(" ".join(added.split()), "made apart from the others, of 3 runs on CPU (2 cores), which took 6.0 min")
    says(" ".join(added.split()), "`python tools/ablation.py --update --seeds 0,1,2 --arms recipe_serial,recipe_dense,")
    assert "made apart" not in page
    once = report.read_bytes()
    write_report(replace(later, study=study), report, update=True)
    assert report.read_bytes() == once
