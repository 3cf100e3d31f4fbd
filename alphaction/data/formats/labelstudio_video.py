"""Boxes, frame rate and temporal segments of a video in Label Studio."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from alphaction.data.formats.annotation_file import RATE
from alphaction.data.formats.labelstudio_tasks import Task
from alphaction.data.formats.rows import RowBuilder, Segment
from alphaction.data.formats.tracks import Box, Knot, TrackPath, upright
from alphaction.data.video.file import VideoInfo
from alphaction.utils.numbers import ABOVE_ZERO, Range
from alphaction.utils.values import Value, finite_number

ONE_FRAME = "alphaction_frame"
"""The key of a task's data that names the only frame, from 1, that ``tools/export_annotations.py`` asks about."""
_LAST_FRAME = 10_000_000
_FRAMES = Range(0, _LAST_FRAME)
TOOL_RATE = 24
"""Frames per second that the tool counts where a project states none."""
_USUAL_RATES = (25, 30, 50, 60, *(1000 * rate / 1001 for rate in (24, 30, 60)))
_RATES = 0.2, 500.0  # frames per second that can be
_EXACT, _ROUNDED = 0.1, 0.5  # frames


def frame_rate(task: Task, results: Sequence[Value], info: VideoInfo, given: float | None) -> tuple[float, str]:
    """Return the frames per second that the tool counted in, and who says so.

    It is ``given``, else what times and frames of the boxes prove, else frames and duration, else what the project
    states, else the video's own (""). The tool's numbers are rounded: where they agree with the video's own rate, that
    is exact.
    """
    if given is not None:
        return given, "--frame-rate"
    stated = _stated_rate(task)
    entries = [entry for result in results for entry in entries_of(result)]
    points = [(entry["frame"].number(None), entry["time"].number(None)) for entry in entries]
    points = [(frame, time) for frame, time in points if frame and time and _is_rate(frame / time)]
    found = _rate_of_points(points, info.fps, stated)
    if found is not None and not _near(found, info.fps):
        return found, "the file"
    for value in (result["value"] for result in results):
        frames, seconds = value["framesCount"].number(None), value["duration"].number(None)
        if frames and seconds and _is_rate(frames / seconds):
            if abs(frames - seconds * info.fps) <= 1.5:
                return info.fps, "the video"
            return frames / seconds, "the file"
    if found is None and stated:
        return stated, "the project"
    return info.fps, "" if found is None else "the video"


def _is_rate(fps: float) -> bool:
    return _RATES[0] <= fps <= _RATES[1]


def _near(rate: float, other: float) -> bool:
    return abs(rate / other - 1) <= 1e-6


def _rate_of_points(points: Sequence[tuple[float, float]], own: float, stated: float | None) -> float | None:
    """Return the rate that frames and times of boxes prove, None: none.

    The time of a frame is that of its start or of its end, as versions differ. Where times are as good as exact, the
    first that explains them counts: the video's own rate, what the project states, a usual rate.

    Args:
        points: frame, counted from 1, and time in seconds, above 0.
    """
    if not points:
        return None

    def worst(rate: float) -> float:
        """Return by how many frames the worst of the boxes is off."""
        return min(max(abs(frame - first - time * rate) for frame, time in points) for first in (0, 1))

    usual = [own, *([stated] if stated else []), TOOL_RATE, *_USUAL_RATES]
    if any(abs(time - round(time, 2)) > 1e-9 for _, time in points):  # hundredths of a second fit too many
        usual += range(1, 121)
    exact = next((rate for rate in usual if worst(rate) <= _EXACT), None)
    if exact is not None:
        return exact
    if worst(own) <= _ROUNDED:
        return own
    frame, time = max(points, key=lambda point: point[1])
    start, end = min(points), max(points)
    rates = [frame / time, (frame - 1) / time]
    if end[1] > start[1]:
        rates.append((end[0] - start[0]) / (end[1] - start[1]))  # times that begin elsewhere
    fitting = [rate for rate in rates if _is_rate(rate) and worst(rate) <= _ROUNDED]
    if fitting:
        return min(fitting, key=worst)
    return rates[-1] if len(rates) > 2 and _is_rate(rates[-1]) else None


def _stated_rate(task: Task) -> float | None:
    """Return the ``framerate`` of the project's video: a number, or the key of the data that holds it."""
    for text in re.findall(r"<Video\b[^>]*?\bframerate\s*=\s*[\"']([^\"']*)[\"']", task.config, re.IGNORECASE):
        value = task.data[text[1:]].text("") if text.startswith("$") else text
        frames, _, seconds = value.partition("/")  # "30000/1001"
        frames, seconds = finite_number(frames, ABOVE_ZERO), finite_number(seconds or 1, ABOVE_ZERO)
        if frames and seconds and frames / seconds in RATE:
            return frames / seconds
    return None


