"""Programs that a test interrupts as Ctrl-C does."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any


@contextmanager
def interruptible(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a program that minds SIGINT, and end it whatever becomes of the test.

    What a shell starts in the background ignores that signal, and so would every program that tests start there.

    Args:
        command: the program and its arguments.
        options: further arguments of ``Popen``.
    """
    mind = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, text=True, preexec_fn=mind, **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
