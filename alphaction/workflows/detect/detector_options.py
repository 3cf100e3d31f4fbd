"""The options of a person detector, which are flags of ``tools/detect_persons.py``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alphaction.config.keys import KEYS
from alphaction.utils.errors import UserError
from alphaction.utils.numbers import FRACTION, POSITIVE
from alphaction.utils.options import option
from alphaction.workflows.detect.detector_weights import DEFAULT_MODEL, MODELS, file_identity

DEVICES = tuple(KEYS["MODEL.DEVICE"].choices)
_GROUP = "detecting"


@dataclass(frozen=True)
class DetectorOptions:
    """How to detect, see :meth:`PersonDetector.from_torchvision`; each field is the flag of the same name."""

    model: str = option(DEFAULT_MODEL, choices=sorted(MODELS), help="default: %(default)s", group=_GROUP)
    weights: Path | None = option(
        None, metavar="FILE", help="state dict of the model, any classes (default: COCO weights)", group=_GROUP
    )
    device: str = option("auto", choices=DEVICES, help="default: %(default)s", group=_GROUP)
    score: float = option(0.5, within=FRACTION, metavar="S", help="keep scores from S on (default: 0.5; import: 0)")
    every_class: bool = option(False, help="boxes of every class, not only of persons")
    persons: bool = option(True, help="with --every-class: leave persons out", group=_GROUP)
    short_side: int = option(
        800, within=POSITIVE, metavar="P", help="frames are resized to it (default: %(default)s)", group=_GROUP
    )
    max_per_frame: int = option(100, within=POSITIVE, metavar="K", help="default: %(default)s")
    batch_size: int = option(4, within=POSITIVE, metavar="B", help="frames (default: %(default)s)", group=_GROUP)

    def detecting(self) -> dict[str, Any]:
        """Return the arguments of :meth:`PersonDetector.from_torchvision`.

        Raises:
            UserError: they would keep no class.
        """
        if not self.every_class and not self.persons:
            raise UserError("--no-persons needs --every-class: without other classes nothing is left to detect")
        return {key: value for key, value in asdict(self).items() if key != "batch_size"}


def recorded(options: DetectorOptions) -> dict[str, Any]:
    """Return what the boxes depend on, which keeps unfinished runs apart."""
    values = options.detecting()
    del values["device"]
    return values | {"weights": file_identity(options.model, options.weights)}
