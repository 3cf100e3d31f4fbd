"""What is predicted: a video file, or frames in memory or from an iterator, as one kind of thing."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from yacs.config import CfgNode

from alphaction.data.keyframes import multiples
from alphaction.data.moments import Moments
from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.file import VIDEO_SUFFIXES
from alphaction.data.video.frame_window import FrameWindow
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils import limits
from alphaction.utils.errors import UserError
from alphaction.utils.files import require_file
from alphaction.workflows.predict.clip import open_clip
from alphaction.workflows.predict.network import clip_reach
from alphaction.workflows.predict.video_list import find_videos, named_paths
from alphaction.workflows.predict.video_options import VideoOptions

_EXPECTED = "expected uint8 RGB frames, 0 to 255: [T, H, W, 3], or one [H, W, 3] after the other"


@dataclass(frozen=True)
class Footage:
    """One video.

    Attributes:
        title: path of the file, or the name of the frames: what results call it.
        key: what boxes and clips call it.
        source: where frames come from, under the name ``key``.
        size: (width, height) of the frames in pixels.
        fps: frames per second.
        seconds: the keyframes, ascending, as far as they are known to exist.
        all_seconds: moments that hold them.
        end: seconds from the start to the end; infinite where that is not known.
        frame_at: second -> function that returns its frame, to be called at that moment.
        is_live: it goes on whether or not it is predicted, so that nobody waits for what is to come.
        is_there: second -> whether its clip can still be read.
        close: to be called when it is no longer needed.
    """

    title: str
    key: str
    source: ClipSource
    size: tuple[int, int]
    fps: float
    seconds: Iterable[float]
    all_seconds: Moments
    end: float
    frame_at: Callable[[float], Callable[[], np.ndarray]]
    is_live: bool = False
    is_there: Callable[[float], bool] = lambda second: True
    close: Callable[[], None] = lambda: None


def is_frames(video: Any) -> bool:
    """Return whether this is frames, and not names of videos."""
    if isinstance(video, str | os.PathLike):
        return False
    if isinstance(video, list | tuple):
        return not video or not all(isinstance(entry, str | os.PathLike) for entry in video)
    return True


def files_of(video: str | os.PathLike | Sequence[str | os.PathLike]) -> list[Path]:
    """Return the files that names of videos, of folders, lists (.txt) and patterns stand for.

    Raises:
        UserError: one does not exist, or there is none.
    """
    words = [video] if isinstance(video, str | os.PathLike) else list(video)
    found = find_videos(named_paths([os.fspath(word) for word in words]))
    for problem in filter(None, found.values()):
        raise UserError(problem)
    return list(found)


def open_file(path: Path, cfg: CfgNode, start: float = 0.0, end: float | None = None) -> Footage:
    """Return a video file, or the part from ``start`` to ``end`` seconds.

    Args:
        path: the file.
        cfg: says how far keyframes are apart.
        start, end: seconds; None: the end of the video.

    Raises:
        UserError: it cannot be read, or has no such part.
    """
    if not (math.isfinite(start) and 0 <= start) or (end is not None and not start < end):
        raise UserError(f"start={start}, end={end}: expected 0 <= start < end, in seconds")
    options = VideoOptions(video=path, output=Path("unused.mp4"), start=start, end=end)
    require_file("--video", path, VIDEO_SUFFIXES)
    clip = open_clip(options, cfg.TEST.STRIDE)

    def frame_at(second: float) -> Callable[[], np.ndarray]:
        # A source of its own: the result may be looked at when the prediction is long over.
        return lambda: MovieSource.of_file(path, clip.source.probe(path.name)).read(path.name, second, [0], 0)[0]

    return Footage(
        str(path), path.name, clip.source, clip.size, clip.fps, clip.seconds, clip.seconds, clip.video_end, frame_at
    )


def open_frames(frames: Any, fps: float | None, name: str, cfg: CfgNode) -> Footage:
    """Return frames as a video.

    Args:
        frames: uint8 RGB: an array or tensor [T, H, W, 3] (or [T, 3, H, W]), or an iterable of frames, each an array, a
            tensor or a PIL picture; or OpenCV's VideoCapture, of a camera, say.
        fps: frames per second; None: those of the VideoCapture.
        name: of the video.
        cfg: says which frames a clip has, and how far keyframes are apart.

    Raises:
        UserError: these are no such frames, or ``fps`` is missing or wrong.
    """
    if isinstance(frames, cv2.VideoCapture):
        own = frames.get(cv2.CAP_PROP_FPS)
        fps = own if fps is None and 0 < own <= limits.FRAMES_PER_SECOND else fps
        frames = _captured(frames)
    if not isinstance(frames, Iterable):
        raise UserError(f"{frames!r:.40} is neither a video nor frames: {_EXPECTED}")
    if isinstance(frames, list | tuple) and not frames:
        raise UserError(f"there are no frames, and no names of videos: {_EXPECTED}")
    if fps is None:
        raise UserError("fps= is missing: frames alone do not tell how many there are a second. Give it: fps=25, say.")
    if isinstance(fps, bool) or not isinstance(fps, int | float | np.number) or not 0 < fps <= limits.FRAMES_PER_SECOND:
        raise UserError(f"fps={fps!r}: expected frames per second, above 0 and at most {limits.FRAMES_PER_SECOND:g}")
    known: int | None = None
    if isinstance(frames, np.ndarray | torch.Tensor):
        frames = _whole(frames)
        known = len(frames)
    behind, _ = clip_reach(cfg, float(fps))
    window = FrameWindow(_checked(frames), float(fps), name, math.inf if known is not None else behind, known)
    if not window.reaches(0):
        raise UserError(f"there are no frames: {_EXPECTED}")
    info, stride = window.probe(name), cfg.TEST.STRIDE
    end = math.inf if known is None else known / float(fps)

    def frame_at(second: float) -> Callable[[], np.ndarray]:
        frame = window.read(name, second, [0], 0)[0]
        return lambda: frame

    seconds = takewhile(window.reaches, multiples(stride, 0.0, math.inf))
    return Footage(
        name,
        name,
        window,
        (info.width, info.height),
        info.fps,
        seconds,
        Moments.between(stride, 0.0, limits.VIDEO_SECONDS),
        end,
        frame_at,
    )


def _captured(capture: cv2.VideoCapture) -> Iterator[np.ndarray]:
    """Yield the frames of OpenCV's reader, RGB; those that were read from it before are gone."""
    if not capture.isOpened():
        raise UserError("the VideoCapture is not open: OpenCV found no such camera or file, or it was released")
    while (found := capture.read())[0]:
        yield cv2.cvtColor(found[1], cv2.COLOR_BGR2RGB)


