"""The text log: one logger, on the terminal and in OUTPUT_DIR/log.txt, from the main process."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from alphaction.utils.errors import UserError
from alphaction.utils.messages import visible

LOGGER_NAME = "alphaction"


class _VisibleFormatter(logging.Formatter):
    """Shows control characters, which names in files can hold, instead of sending them to the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


_FORMAT = _VisibleFormatter("%(asctime)s %(levelname)s: %(message)s", datefmt="%Y-%m-%d %H:%M:%S")


class _ProgressBarHandler(logging.StreamHandler):
    """Writes above a progress bar, which it would otherwise break."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stdout)
        sys.stdout.flush()


def get_logger() -> logging.Logger:
    """Return the project's logger."""
    return logging.getLogger(LOGGER_NAME)


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
        file = logging.FileHandler(output_dir / "log.txt", encoding="utf-8", errors="backslashreplace")
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
