"""Datasets by name: AVA's layout, dataset.yaml files, and what the messages say."""

from __future__ import annotations

import re
import shutil

import pytest
from messages import refused, says

from alphaction.config import load_cfg
from alphaction.config.paths_catalog import (
    AVA_EVAL_LABEL_MAP,
    AVA_LABEL_MAP,
    BUILT_IN,
    DatasetSpec,
    find_dataset,
    known_datasets,
)

AVA_NAMES = ["ava_video_train_v2.1", "ava_video_train_v2.2", "ava_video_val_v2.1", "ava_video_val_v2.2"]
ZOO = """\
name: zoo
videos: movies
label_map: classes.pbtxt
splits:
  train: {annotations: train.csv}
  val: {annotations: val.csv, person_boxes: boxes/val.csv, object_boxes: objects.csv, exclusions: none.csv}
"""


@pytest.fixture
def cfg(tmp_path):
    """A config whose DATA_DIR is empty."""
    (tmp_path / "data").mkdir()
    return load_cfg(None, ["DATASETS.DATA_DIR", tmp_path / "data"])


@pytest.fixture
def put(tmp_path):
    """Return a function that makes files below DATA_DIR."""

    def put(*names: str, text: str = ""):
        for name in names:
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "data" / names[0]

    return put


@pytest.fixture
def zoo(put):
    """The folder of a whole dataset of one's own."""
    put("zoo/dataset.yaml", text=ZOO)
    put(*(f"zoo/{name}" for name in ("movies/a.mp4", "classes.pbtxt", "train.csv", "val.csv", "boxes/val.csv")))
    return put("zoo/objects.csv", "zoo/none.csv").parent


def read_classes(path) -> dict[int, tuple[str, str]]:
    """Return {id: (name, type)} of a pbtxt file."""
    text = path.read_text(encoding="utf-8")
    return {
        int(i): (name, kind)
        for name, i, kind in re.findall(r'name: "(.*)"\s+label_id: (\d+)\s+label_type: (\w+)', text)
    }


def test_ava_as_in_the_usual_layout(cfg, put):
    put("AVA/clips/trainval/m/902.mp4", "AVA/movies/trainval/m.mkv")
    annotations = put("AVA/annotations/ava_val_v2.2.csv").parent
    put("AVA/annotations/ava_val_v2.2_min.json", "AVA/annotations/ava_val_excluded_timestamps_v2.2.csv")
    put("AVA/annotations/ava_action_list_v2.2.pbtxt", "AVA/boxes/ava_val_det_person_bbox.json")
    boxes = put("AVA/boxes/ava_val_det_object_bbox.json").parent
    assert find_dataset(cfg, "ava_video_val_v2.2") == DatasetSpec(
        name="ava_video_val_v2.2",
        videos=None,
        clips=annotations.parent / "clips" / "trainval",
        label_map=annotations / "ava_action_list_v2.2.pbtxt",
        eval_label_map=AVA_EVAL_LABEL_MAP,
        annotations=annotations / "ava_val_v2.2_min.json",
        person_boxes=boxes / "ava_val_det_person_bbox.json",
        object_boxes=boxes / "ava_val_det_object_bbox.json",
        exclusions=annotations / "ava_val_excluded_timestamps_v2.2.csv",
        source=BUILT_IN,
    )


def test_ava_with_the_least_files(cfg, put):
    put("AVA/annotations/ava_train_v2.1.csv.gz", "AVA/movies/trainval/m.mkv")
    spec = find_dataset(cfg, "ava_video_train_v2.1")
    assert spec.annotations.name == "ava_train_v2.1.csv.gz"
    assert (spec.clips, spec.videos.name) == (None, "trainval")
    assert (spec.label_map, spec.eval_label_map) == (AVA_LABEL_MAP, AVA_EVAL_LABEL_MAP)
    assert (spec.person_boxes, spec.object_boxes, spec.exclusions) == (None, None, None)


def test_missing_ava_tells_what_goes_where(cfg):
    message = refused(lambda: find_dataset(cfg, "ava_video_train_v2.2"))
    root = f"{cfg.DATASETS.DATA_DIR}/AVA"
    says(message, f"{root}/annotations/ava_train_v2.2_min.json", f"{root}/clips/trainval", f"{root}/movies/trainval")
    assert ".gz" not in message


