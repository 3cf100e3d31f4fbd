"""The files of a toy dataset, and what happens to a folder that is already there."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
import yaml
from messages import says
from torchvision.ops import box_iou

from alphaction.commands.toy import main, next_commands
from alphaction.config import load_cfg
from alphaction.config.paths_catalog import find_dataset, known_datasets
from alphaction.toy import ToyOptions, make_toy_dataset
from alphaction.toy.actions_world import ActionsWorld
from alphaction.toy.interactions_world import InteractionsWorld
from alphaction.toy.make import summary
from alphaction.toy.world import WORLDS, build_world
from alphaction.utils.errors import UserError

TABLES = ("annotations/{}.csv", "annotations/{}_excluded_timestamps.csv")
BOX_TABLES = ("boxes/{}_person_detections.csv", "boxes/{}_object_detections.csv")


def rows(folder: Path, name: str) -> list[list[str]]:
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*/*.csv"))}


def frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_videos_are_as_asked(tiny_dataset, tiny_options):
    names = sorted(path.name for path in (tiny_dataset / "videos").iterdir())
    assert names == ["train_000.mp4", "train_001.mp4", "train_002.mp4", "val_000.mp4", "val_001.mp4"]
    with av.open(str(tiny_dataset / "videos" / "train_000.mp4")) as container:
        assert container.streams.video[0].average_rate == 10
    assert frames(tiny_dataset / "videos" / "val_001.mp4").shape == (50, 96, 128, 3)


def test_annotations_are_valid_and_counted(tiny_dataset, tiny_options):
    counts = json.loads((tiny_dataset / "toy.json").read_text())["boxes_per_class"]
    names = {str(toy_class.id): toy_class.name for toy_class in ActionsWorld.classes}
    for split, videos in (("train", 3), ("val", 2)):
        found = rows(tiny_dataset, f"annotations/{split}.csv")
        excluded = {tuple(row) for row in rows(tiny_dataset, f"annotations/{split}_excluded_timestamps.csv")}
        seconds = {(row[0], row[1]) for row in found}
        assert not seconds & excluded
        assert seconds | excluded == {(f"{split}_{v:03d}", f"{t:04d}") for v in range(videos) for t in range(5)}
        boxes = np.array([row[2:6] for row in found], dtype=float)
        assert boxes.min() >= 0
        assert boxes.max() <= 1
        assert ((boxes[:, 3] - boxes[:, 1]) * tiny_options.height).min() > 25
        assert np.all(boxes[:, 2] > boxes[:, 0])
        assert len({tuple(row) for row in found}) == len(found)
        for name, count in Counter(names[row[6]] for row in found).items():
            assert counts[name][split] == count


def test_detections_find_the_annotated_people(tiny_dataset):
    annotated: dict[tuple, set] = {}
    detected: dict[tuple, list] = {}
    for row in rows(tiny_dataset, "annotations/train.csv"):
        annotated.setdefault((row[0], row[1]), set()).add(tuple(map(float, row[2:6])))
    for row in rows(tiny_dataset, "boxes/train_person_detections.csv"):
        detected.setdefault((row[0], row[1]), []).append(tuple(map(float, row[2:6])))
        assert 0 < float(row[6]) <= 1
    overlaps = torch.cat(
        [box_iou(torch.tensor(list(b)), torch.tensor(detected[k])).amax(1) for k, b in annotated.items()]
    )
    assert 0.85 < (overlaps > 0.5).float().mean() <= 1
    assert (overlaps < 0.999).all()


def test_object_boxes_belong_to_those_who_carry(tiny_dataset):
    carrying = {toy_class.id for toy_class in ActionsWorld.classes if toy_class.group == "object"}
    expected = sum(int(row[6]) in carrying for row in rows(tiny_dataset, "annotations/train.csv"))
    keyframes = {tuple(row[:2]) for row in rows(tiny_dataset, "annotations/train.csv")}
    found = [row for row in rows(tiny_dataset, "boxes/train_object_detections.csv") if tuple(row[:2]) in keyframes]
    assert expected > 0
    assert abs(len(found) - expected) <= max(2, 0.2 * expected)


def test_catalog_names_files_that_exist(tiny_dataset):
    catalog = yaml.safe_load((tiny_dataset / "dataset.yaml").read_text())
    assert catalog["name"] == "toy"
    files = [catalog["videos"], catalog["label_map"]]
    for split in ("train", "val"):
        assert set(catalog["splits"][split]) == {"annotations", "exclusions", "person_boxes", "object_boxes"}
        files += catalog["splits"][split].values()
    assert all((tiny_dataset / file).exists() for file in files)
    label_map = (tiny_dataset / catalog["label_map"]).read_text()
    assert label_map.count("label {") == 13
    assert 'name: "shake hands with (a person)"\n  label_id: 12\n  label_type: PERSON_INTERACTION' in label_map


def test_same_seed_same_data_other_seed_other_data(tiny_dataset, tiny_options, tmp_path):
    again = make_toy_dataset(tmp_path / "again", tiny_options)
    assert tables(again) == tables(tiny_dataset)
    for video in ("train_000", "val_001"):
        first, second = (frames(folder / "videos" / f"{video}.mp4") for folder in (tiny_dataset, again))
        np.testing.assert_array_equal(first, second)
    other = make_toy_dataset(tmp_path / "other", replace(tiny_options, num_train=1, num_val=1, seed=5))
    assert (
        rows(other, "annotations/train.csv")
        != rows(tiny_dataset, "annotations/train.csv")[: len(rows(other, "annotations/train.csv"))]
    )
    assert np.any(frames(other / "videos" / "train_000.mp4") != frames(tiny_dataset / "videos" / "train_000.mp4"))


def test_splits_differ(tiny_dataset):
    train, val = (frames(tiny_dataset / "videos" / f"{split}_000.mp4") for split in ("train", "val"))
    assert np.abs(train.astype(int) - val).mean() > 10


SMALL = ToyOptions(num_train=1, num_val=1, seconds=3, fps=8.0, width=128, height=96)


def test_equal_options_reuse_the_folder(tmp_path):
    folder = make_toy_dataset(tmp_path / "toy", SMALL)
    video = folder / "videos" / "train_000.mp4"
    video.write_bytes(b"marker")
    make_toy_dataset(folder, SMALL)
    assert video.read_bytes() == b"marker"


def test_datasets_side_by_side_are_named_after_their_folders(tmp_path):
    for name in ("toy", "toy-large 2"):
        make_toy_dataset(tmp_path / name, SMALL)
    cfg = load_cfg(None, ["DATASETS.DATA_DIR", str(tmp_path)])
    names = {name for name in known_datasets(cfg) if name.startswith("toy")}
    assert names == {"toy_train", "toy_val", "toy_large_2_train", "toy_large_2_val"}
    assert find_dataset(cfg, "toy_large_2_val").videos == tmp_path / "toy-large 2" / "videos"


def test_other_options_need_force_and_leave_foreign_files(tmp_path):
    folder = make_toy_dataset(tmp_path / "toy", SMALL)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"seed: .* 0.* 9.*--force"):
        make_toy_dataset(folder, replace(SMALL, seed=9))
    make_toy_dataset(folder, replace(SMALL, seed=9), force=True)
    assert json.loads((folder / "toy.json").read_text())["options"]["seed"] == 9
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_folder_of_something_else_is_never_touched(tmp_path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(UserError, match=str(tmp_path)):
        make_toy_dataset(tmp_path, SMALL, force=True)
    with pytest.raises(UserError, match="mine"):
        make_toy_dataset(tmp_path / "mine", SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_args, **_options):
        raise RuntimeError("disk full")

    monkeypatch.setattr("alphaction.toy.writer.write_video", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        make_toy_dataset(tmp_path / "toy", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_all_bad_options_are_named_at_once():
    bad = ToyOptions(num_train=0, seconds=2, fps=3.0, width=91, height=96, seed=-1)
    with pytest.raises(UserError) as error:
        bad.check(ActionsWorld.limits)
    for part in (
        "--num-train 0",
        "--seconds 2",
        "--fps 3",
        "--width 91: expected 120 to 288",
        "even number",
        "--seed -1",
    ):
        assert part in str(error.value)


@pytest.mark.parametrize("size", [(120, 96), (288, 96), (160, 120)])
def test_frame_sizes_at_the_limits_are_planned(size):
    options = replace(ToyOptions(), width=size[0], height=size[1])
    options.check(ActionsWorld.limits)
    scenes = ActionsWorld().plan(10, options, np.random.default_rng(0))
    assert all(len(scene.actors) >= 4 for scene in scenes)


@pytest.mark.parametrize("world", sorted(WORLDS))
def test_defaults_of_a_world_are_its_own_and_within_its_limits(world):
    offered = build_world(world)
    assert offered.defaults.world == world
    offered.defaults.check(offered.limits)
    assert len(offered.plan(2, offered.defaults, np.random.default_rng(0))) == 2


def test_limits_are_those_of_the_world():
    limits = InteractionsWorld.limits
    with pytest.raises(UserError) as error:
        replace(ToyOptions(), world="interactions", seconds=limits.min_seconds - 1).check(limits)
    assert f"--seconds {limits.min_seconds - 1}: expected {limits.min_seconds} to {limits.max_seconds}" in str(
        error.value
    )
    low, high = 120 * limits.min_aspect, 120 * limits.max_aspect
    assert f"--width 160: expected {low:g} to {high:g} for --height 120" in str(error.value)
    with pytest.raises(UserError, match=r"--height 48: expected 96"):
        InteractionsWorld.defaults.check(ActionsWorld.limits)


@pytest.fixture(scope="module")
def interactions(tmp_path_factory) -> Path:
    options = replace(InteractionsWorld.defaults, num_train=4, num_val=2, seconds=9)
    return make_toy_dataset(tmp_path_factory.mktemp("data") / "interactions", options)


def annotated_persons(folder: Path, split: str) -> dict[tuple[str, ...], set[int]]:
    """Return the class ids of each person, by video, second, box and person id."""
    persons: dict[tuple[str, ...], set[int]] = {}
    for row in rows(folder, f"annotations/{split}.csv"):
        persons.setdefault((*row[:6], row[7]), set()).add(int(row[6]))
    return persons


@pytest.mark.parametrize(("dataset", "world"), [("tiny_dataset", "actions"), ("interactions", "interactions")])
def test_chance_is_the_share_of_persons_in_the_tables(request, dataset, world):
    folder, classes = request.getfixturevalue(dataset), WORLDS[world].classes
    record = json.loads((folder / "toy.json").read_text())
    assert record["kinds"] == {toy_class.name: toy_class.kind for toy_class in classes}
    for split in ("train", "val"):
        persons = annotated_persons(folder, split)
        shares = {c.name: sum(c.id in found for found in persons.values()) / len(persons) for c in classes}
        assert record["chance"][split] == pytest.approx(shares, abs=1e-12)
        counted = {c.name: sum(c.id in found for found in persons.values()) for c in classes}
        assert {name: boxes[split] for name, boxes in record["boxes_per_class"].items()} == counted


def test_summary_has_a_mean_for_each_of_several_kinds():
    record = {
        "boxes_per_class": {
            "run": {"train": 30, "val": 4},
            "sit": {"train": 10, "val": 2},
            "wait": {"train": 5, "val": 1},
        },
        "kinds": {"run": "own", "sit": "own", "wait": "memory"},
        "chance": {"train": {"run": 0.6, "sit": 0.2, "wait": 0.1}, "val": {"run": 0.5, "sit": 0.25, "wait": 0.125}},
    }
    cells = [line.split() for line in summary(record)]
    assert cells[1:] == [
        ["run", "own", "30", "4", "60.0", "50.0"],
        ["sit", "own", "10", "2", "20.0", "25.0"],
        ["wait", "memory", "5", "1", "10.0", "12.5"],
        ["mean", "own", "40.0", "37.5"],
        ["mean", "memory", "10.0", "12.5"],
    ]
    record["kinds"]["wait"] = "own"
    assert not any(line.split()[0] == "mean" for line in summary(record)[1:])


def test_exact_detections_are_the_annotated_boxes(interactions):
    annotated = {key[:6] for key in annotated_persons(interactions, "val")}
    detected = rows(interactions, "boxes/val_person_detections.csv")
    assert {tuple(row[:6]) for row in detected} == annotated
    assert len(detected) == len(annotated) == 2 * 2 * 9
    objects = rows(interactions, "boxes/val_object_detections.csv")
    assert [row[:2] for row in objects] == [[f"val_{v:03d}", f"{t:04d}"] for v in range(2) for t in range(9)]
    assert {row[6] for row in detected + objects} == {"1.000"}


def test_videos_of_a_pair_share_their_look(interactions, tiny_dataset):
    """Between the persons and the ball nothing differs, not even the noise."""
    first, twin, stranger = (frames(interactions / "videos" / f"train_{i:03d}.mp4").astype(int) for i in range(3))
    width = first.shape[2]
    for free in (slice(width // 4, width // 4 + 16), slice(3 * width // 4 - 16, 3 * width // 4)):
        assert np.abs(first - twin)[:, :, free].mean() < 1.0
        assert np.abs(first - stranger)[:, :, free].mean() > 5
    assert np.abs(first - twin).max() > 50
    alone = [frames(tiny_dataset / "videos" / f"train_{i:03d}.mp4").astype(int) for i in range(2)]
    assert np.abs(alone[0] - alone[1])[:, :8].mean() > 5


NAME = "make_toy_dataset.py"


def test_command_line(tool, tmp_path):
    flags = ["--num-train", "1", "--num-val", "1", "--seconds", "3", "--fps", "8", "--width", "128", "--height", "96"]
    status, out, err = tool(NAME, "--output", tmp_path / "toy", *flags)
    assert status == 0, err
    assert "stay still" in out
    status, _, err = tool(NAME, "--output", tmp_path / "toy", *flags, "--seed", 3)
    assert status == 2
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_command_line_takes_the_defaults_of_the_world(tool, tmp_path):
    flags = ("--world", "interactions", "--num-train", 2, "--num-val", 2, "--seconds", 8)
    status, out, err = tool(NAME, "--output", tmp_path / "mine", *flags)
    assert (status, out.count("mean")) == (0, 4), err
    options = json.loads((tmp_path / "mine" / "toy.json").read_text())["options"]
    defaults = InteractionsWorld.defaults
    assert (options["width"], options["height"], options["fps"]) == (defaults.width, defaults.height, defaults.fps)
    line = next(line.split() for line in out.splitlines() if "bounce" in line)
    assert line[-5:] == ["object", "16", "16", "50.0", "50.0"]
    assert "deprecated" not in err


def test_command_line_names_what_is_wrong(tool, tmp_path):
    status, out, err = tool(NAME, "--world", "interaction", "--output", tmp_path / "mine")
    assert (status, out) == (2, "")
    assert err.startswith("error: --world interaction: ")
    assert "interactions" in err
    status, _, err = tool(NAME, "--world", "interactions", "--output", tmp_path / "mine", "--seconds", 4)
    assert status == 2
    says(err, "--seconds 4: ", "8 to 20")
    assert not list(tmp_path.iterdir())


def test_help_tells_of_the_worlds(tool):
    shown = " ".join(tool(NAME, "--help")[1].split())
    assert "--world interactions --output data/interactions" in shown
    for name in ("width", "num_train"):
        values = [str(getattr(world.defaults, name)) for world in WORLDS.values()]
        assert f"--{name.replace('_', '-')} {' '.join(values)}" in shown


def test_the_command_says_what_comes_next(tiny_dataset, tiny_options, monkeypatch, capsys):
    flags = [
        word for name, value in asdict(tiny_options).items() for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    flags = [word for word in flags if word not in ("--world", tiny_options.world)]
    monkeypatch.delenv("ALPHACTION_STARTED_BY", raising=False)
    monkeypatch.setattr(sys, "argv", ["make_toy_dataset.py", "--output", str(tiny_dataset), *flags])
    main()
    said = capsys.readouterr().out
    assert said.endswith("Next:\n  " + "\n  ".join(next_commands(tiny_dataset)) + "\n")
    says(said, "generate_finetune_config.py --dataset-name toy --backbone tiny -o output/toy.yaml DATASETS.CATALOG ")
    # Where datasets are looked for, nothing has to say where this one is.
    monkeypatch.chdir(tiny_dataset.parent.parent)
    (Path("data")).symlink_to(tiny_dataset.parent.name)
    assert next_commands(Path("data/toy"))[1].endswith("-o output/toy.yaml")
    Path("data").unlink()
    # The demo goes on by itself.
    monkeypatch.setenv("ALPHACTION_STARTED_BY", "bash demo.sh")
    main()
    assert "Next" not in capsys.readouterr().out
