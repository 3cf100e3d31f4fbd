"""Which source of frames a dataset has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.one_second_clips import OneSecondClipSource
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.errors import UserError

if TYPE_CHECKING:
    from alphaction.config.paths_catalog import DatasetSpec


def open_source(spec: DatasetSpec) -> ClipSource:
    """Return the source of a dataset: its one-second clips where it has them, else its whole videos.

    Raises:
        UserError: if the folder does not exist, or the dataset names neither.
    """
    if spec.clips is not None:
        return OneSecondClipSource(spec.clips)
    if spec.videos is not None:
        return MovieSource(spec.videos)
    raise UserError(f'dataset "{spec.name}" ({spec.source}) names neither `videos` nor `clips`. Add one of them.')
