"""What write_catalog writes, find_dataset finds."""

from __future__ import annotations

import pytest

from alphaction.config import get_cfg
from alphaction.config.catalog_file import write_catalog
from alphaction.config.paths_catalog import find_dataset, registered_by
from alphaction.utils.errors import UserError


def test_written_files_are_found(tmp_path):
    folder = tmp_path / "pets"
    (folder / "movies").mkdir(parents=True)
    for file in ("map.pbtxt", "eval.pbtxt", "train.csv", "val.csv", "boxes.csv"):
        (folder / file).write_text("")
    write_catalog(
        folder / "dataset.yaml",
        "pets",
        videos="movies",
        label_map="map.pbtxt",
        eval_label_map=str(folder / "eval.pbtxt"),
        splits={"train": {"annotations": "train.csv"}, "val": {"annotations": "val.csv", "person_boxes": "boxes.csv"}},
        comment="two\nlines",
    )
    assert (folder / "dataset.yaml").read_text().startswith("# two\n# lines\nname: pets\nvideos: movies\n")
    cfg = get_cfg()
    cfg.DATASETS.DATA_DIR = str(tmp_path)
    spec = find_dataset(cfg, "pets_val")
    assert spec.videos == folder / "movies"
    assert spec.clips is None
    assert spec.eval_label_map == folder / "eval.pbtxt"
    assert spec.person_boxes == folder / "boxes.csv"
    assert find_dataset(cfg, "pets_train").person_boxes is None
    assert registered_by(cfg, "pets_val") == [str(folder / "dataset.yaml")]
    assert registered_by(cfg, "pets_test") == []
    assert registered_by(cfg, "ava_video_val_v2.2") == ["built in"]


def test_mistakes_are_refused(tmp_path):
    splits = {"train": {"annotations": "train.csv"}}
    with pytest.raises(UserError, match="videos.*clips"):
        write_catalog(tmp_path / "dataset.yaml", "pets", label_map="m", splits=splits)
    with pytest.raises(UserError, match="videos.*clips"):
        write_catalog(tmp_path / "dataset.yaml", "pets", label_map="m", splits=splits, videos="a", clips="b")
    with pytest.raises(UserError, match='"boxes"'):
        write_catalog(tmp_path / "dataset.yaml", "pets", label_map="m", splits={"train": {"boxes": "b"}}, videos="a")
    assert list(tmp_path.iterdir()) == []