def test_a_command_started_elsewhere_is_told_where_the_datasets_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    says(
        refused(lambda: find_dataset(load_cfg(None), "zoo_val")),
        'dataset "zoo_val" is not known: DATASETS.DATA_DIR is data, and there is no such folder in',
        f"{tmp_path}. ",
        "end it with DATASETS.DATA_DIR FOLDER",
    )


def test_own_data(cfg, zoo):
    assert known_datasets(cfg) == [*AVA_NAMES, "zoo_train", "zoo_val"]
    assert find_dataset(cfg, "zoo_val") == DatasetSpec(
        name="zoo_val",
        videos=zoo / "movies",
        clips=None,
        label_map=zoo / "classes.pbtxt",
        eval_label_map=None,
        annotations=zoo / "val.csv",
        person_boxes=zoo / "boxes" / "val.csv",
        object_boxes=zoo / "objects.csv",
        exclusions=zoo / "none.csv",
        source=str(zoo / "dataset.yaml"),
    )
    assert find_dataset(cfg, "zoo_train").person_boxes is None


def test_where_own_data_is_found(cfg, put, zoo, tmp_path):
    put("group/deep/dataset.yaml", text=ZOO.replace("name: zoo", "name: deep"))
    put("group/deep/too/dataset.yaml", text=ZOO.replace("name: zoo", "name: too_deep"))
    put(".zoo-half/zoo/dataset.yaml", text=ZOO)
    elsewhere = tmp_path / "elsewhere" / "set.yaml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(ZOO.replace("name: zoo", "name: far"), encoding="utf-8")
    # The second one is found below DATA_DIR as well and counts once; a folder stands for its dataset.yaml.
    cfg.DATASETS.CATALOG = [str(elsewhere), str(zoo)]
    names = [name for name in known_datasets(cfg) if name not in AVA_NAMES]
    assert names == ["deep_train", "deep_val", "far_train", "far_val", "zoo_train", "zoo_val"]


def test_absolute_paths(cfg, put, zoo):
    text = ZOO.replace("movies", str(zoo / "movies")).replace("classes.pbtxt", str(zoo / "classes.pbtxt"))
    put("other/dataset.yaml", text=text.replace("name: zoo", "name: other"))
    put("other/train.csv")
    spec = find_dataset(cfg, "other_train")
    assert (spec.videos, spec.annotations.parent.name) == (zoo / "movies", "other")


def test_unknown_name_lists_the_known(cfg, zoo):
    refused(
        lambda: find_dataset(cfg, "zoo_vla"),
        '"zoo_vla"',
        '"zoo_val"',
        "ava_video_train_v2.1",
        f"{cfg.DATASETS.DATA_DIR}/NAME/dataset.yaml",
    )


def test_missing_files_are_all_named(cfg, zoo):
    (zoo / "val.csv").rename(zoo / "valid.csv")
    (zoo / "objects.csv").unlink()
    shutil.move(zoo / "movies", zoo / "movie")
    message = refused(
        lambda: find_dataset(cfg, "zoo_val"),
        '"zoo_val"',
        zoo / "dataset.yaml",
        f"videos: {zoo / 'movies'} ",
        f"{zoo / 'movie'}?",
        f"annotations: {zoo / 'val.csv'} ",
        zoo / "valid.csv",
        f"object_boxes: {zoo / 'objects.csv'} ",
    )
    assert message.count("\n") == 3


def test_two_files_with_one_name(cfg, put, zoo):
    other = put("copy/dataset.yaml", text=ZOO)
    refused(lambda: find_dataset(cfg, "zoo_train"), '"zoo_train"', other, zoo / "dataset.yaml")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("name: zoo\n", ""), ["name "]),
        (("name: zoo", "name: 2024"), ["line 1: name ", "2024", "quotes"]),
        (("label_map:", "labelmap:"), ["line 3", "labelmap", '"label_map"?']),
        (("videos: movies\n", ""), ["videos", "clips"]),
        (("videos: movies", "videos: movies\nclips: clips"), ["videos", "clips"]),
        (("{annotations: train.csv}", "{annotation: t.csv}"), ["line 5", "splits.train.annotation.", '"annotations"?']),
        (("{annotations: train.csv}", "train.csv"), ["line 5: splits.train ", "annotations: FILE"]),
        (("name: zoo", "name: zoo\nname: zoo"), ['line 2: "name"']),
    ],
)  # fmt: skip
def test_mistakes_in_a_data_set_file(cfg, put, change, expected):
    path = put("zoo/dataset.yaml", text=ZOO.replace(*change))
    refused(lambda: find_dataset(cfg, "zoo_train"), path, *expected)


