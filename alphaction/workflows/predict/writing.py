"""Writing the video with the predictions on its frames, and with its sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import av
import numpy as np
from tqdm import tqdm

from alphaction.data.video.encoder import write_video
from alphaction.data.video.file import BrokenVideoError, VideoFile
from alphaction.data.video.sound import BrokenSoundError, Sound
from alphaction.utils.atomic import naming_full_disk
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.logging import get_logger
from alphaction.workflows.predict.clip import Clip
from alphaction.workflows.predict.video_options import OUTPUT_SUFFIXES

NO_SOUND = "no sound"


def write_clip(
    clip: Clip, output: Path, part: Path, draw: Callable[[np.ndarray, float], np.ndarray], progress: bool = False
) -> tuple[tuple[int, int], str]:
    """Decode, draw and encode frame by frame, beside the sound.

    Args:
        clip: the part of a video.
        output: the name that the video gets in the end, which decides on its format.
        part: the file to write.
        draw: frame, uint8 [H, W, 3] RGB, and its time in seconds -> picture of the same kind.
        progress: show a bar on a terminal.

    Returns:
        (width, height) of the pictures, and what became of the sound: "sound copied (aac)", "no sound".

    Raises:
        UserError: the video cannot be decoded, or ``output`` not be written. Faults of the sound are only logged.
    """
    size = (0, 0)
    container = OUTPUT_SUFFIXES[output.suffix.lower()]

    def pictures(movie: VideoFile) -> Iterator[np.ndarray]:
        nonlocal size
        times = clip.times.tolist()
        bar = tqdm(times, desc="write", unit="frame", disable=None if progress else True)
        for frame, time in zip(movie.stream(times), bar, strict=True):
            picture = draw(frame, time)
            size = (picture.shape[1], picture.shape[0])
            yield picture

    sound = _sound(clip, container)
    try:
        with closing(VideoFile(clip.path)) as movie, naming_full_disk(output):
            write_video(part, pictures(movie), clip.fps, container, sound=sound)
    except BrokenVideoError as error:
        remedy = "Copy or download it again, or stop before with --end."
        raise DataError(f"{clip.path}: {error.clause}. {remedy}") from error
    except av.FFmpegError as error:
        raise UserError(f"{output}: cannot be written ({error.strerror}). Choose another file or format.") from error
    finally:
        if sound is not None:
            sound.close()
    if sound is None:
        return size, NO_SOUND
    if sound.problem:
        get_logger().warning("%s: its sound ends early: it cannot be read any further (%s)", clip.path, sound.problem)
    return size, str(sound)


def _sound(clip: Clip, container: str) -> Sound | None:
    try:
        return Sound.of(clip.path, clip.start, clip.start + len(clip.times) / clip.fps, container)
    except BrokenSoundError as error:
        get_logger().warning("%s: its sound is left out: it cannot be copied or converted (%s)", clip.path, error)
        return None
