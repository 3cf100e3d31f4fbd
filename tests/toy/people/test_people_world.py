"""The world "people": its labels are what is drawn, and its files are read like those of any dataset."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from alphaction.config import load_cfg
from alphaction.data.annotations import read_annotations, read_label_map
from alphaction.data.augmentation import flip_pairs
from alphaction.toy import make_toy_dataset
from alphaction.toy.people.acts import Act
from alphaction.toy.people.body import JOINT
from alphaction.toy.people.film import Film
from alphaction.toy.people.labels import CLASSES, MOVEMENTS, labels_of, pose_labels, sector
from alphaction.toy.people.repertoire import BODY, GESTURES
from alphaction.toy.people.stage import Director
from alphaction.toy.people.world import PeopleDrawing, PeopleWorld
from alphaction.toy.toy_options import ToyOptions

GROUP_OF = {toy_class.name: toy_class.group for toy_class in CLASSES}
SMALL = replace(PeopleWorld.defaults, num_train=2, num_val=1, seconds=2, width=80, height=64)


@pytest.fixture(scope="module")
def drawings() -> list[PeopleDrawing]:
    director = Director(np.random.default_rng(0))
    return [PeopleDrawing(director.video(80, 64, 4), 12.0) for _ in range(40)]


def test_everyone_has_one_class_of_each_exclusive_group(drawings):
    groups = {c.group for c in CLASSES} - {"person"}
    found = Counter()
    for drawing in drawings:
        for second in (1, 2, 3):
            for person in drawing.persons(second):
                counts = Counter(GROUP_OF[name] for name in person.labels)
                assert {name: count for name, count in counts.items() if name != "person"} == dict.fromkeys(groups, 1)
                assert (0 <= person.box).all()
                assert (person.box <= 1).all()
                assert (person.box[:2] < person.box[2:]).all()
                found.update(person.labels)
    assert len(found) > 0.9 * len(CLASSES)


def test_names_are_unique_and_mirrored_classes_are_those_of_the_config(repo_root):
    names = [c.name for c in CLASSES]
    assert len(set(names)) == len(names)
    assert [c.id for c in CLASSES] == list(range(1, len(names) + 1))
    assert set(MOVEMENTS) | set(GESTURES) < set(names)
    cfg = load_cfg(repo_root / "config_files" / "tiny" / "rendered.yaml")
    assert [list(pair) for pair in cfg.INPUT.FLIP_CLASS_PAIRS] == flip_pairs(names)
    assert len(flip_pairs(names)) == sum("left" in name for name in names)


def test_walks_go_where_their_class_says(drawings):
    seen = 0
    for drawing in drawings:
        for figure in drawing.film.figures:
            role = figure.role
            steady = [act for act in role.acts if act.goes]
            if len(role.acts) != 1 or not steady:
                continue
            points, way = figure.points[:, JOINT["pelvis"]], sector(float(figure.facing[24 * drawing.film.moments]))
            label = labels_of(role.acts[0], 2.0, float(figure.facing[24 * drawing.film.moments]), "")[0]
            moved = points[-1, 0] - points[0, 0]
            if way in (1, 3) and label.startswith(("walk", "run")):
                assert label.endswith("right" if moved > 0 else "left")
                seen += 1
    assert seen


def test_who_has_fallen_lies(drawings):
    fall = next(motion for motion in BODY if motion.movement == "fall down")
    act = Act(fall, "stand", 0.0, "normal", 1.0, 1.0, 0.0, False, "", 1.0, (1.0, 1.0, np.zeros((4, 3))))
    assert [labels_of(act, time, 0.0, "")[0] for time in (1.0, 2.0)] == ["fall down", "lie"]
    assert labels_of(act, 2.0, 0.0, "")[-1] == "no movement"


def test_what_shows_of_a_pose_is_named_by_the_sides_of_the_picture():
    points = np.zeros((3, len(JOINT), 2))
    points[:, JOINT["chest"]] = (0, -30)
    points[:, JOINT["r_hand"]] = [(-20, -50), (-20, -40), (-20, -30)]  # faces the camera: his right is on the left
    points[:, JOINT["l_hand"]] = [(20, 0), (24, 0), (28, 0)]
    labels = pose_labels(points, np.full(3, 100.0), np.array([0.2, 0.2, 0.45]), 0.5)
    assert labels == (
        "left hand high",
        "right hand low",
        "left hand moves down",
        "right hand still",
        "hips high",
        "both feet off the ground",
    )
    faster = pose_labels(points, np.full(3, 50.0), np.array([0.0, 0.0, 0.1]), 0.5)
    assert faster[3:] == ("right hand moves outwards", "hips near the ground", "feet still")


def test_frames_move_with_people_and_equal_plans_give_equal_frames(drawings):
    film = drawings[0].film
    frames = list(film.frames())
    assert len(frames) == 48
    assert frames[0].shape == (64, 80, 3)
    assert frames[0].dtype == np.uint8
    again = Director(np.random.default_rng(0)).video(80, 64, 4)
    np.testing.assert_array_equal(Film(again, 12.0).frame(0), frames[0])
    assert np.abs(frames[10].astype(int) - frames[20]).max() > 30


def test_a_dataset_is_read_with_its_exclusive_groups(tmp_path):
    folder = make_toy_dataset(tmp_path / "people", SMALL)
    label_map = read_label_map(folder / "annotations" / "toy_action_list.pbtxt")
    assert label_map.names == tuple(c.name for c in CLASSES)
    own = {group.name for group in label_map.own_groups}
    assert own == {c.group for c in CLASSES} - {"movement", "person"}
    assert own <= set(label_map.exclusive)
    table = read_annotations(folder / "annotations" / "train.csv", label_map)
    assert {second for _, second in table.keyframes} == {1}
    assert (folder / "annotations" / "train_excluded_timestamps.csv").read_text() == "train_000,0000\ntrain_001,0000\n"
    assert isinstance(PeopleWorld.defaults, ToyOptions)
