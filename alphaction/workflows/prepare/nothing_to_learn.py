"""Why nothing can be learned from annotation files: no boxes, or boxes that say no action."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from alphaction.data.annotations import AnnotationTable
from alphaction.data.annotations.checks import NO_AREA, OUTSIDE
from alphaction.data.formats.action_attributes import ACTIONS_TAKEN
from alphaction.data.formats.action_rule import LABEL
from alphaction.data.formats.cvat_boxes import OTHER_SHAPES
from alphaction.data.formats.rows import RowTable
from alphaction.data.formats.track_sampling import LOST, lost_tracks_note
from alphaction.data.formats.via import NOT_BOXES
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, first_lines, listed
from alphaction.workflows.prepare.import_rows import described

_SHOWN = 6
_DRAWN_OTHERWISE = (
    OTHER_SHAPES,
    NOT_BOXES,
    "results of type ",
    "tags (",
    "tasks without boxes",
    "regions (",
    "skeletons",
)
_HOW_TO_DRAW = {
    "cvat": "in CVAT draw each person as a rectangle (Draw new rectangle, then Track; Shape is for single frames), and "
    'export the task as "CVAT for video 1.1"',
    "via": "in VIA 3 draw each person as a rectangle, and save the project",
    "labelstudio": "in Label Studio draw each person as a rectangle (<VideoRectangle> in the labeling interface of "
    "videos, <RectangleLabels> in that of pictures), and export as JSON",
    "vidat": "in Vidat draw each person as a box in the mode Object, and save the annotations",
}


def no_action_at_all(parts: Sequence[RowTable]) -> UserError:
    """Return the error for files in which not one box has an action; it lists the reasons and their remedies."""
    parts = list({part.source.path: part for part in parts}.values())  # one file may be given for both splits
    head = f"{listed((part.source.path for part in parts), 3)}: "
    boxes = sum(int(part.has_box.sum()) for part in parts)
    if not boxes:
        head += "there is no box, so there is nothing to learn."
        reasons = _without_boxes(parts)
    else:
        head += f"no box has an action (of {boxes}), so there is nothing to learn."
        reasons = _without_actions(parts, boxes)
    return UserError("\n  - ".join([head, *reasons]))


def no_box_left(split: str, table: AnnotationTable) -> UserError:
    """Return the error for a split without a single box."""
    gone = [f"{name}: {table.counts[name]}" for name in (OUTSIDE, NO_AREA) if table.counts.get(name)]
    why = f" ({'; '.join(gone)})." if gone else "."
    if table.counts.get(OUTSIDE):
        why += " Is this the video that was annotated, in the same size?"
    elif gone:
        why += " Were they clicked, not drawn?"
    keyframes = counted(len(table.keyframes), "keyframe")
    return UserError(f"{split}: {table.source}: not one box is left, in {keyframes}{why}")


def _without_boxes(parts: Sequence[RowTable]) -> list[str]:
    reasons = []
    lost = lost_tracks_note([part.sampled for part in parts])
    if lost:
        reasons.append(lost)
    counts = Counter()
    for part in parts:
        counts.update(part.counts)
    reasons += [f"{what}: {number}" for what, number in counts.items() if number and what != LOST]
    notes = (note for part in parts for note in part.notes if not note.startswith(ACTIONS_TAKEN))
    reasons += first_lines(list(dict.fromkeys(notes)), _SHOWN)
    otherwise = [part for part in parts if _has_nothing_but_other_shapes(part)]
    tools = dict.fromkeys(part.format for part in otherwise if part.format in _HOW_TO_DRAW)
    return [*reasons, *(f"only rectangles are boxes: {_HOW_TO_DRAW[tool]}" for tool in tools)]


def _has_nothing_but_other_shapes(part: RowTable) -> bool:
    if part.sampled.total or part.segments:
        return False
    met = [what for what, number in part.counts.items() if number]
    return all(what.startswith(_DRAWN_OTHERWISE) for what in met)


def _without_actions(parts: Sequence[RowTable], boxes: int) -> list[str]:
    persons: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    values: dict[str, Counter[str]] = {}
    asked: dict[str, None] = {}
    for part in parts:
        persons.update(part.no_actions.persons)
        labels.update(part.no_actions.labels)
        asked |= dict.fromkeys(part.no_actions.asked)
        for name, met in part.no_actions.values.items():
            values.setdefault(name, Counter()).update(met)
    reasons = []
    if persons:
        reasons.append(
            f"{_tally(persons)}: such a label says that the box shows a person, not what the person does. Label the "
            'boxes with actions ("walk", "sit"), or give them an attribute "action"'
        )
    for name, met in values.items():
        if met:
            reasons.append(
                f'the attribute "{name}" has the values {_tally(met)}: if it is the action, add --action-attribute '
                f"{_quoted(name)}"
            )
    if asked:
        names = " and ".join(f'"{name}"' for name in asked)
        many = len(asked) > 1
        reasons.append(
            f"the attributes {names} are empty, not ticked, or say that there is none"
            if many
            else f"the attribute {names} is empty, not ticked, or says that there is none"
        )
    if labels:
        reasons.append(
            f"the labels of the boxes ({_tally(labels)}) are not taken for actions, as attributes are: if they are the "
            f"actions, add --action-attribute {LABEL}"
        )
    segments = [segment for part in parts for segment in part.segments]
    if segments:
        reasons.append(f"{described(segments)}: --segments spread gives their labels to the boxes of their time")
    if not reasons:
        has = "the one box has" if boxes == 1 else f"all {boxes} boxes have"
        reasons.append(f"{has} no label. Is the label or the attribute that names the action filled in?")
    return reasons


def _tally(counts: Counter[str]) -> str:
    return listed((f"{value} {number}" for value, number in counts.most_common()), _SHOWN)


def _quoted(name: str) -> str:
    return f'"{name}"' if any(not (letter.isalnum() or letter in "_-") for letter in name) else name
