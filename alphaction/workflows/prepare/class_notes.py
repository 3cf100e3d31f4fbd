"""Notices on collected classes: those without a name, and those whose group nothing states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alphaction.data.annotations import LabelMap
from alphaction.utils.messages import counted, listed
from alphaction.workflows.prepare.group_choices import ATTRIBUTES_FLAG, EXCLUSIVE_FLAG

DEFAULT_GROUP = "object"

_GROUP_HELP = (
    "PERSON_MOVEMENT: one at a time (softmax); OBJECT_MANIPULATION, PERSON_INTERACTION: any number at once (sigmoid)"
)


def nameless_notes(ids: Sequence[int]) -> list[str]:
    """Return notices on classes that have an id and no name."""
    nameless = counted(len(ids), "class has", "classes have")
    notes = [
        f'{nameless} no name in the annotations: called "class {ids[0]}" and so on; '
        'for real names pass --label-map FILE with blocks like: label { name: "sit" label_id: '
        f"{ids[0]} label_type: PERSON_MOVEMENT }}"
    ]
    if ids[0] == 0:
        notes.append(
            "the class ids begin at 0 and are kept as they are; with a label map that begins at 1, as AVA's does, "
            "add 1 to each"
        )
    return notes


def guess_notes(
    label_map: LabelMap,
    class_ids: Sequence[Sequence[tuple[int, ...]]],
    attributes: Mapping[int, Mapping[str, str]],
) -> list[str]:
    """Return notices on the classes whose group nothing states."""
    guessed = label_map.untyped
    single = all(len(labels) <= 1 for part in class_ids for labels in part)
    notes = [_guess_note("" if len(guessed) == label_map.num_classes else f"{len(guessed)} ", single)]
    names = sorted({name for class_id in guessed for name in attributes.get(class_id, ())})
    if len(names) > 1:
        notes.append(
            f"the classes are values of the attributes {listed(names)}: {ATTRIBUTES_FLAG} makes each a group, "
            "exclusive where no box has two of its values"
        )
    return notes


def _guess_note(which: str, single: bool) -> str:
    """Return a notice on classes whose group no file states.

    Args:
        which: how many they are, before "classes"; "": all of them.
        single: no box has two labels.
    """
    subject = f"the group of {which or 'the '}classes"
    exclusive = "No box has two labels here: if they exclude each other," if single else "If they exclude each other,"
    return (
        f"{subject} is not stated: they are taken as {DEFAULT_GROUP} classes, each learned on its own (sigmoid), which "
        f"always works. {exclusive} --class-group movement learns them better (softmax). For groups of your own give "
        f"{EXCLUSIVE_FLAG} posture=sit,stand,lie and so on, or write label_type in a label map ({_GROUP_HELP})"
    )
