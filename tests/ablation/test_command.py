"""The flags of tools/ablation.py."""

from __future__ import annotations

import shlex
import types
from pathlib import Path

import pytest

from benchmarks.ablation.plan import StudyOptions, check_options


@pytest.fixture
def command(repo_root, monkeypatch):
    """tools/ablation.py as a module whose study is not run; ``called`` has what would be."""
    path = repo_root / "tools" / "ablation.py"
    module = types.ModuleType("ablation_command")
    module.__file__ = str(path)
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    module.called = []
    module.run_ablation = lambda options, report, **how: module.called.append((options, report, how))
    module.run = lambda line: monkeypatch.setattr("sys.argv", ["ablation.py", *shlex.split(line)]) or module.main()
    return module


def test_the_examples_are_good_commands(command):
    lines = command.EXAMPLE.replace("\\\n", " ").splitlines()
    examples = [line.split("ablation.py", 1)[1] for line in lines if line.strip().startswith("python tools/")]
    assert len(examples) == 3
    for example in examples:
        command.run(example)
    for options, _, _ in command.called:
        check_options(options)
    assert [how["report_only"] for _, _, how in command.called] == [False, False, True]


def test_only_a_whole_study_writes_the_page_in_docs(command):
    for line in ("", "--seeds 0,1,2", "--seeds 0", "--arms M", "SOLVER.MAX_ITER 900", "--arms M --report x.md"):
        command.run(f"--output out {line}")
    pages = [report for _, report, _ in command.called]
    whole, own = Path("docs/ablation.md"), Path("out/ablation.md")
    assert pages == [whole, whole, own, own, own, Path("x.md")]
    assert command.called[0][0] == StudyOptions(output=Path("out"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--arms ,", 'error: --arms: ","'),
        ("--arms 'M,,O'", "expected names"),
        ("--seeds ''", "error: --seeds: "),
        ("--seeds 1,x", "error: --seeds: x: "),
        ("--seeds 1,-2", "--seeds: -2: "),
    ],
)
def test_lists_that_are_none(command, capsys, line, message):
    with pytest.raises(SystemExit) as stop:
        command.run(line)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
