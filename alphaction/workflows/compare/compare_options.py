"""The flags of tools/compare_runs.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alphaction.evaluation.bootstrap import RESAMPLES
from alphaction.utils.errors import UserError
from alphaction.utils.messages import problem_list
from alphaction.utils.numbers import Range
from alphaction.utils.options import check_options, option

_FILES = "results csv of other programs"


@dataclass(frozen=True)
class CompareOptions:
    """What is compared: each side is one training, or several with different seeds."""

    a: tuple[Path, ...] = option((), metavar="A", help="runs of the first side, if there are several")
    b: tuple[Path, ...] = option((), metavar="B", help="runs of the second side")
    dataset_name: str | None = option(
        None, metavar="N", help="evaluated dataset (default: the only one that all runs have)"
    )
    resamples: int = option(
        RESAMPLES,
        within=Range(100, 1_000_000, whole=True),
        metavar="N",
        help="draws of the videos (default: %(default)s)",
    )
    json: Path | None = option(None, metavar="OUT", help="also write the figures as JSON")
    groundtruth: Path | None = option(None, metavar="G", group=_FILES, help="their annotations (csv or JSON)")
    label_map: Path | None = option(None, metavar="L", group=_FILES, help="pbtxt of the classes that count")
    exclusions: Path | None = option(None, metavar="E", group=_FILES, help="csv of video,second that do not count")

    def check(self) -> None:
        """Raise a :class:`UserError` for options that do not fit together, or sides that are not given."""
        problems = check_options(self)
        if not self.a or not self.b:
            problems.append("two sides are needed: name a run for each (A B), or several (--a A1 A2 --b B1 B2)")
        twice = sorted({str(path) for path in self.a if self.a.count(path) > 1 or path in self.b})
        twice += sorted({str(path) for path in self.b if self.b.count(path) > 1})
        problems += [f"{path} is named twice: a run is compared with others" for path in twice]
        if (self.groundtruth is None) != (self.label_map is None):
            problems.append("--groundtruth and --label-map go together")
        if self.exclusions is not None and self.groundtruth is None:
            problems.append("--exclusions needs --groundtruth: a run's folder says by itself what is excluded")
        if problems:
            raise UserError(problem_list("the options do not fit:", problems))
