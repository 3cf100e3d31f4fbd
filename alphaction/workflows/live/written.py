"""The files and the window of a live prediction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alphaction.utils.messages import counted
from alphaction.workflows.live.json_lines import JsonLines
from alphaction.workflows.live.line_file import LineFile
from alphaction.workflows.live.live_options import LiveOptions
from alphaction.workflows.live.loop import Outputs
from alphaction.workflows.live.seen import FrameSink, MomentSink, PictureSink
from alphaction.workflows.live.source import LiveSource
from alphaction.workflows.live.tables import EventTable, ScoreTable, TrackTable
from alphaction.workflows.live.tube_collection import TubeCollection
from alphaction.workflows.live.video_file import LiveVideoFile
from alphaction.workflows.live.window import open_window
from alphaction.workflows.predict.network import Classes
from alphaction.workflows.predict.tubes import exclusive_names
from alphaction.workflows.predict.video_options import VideoOptions


@dataclass(frozen=True)
class Written:
    """Who is told what happens, and what is in the files by now.

    Attributes:
        outputs: who is told.
        counts: file -> function that returns what it holds, in words; "": it is not there.
    """

    outputs: Outputs
    counts: dict[Path, Callable[[], str]]

    @classmethod
    def open(
        cls,
        name: str,
        title: str,
        options: VideoOptions,
        live: LiveOptions,
        classes: Classes,
        source: LiveSource,
        stride: float,
        min_score: float,
    ) -> Written:
        """Open what the options ask for; what exists is replaced.

        Args:
            name: of the video in the tables.
            title: of the video in tubes, with the suffix of a file.
            options, live: the options.
            classes: of the scores.
            source: the frames.
            stride: seconds between moments.
            min_score: lower scores are left out of the csv (TEST.ACTION_THRESH).

        Raises:
            UserError: there is no window, or a file cannot be written.
        """
        counts: dict[Path, Callable[[], str]] = {}
        moments: list[MomentSink] = []
        pictures: list[PictureSink] = []
        with ExitStack() as undo:

            def lines(path: Path, noun: str) -> LineFile:
                file = LineFile(path)
                undo.callback(file.close)
                counts[path] = lambda: counted(file.lines, noun)
                return file

            if live.show:
                pictures.append(open_window(source.title))
                undo.callback(pictures[-1].close)
            if options.output is not None:
                movie = LiveVideoFile(options.output, source.fps)
                pictures.append(movie)
                undo.callback(movie.close)
                counts[options.output] = lambda: counted(movie.frames, "frame")
            if options.csv is not None:
                moments.append(ScoreTable(lines(options.csv, "row"), name, classes.label_map, min_score))
            if options.tracks is not None:
                moments.append(TrackTable(lines(options.tracks, "row"), name))
            if options.events is not None:
                moments.append(EventTable(lines(options.events, "line"), name))
            if live.jsonl is not None:
                start = {
                    "video": name,
                    "size": list(source.size),
                    "fps": source.fps,
                    "stride": stride,
                    "classes": list(classes.label_map.names),
                }
                moments.append(JsonLines(lines(live.jsonl, "line"), start, datetime.now().astimezone()))
            frames: list[FrameSink] = []
            if options.tubes is not None:
                # Written when the others are complete, as it may be large.
                names, groups = classes.label_map.names, exclusive_names(classes)
                tubes = TubeCollection(options.tubes, title, source.fps, source.size, stride, names, groups)
                moments.append(tubes)
                frames.append(tubes)
                counts[options.tubes] = lambda: counted(tubes.persons, "person") if tubes.is_written else ""
            undo.pop_all()
        return cls(Outputs(moments, frames, pictures), counts)

    def told(self) -> str:
        """Return what is written by now: "a.mp4 (300 frames), a.csv (24 rows)"."""
        return ", ".join(f"{path} ({held})" for path, count in self.counts.items() if (held := count()))
