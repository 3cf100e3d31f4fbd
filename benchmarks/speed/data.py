"""Input: training clips compared with bare decoding of their video files; and the loader.

Bare decoding opens the file with PyAV, goes to the key frame before the clip, and decodes with one thread up to the
last frame that the clip uses. All cases take the same clips. The loader's workers do nothing more for a clip; what
the loader adds is in the tables that follow: the sampler, handing over a batch, worker processes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch.utils.data import Dataset

from alphaction.config import load_cfg
from alphaction.data.dataset import ActionDataset
from alphaction.data.sample import ClipSample, SampleRequest
from alphaction.data.video.opening import open_container
from alphaction.toy.make import make_toy_dataset
from alphaction.toy.toy_options import ToyOptions
from alphaction.utils.errors import UserError
from alphaction.utils.files import missing_file
from alphaction.utils.numbers import NOT_NEGATIVE, POSITIVE
from alphaction.utils.options import option
from benchmarks import CONFIGS
from benchmarks.speed import decoding, loader
from benchmarks.speed.measure import Comparison

_CONFIG = CONFIGS / "resnet50_4x16f_baseline.yaml"
_SECONDS = 10


@dataclass(frozen=True)
class Options:
    """What to read; each field is described by its help."""

    video: Path | None = option(None, metavar="FILE", help="a video of 7 seconds or more (default: a rendered one)")
    config_file: Path = option(
        _CONFIG, metavar="F", help=f"frames and sizes of the clips (default: config_files/{_CONFIG.name})"
    )
    width: int = option(640, within=POSITIVE, metavar="N", help="pixels of a rendered video (default: %(default)s)")
    height: int = option(360, within=POSITIVE, metavar="N", help="pixels of a rendered video (default: %(default)s)")
    clips: int = option(3, within=POSITIVE, metavar="N", help="keyframes of the video (default: %(default)s)")
    batches: int = option(12, within=POSITIVE, metavar="N", help="that the loader loads (default: %(default)s)")
    epoch: int = option(184_000, within=POSITIVE, metavar="N", help="clips of the sampler's epoch (default: AVA's)")
    resume: int = option(100_000, within=POSITIVE, metavar="N", help="iteration to resume at (default: %(default)s)")
    workers: tuple[int, ...] = option(
        (0, 1, 2, 3),
        within=NOT_NEGATIVE,
        metavar="N",
        help="of the loader; the first is the reference (default: 0-3)",
    )


def run(options: Options, repetitions: int) -> Iterator[Comparison]:
    """Measure decoding and augmentation, and the loader with these clips."""
    cfg = load_cfg(options.config_file)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        movie = _movie(options, folder)
        files = decoding.prepare(
            movie, folder, short_side=cfg.INPUT.MIN_SIZE_TRAIN, fps=cfg.INPUT.FPS, count=options.clips
        )
        yield from decoding.comparisons(files, cfg, folder, repetitions)
        yield from loader.comparisons(
            repetitions,
            clips=options.epoch,
            resume=options.resume,
            dataset=Repeated(decoding.training_clips(files, cfg, folder), 2 * options.batches),
            workers=options.workers,
            batches=options.batches,
        )


class Repeated(Dataset[ClipSample]):
    """A few clips over and over.

    Args:
        dataset: the clips.
        count: how many clips this has.
    """

    def __init__(self, dataset: ActionDataset, count: int) -> None:
        self.name = dataset.name
        self.keyframes = [dataset.keyframes[index % len(dataset)] for index in range(count)]
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self.keyframes)

    def __getitem__(self, request: SampleRequest) -> ClipSample:
        return self._dataset[request._replace(index=request.index % len(self._dataset))]


def _movie(options: Options, folder: Path) -> Path:
    """Return the movie to read, alone in a folder."""
    video = options.video
    if video is None:
        shape = {"seconds": _SECONDS, "fps": 25, "width": options.width, "height": options.height}
        toy = make_toy_dataset(folder / "toy", ToyOptions(num_train=1, num_val=1, **shape))
        video = min((toy / "videos").iterdir())
    if not video.is_file():
        raise UserError(f"--video {missing_file(video)}")
    open_container(video).close()  # so that a message names it, and not the link
    alone = folder / "movie"
    alone.mkdir()
    (alone / video.name).symlink_to(video.resolve())
    return alone / video.name
