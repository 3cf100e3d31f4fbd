"""The text log: one logger, on the terminal and in OUTPUT_DIR/log.txt, from the main process."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from tqdm import tqdm

LOGGER_NAME = "alphaction"
_FORMAT = logging.Formatter("%(asctime)s %(levelname)s: %(message)s", datefmt="%Y-%m-%d %H:%M:%S")


class _ProgressBarHandler(logging.StreamHandler):
    """Writes above a progress bar instead of through it."""

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
    """
    logger = get_logger()
    close_logging()
    logger.propagate = False
    logger.setLevel(logging.INFO if is_main else logging.WARNING)
    stream = _ProgressBarHandler() if is_main else logging.StreamHandler(sys.stderr)
    stream.setFormatter(_FORMAT)
    logger.addHandler(stream)
    if is_main and output_dir is not None:
        output_dir.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(output_dir / "log.txt", encoding="utf-8")
        file.setFormatter(_FORMAT)
        logger.addHandler(file)
    return logger


def close_logging() -> None:
    """Detach and close every handler of the project's logger."""
    logger = get_logger()
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
