"""Questions on a terminal, or with answers from a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import click

from alphaction.utils.errors import UserError

T = TypeVar("T")


def confirm(question: str) -> bool:
    """Return whether the answer is yes, which it is by default; the end of input means no."""
    try:
        return click.confirm(question, default=True)
    except click.Abort as abort:
        _pass_on_interrupt(abort)
        click.echo()
        return False


def ask(question: str, shown: str, default: T, parse: Callable[[str], T]) -> T:
    """Return the answer to a question, which is asked until an answer can be used.

    Args:
        question: what is asked.
        shown: the default, as it is shown.
        default: what an empty answer means.
        parse: text -> value; raises :class:`UserError` or ValueError with the reason to ask again.

    Raises:
        UserError: input has ended (Ctrl-D, or a pipe with too few answers).
    """

    def answer(text: str) -> T:
        if not sys.stdin.isatty():
            click.echo(text)  # A terminal has shown it already.
        try:
            return parse(text.strip()) if text.strip() else default
        except (UserError, ValueError) as error:
            raise click.UsageError(str(error)) from None

    while True:
        try:
            return click.prompt(f"{question} [{shown}]", default="", show_default=False, value_proc=answer)
        except UnicodeDecodeError as error:
            click.echo(f"\nError: the answer is no text ({error.reason})")
        except click.Abort as abort:
            _pass_on_interrupt(abort)
            click.echo()
            raise UserError(
                f'end of input at "{question}": nothing was written. Enter takes the value in brackets; without -i '
                "nothing is asked."
            ) from None


def _pass_on_interrupt(abort: click.Abort) -> None:
    """Raise the KeyboardInterrupt behind ``abort``, which click makes of Ctrl-C as of the end of input."""
    if isinstance(abort.__context__, KeyboardInterrupt):
        raise abort.__context__
