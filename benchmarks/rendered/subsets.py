"""Parts of a training split: nested, with the rare classes in the small ones, too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from alphaction.config.catalog_file import write_catalog

Key = tuple[str, str]
"""Video and second, as the file has them."""


@dataclass(frozen=True)
class Source:
    """A dataset of AVA's files.

    Attributes:
        name: as its catalog says.
        folder: of videos.
        label_map: file of the classes.
        train, val: file of each role.
        rows: annotation rows of the training split, by keyframe.
    """

    name: str
    folder: Path
    label_map: Path
    train: dict[str, Path]
    val: dict[str, Path]
    rows: dict[Key, list[str]]

    @classmethod
    def open(cls, catalog: Path) -> Source:
        """Read a ``dataset.yaml`` and the annotations of its training split."""
        content = yaml.safe_load(catalog.read_text(encoding="utf-8"))
        here = catalog.resolve().parent

        def place(file: str) -> Path:
            return (here / file).resolve()

        splits = {
            name: {role: place(file) for role, file in roles.items()} for name, roles in content["splits"].items()
        }
        rows: dict[Key, list[str]] = {}
        for line in splits["train"]["annotations"].read_text(encoding="utf-8").splitlines():
            video, second, *_ = line.split(",")
            rows.setdefault((video, second), []).append(line)
        return cls(
            content["name"], place(content["videos"]), place(content["label_map"]), splits["train"], splits["val"], rows
        )

    def order(self, seed: int, keys: Sequence[Key]) -> list[Key]:
        """Return keyframes in the order in which they are taken: at random, each time one with the rarest class left.

        So that even a tenth has most of the classes; that is what somebody would label who has time for few.
        """
        rng = np.random.default_rng(seed)
        left = [keys[i] for i in rng.permutation(len(keys))]
        classes = {key: {row.split(",")[6] for row in self.rows[key]} for key in left}
        taken: Counter[str] = Counter()
        chosen: list[Key] = []
        while left:
            best = min(left, key=lambda key: min(taken[c] for c in classes[key]))
            left.remove(best)
            chosen.append(best)
            taken.update(classes[best])
        return chosen

    def write(self, folder: Path, share: int, seed: int, held_out: int) -> tuple[str, int]:
        """Write the ``dataset.yaml`` of a part of the training split; return its name and the number of keyframes.

        Args:
            folder: where to write.
            share: percent of the training keyframes.
            seed: of the choice.
            held_out: evaluate on every so many-th training keyframe, which are not trained on; 0: on the val split.
        """
        folder.mkdir(parents=True, exist_ok=True)
        keys = list(self.rows)
        val = dict(self.val)
        if held_out:
            # Blocks of neighbors: keyframes of one source look alike.
            blocks = np.arange(len(keys)) * held_out * 4 // len(keys)
            kept = [key for key, block in zip(keys, blocks, strict=True) if block % held_out == 0]
            keys = [key for key, block in zip(keys, blocks, strict=True) if block % held_out]
            (folder / "held_out.csv").write_text("\n".join(row for key in kept for row in self.rows[key]) + "\n")
            val = {"annotations": folder.resolve() / "held_out.csv"}
        count = max(1, round(len(keys) * share / 100))
        chosen = self.order(seed, keys)[:count]
        rows = [row for key in sorted(chosen, key=keys.index) for row in self.rows[key]]
        (folder / "train.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        train = {"annotations": folder.resolve() / "train.csv"}
        name = f"{self.name}_{share}_{seed}"
        splits = {"train": train, "val": val}
        write_catalog(
            folder / "dataset.yaml",
            name,
            videos=str(self.folder),
            label_map=str(self.label_map),
            splits={split: {role: str(file) for role, file in files.items()} for split, files in splits.items()},
        )
        return name, count
