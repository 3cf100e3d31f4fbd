"""Options declared once: fields of a dataclass that are flags."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import pytest

from alphaction.utils.numbers import FRACTION, POSITIVE, Range
from alphaction.utils.options import CommandParser, add_options, check_options, option, read_options


@dataclass(frozen=True)
class CutOptions:
    video: Path = option(metavar="FILE", help="the video")
    seconds: int = option(1, within=POSITIVE, metavar="S", help="length (default: %(default)s)")
    rate: float | None = option(None, "--fps", "--rate", within=Range(0, open_low=True), help="frames per second")
    names: tuple[str, ...] = option((), help="names of clips")
    mode: str = option("copy", choices=("copy", "encode"), help="how", group="quality")
    blur: str | None = option(None, choices=("box", "gauss"), alone="gauss", help="blur it")
    sound: bool = option(True, help="leave the sound out")
    force: bool = option(False, help="replace files")
    overrides: tuple[str, ...] = ()


def read(*words: str, **more) -> CutOptions:
    parser = CommandParser(prog="cut.py")
    add_options(parser, CutOptions)
    return read_options(CutOptions, parser.parse_args(words), **more)


def test_flags_become_fields_of_their_types():
    options = read(
        "--video", "a.mp4", "--seconds", "3", "--rate", "29.97", "--names", "x", "y", "--no-sound", "--force"
    )
    assert options == CutOptions(Path("a.mp4"), 3, 29.97, ("x", "y"), "copy", sound=False, force=True)


def test_a_flag_may_stand_alone():
    assert [read("--video", "a", *words).blur for words in ([], ["--blur"], ["--blur", "box"])] == [
        None,
        "gauss",
        "box",
    ]


def test_defaults_and_fields_without_a_flag():
    assert read("--video", "a.mp4", overrides=("K", "V")) == CutOptions(Path("a.mp4"), overrides=("K", "V"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: --video"),
        (["--video", "a", "--seconds", "0"], "--seconds: 0: expected a whole number, 1 or more"),
        (["--video", "a", "--fps", "x"], "--fps/--rate: x: expected a number above 0"),
        (["--video", "a", "--mode", "zip"], "invalid choice: 'zip'"),
        (["--video", "a", "--overrides", "K"], "unknown flag --overrides. "),
    ],
)
def test_wrong_flags_are_refused(words, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        read(*words)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_options_made_by_code_are_checked_by_the_same_declaration():
    assert check_options(CutOptions(Path("a.mp4"))) == []
    assert check_options(CutOptions(Path("a.mp4"), seconds=0, rate=-1.0, mode="cpy")) == [
        "--seconds 0: expected a whole number, 1 or more",
        "--fps -1.0: expected a number above 0",
        '--mode "cpy" is not available. Did you mean "copy"? Known: copy, encode.',
    ]


def test_a_command_may_have_other_defaults_and_leave_flags_out():
    parser = argparse.ArgumentParser()
    add_options(parser, CutOptions, defaults={"seconds": 5}, skip=("video",))
    args = parser.parse_args([])
    assert args.seconds == 5
    assert not hasattr(args, "video")
    assert "quality:" in parser.format_help()


def test_a_flag_may_have_a_spelling_of_its_own():
    @dataclass(frozen=True)
    class Options:
        seeds: tuple[int, ...] = option((0,), parse=lambda text: tuple(map(int, text.split(","))), help="seeds")

    parser = CommandParser(prog="cut.py")
    add_options(parser, Options)
    assert read_options(Options, parser.parse_args(["--seeds", "1,2"])) == Options((1, 2))
    assert read_options(Options, parser.parse_args([])) == Options((0,))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--score", "1.5"], "error: --score: 1.5: expected a number from 0 to 1 (all flags: --help)\n"),
        (["--scor", "1"], 'error: unknown flag --scor. Did you mean "--score"? (all flags: --help)\n'),
        (["--bogus"], "error: unknown flag --bogus. (all flags: --help)\n"),
        (["--SCORE=1"], 'error: unknown flag --SCORE=1. Did you mean "--score"? (all flags: --help)\n'),
        (["--scroe", "1"], 'error: unknown flag --scroe. Did you mean "--score"? (all flags: --help)\n'),
        (["--score-thr", "1"], 'error: unknown flag --score-thr. Did you mean "--score"? (all flags: --help)\n'),
        (
            ["--lr0=1"],
            "error: unknown flag --lr0=1. That is the config key SOLVER.BASE_LR: "
            'write "SOLVER.BASE_LR VALUE" at the end of the command. (all flags: --help)\n',
        ),
    ],
)
def test_errors_are_one_line(flags, message, capsys):
    parser = CommandParser(prog="tool.py", keys="")
    parser.add_argument("--score", type=FRACTION)
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(flags)
    assert stopped.value.code == 2
    assert capsys.readouterr().err == message


def test_a_misspelled_flag_is_named_before_the_one_that_is_missing(capsys):
    parser = CommandParser(prog="tool.py")
    parser.add_argument("--config-file", required=True)
    parser.add_argument("opts", nargs="*")
    with pytest.raises(SystemExit):
        parser.parse_intermixed_args(["--config_file", "a.yaml", "--", "--x"])
    assert capsys.readouterr().err == (
        'error: unknown flag --config_file. Did you mean "--config-file"? (all flags: --help)\n'
    )
    with pytest.raises(SystemExit):
        parser.parse_intermixed_args(["SOLVER.BASE_LR", "1"])
    assert "required: --config-file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("required", "words", "said"),
    [
        (["--run"], ["output/x"], 'required: --run. Did you mean "--run output/x"?'),
        (["--run"], ["SOLVER.MAX_ITER", "3"], "required: --run"),
        (["--run"], [], "required: --run"),
        (["--video", "--output"], ["a.mp4"], 'required: --video, --output. "a.mp4" stands without its flag.'),
    ],
)
def test_a_word_that_lacks_its_flag_is_named(required, words, said, capsys):
    parser = CommandParser(prog="tool.py", keys="")
    for name in required:
        parser.add_argument(name, required=True)
    parser.add_argument("opts", nargs="*")
    with pytest.raises(SystemExit):
        parser.parse_intermixed_args(words)
    assert capsys.readouterr().err == f"error: the following arguments are {said} (all flags: --help)\n"


def test_a_word_that_lacks_one_of_two_flags_is_named(capsys):
    parser = CommandParser(prog="tool.py")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--dataset-name")
    group.add_argument("--all")
    parser.add_argument("opts", nargs="*")
    with pytest.raises(SystemExit):
        parser.parse_intermixed_args(["mine"])
    assert '--dataset-name --all is required. "mine" stands without its flag.' in capsys.readouterr().err
