"""The pictures of AVA's keyframes, of which the JSON needs names and sizes: image files, or the movies themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import PIL.Image
from tqdm import tqdm

from alphaction.data.keyframes import Keyframe, time_text
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.errors import DataError
from alphaction.utils.files import missing_file
from alphaction.utils.inside import inside
from alphaction.utils.messages import counted, listed

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


class Image(NamedTuple):
    """The picture of a keyframe: its name, and its size in pixels."""

    file_name: str
    width: int
    height: int


Images = Callable[[Sequence[Keyframe]], list[Image]]
"""Keyframes -> the picture of each."""


class KeyframeImages:
    """Pictures in ``folder/{movie}/{t}.jpg`` (or ``{t:04d}``, .jpeg, .png), of which each is opened.

    Args:
        folder: as tools/process_ava_videos.py writes it under --kframe_root.

    Raises:
        UserError: if the folder does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise DataError(
                f"the folder of keyframe images {missing_file(self.folder, folders=True)} Correct --img_root, or give "
                "--movie_root, the folder of the movies, instead."
            )

    def __call__(self, keyframes: Sequence[Keyframe]) -> list[Image]:
        """Return the pictures.

        Raises:
            UserError: pictures are missing (how many, and which first) or damaged.
        """
        names = [self._name(keyframe) for keyframe in keyframes]
        missing = [keyframe for keyframe, name in zip(keyframes, names, strict=True) if name is None]
        if missing:
            raise DataError(
                f"{len(missing)} of {counted(len(names), 'annotated keyframe')} have no image in {self.folder}: "
                f"{listed([f'{video}/{second}.jpg' for video, second in missing], 5)}. Cut them with "
                f"tools/process_ava_videos.py --kframe_root {self.folder} (its --start and --end must cover these "
                "seconds; it keeps what is there), give --movie_root instead, or leave out movies with --movie_list."
            )
        return [self._open(name) for name in tqdm(names, desc="image sizes", unit="image", disable=None)]

    def _name(self, keyframe: Keyframe) -> str | None:
        video, second = keyframe
        names = (f"{video}/{stem}{suffix}" for stem in (second, time_text(second)) for suffix in IMAGE_SUFFIXES)
        return next((name for name in names if inside(self.folder, name, "picture").is_file()), None)

    def _open(self, name: str) -> Image:
        try:
            with PIL.Image.open(self.folder / name) as image:  # reads the header only
                return Image(name, *image.size)
        except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
            raise DataError(
                f"{self.folder / name} is no readable image (damaged or empty). Delete it and cut it again."
            ) from error


class MovieSizes:
    """Sizes asked from the movies themselves; the pictures are named ``{movie}/{t}.jpg``.

    Args:
        folder: the movies.
    """

    def __init__(self, folder: Path) -> None:
        self._source = MovieSource(folder)

    def __call__(self, keyframes: Sequence[Keyframe]) -> list[Image]:
        """Return the pictures; a movie that is missing or damaged is a :class:`UserError`."""
        sizes = {}
        for video in tqdm(dict.fromkeys(k.video for k in keyframes), desc="movie sizes", unit="movie", disable=None):
            info = self._source.probe(video)
            sizes[video] = (info.width, info.height)
        return [Image(f"{video}/{second}.jpg", *sizes[video]) for video, second in keyframes]
