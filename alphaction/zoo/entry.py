"""What is known of a file of public weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["backbone", "detector", "persons"]


@dataclass(frozen=True)
class PublicWeights:
    """A file of public weights, and everything that a config needs to use it.

    Attributes:
        name: what ``zoo:NAME`` and ``tools/download_weights.py NAME`` call it; lower case, "slowfast_r50_8x8_k400".
        what: one line for people: network, and data that it was trained on.
        kind: "backbone" (classification or pre-training: no action head), "detector" (with an action head), or
            "persons" (a detector of persons).
        source: the project that made it, as ``tools/convert_weights.py --from`` calls it.
        backbone: what ``tools/generate_finetune_config.py --backbone`` calls its network; "" where it offers none.
        page: where people read about it, or where a browser downloads it.
        file_name: what it is called in the cache folder: its project's name for it, or one of our own where that says
            nothing (``model.safetensors``) or is not public.
        url: where it is downloaded from; "" if only a browser gets it (see ``page``), or it needs no download.
        packaged: whether the file comes with this package.
        license: SPDX name of the license of the weights; "none stated" where there is none.
        commercial: whether the license allows commercial use; if not, every tool that touches it says so.
        license_note: a sentence on it, where its name does not say all; "" otherwise.
        hash_prefix: first hexadecimal digits of its SHA-256, which some file names end in; "" if nobody publishes them.
        size: bytes, about; 0 if unknown.
        figure: the published figure with its unit and data, "24.7 mAP, AVA v2.2"; "" if there is none.
        measured: what this project measured with it; "" if nobody did.
        pretrained_without_labels: whether it has never seen a label; its authors finetune such weights at other rates.
        recipe: config key -> how its clips were made (frames, rates, normalization, sizes).
        settings: config key -> what network and head must be, for a config that is written before the file is here. The
            file itself has the last word.
    """

    name: str
    what: str
    kind: Kind
    source: str
    backbone: str
    page: str
    file_name: str
    url: str
    license: str
    commercial: bool = True
    license_note: str = ""
    hash_prefix: str = ""
    size: int = 0
    figure: str = ""
    measured: str = ""
    pretrained_without_labels: bool = False
    packaged: bool = False
    recipe: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def license_line(self) -> str:
        """The license in a sentence or two, loud where it forbids commercial use."""
        use = "" if self.commercial else " NO COMMERCIAL USE."
        return f"License of {self.name}: {self.license}.{use} {self.license_note}".rstrip()


def hash_in_name(file_name: str) -> str:
    """Return the digits of the SHA-256 that a name like ``mvit_v2_s-ae3be167.pth`` ends in."""
    return file_name.rpartition(".")[0].rpartition("-")[2]
