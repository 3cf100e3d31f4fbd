"""What a person is given to correct: the boxes at the chosen keyframes of each video, with the actions predicted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from alphaction.data.formats.tracks import frame_of
from alphaction.data.keyframes import exact_time
from alphaction.evaluation.tubes.tube import PersonTube, ScoredBox, VideoTubes
from alphaction.utils.errors import DataError
from alphaction.utils.messages import listed

MIN_SCORE = 0.3
"""The lowest score of a class that a box is given where the results have no events."""


@dataclass(frozen=True)
class BoxToCorrect:
    """A predicted person at a keyframe.

    Attributes:
        person: number of the person in the video.
        box: x1, y1, x2, y2 as fractions of the frame.
        actions: class name -> score in [0, 1], of the actions that the box is given, the highest first.
        best: the class with the highest score of all, and that score.
    """

    person: int
    box: tuple[float, float, float, float]
    actions: Mapping[str, float]
    best: tuple[str, float]

    @property
    def scores(self) -> str:
        """The scores of its actions, or the best score: "walk 0.81, wave 0.43"."""
        return ", ".join(f"{name} {score:.2f}" for name, score in (self.actions or dict([self.best])).items())


@dataclass(frozen=True)
class KeyframeToCorrect:
    """A moment of a video.

    Attributes:
        time: seconds, exact to a thousandth.
        frame: index of the frame that is shown then, from 0.
        boxes: the persons, by number.
    """

    time: int | float
    frame: int
    boxes: Sequence[BoxToCorrect]


@dataclass(frozen=True)
class VideoToCorrect:
    """A video and what was predicted in it.

    Attributes:
        name: its file's name.
        fps: frames per second.
        size: (width, height) in pixels.
        frames: how many there are.
        keyframes: by time.
    """

    name: str
    fps: float
    size: tuple[int, int]
    frames: int
    keyframes: Sequence[KeyframeToCorrect]

    @property
    def stem(self) -> str:
        """The name without the ending, as datasets have it."""
        return PurePath(self.name).stem

    def pixels(self, box: Sequence[float]) -> tuple[float, ...]:
        """Return a box in pixels."""
        return tuple(side * length for side, length in zip(box, self.size * 2, strict=True))


@dataclass(frozen=True)
class ToCorrect:
    """All that is exported.

    Attributes:
        classes: names of all classes.
        videos: the videos with a chosen keyframe, by name.
        order: (name of the video, time) of the keyframes, the first to look at first.
        stride: seconds between keyframes; of several videos the shortest.
    """

    classes: tuple[str, ...]
    videos: Sequence[VideoToCorrect]
    order: Sequence[tuple[str, int | float]]
    stride: int | float

    @property
    def most_actions(self) -> int:
        """Of the box that has most."""
        boxes = (box for video in self.videos for keyframe in video.keyframes for box in keyframe.boxes)
        return max(len(box.actions) for box in boxes)

    def in_order(self) -> list[tuple[VideoToCorrect, KeyframeToCorrect]]:
        """Return the keyframes, the first to look at first."""
        every = [(video, keyframe) for video in self.videos for keyframe in video.keyframes]
        found = {(video.name, keyframe.time): (video, keyframe) for video, keyframe in every}
        return [found[key] for key in self.order]


def to_correct(
    tubes: Sequence[VideoTubes],
    chosen: Sequence[tuple[str, float]],
    min_score: float | None,
    exclusive: Sequence[Collection[str]] = (),
) -> ToCorrect:
    """Return the boxes at the chosen keyframes.

    Args:
        tubes: the predictions, of one video at least; a video is there once.
        chosen: (video, time) of the keyframes, the first to look at first.
        min_score: lowest score of the classes that a box is given. None: it has the actions whose events it is in, or
            where no video has an event those with a score of :data:`MIN_SCORE`.
        exclusive: groups of class names of which a box has one at most, that with the highest score.

    Raises:
        DataError: there is no keyframe, or no box has an action.
    """
    names = listed((video.video for video in tubes), 3)
    if not chosen:
        raise DataError(
            f"{names}: nobody was predicted at any keyframe, so there is nothing to correct. Are these predictions? "
            "Annotated tubes have no scores."
        )
    classes = tuple(dict.fromkeys(name for video in tubes for name in video.classes))
    by_events = min_score is None and any(person.events for video in tubes for person in video.persons)
    wanted: dict[str, set[int | float]] = {}
    for name, time in chosen:
        wanted.setdefault(name, set()).add(exact_time(time))
    lowest = None if by_events else MIN_SCORE if min_score is None else min_score
    videos = [_video(video, wanted[video.video], lowest, exclusive) for video in tubes if video.video in wanted]
    order = [(name, exact_time(time)) for name, time in chosen]
    stride = exact_time(min(video.stride for video in tubes))
    found = ToCorrect(classes, sorted(videos, key=lambda video: video.name), order, stride)
    if not found.most_actions:
        raise _no_action(found, lowest)
    return found


def _video(
    video: VideoTubes, times: set[int | float], lowest: float | None, exclusive: Sequence[Collection[str]]
) -> VideoToCorrect:
    boxes: dict[int | float, list[BoxToCorrect]] = {time: [] for time in sorted(times)}
    for person in sorted(video.persons, key=lambda person: person.person):
        for scored in person.keyframes:
            time = exact_time(scored.time)
            if time in boxes:
                boxes[time].append(_box(person, scored, lowest, exclusive))
    keyframes = [KeyframeToCorrect(time, frame_of(time, video.fps), found) for time, found in boxes.items()]
    frames = max(round(video.duration * video.fps), keyframes[-1].frame + 1)
    return VideoToCorrect(video.video, video.fps, video.size, frames, keyframes)


def _box(
    person: PersonTube, scored: ScoredBox, lowest: float | None, exclusive: Sequence[Collection[str]]
) -> BoxToCorrect:
    ranked = sorted(scored.scores.items(), key=lambda entry: -entry[1])
    if lowest is None:
        during = {event.action for event in person.events if event.start <= scored.time <= event.end}
        actions = {name: score for name, score in ranked if name in during}
    else:
        actions = {name: score for name, score in ranked if score >= lowest}
    for group in exclusive:
        for name in [name for name in actions if name in group][1:]:
            del actions[name]
    return BoxToCorrect(person.person, scored.box, actions, ranked[0])


def _no_action(found: ToCorrect, lowest: float | None) -> DataError:
    boxes = [box for video in found.videos for keyframe in video.keyframes for box in keyframe.boxes]
    name, score = max((box.best for box in boxes), key=lambda best: best[1])
    what = "no keyframe that was chosen is within an event" if lowest is None else f"no score reaches {lowest:g}"
    return DataError(
        f'none of {len(boxes)} boxes would have an action, as {what}; the highest score is {score:.3f} ("{name}"). '
        f"Give a lower threshold, such as --min-score {max(0.01, score / 2):.2f}."
    )
