"""The flags of tools/report.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alphaction.checkpoint.run_folder import REPORT_FILE
from alphaction.utils.numbers import NOT_NEGATIVE, Range
from alphaction.utils.options import option


@dataclass(frozen=True)
class ReportOptions:
    """What is shown, and where the page goes."""

    run: Path = option(metavar="DIR", help="folder of the run (OUTPUT_DIR)")
    output: Path | None = option(None, metavar="HTML", help=f"page to write (default: {REPORT_FILE} in the folder)")
    force: bool = option(
        False, help="replace --output even if it is not a report; an earlier report is always replaced"
    )
    config_file: Path | None = option(
        None, metavar="F", help="YAML file of the experiment, which finds the datasets (default: the folder's own)"
    )
    examples: int = option(
        12,
        within=Range(0, 100, whole=True),
        metavar="N",
        help="most pictures of each kind of mistake on each dataset (default: %(default)s; 0: none)",
    )
    max_seconds: int = option(
        120,
        within=NOT_NEGATIVE,
        metavar="S",
        help="spend at most this long on reading frames for pictures (default: %(default)s)",
    )

    @property
    def page(self) -> Path:
        """The file to write."""
        return self.output or self.run / REPORT_FILE