def test_files_of_other_tools_do_not_stop_a_run(cfg, put, zoo, caplog):
    foreign = put("yolo/dataset.yaml", text="path: yolo\ntrain: images/train\nval: images/val\nnames: {0: person}\n")
    broken = put("half/dataset.yaml", text="name: [half\n")
    put("twice_a/dataset.yaml", "twice_b/dataset.yaml", text=ZOO.replace("name: zoo", "name: twice"))
    assert find_dataset(cfg, "zoo_train").annotations == zoo / "train.csv"
    for path in (foreign, broken):
        assert str(path) in caplog.text
    refused(lambda: find_dataset(cfg, "half_train"), '"half_train"', broken, foreign)
    cfg.DATASETS.CATALOG = [str(foreign)]
    refused(lambda: find_dataset(cfg, "zoo_train"), foreign, "path")


def test_no_splits(cfg, put):
    put("zoo/dataset.yaml", text=ZOO.split("splits:")[0])
    refused(lambda: find_dataset(cfg, "zoo_train"), "splits")
    put("zoo/dataset.yaml", text=ZOO.split("splits:")[0] + "splits: [train]")
    refused(lambda: find_dataset(cfg, "zoo_train"), "splits")


def test_catalog_entry_that_does_not_exist(cfg, zoo):
    cfg.DATASETS.CATALOG = [str(zoo / "datasets.yaml")]
    refused(lambda: find_dataset(cfg, "zoo_train"), "DATASETS.CATALOG", zoo / "datasets.yaml", zoo / "dataset.yaml")


def test_ava_classes():
    classes = read_classes(AVA_LABEL_MAP)
    assert list(classes) == list(range(1, 81))
    kinds = [kind for _, kind in classes.values()]
    assert kinds == ["PERSON_MOVEMENT"] * 14 + ["OBJECT_MANIPULATION"] * 49 + ["PERSON_INTERACTION"] * 17
    assert classes[1][0] == "bend/bow (at the waist)"
    assert classes[21][0] == "clink glass"
    assert classes[80][0] == "watch (a person)"
    assert len({name for name, _ in classes.values()}) == 80


def test_ava_classes_that_count():
    classes, counted = read_classes(AVA_LABEL_MAP), read_classes(AVA_EVAL_LABEL_MAP)
    assert len(counted) == 60
    assert all(classes[class_id] == entry for class_id, entry in counted.items())


def test_ava_classes_agree_with_the_official_list(shared_dir):
    text = (shared_dir / "ava_eval" / "action_list.pbtxt").read_text(encoding="utf-8")
    official = {int(i): name for name, i in re.findall(r'name: "(.*)"\s+id: (\d+)', text)}
    assert {class_id: name for class_id, (name, _) in read_classes(AVA_EVAL_LABEL_MAP).items()} == official


@pytest.mark.parametrize("name", ["../../../escaped", "/tmp/escaped", "a/b", "C:\\x", ".", "..", '"a\\eb"', "x" * 300])
def test_a_dataset_cannot_be_named_out_of_the_folder_of_results(cfg, zoo, name):
    (zoo / "dataset.yaml").write_text(ZOO.replace("name: zoo", f"name: {name}"), encoding="utf-8")
    cfg.DATASETS.CATALOG = [str(zoo)]
    refused(lambda: find_dataset(cfg, "any_train"), zoo / "dataset.yaml", "names folders")


def test_a_split_cannot_either(cfg, zoo):
    (zoo / "dataset.yaml").write_text(ZOO.replace("train: {", "/../../up: {"), encoding="utf-8")
    cfg.DATASETS.CATALOG = [str(zoo)]
    refused(lambda: find_dataset(cfg, "zoo_val"), "zoo_/../../up", "slash")


def test_links_of_clips_are_followed_where_the_config_says_so(cfg, zoo):
    assert find_dataset(cfg, "zoo_val").follow_links is False
    cfg.DATASETS.FOLLOW_LINKS = True
    assert find_dataset(cfg, "zoo_val").follow_links is True


def test_a_name_that_no_file_can_have_is_missing(put, cfg):
    put("zoo/dataset.yaml", text=ZOO.replace("train.csv", f"{'x' * 5000}.csv"))
    refused(lambda: find_dataset(cfg, "zoo_train"), "annotations: ", "does not exist")
