"""Predicted boxes in annotation files, and whether a person has confirmed them.

``tools/export_annotations.py`` gives each predicted box its score and, where the tool has attributes, the attribute
"confirmed", which is not set. Whoever corrects the file sets it on the boxes that were looked at. What is drawn by hand
has no score, and needs no mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from alphaction.data.formats.action_attributes import CONFIRMED, Answers, is_true, plain

SCORE = "predicted_score"
"""The attribute that holds the scores of a predicted box.

Not "score": that is the box's own score to datumaro, with which CVAT writes COCO. A number would be moved out of the
attributes there, and a text fails.
"""
MODEL = "alphaction"
"""How the version of the model begins in a tool that keeps predictions apart from what persons annotate."""


def unconfirmed_rule(attributes: Iterable[str]) -> Callable[[Answers], bool]:
    """Return what tells from a box's attributes whether it is a prediction that nobody has confirmed.

    Args:
        attributes: the names of those that boxes of the file may have. In a file without the mark, no box is.
    """
    if not any(plain(name) == CONFIRMED for name in attributes):
        return lambda answers: False
    return _is_unconfirmed


def _is_unconfirmed(answers: Answers) -> bool:
    scored = any(plain(name) == plain(SCORE) and any(values) for name, values in answers.items())
    return scored and not any(plain(name) == CONFIRMED and any(map(is_true, some)) for name, some in answers.items())
