"""What becomes of the weights of another project: tensors in our names, and the settings that they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

Part = Literal["network", "input", "head"]
"""What a setting concerns: the backbone; the clips that it sees; the pooling of boxes and the classes.

A run refuses another "network" or "input", and another "head" where it takes the classifier from the file."""


@dataclass(frozen=True)
class ForeignFile:
    """A weight file of another project, read but not understood yet.

    Attributes:
        path: the file; its name may say what its tensors do not.
        tensors: as the file names them.
        extras: everything else in it, by key: cfg texts, counters; inert stand-ins for objects of other projects.
        container: the key that the tensors were found under ("model_state", "blobs", ...), "" for the top.
        left_out: one sentence for each set of tensors in the file that is not among these.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    extras: Mapping[str, Any] = field(default_factory=dict)
    container: str = ""
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setting:
    """The value of a config key that weights were trained with.

    Attributes:
        value: of the key's type.
        part: see :data:`Part`.
        why: where it was read, for people: "the file's cfg", "the shape of s1_fuse.conv_f2s.weight".
    """

    value: Any
    part: Part
    why: str


@dataclass(frozen=True)
class Question:
    """A setting that neither the file nor its name tells.

    Attributes:
        choices: the values that it may have.
        part: see :data:`Part`.
        why: why it cannot be known, for people.
    """

    choices: tuple[Any, ...]
    part: Part
    why: str


@dataclass(frozen=True)
class Converted:
    """Weights of another project in our names.

    Attributes:
        source: the project, a name in :data:`alphaction.checkpoint.foreign.sources.SOURCES`.
        what: the network in words: "SlowFast R50 8x8 detector, 80 classes".
        weights: by names of our ``state_dict()``, "backbone.slow.conv1.weight".
        settings: config key -> what the network, its input or its head must be. Complete: whatever of another value
            would change the outputs is in it.
        recipe: config key -> how else it was trained (sizes, frame rate, frames of a clip): advice, not checked.
        questions: config key -> what must be asked for.
        decisions: one sentence for each thing that was found out or left out, in the order to be told.
        license: of the weights, "Apache-2.0"; "" if unknown.
    """

    source: str
    what: str
    weights: dict[str, Tensor]
    settings: dict[str, Setting]
    recipe: dict[str, Any] = field(default_factory=dict)
    questions: dict[str, Question] = field(default_factory=dict)
    decisions: tuple[str, ...] = ()
    license: str = ""
