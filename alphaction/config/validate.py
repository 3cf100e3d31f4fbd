"""The check of a whole config: each value by itself, then the rules across keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib import import_module

from yacs.config import CfgNode

from alphaction.config.keys import KEYS
from alphaction.config.tree import get_value
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted

SPLITS = ("TRAIN", "TEST")
# What registers the names of backbones, optimizers, ..., and the rules that need the network. They import this package,
# so it imports them only when a config is checked.
_REGISTERING = ("alphaction.modeling", "alphaction.solver")


@dataclass(frozen=True)
class Run:
    """What a config is checked for.

    Attributes:
        num_processes: processes (one per GPU) over all machines.
        check_files: whether files that the config names must exist.
        splits: which of TRAIN and TEST the run uses.
    """

    num_processes: int = 1
    check_files: bool = True
    splits: Collection[str] = SPLITS


Check = Callable[[CfgNode, Run], Iterator[str]]


@dataclass(frozen=True)
class Rule:
    """A rule across keys.

    Attributes:
        check: yields one message per problem, with its remedy.
        reads: the keys or sections that it looks at. It is skipped where one of their values is wrong by itself.
    """

    check: Check
    reads: tuple[str, ...]

    @property
    def text(self) -> str:
        """The rule as docs/CONFIG.md prints it: the first line of the docstring."""
        return (self.check.__doc__ or "").splitlines()[0]


RULES: list[Rule] = []
"""The rules of the packages that were imported so far; :func:`load_registered` imports them all."""


def rule(*reads: str) -> Callable[[Check], Check]:
    """Return a decorator that adds a check to :data:`RULES`; ``reads``: see :class:`Rule`."""

    def decorate(check: Check) -> Check:
        RULES.append(Rule(check, reads))
        return check

    return decorate


def load_registered() -> None:
    """Import what registers names and rules, if it is not imported yet."""
    for package in _REGISTERING:
        import_module(package)


def require_value(cfg: CfgNode, path: str) -> None:
    """Raise a :class:`UserError` if the value of one key is wrong by itself, for those who use it before the others."""
    if problem := KEYS[path].problem(get_value(cfg, path)):
        raise UserError(problem)


def validate_cfg(
    cfg: CfgNode, num_processes: int = 1, check_files: bool = True, *, splits: Collection[str] = SPLITS
) -> None:
    """Check every value of ``cfg``, names of backbones and the like included, and every rule across keys.

    Args:
        cfg: a config from :func:`alphaction.config.load_cfg`.
        num_processes: processes (one per GPU) over all machines.
        check_files: whether files that the config names must exist.
        splits: which of "TRAIN" and "TEST" the run uses; rules that concern only the others are skipped.

    Raises:
        UserError: if anything is wrong; its message lists all problems, each with its remedy.
    """
    load_registered()
    run = Run(num_processes, check_files, splits)
    wrong = {path: problem for path, key in KEYS.items() if (problem := key.problem(get_value(cfg, path)))}
    problems = list(wrong.values())
    for entry in RULES:
        if not any(f"{path}.".startswith(f"{read}.") for path in wrong for read in entry.reads):
            problems.extend(entry.check(cfg, run))
    if problems:
        raise UserError("\n  - ".join([f"{counted(len(problems), 'problem')} in the config:", *problems]))
