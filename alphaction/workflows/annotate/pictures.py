"""The frames of the chosen keyframes as pictures, for tools that know only pictures."""

from __future__ import annotations

from pathlib import Path

from alphaction.data.video.encoder import write_jpeg
from alphaction.workflows.annotate.results import Videos
from alphaction.workflows.annotate.to_correct import KeyframeToCorrect, ToCorrect, VideoToCorrect


def picture_name(video: VideoToCorrect, keyframe: KeyframeToCorrect) -> str:
    """Return the name of a picture: video and frame counted from 1, as ``prepare_dataset.py`` understands it."""
    return f"{video.stem}_{keyframe.frame + 1:06d}.jpg"


def write_pictures(folder: Path, found: ToCorrect, videos: Videos) -> None:
    """Write the picture of each keyframe, in the size of the video."""
    folder.mkdir()
    for video in found.videos:
        for keyframe in video.keyframes:
            write_jpeg(folder / picture_name(video, keyframe), videos.frame(video.stem, keyframe.time))
