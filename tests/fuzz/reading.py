"""Reading a file as ``tools/prepare_dataset.py`` does: recognition, rows, times, classes, tables, and their files."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from alphaction.data.video.file import VideoInfo
from alphaction.data.video.names import VideoNames
from alphaction.utils.errors import UserError
from alphaction.utils.messages import shortened, visible
from alphaction.workflows.prepare.dataset_files import write_contents
from alphaction.workflows.prepare.dataset_folder import DatasetFolder
from alphaction.workflows.prepare.prepare import gather_contents
from alphaction.workflows.prepare.prepare_options import PrepareOptions
from alphaction.workflows.prepare.video_library import VideoLibrary

LONGEST_MESSAGE = 2100
LONGEST_SECONDS = 2.0


class KnownVideos(VideoLibrary):
    """Videos of which everything is known and nothing lies on the disk."""

    def __init__(self, folder: Path, infos: Mapping[str, VideoInfo]) -> None:
        self.folder = folder
        self.names = tuple(sorted(infos))
        self.infos = dict(infos)
        self.broken = {}
        self._spellings = VideoNames(self.names, str(folder))
        self._matched = {}

    def end_near(self, video: str, second: float) -> tuple[float, float]:
        """Return where a video ends, and how far a second may be past it."""
        return self.info(video).duration, 0.1


def read_as_prepare(path: Path, infos: Mapping[str, VideoInfo], scratch: Path, **options: object) -> None:
    """Read an annotation file as that of both splits, and write the dataset that it makes into a folder."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    chosen = PrepareOptions("fuzzed", path.parent, (path,), (path,), output=scratch / "out", **options)
    library = KnownVideos(path.parent, infos)
    said: list[str] = []
    _, contents = gather_contents(chosen, library, said.append)
    output = DatasetFolder(scratch / "out", "fuzzed")
    write_contents(scratch, output, contents, chosen)
    "\n".join([*said, *contents.left_out, *contents.notes]).encode()


@dataclass
class Attack:
    """What became of inputs.

    Attributes:
        outcomes: "read", "refused", or what went wrong -> how often.
        faults: each thing that went wrong, with its input.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def run(
        self, inputs: Iterable[tuple[str, str]], folder: Path, infos: Mapping[str, VideoInfo], **options: object
    ) -> Attack:
        """Read each of the inputs (what it is, its text) as ``tools/prepare_dataset.py`` does."""
        path = folder / "attacked.json"
        for what, text in inputs:
            path.write_text(text, encoding="utf-8")
            start = time.process_time()
            try:
                read_as_prepare(path, infos, folder / "scratch", **options)
                outcome = "read"
            except UserError as error:
                outcome = "refused"
                message = shortened(visible(str(error)))  # as commands show it
                if path.name not in message:
                    outcome = f"no file named: {message[:300]}"
                elif len(message) > LONGEST_MESSAGE:
                    outcome = f"message of {len(message)} characters: {message[:300]}"
            except Exception as error:
                trace = error.__traceback__
                while trace.tb_next is not None:
                    trace = trace.tb_next
                code = trace.tb_frame.f_code
                inner = error.__traceback__
                own = ""
                while inner is not None:
                    if "alphaction" in inner.tb_frame.f_code.co_filename:
                        own = f"{Path(inner.tb_frame.f_code.co_filename).name}:{inner.tb_lineno}"
                    inner = inner.tb_next
                outcome = f"{type(error).__name__} at {own} ({code.co_name}): {str(error)[:120]}"
            if time.process_time() - start > LONGEST_SECONDS:
                outcome = f"{time.process_time() - start:.0f} s; {outcome}"
            fine = outcome in ("read", "refused")
            self.outcomes[outcome if fine else outcome.partition(":")[0] + outcome[20:60]] += 1
            if not fine:
                self.faults.append(f"{what}: {outcome}")
        return self
