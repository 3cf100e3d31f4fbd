"""Messages of the command lines in the words of Python."""

from __future__ import annotations

import pytest

from alphaction.api.wording import in_python, python_words
from alphaction.utils.command_text import next_calls, speaking_python, this_command
from alphaction.utils.errors import DataError


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("--start 99: a.mp4 ends at 6.00 s", "start=99: a.mp4 ends at 6.00 s"),
        ("--video: a.mp4 does not exist", "video=: a.mp4 does not exist"),
        (
            "pass it with --detector-weights FILE, or --onnx FILE",
            "pass it with detector_weights=FILE, or detector=FILE",
        ),
        (
            "taken with --detections FILE in place of --detector: csv",
            "taken with boxes=FILE in place of detector=: csv",
        ),
        (
            "tools/download_weights.py --list shows all. Or alphaction weights --list, or give --onnx FILE",
            "tools/download_weights.py --list shows all. Or alphaction weights --list, or give detector=FILE",
        ),
        (
            "python tools/convert_weights.py --input a.pkl --output b.pth\nthen --onnx FILE",
            "python tools/convert_weights.py --input a.pkl --output b.pth\nthen detector=FILE",
        ),
        ("1 mistake in the KEY VALUE pairs:\n  SOLVER.X", "1 mistake in the arguments:\n  SOLVER.X"),
        ("a--b and a -- b and x-y stay", "a--b and a -- b and x-y stay"),
    ],
)
def test_flags_are_arguments(message, expected):
    assert in_python(message) == expected


def test_errors_keep_their_kind():
    with pytest.raises(DataError, match="start=3 is late"), python_words():
        raise DataError("--start 3 is late")


def test_a_call_stands_for_the_command():
    assert next_calls() is None
    with speaking_python("train('a')", "train('a', resume=True)", ["evaluate('a')"]):
        assert next_calls() == ("evaluate('a')",)
        assert this_command() == "train('a')"
        assert this_command(["--resume"]) == "train('a', resume=True)"
    assert "train('a')" not in this_command()
