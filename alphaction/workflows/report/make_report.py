"""From the folder of a run to its page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.files import refuse_existing
from alphaction.workflows.report.page import is_report, render
from alphaction.workflows.report.page_content import Page, collect
from alphaction.workflows.report.report_options import ReportOptions
from alphaction.workflows.report.run_folder import read_run

_HEAD_BYTES = 4096


@dataclass(frozen=True)
class ReportFile:
    """A report that was written.

    Attributes:
        path: the HTML file.
        size: bytes.
        seconds: that it took.
        missing: what it could not show, a sentence each.
    """

    path: Path
    size: int
    seconds: float
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        size = f"{self.size / 2**20:.1f} MB" if self.size >= 2**20 else f"{self.size / 2**10:.0f} kB"
        lines = [f"report: {self.path} ({size}, {self.seconds:.1f} s); open it in a browser"]
        return "\n".join([*lines, *(f"  - not in it: {sentence}" for sentence in self.missing)])


def make_report(options: ReportOptions, overrides: Sequence[str] = ()) -> ReportFile:
    """Write the report of a run; what is missing in its folder is said in the page.

    A report that is there is replaced, another file only with ``options.force``.

    Args:
        options: the run, and what is shown.
        overrides: KEY VALUE pairs of the config, so that datasets that were moved are found.

    Raises:
        UserError: if there is no such run, or the page cannot be written.
    """
    start = time.monotonic()
    run = read_run(options.run, options.config_file, overrides)
    refuse_existing("--output", options.page, options.force or _is_report(options.page))
    page = collect(run, options.examples, options.max_seconds)
    seconds = time.monotonic() - start
    text = render(replace(page, footer=f"Made by AlphAction in {seconds:.1f} s from the files in {run.path}."))
    write_text_atomically(options.page, text)
    return ReportFile(options.page, len(text.encode()), time.monotonic() - start, tuple(_missing(page)))


def _is_report(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return is_report(file.read(_HEAD_BYTES))


def _missing(page: Page) -> list[str]:
    """Return what the page does not show, with the first line of each reason, or two where that introduces a list."""
    unread = dict(page.dataset_problems)
    found = [f"{name}: {problem}" for name, problem in unread.items()]
    found += [f"{each.name}: {each.problem}" for each in page.evaluations if each.problem and each.name not in unread]
    return [_beginning(sentence) for sentence in dict.fromkeys(found)]


def _beginning(text: str) -> str:
    first, *others = text.splitlines()
    return f"{first} {others[0].strip(' -')}" if first.endswith(":") and others else first
