"""What a training came to: its best and last results, its time, its files and the commands that follow.

It is logged at the end and written to ``summary.json``: first the results, and last of all, when the report is made
too, what is where and how to go on (:func:`log_ending`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from alphaction import __version__
from alphaction.checkpoint import AVERAGED_WEIGHTS, BEST_WEIGHTS, FINAL_CHECKPOINT
from alphaction.checkpoint.run_folder import REPORT_FILE, SUMMARY_FILE
from alphaction.data.dataset import ActionDataset
from alphaction.engine.best import BestTracker
from alphaction.engine.best_metric import AVERAGE_PREFIX, Metric
from alphaction.engine.evaluate import RESULTS_FOLDER
from alphaction.engine.metrics_file import METRICS_FILE, read_evaluations
from alphaction.engine.next_commands import next_commands
from alphaction.engine.run_config import RunConfig
from alphaction.engine.time_spent import PARTS
from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.command_text import next_calls
from alphaction.utils.errors import ResourceError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted, one_line, shortened, text_table
from alphaction.utils.numbers import is_finite_number

_SHOWN = 5
_LONGEST_NAME = 40
_TITLES = {
    "best_against_first": "from the first evaluation to the best",
    "last_against_best": "from the best evaluation to the last",
}
_COMPARISONS = {"last_against_best": ("best", "last"), "best_against_first": ("first", "best")}


def summarize(
    run: RunConfig,
    done: int,
    best: BestTracker | None,
    seconds: Mapping[str, float],
    test_sets: Sequence[ActionDataset],
    train_set: ActionDataset,
) -> dict[str, Any]:
    """Log the results of a run that is at its end, write its summary, and return it; the main process only.

    Args:
        run: the run.
        done: iterations that are done.
        best: knows the best evaluation; None where the run never evaluates.
        seconds: what its time was spent on, as ``TimeSpent.state_dict`` has it.
        test_sets: what it was evaluated on; empty where the run never evaluates.
        train_set: what it was trained on.

    Raises:
        ResourceError: if it cannot be written.
    """
    cfg = run.cfg
    folder = Path(cfg.OUTPUT_DIR)
    evaluations = [] if best is None else read_evaluations(folder, done)
    averaged = cfg.SOLVER.EMA_DECAY > 0
    names = [] if best is None else list(dict.fromkeys([best.metric.name, f"{test_sets[0].name}/mAP"]))
    summary = {
        "version": __version__,
        "iteration": done,
        "max_iter": cfg.SOLVER.MAX_ITER,
        "ended_early": best.why_exhausted() if best is not None and done < cfg.SOLVER.MAX_ITER else None,
        "metric": None if best is None else best.metric.name,
        "best": None if best is None or best.best is None else best.best.to_dict(),
        "evaluations": len(evaluations),
        "end_evaluated": _end_evaluated(evaluations, done),
        "results": {
            f"{prefix}{name}": found
            for name in names
            for prefix in ("", *([AVERAGE_PREFIX] if averaged else []))
            if (found := _results(f"{prefix}{name}", best.metric, evaluations))
        },
        "classes": {} if best is None else _classes(best, evaluations),
        "seconds": dict(seconds),
        "files": _files(folder),
        "commands": next_commands(run, test_sets, train_set, tests_end=not _end_evaluated(evaluations, done)),
    }
    get_logger().info("%s", _results_text(summary))
    try:
        _write(folder, summary)
    except OSError as error:
        raise ResourceError(
            f"{folder / SUMMARY_FILE}: cannot be written ({error.strerror}). Free some space."
        ) from error
    return summary


def log_ending(folder: Path, summary: Mapping[str, Any], report: str = "") -> None:
    """Log what is where and the commands that follow, which is the last that a training says.

    Args:
        folder: OUTPUT_DIR.
        summary: what :func:`summarize` returned.
        report: the report that was made since, in words, its path first; "" if there is none, so that the command
            which makes it is named.
    """
    files = _files(folder)
    told, *more = report.splitlines() or [""]
    rows = [*files.items(), *([("report", told)] if report else [])]
    commands = [command for name, command in summary["commands"].items() if not (report and name == "report")]
    if (calls := next_calls()) is not None:
        commands = list(calls)
    lines = ["Files", *text_table(rows, left=2, indent="  "), *more, "Next", *(f"  {command}" for command in commands)]
    get_logger().info("%s", "\n".join(lines))
    if report:
        files["report"] = str(folder / REPORT_FILE)
    with suppress(OSError):  # What was written before lacks the report, no more.
        _write(folder, {**summary, "files": files})


def _write(folder: Path, summary: Mapping[str, Any]) -> None:
    write_text_atomically(folder / SUMMARY_FILE, json.dumps(summary, indent=1) + "\n")


def _end_evaluated(evaluations: Sequence[Mapping[str, Any]], done: int) -> bool:
    """Return whether the weights at the end of a run were evaluated; --skip-final-test leaves that out."""
    return bool(evaluations) and evaluations[-1]["iteration"] == done


def _results(name: str, by: Metric, evaluations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the first, best and last evaluation that has a value of a metric; {} if none has."""
    metric = Metric(name, by.lower and name.endswith(by.name))
    found = [
        {"iteration": line["iteration"], "value": value}
        for line in evaluations
        if is_finite_number(value := line.get(name))
    ]
    if not found:
        return {}
    best = found[0]
    for entry in found:
        if metric.better(entry["value"], best["value"]):
            best = entry
    return {"first": found[0], "best": best, "last": found[-1]}


