"""What a reader is given of an annotation file whose meaning depends on the videos."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from alphaction.data.formats.action_attributes import AttributeUse
from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.frame_facts import FrameFacts
from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.formats.rows import RowBuilder, RowTable
from alphaction.data.formats.track_sampling import sample_tracks
from alphaction.data.video.file import VideoInfo
from alphaction.data.video.names import VideoNames
from alphaction.utils.errors import UserError
from alphaction.utils.limits import BEYOND_END, VIDEO_SECONDS
from alphaction.utils.numbers import Range
from alphaction.utils.values import Value

_ASPECT_TOLERANCE = 0.03
RATE = Range(0.01, 10_000)
"""Frames per second that a file can count."""


@dataclass(frozen=True)
class AnnotationFile:
    """An annotation file, how it is to be read, and the videos that it speaks of.

    Annotation tools count times and boxes in frames and pixels of the video, and write tracks that are interpolated:
    only with the video's rate and size do they become rows.

    Attributes:
        content: the file itself.
        videos: the known videos.
        info: size, frame rate and duration of a known video.
        box_format, normalized: csv and COCO: how boxes are written, see :mod:`alphaction.data.formats.box_spelling`.
        keyframe_interval: seconds between the samples of a track.
        keyframes: "grid": at multiples of that interval; "track": in the middle of each action of a track; or
            "both".
        naming: what the user says of video and frames.
        attributes: those that all files of this import declare or use.
        own_attributes: those that this file declares or uses.
        action_attributes: the attributes that are actions; (): by the rule of
            :mod:`alphaction.data.formats.action_rule`.
        moments: video -> times at which other files have keyframes that this one's tracks need a box at.
        known: what all files of this import say of frames.
        said: what this one says; its reader adds to it.
    """

    content: FileContent
    videos: VideoNames
    info: Callable[[str], VideoInfo]
    box_format: str = "auto"
    normalized: str = "auto"
    keyframe_interval: float = 1
    keyframes: Literal["grid", "track", "both"] = "grid"
    naming: FrameNaming = field(default_factory=FrameNaming)
    attributes: AttributeUse = field(default_factory=AttributeUse)
    action_attributes: tuple[str, ...] = ()
    own_attributes: AttributeUse = field(default_factory=AttributeUse)
    moments: Mapping[str, Collection[float]] = field(default_factory=dict)
    known: FrameFacts = field(default_factory=FrameFacts)
    said: FrameFacts = field(default_factory=FrameFacts)

    @property
    def path(self) -> Path:
        """The file."""
        return self.content.path

    @property
    def what(self) -> str:
        """What the file is to the user, for messages."""
        return self.content.what

    @property
    def text(self) -> str:
        """All of the file's text."""
        return self.content.text

    @property
    def data(self) -> Any:
        """The parsed JSON; see :attr:`FileContent.data`."""
        return self.content.data

    @property
    def value(self) -> Value:
        """The same, from which values are taken by type; see :attr:`FileContent.value`."""
        return self.content.value

    def rule(self) -> ActionRule:
        """Return the rule that tells actions from other labels and attributes, the same for all files of an import."""
        return ActionRule(self.attributes, self.action_attributes)

    def error(self, place: str, problem: str) -> UserError:
        """Return the error for a place of the file."""
        return self.content.error(place, problem)

    def same_shape(self, video: str, size: tuple[float, float]) -> bool:
        """Return whether a frame size that the file gives has the video's shape."""
        info = self.info(video)
        return abs(size[0] * info.height / (size[1] * info.width) - 1) <= _ASPECT_TOLERANCE

    def check_size(self, video: str, size: tuple[float, float], place: str) -> None:
        """Refuse a frame size that the file gives and whose shape is another than the video's: boxes would be off."""
        if not self.same_shape(video, size):
            info = self.info(video)
            raise self.error(
                place,
                f"frames of {size[0]:g} x {size[1]:g} pixels, but the video {video} has {info.width} x {info.height}: "
                "another video, or turned since. Annotate the video that you train on, or name the right one.",
            )

    def table(self, rows: RowBuilder, rule: ActionRule) -> RowTable:
        """Return the rows and the tracks' samples: known videos, corners as fractions of the frame, actions by name.

        Raises:
            UserError: most entries are wrong, or a track is longer than any video.
        """
        wrong, notes = rows.wrong.settle(self.error)
        for what, amount in wrong.items():
            rows.count(what, amount)
        rows.notes += notes
        for track in rows.tracks:
            second = track.path.reach[1]
            if second > VIDEO_SECONDS + 2:
                raise self.error(track.place, f"it lasts until second {second}, and no video is that long.")
            track.path.end_at((self.info(track.video).duration or VIDEO_SECONDS) + BEYOND_END)
        sample_tracks(rows, self.keyframes, self.moments)
        for what, amount in rule.counts.items():
            rows.count(what, amount)
        rows.notes += rule.notes if len(rows) else []
        more = {"class_groups": rule.groups, "class_attributes": rule.class_attributes, "no_actions": rule.no_actions}
        return rows.build(self.path, spelling="xyxy", pixels=False, **more)
