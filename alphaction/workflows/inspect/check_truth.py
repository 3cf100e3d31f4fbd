"""Ground truth fed back as predictions: whatever keeps it from an mAP of 1.0 keeps a perfect model from it, too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alphaction.evaluation import AvaEvaluator, DetectionRows
from alphaction.utils.errors import UserError
from alphaction.utils.messages import listed
from alphaction.workflows.inspect.check_boxes import same_boxes
from alphaction.workflows.inspect.loaded import Split
from alphaction.workflows.inspect.report import Finding
from alphaction.workflows.inspect.rows import place

_PERFECT = 1 - 1e-9


def check_truth(split: Split, facts: dict) -> Iterator[Finding]:
    """Yield why the annotations do not score mAP 1.0 against themselves; ``facts`` receives the mAP as "truth_mAP"."""
    table = split.annotations
    if not table.num_labels:
        return
    try:
        evaluator = AvaEvaluator(table, split.label_map, split.eval_label_map)
    except UserError as error:
        yield Finding("error", "ground truth", str(error), split.name)
        return
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
            f"{len(shared)} pairs of coinciding boxes have a label in common (first: {where}), and only one box of a "
            "pair can be found. Merge the duplicates."
        )
    yield Finding(
        "error",
        "ground truth",
        f"{table.source}: the annotations themselves, evaluated as predictions, score mAP {result.mAP:.4f}, not 1.0; "
        f"so would a perfect model. Classes below 1: {listed(failing)}. {reason}",
        split.name,
    )
