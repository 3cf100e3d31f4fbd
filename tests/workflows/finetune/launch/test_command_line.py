"""``python -m alphaction.workflows.finetune.launch``: plan, show, ask once, start."""

from __future__ import annotations

from dataclasses import replace

import click
import pytest
from workflows.finetune.launch.machines import NONE

from alphaction.utils.errors import run_command
from alphaction.workflows.finetune.launch import start as command_line
from alphaction.workflows.finetune.launch.again import commands_for_run
from alphaction.workflows.finetune.launch.command import plan_launch
from alphaction.workflows.finetune.launch.launch_options import LaunchOptions, parse_options
from alphaction.workflows.finetune.launch.start import confirmed


@pytest.fixture
def answer(monkeypatch):
    """Answer the next questions with these texts; the end of input follows."""

    def set_answers(*texts: str) -> None:
        answers = iter(texts)

        def read(prompt: str) -> str:
            for text in answers:
                return text
            raise EOFError

        monkeypatch.setattr(click.termui, "visible_prompt_func", read)

    return set_answers


def test_asks_once_and_only_a_person(answer, monkeypatch, capsys):
    options = LaunchOptions("c.yaml")
    answer()
    assert confirmed(options, terminal=False)
    assert confirmed(replace(options, yes=True), terminal=True)
    assert capsys.readouterr().out == ""
    for text, expected in {"": True, "y": True, " YES ": True, "n": False, "no": False}.items():
        answer(text)
        assert confirmed(options, terminal=True) is expected
    answer("what", "n")
    assert not confirmed(options, terminal=True)
    answer()
    assert not confirmed(options, terminal=True)

    def interrupt(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(click.termui, "visible_prompt_func", interrupt)
    with pytest.raises(KeyboardInterrupt):
        confirmed(options, terminal=True)


def test_main_starts_what_was_planned(config, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(command_line, "look_around", lambda: NONE)
    monkeypatch.setattr(command_line, "execute", lambda command, env: started.append((command, env)) or 7)
    assert command_line.main([str(config), "--dry-run"]) == 0
    assert started == []
    assert "(--dry-run)" in capsys.readouterr().out
    assert command_line.main([str(config), "--yes"]) == 7
    assert "no terminal" not in capsys.readouterr().out
    assert command_line.main([str(config)]) == 7
    assert "There is no terminal to ask on" in capsys.readouterr().out
    del started[1:]
    ((command, env),) = started
    assert command == plan_launch(parse_options([str(config)]), NONE).command
    assert env == commands_for_run([str(config), "--yes"])
    monkeypatch.setattr(command_line, "confirmed", lambda *_: False)
    assert command_line.main([str(config)]) == 1
    assert len(started) == 1


@pytest.mark.parametrize("flag", ["--dry-run", "--yes"])
def test_a_dry_run_ends_as_the_run_where_that_is_refused(config, monkeypatch, capsys, flag):
    monkeypatch.setattr(command_line, "look_around", lambda: NONE)
    with pytest.raises(SystemExit) as stop:
        run_command(lambda: command_line.main([str(config), flag, "--", "MODEL.WEIGHT", "away.pth"]))
    assert stop.value.code == 2
    shown = capsys.readouterr()
    assert "MODEL.WEIGHT: away.pth " in shown.err
    assert "Plan" not in shown.out


def test_an_interrupt_before_the_start_says_how_to_start_again(config, monkeypatch, capsys):
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "look_around", interrupt)
    with pytest.raises(SystemExit) as stop:
        run_command(lambda: command_line.main([str(config), "--cpu", "--", "OUTPUT_DIR", "my run"]))
    assert stop.value.code == 130
    said, command = capsys.readouterr().err.splitlines()
    assert said == "interrupted. Nothing was started. The same command starts again:"
    assert command.endswith(f"tools/finetune_quickstart.sh {config} --cpu -- OUTPUT_DIR 'my run'")
