"""What the templates show: everything of a run, already counted, thinned and named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from alphaction.evaluation.analysis import Analysis, Calibration, Example
from alphaction.utils.drawing import Color
from alphaction.utils.messages import counted
from alphaction.workflows.report.analysis_views import (
    ClassCharts,
    Matrix,
    MissRow,
    Pair,
    calibration_chart,
    class_charts,
    matrix,
    miss_rows,
    pairs,
)
from alphaction.workflows.report.class_views import (
    ShownClass,
    ShownMean,
    intervals_note,
    known_rows,
    shown_class,
    shown_means,
)
from alphaction.workflows.report.curves import training_charts
from alphaction.workflows.report.evaluations import Evaluation, read_evaluation
from alphaction.workflows.report.facts import (
    DatasetFacts,
    Setting,
    changed_settings,
    joined_labels,
    open_datasets,
    starting_weights,
)
from alphaction.workflows.report.findings import Finding, findings
from alphaction.workflows.report.pictures import Photographer, Picture
from alphaction.workflows.report.result_views import (
    Gain,
    Tile,
    evaluations_of,
    gains,
    next_commands,
    notes,
    state,
    test_command,
    tiles,
)
from alphaction.workflows.report.run_folder import RunFolder
from alphaction.workflows.report.svg import Chart

# Kind, its heading, what it shows, what is said if there is none, color of its boxes.
_GALLERIES: tuple[tuple[str, str, str, str, Color], ...] = (
    (
        "false_positives",
        "False positives",
        "Detections with a high score that no label confirms, the highest score first.",
        "There are none: at these thresholds every detection is right.",
        (235, 92, 84),
    ),
    (
        "false_negatives",
        "False negatives",
        "Labels that were not found, the worst first.",
        "There are none: every label was found.",
        (240, 160, 60),
    ),
    (
        "label_conflicts",
        "Label conflicts",
        "Labels that contradict each other, those before and after, or a detector that is sure: are they right?",
        "There are none: nothing contradicts the labels.",
        (176, 140, 240),
    ),
)

_NO_SETTINGS = {
    True: "All settings have their default values.",
    False: "There is no config.yaml, which a training writes.",
}


@dataclass(frozen=True)
class Gallery:
    """Pictures of one kind of mistake."""

    kind: str
    title: str
    words: str
    none: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Section:
    """The evaluation on one dataset; see :class:`Evaluation`."""

    name: str
    lead: str
    iou: float
    hints: Sequence[str]
    problem: str
    rows: Sequence[ShownClass]
    classes_note: str
    has_train: bool
    has_best: bool
    has_stored: bool
    has_intervals: bool
    intervals_note: str
    means: Sequence[ShownMean]
    most_train: int
    most_test: int
    findings: Sequence[Finding] = ()
    analysis: Analysis | None = None
    curves: Sequence[ClassCharts] = ()
    matrix: Matrix | None = None
    pairs: Sequence[Pair] = ()
    misses: Sequence[MissRow] = ()
    calibration: Chart | None = None
    bins: Sequence[tuple[float, float, int]] = ()
    galleries: Sequence[Gallery] = ()
    left_out: str = ""


@dataclass(frozen=True)
class Page:
    """See the templates; texts that begin with "no\\_" say what is missing and what makes it."""

    title: str
    folder: str
    written: str
    state: str
    tiles: Sequence[Tile]
    notes: Sequence[str]
    gains: Sequence[Gain]
    commands: Sequence[tuple[str, str]]
    charts: Sequence[Chart]
    no_charts: str
    evaluations: Sequence[Section]
    datasets: Sequence[DatasetFacts]
    dataset_problems: Sequence[tuple[str, str]]
    class_counts: Sequence[tuple[str, int, int]]
    most_count: int
    has_class_tables: bool
    no_data: str
    weights: str
    license: str
    settings: Sequence[Setting]
    no_settings: str
    footer: str = field(default="")


def collect(run: RunFolder, examples: int, max_seconds: float) -> Page:
    """Return what the page of a run shows.

    Args:
        run: the folder.
        examples: pictures of each kind on each dataset at most.
        max_seconds: how long frames may be read, over all datasets.
    """
    datasets = open_datasets(run)
    train_labels = joined_labels(datasets, "training")
    evaluations = [
        read_evaluation(run, facts, train_labels, examples, test_command(run))
        for facts in datasets
        if facts.role == "test"
    ]
    photographer = None if run.cfg is None or not examples else Photographer(run.cfg, max_seconds)
    sections = [_section(run, evaluation, photographer, examples) for evaluation in evaluations]
    weights, license_text = starting_weights(run)
    counts = _class_counts(datasets)
    return Page(
        title=run.path.resolve().name or str(run.path),
        folder=str(run.path),
        written=f"Written {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        state=state(run),
        tiles=tiles(run, {each.name: each for each in evaluations if each.mAP is not None}),
        notes=notes(run),
        gains=gains(run, run.test_sets[0]) if run.test_sets else [],
        commands=next_commands(run),
        charts=training_charts(run.metrics, run.test_sets),
        no_charts="There is no metrics.jsonl with values, which a training writes: nothing was trained in this folder.",
        evaluations=sections,
        datasets=datasets,
        dataset_problems=_problems(datasets),
        class_counts=counts,
        most_count=max([max(row[1:]) for row in counts], default=0),
        has_class_tables=any(section.rows for section in sections),
        no_data=run.config_problem or "The config names no dataset.",
        weights=weights,
        license=license_text,
        settings=changed_settings(run.trained) if run.trained is not None else [],
        no_settings=run.config_problem or _NO_SETTINGS[run.trained is not None],
    )


def _section(run: RunFolder, evaluation: Evaluation, photographer: Photographer | None, examples: int) -> Section:
    analysis = evaluation.analysis
    curves = {curve.name: curve for curve in analysis.curves} if analysis else {}
    stored = {} if run.thresholds is None else run.thresholds.by_name()
    known = known_rows(evaluation)
    spread = evaluation.intervals
    rows = [shown_class(row, curves.get(row.name), stored.get(row.name), spread) for row in known]
    common = {
        "name": evaluation.name,
        "lead": _lead(evaluation),
        "iou": evaluation.iou,
        "hints": evaluation.hints,
        "problem": evaluation.problem,
        "rows": rows,
        "classes_note": _classes_note(rows, run),
        "findings": findings(evaluations_of(run.metrics, f"{evaluation.name}/mAP"), evaluation, known),
        "has_train": any(row.train is not None for row in rows),
        "has_best": bool(curves),
        "has_stored": any(row.stored is not None for row in rows),
        "has_intervals": spread is not None and spread.mAP is not None,
        "intervals_note": intervals_note(spread),
        "means": shown_means(evaluation),
        "most_train": max([row.train or 0 for row in rows], default=0),
        "most_test": max([row.test for row in rows], default=0),
    }
    if analysis is None:
        return Section(**common)
    before = photographer.left_out if photographer else 0
    galleries = [] if photographer is None else _galleries(evaluation, analysis, photographer, examples)
    skipped = photographer.left_out - before if photographer else 0
    left_out = "" if photographer else "No pictures were asked for (--examples 0), or no config says where videos are."
    if photographer and skipped:
        left_out = (
            f"{counted(skipped, 'picture')} left out: reading frames took longer than {photographer.seconds:g} s. A "
            "higher --max-seconds of tools/report.py makes all of them."
        )
    calibration = analysis.calibration
    return Section(
        **common,
        analysis=analysis,
        curves=class_charts(analysis.curves),
        matrix=matrix(analysis.confusion),
        pairs=pairs(analysis.confusion),
        misses=miss_rows(analysis.misses),
        calibration=calibration_chart(calibration),
        bins=_bins(calibration),
        galleries=galleries,
        left_out=left_out,
    )


def _galleries(evaluation: Evaluation, analysis: Analysis, photographer: Photographer, examples: int) -> list[Gallery]:
    source = evaluation.tables.source if evaluation.tables else None
    found = []
    for kind, title, words, none, color in _GALLERIES:
        shown: Sequence[Example] = getattr(analysis, kind)[:examples]
        found.append(Gallery(kind, title, words, none, photographer.pictures(source, shown, color)))
    return found


def _bins(calibration: Calibration) -> list[tuple[float, float, int]]:
    columns = (calibration.mean_score, calibration.share_right, calibration.counts)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _classes_note(rows: Sequence[ShownClass], run: RunFolder) -> str:
    found = []
    if without := sum(row.ap is None for row in rows):
        found.append(f"{counted(without, 'class has', 'classes have')} no labels in this dataset and no AP.")
    if run.thresholds is not None and any(row.stored is not None for row in rows):
        of = run.thresholds.iteration
        weights = "" if of is None else f" for the weights of iteration {of}"
        found.append(f"{run.thresholds_in} stores thresholds ({run.thresholds}){weights}; predict_video.py uses them.")
    return " ".join(found)


def _lead(evaluation: Evaluation) -> str:
    """Return the result in a sentence or two."""
    if evaluation.mAP is None:
        return ""
    parts = [f"mAP {evaluation.mAP:.3f} at IoU {evaluation.iou:g}"]
    if len(evaluation.groups) > 1:
        parts.append(", ".join(f"{group} {value:.3f}" for group, value in evaluation.groups.items()))
    if evaluation.box_recall is not None and not evaluation.optimistic:
        parts.append(f"{evaluation.box_recall:.1%} of the annotated persons found")
    if evaluation.optimistic:
        parts.append("on the annotated boxes, so that no person is missed: optimistic")
    if evaluation.iteration is not None:
        parts.append(f"weights of iteration {evaluation.iteration}")
    if evaluation.averaged is not None:
        parts.append(f"averaged weights: mAP {evaluation.averaged:.3f} (details in inference_ema/{evaluation.name})")
    return "; ".join(parts) + "."


def _problems(datasets: Sequence[DatasetFacts]) -> list[tuple[str, str]]:
    """Return the name and the problem of each dataset that has one, each once."""
    found: Mapping[str, str] = {facts.name: facts.problem for facts in datasets if facts.problem}
    return list(found.items())


def _class_counts(datasets: Sequence[DatasetFacts]) -> list[tuple[str, int, int]]:
    train, test = joined_labels(datasets, "training"), joined_labels(datasets, "test")
    return [(name, train.get(name, 0), test.get(name, 0)) for name in dict.fromkeys([*train, *test])]
