"""The parser of all command lines."""

from __future__ import annotations

import pytest

from alphaction.utils.arguments import CommandParser
from alphaction.utils.numbers import FRACTION


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--score", "1.5"], "error: --score: 1.5: expected a number from 0 to 1 (all flags: --help)\n"),
        (["--scor"], "error: --score: expected one argument (all flags: --help)\n"),
        (["--bogus"], "error: unrecognized arguments: --bogus (all flags: --help)\n"),
    ],
)
def test_errors_are_one_line(flags, message, capsys):
    parser = CommandParser(prog="tool.py")
    parser.add_argument("--score", type=FRACTION)
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(flags)
    assert stopped.value.code == 2
    assert capsys.readouterr().err == message
