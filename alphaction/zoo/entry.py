"""What is known of a file of public weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class PublicWeights:
    """A file of public weights, and everything that a config needs to use it.

    Attributes:
        name: what ``zoo:NAME`` and ``tools/download_weights.py NAME`` call it; lower case, "slowfast_r50_8x8_k400".
        what: one line for people: network, data that it was trained on.
        kind: "backbone" (classification or pre-training: no action head), "detector" (with an action head), or
            "persons" (a detector of persons).
        source: the project that made it, as ``tools/convert_weights.py --from`` calls it.
        backbone: what ``tools/generate_finetune_config.py --backbone`` calls its network; "" for persons.
        page: where people read about it.
        file_name: what the file is called.
        url: where it is downloaded from; "" if only a browser gets it (see ``page``).
        license: SPDX name of the license of the weights.
        commercial: whether the license allows commercial use; if not, every tool that touches it says so.
        hash_prefix: first hexadecimal digits of its SHA-256, which some file names end in; "" if nobody publishes them.
        size: bytes, about; 0 if unknown.
        figure: the published figure with its unit and data, "24.7 mAP, AVA v2.2"; "" if there is none.
        measured: what this project measured with it; "" if nobody did.
        recipe: config key -> how it was trained, where its file does not say (frames, rates, sizes, normalization).
    """

    name: str
    what: str
    kind: Literal["backbone", "detector", "persons"]
    source: str
    backbone: str
    page: str
    file_name: str
    url: str
    license: str
    commercial: bool = True
    hash_prefix: str = ""
    size: int = 0
    figure: str = ""
    measured: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
