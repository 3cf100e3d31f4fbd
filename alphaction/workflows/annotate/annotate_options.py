"""The options of ``tools/export_annotations.py``, and their checks that need no result."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from pathlib import Path

from alphaction.utils.errors import UserError
from alphaction.utils.files import missing_file, require_file
from alphaction.utils.messages import problem_list
from alphaction.utils.numbers import FRACTION, POSITIVE, whole
from alphaction.utils.options import check_options, option
from alphaction.workflows.annotate.choose import ORDERS, SECOND, UNCERTAIN, UNITS
from alphaction.workflows.annotate.tools import TOOLS


@dataclass(frozen=True)
class AnnotateOptions:
    """What to export and where to; each field is the flag of the same name, described by its help.

    Attributes:
        results: files of predictions; the flag is --from.
    """

    to: str = option(choices=tuple(TOOLS), help="the tool: cvat, via (VIA 3), labelstudio, coco (JSON) or fiftyone")
    results: tuple[Path, ...] = option(
        MISSING,
        "--from",
        metavar="FILE",
        help="predictions: what predict_video.py --tubes writes, or AVA csv (of --csv, or of test_net.py)",
    )
    output: Path = option(metavar="DIR", help="folder to write")
    videos: Path | None = option(
        None, metavar="DIR", help="folder of the videos; needed by csv, and by tools that are given pictures"
    )
    label_map: Path | None = option(
        None, metavar="FILE", help="classes: needed by csv; tells which classes exclude each other"
    )
    tracks: Path | None = option(
        None, metavar="FILE", help="csv of predict_video.py --tracks: who is who in a csv of scores (default: unknown)"
    )
    min_score: float | None = option(
        None,
        within=FRACTION,
        metavar="S",
        help="lowest score of a class that a box is given (default: the classes of the events in the file; of csv 0.3)",
    )
    budget: int | None = option(
        None, within=POSITIVE, metavar="N", help="export so many keyframes, or with --unit video videos (default: all)"
    )
    order: str = option(
        UNCERTAIN, choices=ORDERS, help="which ones: the most uncertain, or random ones (default: %(default)s)"
    )
    unit: str = option(SECOND, choices=UNITS, help="what --budget counts: keyframes or videos (default: %(default)s)")
    seed: int = option(0, within=whole(0), metavar="N", help="of --order random (default: %(default)s)")
    url: str = option(
        "/data/local-files/?d=",
        metavar="U",
        help="what stands before the name of a video in the addresses of Label Studio (default: %(default)s)",
    )
    force: bool = option(False, help="replace --output if it exists")

    def check(self) -> None:
        """Raise a :class:`UserError` for the first option that cannot be right."""
        if not self.results:
            raise UserError("--from names no file of predictions.")
        if problems := check_options(self):
            raise UserError(problem_list("Some options cannot be right:", problems))
        for flag, path in (("--label-map", self.label_map), ("--tracks", self.tracks)):
            if path is not None:
                require_file(flag, path)
        for path in self.results:
            require_file("--from", path)
        if self.videos is not None and not self.videos.is_dir():
            raise UserError(f"--videos: {missing_file(self.videos, folders=True)} Name the folder of the videos.")
        if self.videos is None and TOOLS[self.to].pictures:
            raise UserError(f"--to {self.to} writes pictures of the keyframes: add --videos DIR, where the videos are.")
