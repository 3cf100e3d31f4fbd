"""The videos of the study, their keyframes, and the labels that a person would give them: those of the renderer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from alphaction.config.catalog_file import write_catalog
from alphaction.data.annotations import AnnotationTable, Keyframe, read_annotations, read_label_map, write_ava_csv
from alphaction.toy import ToyOptions, make_toy_dataset
from alphaction.toy.writer import CATALOG, LABEL_MAP, split_files
from benchmarks.active.options import ActiveOptions

POOL, BEFORE = "pool", "before"
BEFORE_SEED = 1  # other scenes than those of the pool, whose seed is 0
LABELED = "labeled"


@dataclass(frozen=True)
class Pool:
    """Videos of which a person labels some keyframes.

    Attributes:
        folder: of the toy dataset.
        truth: the labels of all training keyframes.
    """

    folder: Path
    truth: AnnotationTable

    @property
    def catalog(self) -> Path:
        """The ``dataset.yaml`` that registers the validation split."""
        return self.folder / CATALOG

    @property
    def videos(self) -> list[Path]:
        """The files of the training videos, by name."""
        return [self.folder / "videos" / f"{video}.mp4" for video in sorted(self.truth.keyframes.videos)]

    @property
    def detections(self) -> Path:
        """Detected persons of the training videos at every second."""
        return self.folder / split_files("train")["persons"]

    @property
    def keyframes(self) -> list[Keyframe]:
        """The keyframes that can be labeled, by video and second."""
        return sorted(self.truth.keyframes)

    def labeled(self, keyframes: Collection[Keyframe]) -> AnnotationTable:
        """Return the labels of some keyframes."""
        return self.truth.without(set(self.keyframes) - set(keyframes))

    def write_labeled(self, folder: Path, keyframes: Collection[Keyframe]) -> Path:
        """Write a dataset whose training split has the labels of ``keyframes`` alone; return its ``dataset.yaml``."""
        folder.mkdir(parents=True, exist_ok=True)
        write_ava_csv(folder / "labeled.csv", self.labeled(keyframes))
        write_catalog(
            folder / CATALOG,
            LABELED,
            videos=str((self.folder / "videos").absolute()),
            label_map=str((self.folder / LABEL_MAP).absolute()),
            splits={"train": {"annotations": "labeled.csv"}},
        )
        return folder / CATALOG


def open_pool(options: ActiveOptions) -> Pool:
    """Return the videos to label; they are rendered where they are missing.

    Raises:
        UserError: the folder holds something else, or videos of other options.
    """
    sizes = ToyOptions(num_train=options.train_videos, num_val=options.val_videos)
    folder = make_toy_dataset(options.data / POOL, sizes, progress=True)
    labels = read_label_map(folder / LABEL_MAP)
    return Pool(folder, read_annotations(folder / split_files("train")["annotations"], labels))


def make_before(options: ActiveOptions) -> Path:
    """Return the ``dataset.yaml`` of the videos that the backbone learns from; they are rendered where missing.

    Raises:
        UserError: the folder holds something else, or videos of other options.
    """
    sizes = ToyOptions(num_train=options.before_videos, num_val=2, seed=BEFORE_SEED)
    return make_toy_dataset(options.data / BEFORE, sizes, progress=True) / CATALOG
