"""All public weights, and how to find one."""

from __future__ import annotations

from typing import TypeVar

from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, nearest
from alphaction.utils.weight_names import ZOO_PREFIX
from alphaction.zoo import (
    alphaction,
    mmaction2,
    persons,
    pyslowfast,
    pytorchvideo,
    rendered,
    torchvision,
    videomae,
    vjepa2,
)
from alphaction.zoo.entry import Kind, PublicWeights

Default = TypeVar("Default")
_RAISE = object()

SOURCES = {
    "pyslowfast": ("PySlowFast", pyslowfast.ENTRIES),
    "pytorchvideo": ("PyTorchVideo", pytorchvideo.ENTRIES),
    "mmaction2": ("MMAction2", mmaction2.ENTRIES),
    "videomae": ("VideoMAE", videomae.ENTRIES),
    "torchvision": ("torchvision", torchvision.ENTRIES),
    "vjepa2": ("V-JEPA 2", vjepa2.ENTRIES),
    "alphaction": ("AlphAction, the paper's own project", alphaction.ENTRIES),
    "rendered": ("Rendered people, trained by this project", rendered.ENTRIES),
    "persons": ("Detectors of persons (torchvision)", persons.ENTRIES),
}
"""Group -> (title, entries), in the order that people see."""

WEIGHTS: dict[str, PublicWeights] = {entry.name: entry for _, entries in SOURCES.values() for entry in entries}
"""Name -> entry."""


def find_weights(name: str, default: Default = _RAISE) -> PublicWeights | Default:
    """Return the entry called ``name``, with or without "zoo:" in front; ``default``, if given, where there is none.

    Raises:
        UserError: there is none; the message has the nearest names.
    """
    bare = name.removeprefix(ZOO_PREFIX)
    if bare in WEIGHTS or default is not _RAISE:
        return WEIGHTS.get(bare, default)
    raise UserError(f'no public weights are called "{bare}". {_nearest_names(bare)}')


def refuse_persons(entry: PublicWeights, given: str) -> None:
    """Raise a :class:`UserError` if public weights are those of a detector of persons, where an action model is needed.

    Args:
        entry: the weights.
        given: the key or flag that names them, with its value, for the message.
    """
    if entry.kind == "persons":
        raise UserError(
            f"{given}: {entry.what}, is a detector of persons and no action model. It is used by "
            f"tools/detect_persons.py --model {entry.name}."
        )


def list_weights(backbone: str | None = None, kind: Kind | None = None) -> list[PublicWeights]:
    """Return the entries, in their order, of one backbone or kind where given.

    Raises:
        UserError: no entry has that backbone; the message names those that have any.
    """
    known = sorted({entry.backbone for entry in WEIGHTS.values() if entry.backbone})
    if backbone is not None and backbone not in known:
        near = nearest(backbone, known)
        hint = f'Did you mean "{near}"? ' if near else ""
        raise UserError(f'no public weights are of the backbone "{backbone}". {hint}Known: {", ".join(known)}.')
    return [entry for entry in WEIGHTS.values() if backbone in (None, entry.backbone) and kind in (None, entry.kind)]


def weights_for(backbone: str) -> list[PublicWeights]:
    """Return the entries of a backbone, the best to start from first; none if there are none.

    First those without an action head, then those that need no browser; within that in the registry's order.
    """
    found = [entry for entry in WEIGHTS.values() if entry.backbone == backbone and backbone]
    return sorted(found, key=lambda entry: (entry.kind != "backbone", not entry.url))


def _nearest_names(name: str) -> str:
    near = nearest(name, WEIGHTS)
    parts = [part for part in name.replace("-", "_").split("_") if part]
    shared = {other: sum(part in other.split("_") for part in parts) for other in WEIGHTS}
    best = sorted((other for other in shared if shared[other] and other != near), key=lambda o: -shared[o])
    names = [*([near] if near else []), *best][:3]
    hint = f"Did you mean {' or '.join(names)}? " if names else ""
    return f"{hint}tools/download_weights.py --list shows all {counted(len(WEIGHTS), 'name')}."
