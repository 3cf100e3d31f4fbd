"""Files of one import that show the same videos: how their frames are numbered, and which of them count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alphaction.data.formats.frame_clock import NOT_NEAREST, nearest_seconds
from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.formats.rows import RowTable
from alphaction.data.video.file import VideoInfo
from alphaction.workflows.prepare.import_rows import ReadingRules, import_annotations
from alphaction.workflows.prepare.unnamed_files import unused_note

INFO = VideoInfo(width=640, height=480, fps=30.0, duration=10.0, frames=300)
HASH = "0123456789abcdef0123456789abcdef"
CVATS = {"licenses": [{"name": "", "id": 0, "url": ""}]}


def read(folder: Path, *contents, splits=(), **naming) -> tuple[list[dict], list[RowTable]]:
    """Import files of the video a; return second -> number of boxes of each, and their rows."""
    paths = []
    for number, content in enumerate(contents):
        paths.append(folder / str(number) / "file.txt")
        paths[-1].parent.mkdir(exist_ok=True)
        paths[-1].write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    tables = import_annotations(
        paths, ReadingRules(naming=FrameNaming(**naming)), info=lambda video: INFO, video_names=["a"], splits=splits
    )
    found = []
    for table in tables:
        boxes = dict.fromkeys(table.numbers.tolist(), 0)
        for number, boxed in zip(table.numbers.tolist(), table.has_box.tolist(), strict=True):
            boxes[number] += boxed
        found.append(dict(sorted(boxes.items())))
    return found, tables


def coco(names, boxed=None, **more) -> dict:
    """Return COCO JSON with a box on each of the pictures, or on those of ``boxed``."""
    images = [{"id": i, "file_name": name, "width": 640, "height": 480} for i, name in enumerate(names)]
    some = [i for i, name in enumerate(names) if boxed is None or name in boxed]
    boxes = [{"id": k, "image_id": i, "category_id": 1, "bbox": [64, 48, 64, 48]} for k, i in enumerate(some)]
    return {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "wave"}], **more}


def roboflow(*frames: int, copies: int = 1) -> list[str]:
    return [f"frame_{frame:04d}_jpg.rf.{HASH[:-1]}{copy}.jpg" for frame in frames for copy in range(copies)]


def test_frames_count_from_0_if_one_file_of_the_import_has_a_frame_0(tmp_path):
    train, val = coco(roboflow(0, 1, 3, 5, 6)), coco(roboflow(2, 4, 7))
    found, tables = read(tmp_path, train, val, splits=("train", "val"), frame_rate=1)
    assert [list(some) for some in found] == [[0, 1, 3, 5, 6], [2, 4, 7]]
    assert "counted from 0" in tables[1].notes[0]
    assert list(read(tmp_path, val, frame_rate=1)[0][0]) == [1, 3, 6]


def test_another_spelling_is_another_numbering(tmp_path):
    found, _ = read(tmp_path, coco(["a_0.jpg", "a_1.jpg"]), coco(["img-2.jpg", "img-4.jpg"]), frame_rate=1)
    assert [list(some) for some in found] == [[0, 1], [1, 3]]


def test_a_frame_0_among_copies_of_augmentation_counts(tmp_path):
    data = coco([*roboflow(0, copies=2), *roboflow(2, 4)])
    for image in data["images"]:
        image["extra"] = {"name": image["file_name"].partition("_jpg")[0] + ".jpg"}
    found, tables = read(tmp_path, data, frame_rate=1)
    assert list(found[0]) == [2, 4]
    assert "counted from 0" in tables[0].notes[0]


def test_numbers_of_frames_in_csv_files(tmp_path):
    head = "video,frame,x1,y1,x2,y2,label\n"
    parts = [head + "".join(f"a,{frame},0.1,0.1,0.5,0.5,wave\n" for frame in some) for some in ((0, 1, 3), (2, 4))]
    found, _ = read(tmp_path, *parts, frame_rate=1)
    assert [list(some) for some in found] == [[0, 1, 3], [2, 4]]


def test_whether_bare_numbers_are_seconds_is_asked_of_all_files(tmp_path):
    first = coco([f"a/{frame:04d}.jpg" for frame in range(1, 9)])
    later = coco([f"a/{frame:04d}.jpg" for frame in range(31, 300, 30)])
    assert list(read(tmp_path, first)[0][0]) == list(range(1, 9))
    found, _ = read(tmp_path, first, later)
    assert [list(some) for some in found] == [[0], list(range(1, 10))]


def test_frames_that_cvat_took_from_a_video_count_from_0(tmp_path):
    names = [f"frame_{frame:06d}.png" for frame in range(150, 300)]
    boxed = ["frame_000150.png", "frame_000180.png"]
    found, tables = read(tmp_path, coco(names, boxed, **CVATS))
    assert found[0] == {5: 1, 6: 1, 7: 0, 8: 0, 9: 0}
    assert [value.tolist() for value in tables[0].numbers[:2]] == [5, 6]
    attributes = coco(["frame_000090.png"])
    assert list(read(tmp_path, attributes)[0][0]) == [3]
    attributes["annotations"][0]["attributes"] = {"occluded": False, "track_id": 3}
    assert "counted from 0" in read(tmp_path, attributes)[1][0].notes[0]
    assert "counted from 1" in read(tmp_path, coco(["frame_000090.png"]))[1][0].notes[0]
    assert "counted from 1" in read(tmp_path, attributes, first_frame=1)[1][0].notes[0]


def test_pictures_that_were_uploaded_to_cvat_may_count_from_1(tmp_path):
    jobs = [coco([f"frame_{frame:06d}.png" for frame in some], **CVATS) for some in (range(1, 91), range(91, 152))]
    found, tables = read(tmp_path, *jobs)
    assert [list(some) for some in found] == [[0, 1, 2], [3, 4, 5]]
    assert "counted from 1" in tables[1].notes[0]
    assert "counted from 0" in read(tmp_path, jobs[1])[1][0].notes[0]
    assert "counted from 1" in read(tmp_path, jobs[1], frame_rate=30)[1][0].notes[0]


def test_frames_of_cvat_are_a_numbering_of_their_own(tmp_path):
    found, _ = read(tmp_path, coco(["frame_000000.png", "frame_000060.png"], **CVATS), coco(roboflow(91, 121)))
    assert [list(some) for some in found] == [[0, 2], [3, 4]]


def cvat_images(*frames: int) -> str:
    box = '<box label="wave" occluded="0" xtl="64" ytl="48" xbr="128" ybr="96"/>'
    images = "".join(
        f'<image id="{frame}" name="frame_{frame:06d}" width="640" height="480">{box}</image>' for frame in frames
    )
    return f"<annotations><version>1.1</version>{images}</annotations>"


def via(*times: float) -> dict:
    return {
        "attribute": {"1": {"aname": "action", "type": 4, "anchor_id": "FILE1_Z1_XY1", "options": {"0": "wave"}}},
        "file": {"1": {"fid": "1", "fname": "a.mp4", "type": 4, "src": "a.mp4"}},
        "view": {"1": {"fid_list": ["1"]}},
        "metadata": {
            f"m{k}": {"vid": "1", "z": [time], "xy": [2, 64, 48, 64, 48], "av": {"1": "0"}}
            for k, time in enumerate(times)
        },
    }


@pytest.mark.parametrize(
    ("one", "other", "kept", "left_out"),
    [
        (cvat_images(28, 58), cvat_images(30, 60), ([], [1, 2]), 2),
        (cvat_images(28, 60), cvat_images(30, 58), ([2], [1]), 2),
        (via(1.0), via(1.2, 2.3), ([1], [2]), 1),
        (coco(["a_000027.jpg", "a_000058.jpg"]), coco(["a_000031.jpg"]), ([2], [1]), 1),
        (coco(["a_000027.jpg"]), coco(["a_000031.jpg"]), ([], [1]), 1),
    ],
)
def test_the_nearest_frame_of_all_files_of_a_split_counts(tmp_path, one, other, kept, left_out):
    found, tables = read(tmp_path, one, other)
    assert tuple(list(some) for some in found) == kept
    assert sum(table.counts.get(NOT_NEAREST, 0) for table in tables) == left_out
    apart, tables = read(tmp_path, one, other, splits=("train", "val"))
    assert all(apart)
    assert not any(table.counts.get(NOT_NEAREST) for table in tables)


@pytest.mark.parametrize("more", [CVATS, {}])
@pytest.mark.parametrize(("boxed", "seconds"), [((0, 30, 70, 100), (0, 1, 2, 3)), ((40, 70, 100), (1, 2, 3))])
def test_frames_that_nobody_looked_at_do_not_compete(tmp_path, more, boxed, seconds):
    names = [f"frame_{frame:06d}.png" for frame in range(300)]
    found, tables = read(tmp_path, coco(names, [names[frame] for frame in boxed], **more))
    assert found[0] == {second: int(second in seconds) for second in range(10)}
    assert NOT_NEAREST not in tables[0].counts


def test_after_boxes_on_frame_after_frame_an_empty_one_is_empty(tmp_path):
    names = [f"frame_{frame:06d}.png" for frame in range(300)]
    found, _ = read(tmp_path, coco(names, names[:52], **CVATS))
    assert found[0] == {0: 1, 1: 1, **dict.fromkeys(range(2, 10), 0)}


def test_pictures_chosen_by_hand_may_be_empty(tmp_path):
    found, _ = read(tmp_path, coco(["a_0.jpg", "a_30.jpg", "a_35.jpg", "a_90.jpg"], ["a_0.jpg", "a_35.jpg"]))
    assert found[0] == {0: 1, 1: 0, 3: 0}


def test_of_two_frames_equally_near_the_earlier_counts():
    times = [frame / 5 for frame in (39, 41)]
    assert nearest_seconds(["a", "a"], times, lambda video: INFO) == [8, None]
    assert nearest_seconds(["a", "a"], times[::-1], lambda video: INFO) == [None, 8]


@pytest.mark.parametrize(
    ("content", "naming", "unused"),
    [
        (via(1.0), {"first_frame": 1, "pattern": "{frame}", "frame_rate": 2}, "--frame-rate 2, --first-frame 1, --fra"),
        (cvat_images(30), {"video_name": "a", "first_frame": 0, "frame_rate": 30}, ""),
        (coco(["a_31.jpg"]), {"video_name": "a"}, "--video-name a"),
        (coco(["a_31.jpg"]), {"first_frame": 1, "frame_rate": 30}, ""),
        (coco(["c_31.jpg"]), {"video_name": "a", "pattern": "{video}_{frame}"}, ""),
        ("a,1,0.1,0.1,0.5,0.5,wave\n", {"first_frame": 1}, "--first-frame 1"),
    ],
)
def test_options_that_no_file_needed_are_named(tmp_path, content, naming, unused):
    _, tables = read(tmp_path, content, **naming)
    note = unused_note(FrameNaming(**naming), tables)
    assert unused in note
    assert bool(unused) == bool(note)
