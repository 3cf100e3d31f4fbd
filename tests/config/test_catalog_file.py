"""What write_catalog writes, find_dataset finds."""

from __future__ import annotations

import pytest

from alphaction.config import get_cfg
from alphaction.config.catalog_file import register_file, write_catalog
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


BLOCK = """# of mine
name: pets   # a name
videos: movies
label_map: "map.pbtxt"
splits:
    train:
        annotations: train.csv
    val: # the second

        annotations: 'val.csv'   # by hand
        exclusions: out.csv
"""


@pytest.mark.parametrize("line_feed", ["\n", "\r\n"])
def test_a_line_is_added_and_changed_in_its_place(tmp_path, line_feed):
    path = tmp_path / "dataset.yaml"
    text = BLOCK.replace("\n", line_feed)
    path.write_bytes(text.encode())
    path.chmod(0o640)
    assert register_file(path, "train", "person_boxes", "boxes/a.csv") is None
    line = f"        person_boxes: boxes/a.csv{line_feed}"
    expected = text.replace(f"train.csv{line_feed}", f"train.csv{line_feed}{line}")
    assert path.read_bytes().decode() == expected
    assert register_file(path, "val", "person_boxes", "boxes/v, 1.csv") is None
    expected += f'        person_boxes: "boxes/v, 1.csv"{line_feed}'
    assert path.read_bytes().decode() == expected
    assert register_file(path, "val", "person_boxes", "/tmp/é.csv") == "boxes/v, 1.csv"
    expected = expected.replace('"boxes/v, 1.csv"', '"/tmp/é.csv"')
    assert path.read_bytes().decode() == expected
    assert register_file(path, "val", "exclusions", "null") == "out.csv"
    assert path.read_bytes().decode() == expected.replace("out.csv", '"null"')
    assert register_file(path, "val", "exclusions", "null") == "null"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  val: {annotations: v.csv} # x", "  val: {annotations: v.csv, person_boxes: b.csv} # x"),
        ("  val:\n    annotations: v.csv", "  val:\n    annotations: v.csv\n    person_boxes: b.csv\n"),
        ("  val:\n    person_boxes:\n    exclusions: v", "  val:\n    person_boxes: b.csv\n    exclusions: v"),
        ("  val:\n    <<: {person_boxes: c}\n", "  val:\n    <<: {person_boxes: c}\n    person_boxes: b.csv\n"),
    ],
)
def test_other_spellings_of_a_split(tmp_path, before, after):
    path = tmp_path / "dataset.yaml"
    path.write_text(f"splits:\n{before}")
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    register_file(link, "val", "person_boxes", "b.csv")
    assert path.read_text() == f"splits:\n{after}"
    assert link.is_symlink()


def test_what_one_line_cannot_change_stays(tmp_path):
    path = tmp_path / "dataset.yaml"
    text = "splits:\n  train: &same\n    annotations: v.csv\n  val: *same\n"
    path.write_text(text)
    with pytest.raises(UserError, match=r"dataset\.yaml: splits: val is written in a way"):
        register_file(path, "val", "person_boxes", "b.csv")
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_mistakes_are_refused(tmp_path):
    splits = {"train": {"annotations": "train.csv"}}
    with pytest.raises(UserError, match="videos.*clips"):
        write_catalog(tmp_path / "dataset.yaml", "pets", label_map="m", splits=splits)
    with pytest.raises(UserError, match="videos.*clips"):
        write_catalog(tmp_path / "dataset.yaml", "pets", label_map="m", splits=splits, videos="a", clips="b")
    with pytest.raises(UserError, match='"boxes"'):
        write_catalog(tmp_path / "dataset.yaml", "pets", label_map="m", splits={"train": {"boxes": "b"}}, videos="a")
    assert list(tmp_path.iterdir()) == []
