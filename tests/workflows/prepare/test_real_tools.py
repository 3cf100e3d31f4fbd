"""Files that Label Studio, Vidat and VIA really wrote, against an independent parse of them."""

from __future__ import annotations

from collections import Counter

import pytest
from workflows.prepare.importing import imported, listed

from alphaction.data.annotations import read_label_map
from alphaction.data.video.file import VideoInfo
from alphaction.workflows.prepare.class_collection import resolve_classes

OPOSSUM = {"opossum_snow": VideoInfo(1280, 720, 30000 / 1001, 42.0, 1259)}


@pytest.fixture(scope="module")
def exports(repo_root):
    folder = repo_root.parent / "shared" / "exports"
    if not folder.is_dir():
        pytest.skip("the real exports are not here")
    return folder


def labels_of(found) -> Counter:
    return Counter(label for row in listed(found) for label in row[3])


@pytest.mark.parametrize(
    ("name", "seconds", "labels", "first"),
    [
        ("ls_airplane", [2, *range(4, 43)], {"Airplane": 40}, (2, (0.3464, 0.8067, 0.4753, 0.9665), ("Airplane",))),
        (
            "ls_car_airplane",
            [0, 2, *range(4, 43)],
            {"Airplane": 40, "Car": 1},
            (0, (0.3827, 0.3890, 0.7960, 0.6110), ("Car",)),
        ),
    ],
)
def test_label_studio(exports, name, seconds, labels, first):
    found = imported(exports / "label_studio" / f"{name}.json", OPOSSUM)
    rows = listed(found)
    assert rows[0][1:4] == first
    assert sorted(row[1] for row in rows) == seconds
    assert labels_of(found) == labels
    assert len({row[4] for row in rows}) == len(labels)


def test_vidat(exports):
    video = {"example": VideoInfo(640, 480, 97500 / 3259, 13.04, 390)}
    found = imported(exports / "vidat" / "example.json", video)
    rows = listed(found)
    assert rows[0] == ("example", 0, (0.2377, 0.2832, 0.4515, 0.5788), (), -1)
    assert len(rows) == 37
    assert sorted({row[1] for row in rows}) == list(range(14))
    assert labels_of(found) == {"robot": 14, "book": 13}
    assert sum(not row[3] for row in rows) == 10


def test_label_studio_timeline(exports):
    video = {"opossum_snow_short": VideoInfo(1280, 720, 30000 / 1001, 1.17, 35)}
    found = imported(exports / "ls_timeline" / "test_timeline_labels_1.json", video)
    assert len(found) == 0
    # Frames 1 to 10 and 5 to 15 of 25 a second; each lasts half a frame around its moment.
    assert [segment[1:4] for segment in found.segments] == [(0.0, 0.38, "Car"), (0.14, 0.58, "croquet_ball")]


def test_via_segments(exports):
    video = {"01NVb-003-072-2 echo cont": VideoInfo(320, 240, 10.0, 480.0, 4800)}
    found = imported(exports / "via_segments" / "01NVb_003_072_T2_4CV.json", video)
    assert len(found) == 0
    assert {segment[0] for segment in found.segments} == set(video)
    assert [segment[1:4] for segment in found.segments] == [
        (354.04942, 359.17442, "4CV_NP"),
        (466.50775, 468.82025, "4CV_NP"),
        (470.216, 472.27858, "4CV_NP"),
    ]


def test_label_map_as_text(exports):
    label_map = read_label_map(exports / "label_map_txt" / "labelmap.txt")
    assert label_map.ids == tuple(range(1, 9))
    found = imported(exports / "label_map_txt" / "keyframes.csv", {"bench_177": VideoInfo(640, 344, 10.0, 24.0, 240)})
    classes = resolve_classes([found], label_map)
    assert classes.label_map.names == (
        "Welding", "Grinding", "Lifting", "Idle", "Inspecting", "Walking", "Carrying", "Talking",
    )  # fmt: skip
    assert len(found) == 22
    assert listed(found)[0][:3] == ("bench_177", 1, (0.1, 0.1, 0.9, 0.9))
    assert label_map.find(classes.class_ids[0][0][0]).name == "Welding"