def _whole(frames: np.ndarray | torch.Tensor) -> np.ndarray:
    """Return frames that are there at once, [T, H, W, 3]."""
    array = frames.detach().cpu().numpy() if isinstance(frames, torch.Tensor) else frames
    if array.ndim == 3 and array.shape[2] in (3, 4):
        raise UserError(
            f"the frames have the shape {list(array.shape)}, which is one picture: {_EXPECTED}. Actions need a video; "
            "to treat a picture as a still video, give numpy.stack([picture] * 25), fps=25."
        )
    if array.ndim == 3:
        raise UserError(f"the frames have the shape {list(array.shape)}, without colors: {_gray()}")
    if array.ndim == 5 and len(array) == 1:
        raise UserError(
            f"the frames have the shape {list(array.shape)}, a batch of one video: give frames[0]. {_EXPECTED}"
        )
    if array.ndim == 4 and array.shape[0] == 3 and 3 not in (array.shape[1], array.shape[3]):
        raise UserError(
            f"the frames have the shape {list(array.shape)}, which begins with the colors: {_EXPECTED}. Move them to "
            "the end: numpy.moveaxis(frames, 0, -1), of a tensor frames.permute(1, 2, 3, 0)."
        )
    if array.ndim != 4:
        raise UserError(f"the frames have the shape {list(array.shape)}: {_EXPECTED}")
    if array.shape[3] != 3 and array.shape[1] == 3:
        array = array.transpose(0, 2, 3, 1)
    _check(array[:1], array.shape[1:], array.dtype)
    return array


def _checked(frames: Iterable[Any]) -> Iterator[np.ndarray]:
    """Yield frames one by one, each checked."""
    first: tuple[int, ...] | None = None
    for number, frame in enumerate(frames):
        array = _one(frame, number)
        first = first or array.shape
        if array.shape != first:
            raise UserError(
                f"frame {number} is {array.shape[1]}x{array.shape[0]}, the first one {first[1]}x{first[0]}: all frames "
                "of a video have one size"
            )
        yield array


def _one(frame: Any, number: int) -> np.ndarray:
    if isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3:
        if min(frame.shape) < 1:
            raise UserError(f"frame {number} is empty, {list(frame.shape)}: {_EXPECTED}")
        return frame
    if isinstance(frame, Image.Image):
        return np.asarray(frame.convert("RGB"))
    if isinstance(frame, torch.Tensor):
        frame = frame.detach().cpu().numpy()
    if not isinstance(frame, np.ndarray):
        raise UserError(f"frame {number} is a {type(frame).__name__}: {_EXPECTED} (arrays, tensors or PIL pictures)")
    if frame.ndim == 2:
        raise UserError(f"frame {number} has the shape {list(frame.shape)}, without colors: {_gray()}")
    if frame.ndim == 3 and frame.shape[2] != 3 and frame.shape[0] == 3:
        frame = frame.transpose(1, 2, 0)
    _check(frame[None], frame.shape, frame.dtype)
    return frame


def _check(frames: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Refuse frames that are no uint8 RGB, with what makes them so."""
    given = f"the frames are {dtype} [{', '.join(map(str, shape))}] each"
    if len(shape) == 3 and shape[2] == 1:
        raise UserError(f"{given}, without colors: {_gray()}")
    if len(shape) == 3 and shape[2] == 4:
        raise UserError(f"{given}, with a fourth channel: {_EXPECTED}. Leave it out: frames[..., :3].")
    if len(shape) != 3 or shape[2] != 3 or min(shape) < 1:
        raise UserError(f"{given}: {_EXPECTED}")
    if dtype == np.uint8:
        return
    fix = "frames.astype('uint8') if they are from 0 to 255"
    if np.issubdtype(dtype, np.floating):
        small = frames.size and float(np.nan_to_num(frames).max()) <= 1.0
        fix = "(frames * 255).round().astype('uint8')" if small else f"frames.round().{fix.partition('.')[2]}"
    raise UserError(f"{given}: {_EXPECTED}. Convert them: {fix}.")


def _gray() -> str:
    return f"{_EXPECTED}. Repeat the gray values three times: numpy.repeat(frames[..., None], 3, axis=-1)."
