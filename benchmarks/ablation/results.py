"""What the finished runs measured, in points: AP in percent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from alphaction.utils.errors import UserError
from benchmarks.ablation.dataset import KINDS
from benchmarks.ablation.plan import Run, Study
from benchmarks.ablation.record import RunRecord, is_finished, read_run
from benchmarks.ablation.seed_statistics import Summary, mean

ALL = "all"


@dataclass(frozen=True)
class Scores:
    """What one run measured.

    Attributes:
        per_class: class name -> AP in points; classes without ground truth are left out.
        record: its settings and cost.
    """

    per_class: Mapping[str, float]
    record: RunRecord


@dataclass(frozen=True)
class Cost:
    """What the runs in the folder of a study took together.

    Attributes:
        wall_seconds: over all starts.
        jobs: runs at a time, at the last start.
        threads: of each run, at the last start.
    """

    wall_seconds: float
    jobs: int
    threads: int


@dataclass(frozen=True)
class Results:
    """The study and what is measured of it.

    Attributes:
        study: the plan.
        scores: (``Run.arm``, seed) -> scores; runs that are not finished are missing.
        cost: of the study's folder, which may hold runs of other arms and seeds as well.
    """

    study: Study
    scores: Mapping[tuple[str, int], Scores]
    cost: Cost

    @property
    def missing(self) -> list[Run]:
        """Runs that are not finished."""
        return [run for run in self.study.runs if (run.arm, run.seed) not in self.scores]

    def kind(self, arm: str, kind: str) -> Summary | None:
        """Return the mean AP of a kind's classes (:data:`ALL`: of all) over the seeds, None without a run."""
        classes = list(self.study.data.kinds) if kind == ALL else self.study.data.of_kind(kind)

        def mean_ap(scores: Scores) -> float | None:
            found = [scores.per_class[name] for name in classes if name in scores.per_class]
            return mean(found) if found else None

        return self._summary(arm, mean_ap)

    def complete(self, arm: str, kind: str) -> Summary | None:
        """Return the same, but None unless all seeds of the study are there."""
        found = self.kind(arm, kind)
        return found if found and found.count == len(self.study.options.seeds) else None

    def class_ap(self, arm: str, name: str) -> Summary | None:
        """Return the AP of one class over the seeds, None without a run."""
        return self._summary(arm, lambda scores: scores.per_class.get(name))

    def minutes(self, arm: str) -> Summary | None:
        """Return the wall time of a run, None without a run."""
        return self._summary(arm, lambda scores: scores.record.seconds / 60)

    def chance(self, kind: str) -> float:
        """Return the mean chance of a kind's classes (:data:`ALL`: of all), in points."""
        data = self.study.data
        return 100 * (data.chance_of_all() if kind == ALL else data.chance_of(kind))

    def as_dict(self) -> dict:
        """Return all numbers in types of JSON; AP in points, times in seconds."""
        study = self.study
        return {
            "seeds": list(study.options.seeds),
            "overrides": list(study.options.overrides),
            "dataset": dict(study.data.record),
            "kinds": dict(study.data.kinds),
            "chance": {name: 100 * value for name, value in study.data.chance.items()},
            **asdict(self.cost),
            "arms": {arm.name: self._arm_as_dict(arm.name) for arm in study.arms},
            "runs": [
                {"arm": arm, "seed": seed, "seconds": s.record.seconds, "device": s.record.device, "AP": s.per_class}
                for (arm, seed), s in self.scores.items()
            ],
            "missing": [str(run) for run in self.missing],
        }

    def _arm_as_dict(self, name: str) -> dict:
        arm = next(arm for arm in self.study.arms if arm.name == name)
        kinds = {kind: self.kind(name, kind) for kind in (*KINDS, ALL)}
        return {
            "title": arm.title,
            "group": arm.group,
            "overrides": dict(arm.overrides),
            "run": self.study.owners[name],
            "AP": {
                kind: {"mean": found.mean, "std": found.std, "count": found.count} if found else None
                for kind, found in kinds.items()
            },
        }

    def _summary(self, arm: str, value: Callable[[Scores], float | None]) -> Summary | None:
        owner = self.study.owners.get(arm)
        found = [self.scores.get((owner, seed)) for seed in self.study.options.seeds]
        values = [value(scores) for scores in found if scores is not None]
        return Summary.of([number for number in values if number is not None])


def read_results(study: Study, cost: Cost) -> Results:
    """Read the results of all runs that are finished."""
    scores = {(run.arm, run.seed): read_scores(run) for run in study.runs if is_finished(run)}
    return Results(study, scores, cost)


def read_scores(run: Run) -> Scores:
    """Read the result of a finished run.

    Raises:
        UserError: the file is damaged.
    """
    return Scores(read_ap(run.result), read_run(run))


def read_ap(path: Path) -> dict[str, float]:
    """Return class name -> AP in points of a result.json; classes without ground truth are left out."""
    try:
        per_class = json.loads(path.read_text(encoding="utf-8"))["per_class"]
        return {name: 100 * value for name, value in per_class.items() if value is not None}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: this is no result of an evaluation ({error}). Remove it, and the run is redone."
        ) from error
