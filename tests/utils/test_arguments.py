from __future__ import annotations

import argparse

import pytest

from alphaction.utils.arguments import CommandParser, fraction, not_negative, positive, rate, whole


def test_numbers_in_range_are_converted():
    assert (positive("1"), not_negative("0"), whole("-3"), fraction("1"), rate("29.97")) == (1, 0, -3, 1.0, 29.97)


@pytest.mark.parametrize(
    ("convert", "text", "expected"),
    [
        (positive, "0", "0: expected 1 or more"),
        (positive, "two", "two: expected a whole number"),
        (not_negative, "-1", "-1: expected 0 or more"),
        (fraction, "1.5", "1.5: expected 0 to 1"),
        (fraction, "nan", "nan: expected 0 to 1"),
        (fraction, "half", "half: expected a number"),
        (rate, "0", "0: expected a number above 0"),
        (rate, "inf", "inf: expected a number above 0"),
    ],
)
def test_others_say_what_was_expected(convert, text, expected):
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        convert(text)
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--score", "1.5"], "error: --score: 1.5: expected 0 to 1 (all flags: --help)\n"),
        (["--scor"], "error: --score: expected one argument (all flags: --help)\n"),
        (["--bogus"], "error: unrecognized arguments: --bogus (all flags: --help)\n"),
    ],
)
def test_errors_are_one_line(flags, message, capsys):
    parser = CommandParser(prog="tool.py")
    parser.add_argument("--score", type=fraction)
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(flags)
    assert stopped.value.code == 2
    assert capsys.readouterr().err == message