def _classes(tracker: BestTracker, evaluations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how the AP of each class changed between the first, the best and the last evaluation."""
    by_iteration = {line["iteration"]: line for line in evaluations}
    best = tracker.best
    if best is None or best.iteration not in by_iteration:
        return {}
    of = {"first": evaluations[0], "best": by_iteration[best.iteration], "last": evaluations[-1]}
    start = f"{AVERAGE_PREFIX if best.weights == 'ema' else ''}{tracker.metric.dataset}/AP/"
    found: dict[str, Any] = {}
    for name, (before, after) in _COMPARISONS.items():
        if of[before] is of[after]:
            continue
        pairs = {
            key.removeprefix(start): (of[before][key], value)
            for key, value in of[after].items()
            if key.startswith(start) and is_finite_number(value) and is_finite_number(of[before].get(key))
        }
        changes = [
            {"class": each, "before": old, "after": new, "change": new - old} for each, (old, new) in pairs.items()
        ]
        found[name] = {
            "dataset": tracker.metric.dataset,
            "from_iteration": of[before]["iteration"],
            "to_iteration": of[after]["iteration"],
            "classes": sorted(changes, key=lambda entry: -entry["change"]),
        }
    return found


def _files(folder: Path) -> dict[str, str]:
    """Return what is where, of what there is; not the report, which may be of an earlier end."""
    paths = {
        "best": folder / f"{BEST_WEIGHTS}.pth",
        "final": folder / f"{FINAL_CHECKPOINT}.pth",
        "ema": folder / f"{AVERAGED_WEIGHTS}.pth",
        "metrics": folder / METRICS_FILE,
        "results": folder / RESULTS_FOLDER,
    }
    return {name: str(path) for name, path in paths.items() if path.exists()}


def _results_text(summary: Mapping[str, Any]) -> str:
    """Return the results and the time as people read them."""
    rows: list[tuple[str, str]] = []
    done, max_iter = summary["iteration"], summary["max_iter"]
    early = summary["ended_early"]
    rows.append(("iterations", f"{done} of {max_iter}, ended early: {early}" if early else str(done)))
    rows += _result_rows(summary)
    rows.append(("time", _time(summary["seconds"])))
    return "\n".join(["Summary", *text_table(rows, left=2, indent="  "), *_class_lines(summary)])


def _result_rows(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    if summary["metric"] is None:
        return [("results", "none: the run never evaluated (--skip-val-in-train, --skip-final-test)")]
    if not summary["evaluations"]:
        return [("results", "none: there was no evaluation")]
    if summary["best"] is None:
        number = counted(summary["evaluations"], "evaluation")
        return [("results", f"{number}, and none had a value of {summary['metric']}")]
    rows = []
    for name, of in summary["results"].items():
        best, last = (f"{of[which]['value']:.4f} at iteration {of[which]['iteration']}" for which in ("best", "last"))
        only = of["first"]["iteration"] == of["last"]["iteration"]
        rows.append((name, f"{best} (the only evaluation)" if only else f"best {best}, last {last}"))
    best = summary["best"]
    whose = "the averaged weights" if best["weights"] == "ema" else "the weights"
    rows.append(("best result", f"{whose} of iteration {best['iteration']}, by {best['metric']} {best['value']:.4f}"))
    if not summary["end_evaluated"]:
        rows.append(("not evaluated", "the weights at the end: the first command below tells whether they are better"))
    return rows


def _class_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return which classes gained and lost most, a line each."""
    lines = []
    averaged = summary["best"] is not None and summary["best"]["weights"] == "ema"
    for name, title in _TITLES.items():
        if name not in summary["classes"]:
            continue
        comparison = summary["classes"][name]
        whose = f" on {comparison['dataset']}{', averaged weights,' if averaged else ''}"
        changes = [entry for entry in comparison["classes"] if round(entry["change"], 3)]
        place = f"{title} (iterations {comparison['from_iteration']} to {comparison['to_iteration']})"
        if not changes:
            lines.append(f"  No AP{whose} changed {place}")
            continue
        lines.append(f"  AP{whose} {place}")
        gained = [entry for entry in changes if entry["change"] > 0][:_SHOWN]
        lost = [entry for entry in reversed(changes) if entry["change"] < 0][:_SHOWN]
        rows = [
            (what if number == 0 else "", shortened(one_line(entry["class"]), _LONGEST_NAME), f"{entry['before']:.3f}",
             "->", f"{entry['after']:.3f}", f"{entry['change']:+.3f}")
            for what, entries in (("gained", gained), ("lost", lost)) for number, entry in enumerate(entries)
        ]  # fmt: skip
        lines += text_table(rows, left=2, indent="    ")
        if len(changes) > len(rows):
            lines.append(f"    and {len(changes) - len(rows)} more in {SUMMARY_FILE}")
    return lines


def _time(seconds: Mapping[str, float]) -> str:
    total = seconds["total"]
    names = dict(zip(PARTS, ("waiting for data", "evaluation", "saving"), strict=True))
    shares = [f"{100 * seconds[part] / total:.0f}% {name}" for part, name in names.items()] if total > 0 else []
    return ", ".join([str(timedelta(seconds=round(total))), *shares])
