"""What a reader is given of an annotation file whose meaning depends on the videos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from alphaction.data.formats.action_attributes import ActionRule
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.rows import RowBuilder, RowTable
from alphaction.data.video.file import VideoInfo
from alphaction.data.video.names import VideoNames
from alphaction.utils.errors import UserError

_ASPECT_TOLERANCE = 0.03


@dataclass(frozen=True)
class AnnotationFile(FileContent):
    """An annotation file, how it is to be read, and the videos that it speaks of.

    Annotation tools count times and boxes in frames and pixels of the video, and write tracks that are interpolated:
    only with the video's rate and size do they become rows.

    Attributes:
        videos: the known videos.
        info: size, frame rate and duration of a known video.
        box_format, normalized: csv and COCO: how boxes are written, see :mod:`alphaction.data.formats.box_spelling`.
        keyframe_interval: seconds between the samples of a track.
        action_attributes: the attributes that are actions; (): by the rule of
            :mod:`alphaction.data.formats.action_attributes`.
    """

    videos: VideoNames
    info: Callable[[str], VideoInfo]
    box_format: str = "auto"
    normalized: str = "auto"
    keyframe_interval: int = 1
    action_attributes: tuple[str, ...] = ()

    def error(self, place: str, problem: str) -> UserError:
        """Return the error for a place of the file."""
        return UserError(f"{self.what}: {self.path}{', ' if place else ''}{place}: {problem}")

    def check_size(self, video: str, size: tuple[float, float], place: str) -> None:
        """Refuse a frame size that the file gives and whose shape is another than the video's: boxes would be off."""
        info = self.info(video)
        if abs(size[0] * info.height / (size[1] * info.width) - 1) > _ASPECT_TOLERANCE:
            raise self.error(
                place,
                f"frames of {size[0]:g} x {size[1]:g} pixels, but the video {video} has {info.width} x {info.height}: "
                "another video, or turned since. Annotate the video that you train on, or name the right one.",
            )

    def table(self, rows: RowBuilder, rule: ActionRule) -> RowTable:
        """Return the rows: known videos, whole seconds, corners as fractions of the frame, actions by name."""
        for what, amount in rule.counts.items():
            rows.count(what, amount)
        rows.notes += rule.notes
        return rows.build(self.path, spelling="xyxy", pixels=False, class_groups=rule.groups)
