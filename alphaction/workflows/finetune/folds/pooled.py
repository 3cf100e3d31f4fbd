"""The detections of all folds together, each on the videos that its network has not seen: one mAP over all videos.

Scores of several networks are ranked in one list, though the same score need not mean the same in each. That costs a
little: the mAP over all videos is rather below than above what one network would get. The mean over the folds has not
that fault, but is of small sets with few labels of each class.
"""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset
from alphaction.data.formats.file_content import open_text
from alphaction.data.tables import DatasetTables, open_tables
from alphaction.engine.evaluate import DETECTIONS_FILE, RESULT_FILE, results_folder
from alphaction.evaluation import AvaEvaluator, AvaResult, format_report, read_detections, write_json
from alphaction.evaluation.bootstrap import with_intervals
from alphaction.utils.atomic import replacing, write_text_atomically
from alphaction.utils.command_text import runnable_here
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted, text_table
from alphaction.utils.numbers import is_finite_number
from alphaction.utils.output_folder import read_record
from alphaction.workflows.finetune.folds.fold_record import FoldFolder

REPORT_FILE = "report.txt"


@dataclass(frozen=True)
class FoldResult:
    """The evaluation of one fold on its own videos."""

    name: str
    videos: int
    labels: int
    mAP: float  # noqa: N815 (the name of the metric)


@dataclass(frozen=True)
class Pooled:
    """The result over all videos.

    Attributes:
        folder: of the folds.
        result: over all videos, with its intervals.
        folds: of each fold.
        results: the folder that the result was written to.
    """

    folder: FoldFolder
    result: AvaResult
    folds: tuple[FoldResult, ...]
    results: Path

    @property
    def mean(self) -> float:
        """Mean of the mAP of the folds."""
        return statistics.fmean(each.mAP for each in self.folds)

    @property
    def deviation(self) -> float:
        """Standard deviation of the mAP of the folds."""
        return statistics.stdev(each.mAP for each in self.folds)


def pool(folder: FoldFolder) -> Pooled:
    """Evaluate the detections of all folds together, and write them and the result, and that of averaged weights, too.

    Raises:
        UserError: a file is missing or cannot be read.
    """
    tables = _tables(folder, folder.catalog, folder.all_videos)
    pooled = _pool(folder, tables, averaged=False)
    if all(_files(folder, number, averaged=True)[0].is_file() for number in range(1, folder.folds + 1)):
        _pool(folder, tables, averaged=True)
    return pooled


def pooled_text(pooled: Pooled) -> str:
    """Return the result as text."""
    rows: Sequence[tuple[object, ...]] = [
        ("fold", "videos", "labels", "mAP"),
        *((each.name, each.videos, each.labels, f"{each.mAP:.4f}") for each in pooled.folds),
    ]
    place = shlex.quote(str(pooled.folder.path))
    report = runnable_here(f"python tools/report.py --run {place}")
    compare = runnable_here(f"python tools/compare_runs.py {place} OTHER_FOLDS")
    return "\n".join([
        "",
        format_report(pooled.result),
        "",
        *text_table(rows),
        "",
        f"mAP over all {counted(sum(each.videos for each in pooled.folds), 'video')}  {pooled.result.mAP:.4f}",
        f"mean of the folds  {pooled.mean:.4f}, standard deviation {pooled.deviation:.4f}",
        f"written to {pooled.results}",
        "",
        "Next:",
        f"  {report}",
        f"  {compare}",
    ])  # fmt: skip


def _pool(folder: FoldFolder, tables: DatasetTables, *, averaged: bool) -> Pooled:
    found = results_folder(folder.path, folder.all_videos, averaged=averaged)
    parts = [_files(folder, number, averaged=averaged) for number in range(1, folder.folds + 1)]
    with replacing(found / DETECTIONS_FILE) as file, file.open("w", encoding="utf-8", newline="") as joined:
        for detections, _ in parts:
            with open_text(detections, "detections") as text:
                joined.writelines(text)
    detections = read_detections(found / DETECTIONS_FILE)
    evaluator = AvaEvaluator(tables.annotations, tables.label_map, tables.eval_label_map)
    optimistic = any((read_record(result.parent, result.name) or {}).get("optimistic") is True for _, result in parts)
    result = evaluator.evaluate(detections, ground_truth_boxes=optimistic)
    result = with_intervals(result, evaluator, detections)
    write_json(found / RESULT_FILE, result)
    folds = tuple(_fold_result(folder, number, path) for number, (_, path) in enumerate(parts, start=1))
    pooled = Pooled(folder, result, folds, found)
    write_text_atomically(found / REPORT_FILE, pooled_text(pooled).lstrip() + "\n")
    return pooled


def _files(folder: FoldFolder, number: int, *, averaged: bool) -> tuple[Path, Path]:
    """Return the detections and the result of a fold."""
    own = results_folder(folder.run(number), f"{folder.base(number)}_val", averaged=averaged)
    return own / DETECTIONS_FILE, own / RESULT_FILE


def _fold_result(folder: FoldFolder, number: int, path: Path) -> FoldResult:
    mean = (read_record(path.parent, path.name) or {}).get("mAP")
    if not is_finite_number(mean):
        raise DataError(f"{path} has no mAP. Evaluate {folder.name(number)} again.")
    tables = _tables(folder, folder.place(number), f"{folder.base(number)}_val")
    videos = len(set(tables.annotations.keyframes.video_index.tolist()))
    return FoldResult(folder.name(number), videos, tables.annotations.num_labels, float(mean))


def _tables(folder: FoldFolder, catalog: Path, name: str) -> DatasetTables:
    cfg = load_cfg(None, ["DATASETS.DATA_DIR", str(folder.path), "DATASETS.CATALOG", [str(catalog)]])
    return open_tables(find_dataset(cfg, name), boxes=())
