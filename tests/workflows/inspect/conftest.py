"""Copies of small datasets to plant errors in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from alphaction.config import load_cfg
from alphaction.workflows.inspect.validate_dataset import validate_all, validate_dataset
from alphaction.workflows.inspect.validation_report import Report

Rows = list[list[str]]


class Copy:
    """A copy of a dataset "copy" with splits train and val, whose files may be changed.

    Args:
        folder: where the copy goes.
        videos: the original's videos, linked.
        files: role -> original file; roles are label_map, train, val, train_boxes, val_boxes.
    """

    def __init__(self, folder: Path, videos: Path, files: dict[str, Path]) -> None:
        self.folder = folder
        self.videos = folder / "videos"
        self.videos.mkdir(parents=True)
        for video in sorted(videos.iterdir()):
            (self.videos / video.name).symlink_to(video)
        self.files = {role: Path(shutil.copyfile(path, folder / path.name)) for role, path in files.items()}
        lines = ["name: copy", "videos: videos", f"label_map: {self.files['label_map'].name}", "splits:"]
        for split in ("train", "val"):
            lines += [f"  {split}:", f"    annotations: {self.files[split].name}"]
            if f"{split}_boxes" in self.files:
                lines.append(f"    person_boxes: {self.files[f'{split}_boxes'].name}")
        (folder / "dataset.yaml").write_text("\n".join(lines) + "\n")

    def change(self, role: str, edit: Callable[[Rows], Rows]) -> None:
        """Rewrite a csv file, row by row."""
        rows = [line.split(",") for line in self.files[role].read_text().splitlines()]
        self.files[role].write_text("".join(",".join(row) + "\n" for row in edit(rows)))

    def video(self, number: int) -> Path:
        """Return a video of the training split."""
        name = sorted({line.split(",")[0] for line in self.files["train"].read_text().splitlines()})[number]
        return next(self.videos.glob(f"{name}.*"))

    def cfg(self, config_file: Path | None = None, *overrides):
        """Return a config that knows the copy."""
        return load_cfg(config_file, ["DATASETS.DATA_DIR", str(self.folder.parent / "none"),
                                      "DATASETS.CATALOG", str([str(self.folder)]), *overrides])  # fmt: skip

    def validate(self, split: str | None = None, *, thorough: bool = False) -> Report:
        """Return the report of both splits, or of one; videos are opened, and sample clips decoded if thorough."""
        if split is None:
            return validate_all(self.cfg(), "copy", thorough=thorough)
        return validate_dataset(self.cfg(), f"copy_{split}", thorough=thorough)


def copy_of_toy(original: Path, folder: Path) -> Copy:
    """Return a copy of the toy dataset."""
    annotations = original / "annotations"
    label_map = next(annotations.glob("*.pbtxt"))
    return Copy(folder / "copy", original / "videos", {
        "label_map": label_map,
        **{split: next(annotations.glob(f"*{split}.csv")) for split in ("train", "val")},
        "val_boxes": next((original / "boxes").glob("*val_person*.csv")),
    })  # fmt: skip


@pytest.fixture
def toy_copy(toy_folder, tmp_path) -> Copy:
    """A copy of the toy dataset."""
    return copy_of_toy(toy_folder / "toy", tmp_path)


@pytest.fixture(params=["toy", "pets"])
def any_copy(request, toy_folder, tmp_path) -> Copy:
    """A copy of the toy dataset, and one of the real pets."""
    if request.param == "toy":
        return copy_of_toy(toy_folder / "toy", tmp_path)
    pets = request.getfixturevalue("shared_dir") / "pets"
    annotations, boxes = pets / "annotations", pets / "boxes"
    files = {"label_map": annotations / "pets_action_list.pbtxt"}
    for split in ("train", "val"):
        files[split] = annotations / f"pets_{split}.csv"
        files[f"{split}_boxes"] = boxes / f"pets_{split}_person_detections.csv"
    return Copy(tmp_path / "copy", pets / "videos", files)
