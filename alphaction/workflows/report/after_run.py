"""The report at the end of a training or a test: made by the main process, and never what ends it."""

from __future__ import annotations

import argparse
import logging
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphaction.config import load_cfg
from alphaction.engine.setup import processes_from_environment
from alphaction.engine.summary import log_ending
from alphaction.utils.command_text import runnable_here
from alphaction.utils.errors import UserError
from alphaction.utils.logging import logged_run
from alphaction.workflows.report.report_options import ReportOptions

if TYPE_CHECKING:
    from alphaction.workflows.report.make_report import ReportFile


def report_after_run(args: argparse.Namespace) -> None:
    """Make the report of a run that has just ended, and log where it is.

    What keeps it from being made is a warning: the run is complete. Other processes than the main one do nothing.

    Args:
        args: ``config_file`` and ``opts`` of train_net.py or test_net.py, which ended without an error.

    Raises:
        KeyboardInterrupt: for Ctrl-C; the log says that the run is complete.
    """
    if processes_from_environment()[0] != 0:
        return
    folder = Path(load_cfg(args.config_file, args.opts).OUTPUT_DIR)
    with logged_run(folder, is_main=True) as logger:
        if (report := _make(args, folder, logger)) is not None:
            logger.info("%s", report)


def end_training(args: argparse.Namespace, summary: Mapping[str, Any] | None, *, report: bool) -> None:
    """Do as :func:`report_after_run` if a ``report`` is wanted, and log what is where and what to do next.

    Args:
        args: ``config_file`` and ``opts`` of the training.
        summary: what it returned; None: this is not its main process, and nothing is done.
        report: whether to make one.

    Raises:
        KeyboardInterrupt: as :func:`report_after_run`.
    """
    if summary is None:
        return
    folder = Path(load_cfg(args.config_file, args.opts).OUTPUT_DIR)
    with logged_run(folder, is_main=True) as logger:
        made = None
        try:
            made = _make(args, folder, logger) if report else None
        finally:
            log_ending(folder, summary, "" if made is None else str(made).removeprefix("report: "))


def _make(args: argparse.Namespace, folder: Path, logger: logging.Logger) -> ReportFile | None:
    """Return the report of a run, None with a warning if it could not be made."""
    again = runnable_here(f"python tools/report.py --run {shlex.quote(str(folder))}")
    try:
        # Templates and drawing are imported only where a report is made.
        from alphaction.workflows.report.make_report import make_report

        return make_report(ReportOptions(run=folder, config_file=Path(args.config_file)), args.opts)
    except UserError as error:
        logger.warning("no report was made: %s\nThis makes it:\n  %s", error, again)
    except KeyboardInterrupt:
        logger.warning("the report was interrupted; the run is complete. This makes the report:\n  %s", again)
        raise
    except Exception as error:  # A finished training must not end as a failure.
        logger.warning("no report was made (%s: %s). This tells more:\n  %s", type(error).__name__, error, again)
    return None
