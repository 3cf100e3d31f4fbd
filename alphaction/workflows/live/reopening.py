"""Reading on after a camera or a stream was lost: it is opened again, until that takes too long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from alphaction.utils import limits
from alphaction.utils.errors import UserError
from alphaction.utils.logging import get_logger
from alphaction.workflows.live.reader import LostError, Reader, Shot

# Seconds before the first attempt; twice as many before each further one, up to the longest.
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 5.0
# Seconds for which an attempt waits for an answer at least.
_SHORTEST_ANSWER = 1.0


def reopening(reader: Reader, limit: float, stopped: threading.Event, reopened: Callable[[], None]) -> Iterator[Shot]:
    """Yield the frames of a reader that is open; the first one after an interruption is marked.

    Args:
        reader: what is read.
        limit: seconds for which what is live is opened again, counted from its last frame; 0: its end is the end.
        stopped: set by another thread to end this.
        reopened: called each time that it was opened again, and gives frames.

    Raises:
        LostError: what is live was lost for longer, or anything else was.
        UserError: it cannot be read.
    """
    loss: LostError | None
    last, again = time.monotonic(), False
    while True:
        try:
            for shot in reader.shots():
                last = time.monotonic()
                if again:
                    reopened()
                    get_logger().info("%s: it is back, at second %.1f", reader.title, shot.time)
                yield shot._replace(interrupted=shot.interrupted or again)
                again = False
            loss = None
        except LostError as error:
            loss = error
        if stopped.is_set():
            return
        if not reader.is_live or limit <= 0:
            if loss is not None:
                raise loss
            return
        loss = loss or LostError(f"{reader.title}: the stream has ended")
        if not again:
            get_logger().warning("%s It is opened again, for %g s at most (--reconnect)", _sentence(loss), limit)
        if not _open_again(reader, loss, last + limit, stopped):
            return
        again = True


def _open_again(reader: Reader, loss: LostError, deadline: float, stopped: threading.Event) -> bool:
    """Open a reader again; return False if that is to be stopped.

    Raises:
        LostError: the deadline, by :func:`time.monotonic`, is over.
    """
    reader.close()
    wait, reason = _FIRST_WAIT, "it gave no frame"
    while (left := deadline - time.monotonic()) > 0:
        if stopped.wait(min(wait, left)):
            return False
        wait = min(2 * wait, _LONGEST_WAIT)
        try:
            reader.open(min(max(deadline - time.monotonic(), _SHORTEST_ANSWER), limits.STREAM_ANSWER_SECONDS))
            return True
        except UserError as error:
            reason = str(error).removeprefix(f"{reader.title}: ")
    raise LostError(
        f"{_sentence(loss)} It did not come back in time: {_sentence(reason)} Wait longer with --reconnect S (Python: "
        "reconnect=S); with 0 the end of a stream is its end, and no error."
    )


def _sentence(text: object) -> str:
    """Return a text with a mark at its end."""
    told = str(text)
    return told if told.endswith((".", "?", "!")) else f"{told}."
