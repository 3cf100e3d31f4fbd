"""Ground truth evaluated as predictions: if that does not reach an mAP of 1.0, a perfect model cannot either."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alphaction.checks.check_boxes import same_boxes
from alphaction.checks.findings import Finding, fault
from alphaction.data.row_places import place
from alphaction.data.tables import DatasetTables
from alphaction.evaluation import AvaEvaluator, DetectionRows
from alphaction.evaluation.evaluator import require_counted_labels
from alphaction.utils.messages import counted, listed

_PERFECT = 1 - 1e-9


def check_truth(split: DatasetTables, facts: dict) -> Iterator[Finding]:
    """Yield why the annotations do not score mAP 1.0 against themselves; ``facts`` receives the mAP as "truth_mAP"."""
    table = split.annotations
    if not table.num_labels:
        return
    uncounted = fault("ground truth", split.name, require_counted_labels, table, split.counted_classes)
    if uncounted is not None:
        yield uncounted
        return
    evaluator = AvaEvaluator(table, split.label_map, split.eval_label_map)
    truth = DetectionRows(
        keyframes=table.keyframes,
        keyframe_index=table.keyframe_of_box(),
        boxes=table.boxes,
        box_index=table.box_of_label(),
        row_class_ids=table.label_ids,
        scores=np.ones(table.num_labels, dtype=np.float32),
    )
    result = evaluator.evaluate(truth, ground_truth_boxes=True)
    facts["truth_mAP"] = round(result.mAP, 6)
    if result.mAP >= _PERFECT:
        return
    failing = [f'"{name}" ({ap:.3f})' for name, ap in result.per_class.items() if ap < _PERFECT]
    first, second = same_boxes(split)
    shared = [k for k, pair in enumerate(zip(first.tolist(), second.tolist(), strict=True))
              if np.isin(*map(table.labels, pair)).any()]  # fmt: skip
    reason = "Compare the label map that counts with the one that is trained on."
    if shared:
        row = int(second[shared[0]])
        where = place(table, int(table.keyframe_of_box()[row]), row)
        reason = (
            f"{counted(len(shared), 'pair of coinciding boxes has', 'pairs of coinciding boxes have')} a label in "
            f"common (first: {where}), and only one box of a pair can be found. Merge the duplicates."
        )
    yield Finding(
        "error",
        "ground truth",
        f"{table.source}: the annotations themselves, evaluated as predictions, score mAP {result.mAP:.4f}, not 1.0; "
        f"so would a perfect model. Classes below 1: {listed(failing)}. {reason}",
        split.name,
    )
