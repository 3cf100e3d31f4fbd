"""From the folders of runs to the figures of both sides, with what else must be said about them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alphaction.evaluation.comparison import Comparison, compare
from alphaction.evaluation.result_text import without_nan
from alphaction.evaluation.video_scores import VideoScores, all_videos
from alphaction.utils.atomic import write_text_atomically
from alphaction.utils.files import check_writable
from alphaction.utils.messages import counted, listed
from alphaction.workflows.compare.compare_options import CompareOptions
from alphaction.workflows.compare.run_results import RunResult, read_results
from alphaction.workflows.compare.same_truth import require_same_truth

# What an AP may change by as coordinates in the file are rounded.
_ROUNDING = 5e-4


@dataclass(frozen=True)
class Compared:
    """The comparison of two sides of runs.

    Attributes:
        dataset: its name.
        a, b: the runs of each side, as they were named.
        comparison: the figures.
        notes: what the reader should know about the runs.
    """

    dataset: str
    a: tuple[Path, ...]
    b: tuple[Path, ...]
    comparison: Comparison
    notes: tuple[str, ...]


def compare_runs(options: CompareOptions, overrides: Sequence[str] = ()) -> Compared:
    """Compare two sides of runs, and write the figures if a file is named.

    Args:
        options: the runs.
        overrides: KEY VALUE pairs that say where datasets are now.

    Raises:
        UserError: a run is missing or not evaluated, or the runs are not evaluated on the same labels.
    """
    options.check()
    if options.json is not None:
        check_writable("--json", options.json)
    a, b = read_results(options, overrides)
    runs = [*a, *b]
    require_same_truth(runs)
    evaluator = runs[0].truth.evaluator()
    videos = all_videos(evaluator, *(run.detections for run in runs))
    scores = [[VideoScores.of(evaluator, run.detections, videos) for run in side] for side in (a, b)]
    found = compare(*scores, resamples=options.resamples)
    means = [float(np.nanmean(each.once())) for side in scores for each in side]
    compared = Compared(runs[0].truth.dataset, options.a, options.b, found, tuple(_notes(runs, means)))
    if options.json is not None:
        write_text_atomically(options.json, json.dumps(as_dict(compared), indent=1, allow_nan=False) + "\n")
    return compared


def as_dict(compared: Compared) -> dict[str, Any]:
    """Return the figures as plain types for JSON; NaN becomes None."""
    record = {
        "dataset": compared.dataset,
        "a": [str(path) for path in compared.a],
        "b": [str(path) for path in compared.b],
        **asdict(compared.comparison),
        "more_needed": compared.comparison.more_needed,
        "more_than_noise": compared.comparison.mean.beyond_noise,
        "notes": list(compared.notes),
    }
    return without_nan(record)


def _notes(runs: Sequence[RunResult], means: Sequence[float]) -> Iterator[str]:
    """Yield what sets runs apart, and what does not fit what their evaluation wrote."""
    given = [run.path for run in runs if run.on_annotated_boxes]
    if 0 < len(given) < len(runs):
        yield (
            f"{listed(given)} took the annotated boxes, so that no person was missed there, and the others those of a "
            "detector: the difference is not one of the networks alone."
        )
    for run, mean in zip(runs, means, strict=True):
        recorded = run.recorded_mean
        if recorded is not None and not math.isclose(recorded, mean, abs_tol=_ROUNDING):
            yield (
                f"{run.file} has an mAP of {mean:.4f} now, and had {recorded:.4f} when it was written: the labels, or "
                "the classes that count, have changed since."
            )
    annotated = set(runs[0].truth.annotations.keyframes)
    for run in runs:
        searched = {run.detections.keyframes[number] for number in set(run.detections.keyframe_index.tolist())}
        if missing := len(annotated - searched):
            yield (
                f"{run.file} has nothing at {missing} of {counted(len(annotated), 'annotated keyframe')}, whose labels "
                "count as missed."
            )
