"""Results as detections of the package supervision, for its annotators, zones and trackers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphaction.utils.imports import require_optional

if TYPE_CHECKING:
    import supervision

    from alphaction.api.results import Prediction


def detections_of(result: Prediction, threshold: float | None = None) -> supervision.Detections:
    """Return one detection for each person.

    Its class is the best one of the person; ``confidence`` is the score of that, ``class_id`` its number in the order
    of the detector's classes, from 0, and ``tracker_id`` the number of the person. ``data`` has, for each person,
    "class_name", "actions" (a text for labels: those above the thresholds, best first; else the best one), "scores"
    (of all classes) and "box_score". ``metadata`` has "video", "second" and "class_names".

    Args:
        result: the persons at one second.
        threshold: leave persons out whose best score is lower; None: none.

    Raises:
        UserError: supervision is not installed.
    """
    supervision = require_optional("supervision", "to_supervision()")

    persons = [person for person in result.persons if threshold is None or person.top(1)[0][1] >= threshold]
    names = list(result.names)
    best = [person.top(1)[0] for person in persons]
    texts = [
        ", ".join(f"{name} {score:.0%}" for name, score in person.actions() or person.top(1)) for person in persons
    ]
    scores = [[person.scores[name] for name in names] for person in persons]
    return supervision.Detections(
        xyxy=np.array([person.box for person in persons], dtype=np.float32).reshape(-1, 4),
        confidence=np.array([score for _, score in best], dtype=np.float32),
        class_id=np.array([names.index(name) for name, _ in best], dtype=int),
        tracker_id=np.array([person.id for person in persons], dtype=int),
        data={
            "class_name": np.array([name for name, _ in best], dtype=str),
            "actions": np.array(texts, dtype=str),
            "scores": np.array(scores, dtype=np.float32).reshape(-1, len(names)),
            "box_score": np.array([person.box_score for person in persons], dtype=np.float32),
        },
        metadata={"video": result.video, "second": result.second, "class_names": names},
    )
