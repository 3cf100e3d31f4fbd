"""The command ``alphaction``: finds the verb, and runs its command line.

Only the standard library is imported before the verb is known, so that ``alphaction --help`` answers at once and
``alphaction doctor`` runs where packages are missing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module

import alphaction
from alphaction.utils.command_text import PROGRAM
from alphaction.utils.errors import end_when_interrupted, fail, run_command
from alphaction.utils.imports import explained_imports
from alphaction.utils.messages import nearest
from alphaction.utils.requirements import require_folder, require_packages
from alphaction.utils.terminal import guard_terminal
from alphaction.utils.verbs import GROUPS, VERBS

USAGE = f"usage: {PROGRAM} VERB [flags]"
_HELP = ("-h", "--help", "help")
_VERSION = ("-V", "--version", "version")
_ELSEWHERE = {
    "test": ("val", "eval", "benchmark"),
    "train": ("fit", "finetune", "resume"),
    "predict": ("infer", "inference", "track", "run"),
    "look": ("visualize", "show", "browse"),
    "doctor": ("checks", "env", "info"),
    "toy": ("demo", "quickstart"),
}
"""Verb -> what other programs call it."""


def run() -> None:
    """Run the command line of this process: ``alphaction VERB ...``."""
    end_when_interrupted()
    guard_terminal()
    words = sys.argv[1:]
    if words[:1] in ([word] for word in _HELP):
        # `alphaction help train` is `alphaction train --help`.
        words = [*words[1:2], "--help"] if len(words) > 1 and words[1] not in _HELP else ["--help"]
    if not words:
        print("\n".join(list_verbs()), file=sys.stderr)
        sys.exit(2)
    if words == ["--help"]:
        run_command(lambda: print("\n".join(list_verbs())))
    if words[0] in _VERSION:
        run_command(lambda: print(f"{PROGRAM} {alphaction.__version__}"))
    run_verb(words[0], words[1:])


def run_verb(name: str, flags: list[str]) -> None:
    """Run the verb ``name`` with these flags; ends the process with its exit status."""
    verb = VERBS.get(name)
    if verb is None:
        fail(_unknown(name))
    # What usage and messages call this command.
    sys.argv = [f"{PROGRAM} {name}", *flags]
    if verb.needs_packages:
        require_packages()
    else:
        require_folder()
    with explained_imports():
        module = import_module(verb.module)
    module.run()


def list_verbs() -> Iterator[str]:
    """Yield the lines of the help."""
    yield USAGE
    yield ""
    yield "Spatio-temporal action detection: who does what, where and when in videos."
    width = max(map(len, VERBS))
    for title, verbs in GROUPS.items():
        yield f"\n{title}:"
        for verb in verbs:
            yield f"  {verb.name:{width}}  {verb.summary}"
    yield f"\n{PROGRAM} VERB --help lists the flags of a verb."
    yield f"On several GPUs: torchrun --nproc_per_node=N -m {PROGRAM} train ..."


def _unknown(name: str) -> str:
    """Return what is wrong with a word that is no verb, and which verb may be meant."""
    if name.startswith("-"):
        return f"unknown flag {name}: the verb comes first ({PROGRAM} VERB {name}). {PROGRAM} --help lists the verbs."
    stem = name.rpartition("/")[2].partition(".")[0]
    scripts = {verb.script.rpartition("/")[2].partition(".")[0]: verb.name for verb in VERBS.values() if verb.script}
    called = {other: verb for verb, others in _ELSEWHERE.items() for other in others}
    near = (
        called.get(stem.lower())
        or scripts.get(stem)
        or nearest(stem, VERBS, 0.6)
        or scripts.get(nearest(stem, scripts, 0.7) or "")
    )
    hint = f'Did you mean "{PROGRAM} {near}"? ' if near else ""
    return f'there is no verb "{name}". {hint}{PROGRAM} --help lists them.'
