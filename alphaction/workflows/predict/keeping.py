"""What is kept of the videos that are predicted: tables of one process, or what a ledger shares with others."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from yacs.config import CfgNode

from alphaction.utils.atomic import replacing
from alphaction.utils.errors import UserError
from alphaction.workflows.predict.classified import Classified
from alphaction.workflows.predict.ledger import Ledger
from alphaction.workflows.predict.tables import SCORES, TABLES, TRACKS, tables_of
from alphaction.workflows.predict.video_options import VideoOptions

# These are small, so that a later start can want their table, too.
_ALWAYS = (SCORES, TRACKS)


class Keep:
    """Keeps what is done, besides the videos that are written."""

    def check(self, options: VideoOptions) -> None:
        """Raise a :class:`UserError` for what is wrong with the files of a video."""

    def done(self, options: VideoOptions, name: str, classified: Classified, seconds: float) -> None:
        """Keep the rows of a video, under its name in the results; ``seconds`` of it were predicted."""

    def writing(self, options: VideoOptions) -> AbstractContextManager[Path]:
        """Return the context in which a video is written: it yields the file to write, which then is the result."""
        return replacing(options.output)

    def failed(self, options: VideoOptions) -> None:
        """Note that a video cannot be predicted."""

    def beat(self) -> None:
        """Is called often while the work goes on."""

    def close(self) -> None:
        """Is called at the end, however it comes."""


class Tables(Keep):
    """Tables of the videos of one process, each below the rows of those before."""

    def __init__(self, cfg: CfgNode, videos: Sequence[VideoOptions], weights: Path) -> None:
        self._cfg = cfg
        self._order = {options.output: place for place, options in enumerate(videos)}
        self._tables: dict[Path, dict[int, bytes]] = {}
        self._wrong: dict[tuple[Path, Path], UserError] = {}
        for options in videos:  # before any of them has made a table
            try:
                options.check({"the weights": weights})
            except UserError as error:
                self._wrong[options.video, options.output] = error

    def check(self, options: VideoOptions) -> None:
        if error := self._wrong.get((options.video, options.output)):
            raise error

    def done(self, options: VideoOptions, name: str, classified: Classified, seconds: float) -> None:
        for table, path in tables_of(options).items():
            parts = self._tables.setdefault(path, {})
            with tempfile.TemporaryDirectory() as folder:
                part = Path(folder) / table.part
                table.write(classified, part, name, self._cfg.TEST.ACTION_THRESH)
                parts[self._order[options.output]] = part.read_bytes()
            table.join(path, (content for _, content in sorted(parts.items())))


class Shared(Keep):
    """What a ledger keeps."""

    def __init__(self, cfg: CfgNode, ledger: Ledger, weights: Path) -> None:
        self._cfg, self._ledger, self._weights = cfg, ledger, weights

    def check(self, options: VideoOptions) -> None:
        options.check({"the weights": self._weights})

    def writing(self, options: VideoOptions) -> AbstractContextManager[Path]:
        return self._ledger.writing(options)

    def done(self, options: VideoOptions, name: str, classified: Classified, seconds: float) -> None:
        wanted = tables_of(options)
        for table in TABLES:
            if table in wanted or table in _ALWAYS:
                with replacing(self._ledger.place(options) / table.part) as part:
                    table.write(classified, part, name, self._cfg.TEST.ACTION_THRESH)
        self._ledger.done(options, seconds)

    def failed(self, options: VideoOptions) -> None:
        self._ledger.failed(options)

    def beat(self) -> None:
        self._ledger.beat()

    def close(self) -> None:
        self._ledger.release()
        self._ledger.assemble()
