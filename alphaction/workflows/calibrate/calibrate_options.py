"""The flags of tools/calibrate.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alphaction.evaluation.hints import FEW_LABELS
from alphaction.utils.errors import UserError
from alphaction.utils.files import require_file
from alphaction.utils.numbers import FRACTION, POSITIVE
from alphaction.utils.options import check_options, option


@dataclass(frozen=True)
class CalibrateOptions:
    """Which checkpoint gets thresholds, and how they are chosen; each field is described by its help."""

    run: Path | None = option(
        None, metavar="OUTPUT_DIR", help="folder of a training (default: the folder that --weights lies in)"
    )
    weights: Path | None = option(
        None, metavar="FILE", help="the checkpoint (default: the one that test_net.py would take in --run)"
    )
    config_file: Path | None = option(None, metavar="F", help="YAML file of the experiment (default: that of --run)")
    dataset_name: str | None = option(None, metavar="N", help="default: the first of DATASETS.TEST")
    precision: float | None = option(
        None,
        within=FRACTION,
        metavar="P",
        help="choose the highest recall whose precision is at least P (default: the best F1); a class that does not "
        "reach P gets the threshold of its highest precision",
    )
    min_labels: int = option(
        FEW_LABELS,
        within=POSITIVE,
        metavar="N",
        help="classes with fewer labels get the threshold of all classes together (default: %(default)s)",
    )
    evaluate: bool = option(
        False,
        help="evaluate the checkpoint first, in a temporary folder (default: the detections that the training has "
        "written for it are used)",
    )
    show: bool = option(False, help="print the thresholds of the checkpoint, and change nothing")
    remove: bool = option(False, help="remove the thresholds of the checkpoint")

    def check(self) -> None:
        """Raise a :class:`UserError` for flags that are wrong, or contradict each other."""
        if problems := check_options(self):
            raise UserError("; ".join(problems))
        if self.run is None and self.weights is None:
            raise UserError("name the run, --run OUTPUT_DIR, or the checkpoint, --weights FILE")
        if self.show and self.remove:
            raise UserError("--show and --remove: choose one of them")
        choosing = [
            flag
            for flag, given in (("--precision", self.precision is not None), ("--evaluate", self.evaluate))
            if given
        ]
        if choosing and (self.show or self.remove):
            raise UserError(f"{' and '.join(choosing)}: not with {'--show' if self.show else '--remove'}")
        if self.run is not None and not self.run.is_dir():
            raise UserError(f"--run {self.run}: no such folder")
        for flag, path in (("--weights", self.weights), ("--config-file", self.config_file)):
            if path is not None:
                require_file(flag, path)
