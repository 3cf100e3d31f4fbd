"""Datasets of the config generator's tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from alphaction.toy import ToyOptions
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.generate import collect_statistics


@pytest.fixture(scope="session")
def toy_data(made_toy) -> Path:
    """DATASETS.DATA_DIR with a toy dataset of 2 + 1 videos of 5 seconds: 13 classes, objects, regular keyframes."""
    return made_toy(ToyOptions(num_train=2, num_val=1, seconds=5))


@pytest.fixture(scope="session")
def toy_statistics(toy_data):
    """Figures of the toy dataset, read once."""
    return collect_statistics(FinetuneOptions("toy", data_dir=str(toy_data)))


Row = tuple[int, str, Sequence[int]]  # second, "x1,y1,x2,y2", class ids


@pytest.fixture
def make_dataset(tmp_path) -> Callable[..., Path]:
    """A function that writes the dataset "own" of one 64x48 video of 8 seconds, and returns DATASETS.DATA_DIR.

    Its arguments: classes, [(name, label_type), ...] with ids from 1; rows of the training and of the validation
    split; detections, [(second, box, score), ...] of the validation split; its annotations, "" for no such split.
    """

    def make(
        classes: Sequence[tuple[str, str]],
        train: Sequence[Row] = ((1, "0.1,0.1,0.5,0.9", (1,)),),
        val: Sequence[Row] | None = ((2, "0.1,0.1,0.5,0.9", (1,)),),
        detections: Sequence[tuple[int, str, float]] = (),
    ) -> Path:
        folder = tmp_path / "data" / "own"
        (folder / "videos").mkdir(parents=True)
        _write_video(folder / "videos" / "one.mp4")
        blocks = [
            f'label {{\n  name: "{name}"\n  label_id: {number}\n  label_type: {kind}\n}}\n'
            for number, (name, kind) in enumerate(classes, start=1)
        ]
        (folder / "labels.pbtxt").write_text("".join(blocks))
        text = "name: own\nvideos: videos\nlabel_map: labels.pbtxt\nsplits:\n"
        for split, rows in (("train", train), ("val", val)):
            if rows is None:
                continue
            lines = [f"one,{second},{box},{action},0\n" for second, box, actions in rows for action in actions]
            (folder / f"{split}.csv").write_text("".join(lines))
            text += f"  {split}:\n    annotations: {split}.csv\n"
        if detections:
            lines = [f"one,{second},{box},{score}\n" for second, box, score in detections]
            (folder / "boxes.csv").write_text("".join(lines))
            text += "    person_boxes: boxes.csv\n"
        (folder / "dataset.yaml").write_text(text)
        return folder.parent

    return make


def _write_video(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(80):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
