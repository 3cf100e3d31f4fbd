"""What is printed cannot command a terminal, and messages are of a readable length."""

from __future__ import annotations

import io
import logging
import subprocess
import sys

import pytest
from tqdm import tqdm

from alphaction.utils import terminal
from alphaction.utils.errors import UserError, run_command
from alphaction.utils.logging import close_logging, set_up_logging
from alphaction.utils.messages import hanging, shortened, text_table, visible
from alphaction.utils.options import CommandParser
from alphaction.utils.terminal import GuardedStream, guard_terminal

EVIL = "a\x1b]0;owned\x07\x1b[2J\x9b31m\u202eb\u200bc\r\udcff"
SHOWN = r"a\x1b]0;owned\x07\x1b[2J\x9b31m\u202eb\u200bc\x0d\udcff"


def test_controls_directions_and_what_is_not_seen_are_escapes():
    assert visible(EVIL) == SHOWN
    assert visible("line\n\ttab \U000e0041") == "line\n\ttab \\U000e0041"
    assert visible("Fußgänger 歩く идти 👍") == "Fußgänger 歩く идти 👍"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_whatever_a_command_prints_is_shown(capsys, stream):
    before = sys.stdout, sys.stderr

    def main():
        print("a report on", EVIL, file=getattr(sys, stream))

    try:
        with pytest.raises(SystemExit):
            run_command(main)
    finally:
        sys.stdout, sys.stderr = before
    assert getattr(capsys.readouterr(), stream.removeprefix("std")).strip() == f"a report on {SHOWN}"


def test_a_progress_bar_still_moves_but_its_title_cannot():
    out = io.StringIO()
    for _ in tqdm(range(2), desc=EVIL.strip("\r"), file=GuardedStream(out, bars=True), ascii=True, mininterval=0):
        pass
    text = out.getvalue()
    assert text.startswith("\r")
    assert SHOWN[:20] in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    lines = GuardedStream(io.StringIO(), bars=True)
    lines.write("\n\x1b[A")
    assert lines._wrapped.getvalue() == "\n\x1b[A"


FORGED = 'video "a\n2026-01-01 00:00:00 INFO: all is well" is not here:\n  - b'
HUNG = 'video "a\n  2026-01-01 00:00:00 INFO: all is well" is not here:\n    - b'


def test_a_name_with_a_line_end_begins_no_message(capsys):
    before = sys.stdout, sys.stderr

    def main():
        raise UserError(FORGED)

    try:
        with pytest.raises(SystemExit):
            run_command(main)
    finally:
        sys.stdout, sys.stderr = before
    assert capsys.readouterr().err == f"error: {HUNG}\n"
    record = logging.LogRecord("x", logging.WARNING, "", 0, "%s", (FORGED,), None)
    assert terminal.VisibleFormatter("WARNING: %(message)s").format(record) == f"WARNING: {HUNG}"
    assert hanging("title\n  - a\n\n  - b") == "title\n  - a\n\n  - b"


def test_guarding_twice_is_once(monkeypatch):
    monkeypatch.setattr(terminal.sys, "stdout", io.StringIO())
    monkeypatch.setattr(terminal.sys, "stderr", io.StringIO())
    guard_terminal()
    first = sys.stdout
    guard_terminal()
    assert sys.stdout is first


def test_a_message_keeps_its_beginning_and_its_fix(capsys):
    def main():
        raise UserError(f'videos.csv row 3: video "{"x" * 50_000}" is not known. Rename the file.')

    with pytest.raises(SystemExit):
        run_command(main)
    error = capsys.readouterr().err
    assert len(error) < 700
    assert error.startswith('error: videos.csv row 3: video "xxx')
    assert error.endswith("is not known. Rename the file.\n")
    many = shortened("begin " + "word " * 10_000 + "fix")
    assert len(many) < 2100
    assert many.startswith("begin word")
    assert many.endswith("fix")
    assert shortened("short") == "short"


def test_a_warning_is_short_in_the_log_too(tmp_path):
    try:
        logger = set_up_logging(tmp_path, is_main=True)
        logger.warning("clip %s is left out. Repair it.", "y" * 100_000)
        logger.info("a report\n" + "row\n" * 3000)
    finally:
        close_logging()
    lines = (tmp_path / "log.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines[0]) < 500
    assert lines[0].endswith("is left out. Repair it.")
    assert len(lines) > 3000
    assert logging.getLogger("alphaction").handlers == []


def test_a_cell_stays_in_its_line():
    assert text_table([("class", "rows"), ("a\nb\x1b", 3)]) == ["class     rows", "a\\nb\\x1b     3"]


def test_flags_cannot_command_a_terminal_either(capsys):
    with pytest.raises(SystemExit):
        CommandParser().parse_args(["--nonsense\x1b[31m" + "z" * 20_000])
    error = capsys.readouterr().err
    assert "unknown flag --nonsense\\x1b" in error
    assert "\x1b" not in error
    assert len(error) < 2200


def test_warnings_of_a_command_without_a_log_are_short_too(repo_root):
    script = "import logging; from alphaction.utils.errors import run_command\n"
    script += "run_command(lambda: logging.getLogger('alphaction.x').warning('a%s b. Mend it.', 'z\\x1b' * 9000))"
    done = subprocess.run([sys.executable, "-c", script], cwd=repo_root, capture_output=True, text=True, check=True)
    assert len(done.stderr) < 1000
    assert done.stderr.startswith("az\\x1bz")
    assert done.stderr.endswith("b. Mend it.\n")
