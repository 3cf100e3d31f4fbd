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


class Prompter:
    """Asks until an answer can be used. At the end of input it says so once, and takes the defaults that remain."""

    def __init__(self) -> None:
        self.ended = False

    def ask(self, question: str, shown: str, default: T, parse: Callable[[str], T]) -> T:
        """Return the answer to a question.

        Args:
            question: what is asked.
            shown: the default, as it is shown.
            default: what an empty answer means.
            parse: text -> value; raises :class:`UserError` or ValueError with the reason to ask again.
        """

        def answer(text: str) -> T:
            if not sys.stdin.isatty():
                click.echo(text)  # A terminal has shown it already.
            try:
                return parse(text.strip()) if text.strip() else default
            except (UserError, ValueError) as error:
                raise click.UsageError(str(error)) from None

        while not self.ended:
            try:
                return click.prompt(f"{question} [{shown}]", default="", show_default=False, value_proc=answer)
            except UnicodeDecodeError as error:
                click.echo(f"\nError: the answer is no text ({error.reason})")
            except click.Abort as abort:
                _pass_on_interrupt(abort)
                self.ended = True
                click.echo("\nEnd of input: the questions that remain take their defaults.")
        click.echo(f"{question}: {shown}")
        return default


def _pass_on_interrupt(abort: click.Abort) -> None:
    """Raise the KeyboardInterrupt behind ``abort``, which click makes of Ctrl-C as of the end of input."""
    if isinstance(abort.__context__, KeyboardInterrupt):
        raise abort.__context__
