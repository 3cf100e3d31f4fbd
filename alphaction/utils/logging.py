"""The text log: one logger, on the terminal and in OUTPUT_DIR/log.txt, from the main process."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tqdm import tqdm

from alphaction.utils.append_file import AppendFile
from alphaction.utils.errors import UserError
from alphaction.utils.messages import visible
from alphaction.utils.terminal import VisibleFormatter

LOGGER_NAME = "alphaction"
LOG_FILE = "log.txt"


_FORMAT = VisibleFormatter("%(asctime)s %(levelname)s: %(message)s", datefmt="%Y-%m-%d %H:%M:%S")


class _ProgressBarHandler(logging.StreamHandler):
    """Writes above a progress bar, which it would otherwise break.

    Attributes:
        unwritten: whether the run was told already that its files cannot be written.
    """

    unwritten = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            tqdm.write(self.format(record), file=sys.stdout)
            sys.stdout.flush()
        except BrokenPipeError:
            raise  # the reader has had enough, which ends the command
        except OSError as error:
            # Standard output is a file on a full disk. The run is worth more than what it prints.
            report_unwritten("standard output", error)


class _LogFile(logging.Handler):
    """Appends to log.txt; what a full disk refuses is written when there is room again."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = AppendFile(path)

    def emit(self, record: logging.LogRecord) -> None:
        if not self._file.write((self.format(record) + "\n").encode("utf-8", "backslashreplace")):
            report_unwritten(self._file.path, self._file.failure)

    def close(self) -> None:
        self._file.close()
        super().close()


def get_logger() -> logging.Logger:
    """Return the project's logger."""
    return logging.getLogger(LOGGER_NAME)


def report_unwritten(what: Path | str, error: OSError) -> None:
    """Say, once in a run, on standard error that something of the log cannot be written, and what that means."""
    for handler in get_logger().handlers:
        if isinstance(handler, _ProgressBarHandler):
            if handler.unwritten:
                return
            handler.unwritten = True
    with suppress(OSError):  # it may be on the same disk
        tqdm.write(
            f"warning: {visible(str(what))}: cannot be written ({error.strerror}). The run goes on; what its log files "
            "lack is added when there is room. Free some space: the next checkpoint needs it.",
            file=sys.stderr,
        )


def set_up_logging(output_dir: Path | None, is_main: bool) -> logging.Logger:
    """Point the project's logger at the terminal and ``output_dir/log.txt``, which a resumed run appends to.

    Args:
        output_dir: folder of the run (made if absent), or None for the terminal only.
        is_main: whether this is the main process; the others only report warnings on stderr.

    The file also contains what is too long for the terminal, such as a line for every tensor of a weight file.
    """
    logger = get_logger()
    close_logging()
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    stream = _ProgressBarHandler() if is_main else logging.StreamHandler(sys.stderr)
    stream.setLevel(logging.INFO if is_main else logging.WARNING)
    stream.setFormatter(_FORMAT)
    logger.addHandler(stream)
    if is_main and output_dir is not None:
        output_dir.mkdir(parents=True, exist_ok=True)
        file = _LogFile(output_dir / LOG_FILE)
        file.setFormatter(_FORMAT)
        logger.addHandler(file)
    return logger


def close_logging() -> None:
    """Detach and close every handler of the project's logger, and leave it as it was before the run."""
    logger = get_logger()
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


@contextmanager
def logged_run(output_dir: Path | None, is_main: bool) -> Iterator[logging.Logger]:
    """Log to the terminal and, if given, to ``output_dir/log.txt`` during a run, including why it ended early."""
    logger = set_up_logging(output_dir, is_main)
    try:
        yield logger
    except UserError as error:
        # The command line prints the message; the file would otherwise not say why the run ended.
        logger.debug("stopped: %s", error)
        raise
    except KeyboardInterrupt as stop:
        logger.debug("interrupted. %s", stop)
        raise
    except Exception:
        logger.debug("stopped by an error in the program", exc_info=True)
        raise
    finally:
        close_logging()


def append_to_log(path: Path, message: str) -> None:
    """Append a line to the log of a run, if it has one, from a thread or process that does not hold its logger."""
    record = logging.LogRecord(LOGGER_NAME, logging.ERROR, "", 0, "%s", (message,), None)
    with suppress(OSError):
        if path.is_file():
            with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"{_FORMAT.format(record)}\n")


@contextmanager
def collected_log() -> Iterator[list[logging.LogRecord]]:
    """Collect the records of the project's logger instead of showing them, from INFO on."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.INFO)
    handler.emit = records.append
    logger = get_logger()
    close_logging()
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield records
    finally:
        close_logging()
