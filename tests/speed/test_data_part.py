"""The part "data" of tools/benchmark.py: clips from a video, then the loader."""

from __future__ import annotations

import pytest

from benchmarks import CONFIGS
from benchmarks.speed.data import Options, run
from benchmarks.speed.videos import make_videos


def test_clips_of_a_video_then_the_loader(tmp_path):
    make_videos(tmp_path, [7], (64, 48))
    options = Options(
        tmp_path / "v000.mp4", CONFIGS / "tiny" / "toy.yaml", clips=1, epoch=60, resume=1, workers=(0, 1), batches=1
    )
    tables = list(run(options, 1))
    titles = [
        "One-second clips, 64x48",
        "The whole movie, 64x48",
        "start of a training",
        "change to the next epoch",
        "resume at iteration 1",
        "resume at iteration 1, repeats",
        "from a worker",
        "Loader, 1 ",
    ]
    for table, title in zip(tables, titles, strict=True):
        assert title in table.title
        assert table.timings[0].name.startswith("bare decoding") == ("64x48" in title)
        assert len(table.timings) >= 2
        assert table.to_json()["cases"][0]["wall_ratio"] == pytest.approx(1)
