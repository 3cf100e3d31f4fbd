"""A training ends with its report."""

from __future__ import annotations

import pytest
from workflows.report.reading import PageText

from alphaction.commands import train


@pytest.mark.slow
def test_a_training_ends_with_its_report(runner, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["train_net.py", *runner.arguments(tmp_path, "SOLVER.MAX_ITER", "2")])
    train.main()
    page = PageText((tmp_path / "report.html").read_text(encoding="utf-8"))
    for text in ("training complete: 2 iterations", "Evaluation on toy_val", "Last mAP", "walk left"):
        assert text in page.text
    assert page.all("img")
    said = capsys.readouterr().out
    assert said.count("report.html") == 1
    assert "open it in a browser\nNext\n  " in said
