"""The report and its exit status."""

from __future__ import annotations

import json
import sys

import pytest
from messages import says

from alphaction.commands import doctor
from alphaction.doctor import examine as module
from alphaction.doctor.examine import examine, report_json, report_text, works
from alphaction.doctor.finding import Finding, State, safely

FINDINGS = {
    "packages": [
        Finding("torch", "2.9.1"),
        Finding("cv2", "no libGL.so.1 " * 20, State.PROBLEM, "pip install x " * 20),
    ],
    "devices": [Finding("GPU", "in use", State.NOTE)],
}


def test_the_report():
    text = "\n".join(report_text(FINDINGS))
    lines = text.splitlines()
    assert lines[:2] == ["packages", "  ok       torch  2.9.1"]
    # Text is wrapped, a command to be copied is not.
    assert max(len(line) for line in lines if "->" not in line) <= 118
    assert f"-> {'pip install x ' * 20}" in text
    assert lines[-1].startswith("1 problem, 1 note. Training or predicting does not work here yet")
    assert not works(FINDINGS)
    assert works({"devices": FINDINGS["devices"]})
    read = json.loads(report_json(FINDINGS))
    assert (read["works"], read["problems"], read["notes"]) == (False, 1, 1)
    assert read["sections"]["packages"][1]["state"] == "problem"


def test_a_check_that_fails_is_a_note():
    def the_weather():
        yield Finding("sun", "shines")
        raise KeyError("rain")

    first, second = safely(the_weather)
    assert first.name == "sun"
    assert (second.name, second.state) == ("the weather", State.NOTE)
    says(second.text, "KeyError", "rain")


@pytest.mark.parametrize(("planted", "status"), [(State.OK, 0), (State.NOTE, 0), (State.PROBLEM, 1)])
def test_the_exit_status(monkeypatch, capsys, planted, status):
    def check():
        yield Finding("x", "y", planted)

    monkeypatch.setattr(module, "SECTIONS", {"a": (check,)})
    monkeypatch.setattr(sys, "argv", ["alphaction doctor", "--json"])
    assert doctor.main() == status
    assert json.loads(capsys.readouterr().out)["works"] is (status == 0)


def test_this_machine():
    report = examine()
    assert "network" not in report
    found = {finding.name: finding.state for findings in report.values() for finding in findings}
    assert {found[name] for name in ("Python", "torch", "torchvision", "h264")} == {State.OK}
    # Memory and disk are as they are.
    assert json.loads(report_json(report))["problems"] == sum(state is State.PROBLEM for state in found.values())
