"""Files that CVAT really wrote, or others in its form, against an independent parse of them."""

from __future__ import annotations

from collections import Counter

import pytest
from workflows.prepare.importing import listed

from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.video.file import VideoInfo
from alphaction.workflows.prepare.annotation_search import find_annotation_files
from alphaction.workflows.prepare.import_rows import ReadingRules, import_annotations


@pytest.fixture(scope="module")
def exports(shared_dir):
    folder = shared_dir / "exports"
    if not folder.is_dir():
        pytest.skip("the real exports are not here")
    return folder


def read(folder, infos, **rules):
    """Return the parts of a folder's files, and their boxes."""
    files = find_annotation_files("--annotations", (folder,)).files
    parts = import_annotations(files, ReadingRules(**rules), info=infos.__getitem__, video_names=list(infos))
    return parts, [row for part in parts for row in listed(part)]


def labels_of(rows) -> Counter:
    return Counter(label for row in rows for label in row[3])


@pytest.mark.parametrize("wanted", [(), ("action",)])
def test_jaad(exports, wanted):
    info = VideoInfo(1920, 1080, 30.0, 5.0, 150)
    parts, rows = read(exports / "jaad", {"video_0300": info, "video_0013": info}, action_attributes=wanted)
    assert [len(part) for part in parts] == [0, 5]
    assert [row[1] for row in rows] == [0, 1, 2, 3, 4]
    assert rows[0][:4] == ("video_0300", 0, (0.0, 0.6315, 0.0182, 0.8417), ("walking",))
    assert labels_of(rows) == {"walking": 5}
    assert len({row[4] for row in rows}) == 1


def test_job(exports):
    infos = {"traffic": VideoInfo(1280, 720, 5.0, 44.2, 221), "other": VideoInfo(640, 480, 30.0, 1.0, 30)}
    _, rows = read(exports / "cvat_job", infos, naming=FrameNaming(video_name="traffic"))
    assert len(rows) == 353
    assert {row[:2] for row in rows} == {("traffic", second) for second in range(45)}
    assert [(row[1], row[3]) for row in rows if row[3]] == [(1, ("car",)), (2, ("car",)), (3, ("car",))]
    assert len({row[4] for row in rows}) == 20
    assert rows[0] == ("traffic", 0, (0.5714, 0.3602, 0.7021, 0.9497), (), 0)


def test_project(exports):
    infos = {"a": VideoInfo(640, 480, 30.0, 10.0, 300), "b": VideoInfo(640, 480, 30.0, 30.0, 900)}
    [part], rows = read(exports / "cvat_project", infos)
    assert not any("counted" in note for note in part.notes)
    by_box = {row[:2]: row for row in rows}
    assert len(by_box) == len(rows) == 21
    assert {key: row[3] for key, row in by_box.items()} == {
        **{("a", second): ("wave",) for second in range(7)},
        **{("b", second): ("run",) for second in range(5)},
        **{("b", second): ("run", "wave") for second in (5, 6)},
        **{("b", second): ("wave",) for second in range(7, 14)},
    }
    assert by_box["a", 0][2] == (0.1562, 0.2083, 0.3125, 0.6250)
    assert by_box["b", 5][2] == (0.1797, 0.2083, 0.3359, 0.6250)


def test_tracks_without_meta(exports):
    infos = {"DJI_0068": VideoInfo(3840, 2160, 5.0, 5.0, 25), "other": VideoInfo(640, 480, 30.0, 1.0, 30)}
    [part], rows = read(exports / "cvat_bare", infos, naming=FrameNaming(video_name="DJI_0068"))
    assert [row[1] for row in rows].count(0) == 2
    assert {row[1] for row in rows} == {0, 1, 2, 3, 4}
    assert labels_of(rows) == {"Grevy": 10}
    assert len({row[4] for row in rows}) == 2
    assert rows[0][:4] == ("DJI_0068", 0, (0.5237, 0.8718, 0.5555, 0.9157), ("Grevy",))
    assert part.notes[1] == "frames are counted at the video's own 5 a second (--frame-rate says otherwise)"
