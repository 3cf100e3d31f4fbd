"""The whole study: plan, run what is missing, report."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.errors import UserError
from alphaction.utils.files import check_writable
from alphaction.utils.messages import counted
from alphaction.utils.output_folder import read_record, write_record
from benchmarks.ablation.arms import ARMS, Arm
from benchmarks.ablation.dataset import KINDS, StudyData, open_dataset
from benchmarks.ablation.page import PICTURES, WORLD_PICTURE, make_page, updated
from benchmarks.ablation.picture import draw_world
from benchmarks.ablation.plan import Run, Study, StudyOptions, check_options, plan_study
from benchmarks.ablation.plots import check_plotting, plot_all
from benchmarks.ablation.record import RunRecord, is_finished, prepare_folders, run_records
from benchmarks.ablation.results import Cost, Results, read_ap, read_results
from benchmarks.ablation.runner import run_all
from benchmarks.ablation.seed_statistics import mean

RECORD = "study.json"
NUMBERS = "results.json"
LOCK = "lock"


def run_ablation(
    options: StudyOptions,
    report: Path,
    *,
    report_only: bool = False,
    update: bool = False,
    arms: Sequence[Arm] = ARMS,
    poll: float = 0.5,
) -> Results:
    """Train what is not trained yet, then write the numbers and the page.

    Args:
        options: what to run.
        report: page to write; pictures go to a folder ``images`` beside it.
        report_only: run nothing.
        update: only the tables of the chosen arms change in a page that is there.
        arms: the table to choose from.
        poll: seconds between two looks at the processes.

    Raises:
        UserError: for a mistake in the options or the folders, before anything runs; another study that is running in
            the same folder; a run that failed; or a report without a finished run.
    """
    if update and not report.is_file():
        raise UserError(f"--update: there is no page {report}. Leave --update out, or name the page with --report.")
    check_plotting()
    check_writable("--report", report)
    check_writable("--output", options.output / NUMBERS)
    check_options(options, arms)
    with nullcontext() if report_only else _alone(options.output) as lock:
        study = plan_study(options, open_dataset(options.data, make=not report_only, progress=True), arms)
        prepare_folders(study.runs, options.force and not report_only, remove=not report_only)
        if lock is not None:
            run_missing(study, poll, lock)
    results = read_results(study, read_cost(study))
    if not results.scores:
        raise UserError(f"--report-only: {options.output} has no finished run of this study; nothing was written.")
    write_report(results, report, update=update)
    return results


@contextmanager
def _alone(output: Path) -> Iterator[int]:
    """Keep other studies out of ``output``; yields the descriptor whose last copy ends the lock."""
    output.mkdir(parents=True, exist_ok=True)
    with (output / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"--output {output}: another study is running there, or a run that one left behind when it was "
                "killed. Wait until it ends, or name another folder."
            ) from None
        yield file.fileno()


def run_missing(study: Study, poll: float, lock: int) -> None:
    """Run all that is not finished, with a line for each that ends; the runs keep ``lock`` open."""
    missing = [run for run in study.runs if not is_finished(run)]
    done = len(study.runs) - len(missing)
    print(
        f"{counted(len(study.runs), 'run')}, {done} finished; {study.jobs} at a time with "
        f"{counted(study.threads, 'thread')} each, in {study.options.output}",
        flush=True,
    )
    if not missing:
        return
    # Where no run is left, all were removed to be redone: what they took is not this study's.
    before = read_cost(study).wall_seconds if run_records(study.options) else 0.0
    start = time.monotonic()
    progress = Progress(study, done)

    def write_cost() -> None:
        cost = Cost(before + time.monotonic() - start, study.jobs, study.threads)
        write_record(study.options.output, RECORD, asdict(cost))

    def on_end(run: Run, record: RunRecord) -> None:
        print(progress.line(run, record, time.monotonic() - start), flush=True)
        write_cost()

    try:
        run_all(missing, study.jobs, study.threads, on_end, poll=poll, inherited=(lock,))
    except KeyboardInterrupt:
        print("stopped; the same command continues, and --report-only reports what is finished", flush=True)
        raise
    finally:
        write_cost()


class Progress:
    """Lines that say how far a study is.

    Args:
        study: the plan.
        done: runs that were finished before.
    """

    def __init__(self, study: Study, done: int) -> None:
        self._data: StudyData = study.data
        self._total, self._before, self._done = len(study.runs), done, done

    def line(self, run: Run, record: RunRecord, elapsed: float) -> str:
        """Return the line of a run that has just finished, ``elapsed`` seconds after the start."""
        self._done += 1
        per_class = read_ap(run.result)
        scores = []
        for kind in KINDS:
            found = [per_class[name] for name in self._data.of_kind(kind) if name in per_class]
            scores.append(f"{kind} {mean(found):.1f}" if found else f"{kind} -")
        left = elapsed / (self._done - self._before) * (self._total - self._done)
        return (
            f"[{self._done}/{self._total}] {run}: {as_time(record.seconds)}, AP {', '.join(scores)}; "
            f"{as_time(elapsed)} so far, about {as_time(left)} to go"
        )


def as_time(seconds: float) -> str:
    """Return a duration as h:mm:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def read_cost(study: Study) -> Cost:
    """Return the cost that the study's folder records; a study that never ran has cost nothing."""
    planned = {"jobs": study.jobs, "threads": study.threads}
    return Cost(**{"wall_seconds": 0.0, **planned, **(read_record(study.options.output, RECORD) or {})})


def write_report(
    results: Results,
    report: Path,
    draw: Callable[[Results, Path], dict[str, Path]] = plot_all,
    *,
    update: bool = False,
) -> None:
    """Write the numbers, the pictures and the page; with ``update`` only its sections of the study's groups."""
    numbers = results.study.options.output / NUMBERS
    write_text_atomically(numbers, json.dumps(results.as_dict(), indent=1) + "\n")
    plots = draw(results, report.parent / PICTURES)
    draw_world(results.study.data, report.parent / PICTURES / WORLD_PICTURE)
    page = make_page(results, plots, report.parent, apart=update)
    if update:
        groups = sorted({arm.group for arm in results.study.arms})
        page = updated(report.read_text(encoding="utf-8"), page, groups)
    write_text_atomically(report, page)
    print(f"wrote {report}, {counted(len(plots), 'picture')} in {report.parent / PICTURES}, and {numbers}")
