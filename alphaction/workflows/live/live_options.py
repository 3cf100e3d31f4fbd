"""The options of a live prediction, which are flags of tools/predict_video.py, and which videos are live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from alphaction.data.video.addresses import without_password
from alphaction.data.video.file import VIDEO_SUFFIXES
from alphaction.utils.errors import UserError
from alphaction.utils.files import require_file
from alphaction.utils.messages import counted, listed, problem_list
from alphaction.utils.numbers import ABOVE_ZERO, NOT_NEGATIVE, Range
from alphaction.utils.options import check_options, option
from alphaction.workflows.live.source import is_live_address
from alphaction.workflows.live.video_file import SUFFIXES
from alphaction.workflows.predict.video_list import LIST_SUFFIX
from alphaction.workflows.predict.video_options import FLOW, VideoOptions, refuse_taken

_GROUP = "a camera (--video 0), a stream (--video rtsp://...), or a file with --live"


@dataclass(frozen=True)
class LiveOptions:
    """How a video is predicted while it runs; each field is described by its help."""

    live: bool = option(
        False,
        help="predict a file as if it were filmed now, from the past alone; no frame is left out",
        group=_GROUP,
    )
    show: bool = option(False, help="show the frames in a window; q ends", group=_GROUP)
    jsonl: Path | None = option(
        None,
        metavar="FILE",
        help="write who does what as it happens, one JSON object a line (docs/LIVE.md)",
        group=_GROUP,
    )
    detect_every: int = option(
        0,
        within=NOT_NEGATIVE,
        metavar="N",
        help="run the detector on every Nth frame, too; between, persons are followed (default: at the moments at "
        "which actions are predicted, each TEST.STRIDE seconds)",
        group=_GROUP,
    )
    seconds: float | None = option(
        None, within=ABOVE_ZERO, metavar="S", help="end after S seconds of video", group=_GROUP
    )
    reconnect: float = option(
        30.0,
        within=Range(0),
        metavar="S",
        help="try for S seconds to open a camera or a stream again that was lost; 0: its end is the end "
        "(default: %(default)g)",
        group=_GROUP,
    )

    def given(self) -> list[str]:
        """Return the flags that were given, but for --live."""
        changed = [entry.name for entry in fields(self) if getattr(self, entry.name) != entry.default]
        return [f"--{name.replace('_', '-')}" for name in changed if name != "live"]

    def check(self, video: str, options: VideoOptions, other_inputs: dict[str, Path]) -> None:
        """Raise a :class:`UserError` for what is wrong with the options and files.

        Args:
            video: number, address or file.
            options: what this shares with the prediction of files.
            other_inputs: name -> existing file that no output may replace: the config, the weights.
        """
        options.check_flags()
        if problems := check_options(self):
            raise UserError(problem_list("options of the live video:", problems))
        if options.start or options.end is not None:
            raise UserError("--start and --end are for files that are not predicted live: use --seconds S")
        if options.between != FLOW:
            raise UserError(
                f"--between {options.between} is for files that are not predicted live, whose next boxes are known: "
                "leave it out"
            )
        if is_live_address(video) and (options.detections or options.object_boxes):
            flag = "--detections" if options.detections else "--object-boxes"
            raise UserError(
                f"{flag} has boxes for the seconds of a file, and {without_password(video)} is live: let a --detector "
                "run"
            )
        if self.detect_every and options.detections is not None:
            raise UserError("--detect-every is about a detector, and the boxes come from --detections: leave one out")
        outputs = {**options.outputs(), "--jsonl": self.jsonl}
        if not self.show and not any(outputs.values()):
            raise UserError("nothing is shown or written: give --show, --output, --jsonl, --csv or --events")
        if options.output is not None and options.output.suffix.lower() not in SUFFIXES:
            raise UserError(
                f"--output {options.output}: expected a name that ends in {', '.join(SUFFIXES)}, which play while and "
                "however they are written"
            )
        inputs = {} if is_live_address(video) else {"--video": Path(video)}
        for flag, path in inputs.items():
            require_file(flag, path, VIDEO_SUFFIXES)
        refuse_taken(outputs, {**inputs, **options.inputs(), **other_inputs}, options.force)


def live_video(words: Sequence[str], options: LiveOptions) -> str | None:
    """Return the one video that is predicted live, None if these are files that are not.

    Args:
        words: what --video was given.
        options: the live ones.

    Raises:
        UserError: there are several, or flags of live videos without one.
    """
    live = [word for word in words if is_live_address(word)]
    if not live and not options.live:
        if given := options.given():
            verb = "is" if len(given) == 1 else "are"
            raise UserError(
                f"{listed(given)} {verb} for live videos: a camera (--video 0), a stream (--video rtsp://...), or a "
                "file with --live."
            )
        return None
    if len(words) > 1:
        named = [without_password(word) for word in live or words]
        raise UserError(
            f"--video names {counted(len(words), 'video')}, and a live one is predicted alone: "
            f"{listed(named, 3)}. Start a command for each of them."
        )
    if not live and (Path(words[0]).is_dir() or Path(words[0]).suffix.lower() == LIST_SUFFIX):
        raise UserError(f"--live --video {words[0]}: expected one file, a camera's number or an address.")
    return words[0]
