"""Errors that a user can cause and fix, and the way command lines show them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


class UserError(Exception):
    """A mistake in what the user gave: a file, a row, a config value, a flag.

    The message names the value, what was expected and the fix. Command lines print it without a traceback.
    """


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
