"""Where the curves, pictures and texts of a run are shown: TensorBoard, and services that were asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from alphaction.engine.plot_tags import plot_tag
from alphaction.utils.append_file import AppendFile
from alphaction.utils.drawing import jpeg_bytes

_JPEG_QUALITY = 88  # a sheet of photos is a tenth of what it is as PNG


@dataclass(frozen=True)
class JpegPicture:
    """A picture, compressed once for all that show it.

    Attributes:
        data: the JPEG file.
        width, height: in pixels.
    """

    data: bytes
    width: int
    height: int

    @classmethod
    def of(cls, image: np.ndarray) -> JpegPicture:
        """Compress uint8 RGB [height, width, 3]."""
        return cls(jpeg_bytes(image, _JPEG_QUALITY), image.shape[1], image.shape[0])


class PlotWriter(Protocol):
    """Something that shows a run. A new one is a class with these methods and an entry in ``plot_services``."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Show one point for each value, which may be NaN, by its tag: "train/loss"."""

    def picture(self, step: int, tag: str, picture: JpegPicture) -> None:
        """Show a picture."""

    def text(self, step: int, tag: str, markdown: str) -> None:
        """Show a text in Markdown."""

    def close(self, failed: bool) -> None:
        """End; ``failed``: the run ended early or with an error."""


class Plots:
    """Hands what a run has to show to all writers; without writers, as in all processes but the main one, to nobody.

    Args:
        writers: which must not raise: services are wrapped in a ``BackgroundWriter``.
        datasets: names of the evaluated datasets.
        files: of the writers, whose failures the log of the run reports.
    """

    def __init__(
        self, writers: Sequence[PlotWriter] = (), datasets: Sequence[str] = (), files: Sequence[AppendFile] = ()
    ) -> None:
        self._writers = tuple(writers)
        self._datasets = tuple(datasets)
        self.files = tuple(files)

    def __bool__(self) -> bool:
        return bool(self._writers)

    def metrics(self, iteration: int, record: Mapping[str, float]) -> None:
        """Show metrics, by their names in metrics.jsonl."""
        if self._writers:
            values = {plot_tag(name, self._datasets): value for name, value in record.items()}
            for writer in self._writers:
                writer.scalars(iteration, values)

    def picture(self, iteration: int, tag: str, image: np.ndarray) -> None:
        """Show a picture, uint8 RGB [height, width, 3]."""
        if self._writers:
            picture = JpegPicture.of(image)
            for writer in self._writers:
                writer.picture(iteration, tag, picture)

    def text(self, iteration: int, tag: str, markdown: str) -> None:
        """Show a text in Markdown."""
        for writer in self._writers:
            writer.text(iteration, tag, markdown)

    def close(self, failed: bool) -> None:
        """End all writers; never fails."""
        for writer in self._writers:
            writer.close(failed)
