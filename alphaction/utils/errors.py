"""Errors that a user can cause and mend, and the way command lines show them."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Iterable


class UserError(Exception):
    """A mistake in what the user gave: a file, a row, a config value, a flag.

    The message names the value, what was expected and the fix. Command lines print it without a traceback.
    """


def suggest(name: str, choices: Iterable[str], limit: int = 12) -> str:
    """Return a sentence that names the choice nearest to ``name`` and lists the valid ones (at most ``limit``)."""
    known = sorted({str(choice) for choice in choices})
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    listed = ", ".join(known[:limit]) + (f", ... ({len(known)} in all)" if len(known) > limit else "")
    hint = f'Did you mean "{near[0]}"? ' if near else ""
    return f"{hint}Known: {listed or 'none'}."


def run_command(main: Callable[[], int | None]) -> None:
    """Run a command line's ``main``; a :class:`UserError` becomes one message on stderr and exit status 2.

    So does an :class:`OSError` that names a file: a full disk, a folder without write permission. A reader of the
    output that stops early, as in ``| head``, ends the command quietly.
    """
    try:
        status = main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        # The reader (`| head`) has had enough. Python would complain again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.filename is None:
            raise
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(status or 0)