def length_of(track: Value, fps: float, info: VideoInfo) -> int | None:
    """Return the number of frames of the video in the tool, but not beyond its end; None where it does not say."""
    value = track["value"]
    count, duration = value["framesCount"].number(None, ABOVE_ZERO), value["duration"].number(None, ABOVE_ZERO)
    if count is None and duration is not None:
        count = duration * fps
    end = _LAST_FRAME if info.duration is None else math.floor(min(info.duration * fps, _LAST_FRAME) + 1e-6) + 1
    return None if count is None else math.floor(min(count, end))


def on_asked_frame(task: Task, knots: list[Knot], total: int | None, fps: float, rows: RowBuilder) -> list[Knot]:
    """Return the boxes of a track, of a task about one frame that one alone: what is drawn there by hand goes on.

    Args:
        task: it may name the frame.
        knots: the track.
        total: frames of the video; None: unknown.
        fps: frames per second of the track.
        rows: counts the tracks that are not there.
    """
    only = task.data[ONE_FRAME].whole(None, _FRAMES)
    if only is None or not knots:
        return knots
    path = TrackPath(knots, fps, last_frame=None if total is None else total - 1)
    there = [Knot(only - 1, sample.box, True, False, sample.labels) for sample in path.samples([(only - 1) / fps])]
    rows.count("boxes left out, as they are not on the frame that their task asks about", int(not there))
    return there


def entries_of(track: Value) -> list[Value]:
    """Return the boxes of a track, as written."""
    return track["value"]["sequence"].objects()


def knots_of(track: Value, info: VideoInfo, labels: Any, rows: RowBuilder) -> Iterator[Knot]:
    """Yield the boxes of a track; what cannot be read is counted in ``rows``."""
    entries = entries_of(track)
    rows.count("tracks without boxes", int(not entries))
    rows.count("boxes left out as they are no objects", len(track["value"]["sequence"].each()) - len(entries))
    for entry in entries:
        frame = entry["frame"].number(None, _FRAMES)
        box = [entry[key].number(None) for key in ("x", "y", "width", "height")]
        turn = entry["rotation"].number(None) if entry["rotation"].is_true() else 0.0
        if frame is None or None in box:
            rows.count("boxes left out as frame, x, y, width or height is no number")
        elif turn is None:
            rows.count("boxes left out as their rotation is no number")
        else:
            yield Knot(
                frame=max(0, round(frame) - 1),
                box=unit_box(box, turn, info, rows),
                labels=labels,
                continues=entry["enabled"].is_true(absent=True),
                shape=(*box, turn),
                outline=partial(_outline, info),
            )


def _outline(info: VideoInfo, shape: Sequence[float]) -> Box:
    return unit_box(shape[:4], shape[4], info, RowBuilder())


def unit_box(percent: Sequence[float], turn: float, info: VideoInfo, rows: RowBuilder) -> Box:
    """Return x1, y1, x2, y2 in fractions of a box x, y, width, height in percent, turned about its corner x, y.

    A size is negative where the box was drawn upwards or leftwards: it is the same box.
    """
    x, y, width, height = (value / 100 for value in percent)
    if width < 0 or height < 0:
        rows.count("boxes drawn upwards or leftwards, turned over")
    if not turn % 360:
        return min(x, x + width), min(y, y + height), max(x, x + width), max(y, y + height)
    rows.count("turned boxes replaced by the upright box around them")
    w, h = info.width, info.height  # turned in pixels
    x1, y1, x2, y2 = upright(x * w, y * h, width * w, height * h, turn, (x * w, y * h))
    return x1 / w, y1 / h, x2 / w, y2 / h


def has_time(result: Value) -> bool:
    """Return whether a result is a stretch of time: frames in ranges, or seconds as in the older templates."""
    value = result["value"]
    if value["ranges"].is_list:
        return True
    # A stretch of text has a start and an end, too.
    seconds = value["start"].number(None) is not None and value["end"].number(None) is not None
    return seconds and "text" not in value and result["type"].text("").lower() in ("labels", "audio", "audiolabels")


def segments_of(
    result: Value, labels: Sequence[str], video: str, fps: float, place: str, rows: RowBuilder
) -> Iterator[Segment]:
    """Yield the temporal segments of a result; frames count from 1, and each lasts half a frame around its moment."""
    value = result["value"]
    framed = value["ranges"].is_list
    for span in value["ranges"].each() if framed else [value]:
        start, end = span["start"].number(None), span["end"].number(None)
        if start is None or end is None:
            rows.count("temporal segments without start or end left out")
            continue
        if framed:
            start, end = (start - 1.5) / fps, (end - 0.5) / fps
        rows.count("temporal segments without a label left out", int(not labels))
        for label in labels:
            yield Segment(video, max(0.0, min(start, end)), max(start, end), label, place)
