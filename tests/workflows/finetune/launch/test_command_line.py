"""``python -m alphaction.workflows.finetune.launch``: plan, show, ask once, start."""

from __future__ import annotations

from dataclasses import replace

from workflows.finetune.launch.planning import NONE

from alphaction.workflows.finetune.launch import __main__ as command_line
from alphaction.workflows.finetune.launch.__main__ import confirmed
from alphaction.workflows.finetune.launch.options import LaunchOptions, parse_options
from alphaction.workflows.finetune.launch.plan import plan


def test_asks_once_and_only_a_person():
    options = LaunchOptions("c.yaml")

    def never(question: str) -> str:
        raise AssertionError("asked")

    assert confirmed(options, terminal=False, ask=never)
    assert confirmed(replace(options, yes=True), terminal=True, ask=never)
    answers = {"": True, "y": True, " YES ": True, "n": False, "no": False, "what": False}
    assert {text: confirmed(options, terminal=True, ask=lambda _, text=text: text) for text in answers} == answers

    def end_of_input(question: str) -> str:
        raise EOFError

    assert not confirmed(options, terminal=True, ask=end_of_input)


def test_main_starts_what_was_planned(config, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(command_line, "look_around", lambda: NONE)
    monkeypatch.setattr(command_line, "start", lambda command, env: started.append((command, env)) or 7)
    assert command_line.main([str(config), "--dry-run"]) == 0
    assert started == []
    assert "Nothing is started (--dry-run)." in capsys.readouterr().out
    assert command_line.main([str(config), "--yes"]) == 7
    ((command, env),) = started
    assert command == plan(parse_options([str(config)]), NONE).command
    assert env == {}
    monkeypatch.setattr(command_line, "confirmed", lambda *_: False)
    assert command_line.main([str(config)]) == 1
    assert len(started) == 1
