"""Command lines of this repository's programs in the pages, and the flags that each program has."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from alphaction.commands import doctor
from alphaction.utils.command_text import PROGRAM
from alphaction.utils.verbs import VERBS

FLAG = re.compile(r"(?<![\w-])--?[a-z][a-z0-9_-]*")
QUICKSTART = "tools/finetune_quickstart.sh"
SLURM = "tools/slurm_train.sbatch"
DOCTOR = f"{PROGRAM} doctor"  # the verb that is no script
BENCHMARK = "tools/benchmark.py"  # its parts have flags of their own
_STUDY = re.compile(r"Parser\(.*__main__", re.DOTALL)
_FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_ENDS = {"|", "||", "&&", ";", "&", "do", "done", "then", ">", ">>"}
# "`--cpu` of `tools/finetune_quickstart.sh`"
_OF = re.compile(r"`(--[a-z][\w-]*)[^`]*` of `([\w./]+\.(?:py|sh|sbatch))`")


def programs(root: Path) -> list[str]:
    """Return the programs that users start, as paths from the clone's folder, and the verb that is none."""
    studies = [path for path in root.glob("benchmarks/*/*.py") if _STUDY.search(path.read_text(encoding="utf-8"))]
    found = [*root.glob("*_net.py"), *(root / "tools").glob("*.py"), *studies]
    return [QUICKSTART, SLURM, DOCTOR, *sorted(str(path.relative_to(root)) for path in found)]


@cache
def flags_of(root: Path, program: str) -> frozenset[str]:
    """Return the flags that ``program --help`` lists."""
    if program in (QUICKSTART, SLURM):
        usage = re.split(r"<<'TEXT'\n|^TEXT$", (root / QUICKSTART).read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
        return frozenset(FLAG.findall(usage)) | {"--help", "-h"}
    parts = runpy.run_path(str(root / program)).get("PARTS", ()) if program == BENCHMARK else ()
    helps = [_help_of(root, program), *(_help_of(root, program, part) for part in parts)]
    # The examples at the end are no list of flags.
    return frozenset(flag for text in helps for flag in FLAG.findall(re.split(r"(?m)^examples?:", text)[0]))


def _help_of(root: Path, program: str, *part: str) -> str:
    given, sys.argv = sys.argv, [program, *part, "--help"]
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
            if program == DOCTOR:
                doctor.main()
            else:
                runpy.run_path(str(root / program), run_name="__main__")
    finally:
        sys.argv = given
    return output.getvalue()


def named_flags(root: Path, page: str) -> Iterator[tuple[str, str]]:
    """Yield (program, flag) for each flag that a page's text gives to one of the programs.

    That is in commands, in code blocks or in the text; in the row of a table that begins with a program; and in
    "`--flag` of `program`".
    """
    code = [line for block in _FENCE.findall(page) for line in block.replace("\\\n", " ").splitlines()]
    prose = _FENCE.sub("", page)
    for line in [*code, *re.findall(r"`([^`]+)`", prose.replace("\n", " "))]:
        yield from _flags_of_line(root, line)
    for row in re.findall(r"^\| `([^`]+)` \|(.*)$", prose, flags=re.MULTILINE):
        if program := _program(root, row[0]):
            yield from ((program, flag) for flag in re.findall(r"`(--?[a-z][\w-]*)", row[1]))
    for flag, name in _OF.findall(prose.replace("\n", " ")):
        if program := _program(root, name):
            yield program, flag


def _flags_of_line(root: Path, line: str) -> Iterator[tuple[str, str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, "#"
    try:
        words = list(lexer)
    except ValueError:  # a quote that is none, as in "the script's"
        words = line.split()
    program, are_flags, before = None, True, ""
    for word in words:
        if before == PROGRAM and word in VERBS:  # alphaction train
            program = VERBS[word].script or f"{PROGRAM} {word}"
        before = word
        if word in _ENDS:
            program, are_flags = None, True
        elif program is None:
            program = _program(root, word)
        elif word == "--":
            are_flags = False
        elif are_flags and FLAG.fullmatch(word.split("=")[0]):
            yield program, word.split("=")[0]


def _program(root: Path, word: str) -> str | None:
    known = programs(root)
    if word in known:
        return word
    return next((program for program in known if "/" not in word and program.rpartition("/")[2] == word), None)
