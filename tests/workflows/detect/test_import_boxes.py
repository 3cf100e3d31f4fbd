"""Boxes written in the forms of other detectors come back as the same table."""

from __future__ import annotations

import json
import logging
import math
import tracemalloc

import numpy as np
import pytest

from alphaction.data.annotations import AnnotationTable, BoxTable, Keyframe
from alphaction.data.formats import number_text
from alphaction.data.video.file import VideoInfo
from alphaction.utils.errors import UserError
from alphaction.workflows.detect.import_boxes import ImportRules, import_detections

WIDTH, HEIGHT = 320, 200
FPS = {"cam_1": 7.0, "b": 29.97}
SECONDS = (0, 1, 5)
PERSON = [0.25, 0.25, 0.5, 0.75]


def info(video: str) -> VideoInfo:
    return VideoInfo(WIDTH, HEIGHT, FPS[video], 6.0, math.floor(6 * FPS[video]))


@pytest.fixture(scope="module")
def annotations() -> AnnotationTable:
    keyframes = [(video, second) for video in FPS for second in SECONDS]
    videos, seconds = zip(*keyframes, strict=True)
    return AnnotationTable.from_columns(videos, seconds, np.tile([0.2, 0.2, 0.6, 0.8], (6, 1)), [1] * 6, source="t.csv")


@pytest.fixture(scope="module")
def truth() -> list[tuple[str, int, list[float], float]]:
    """Two boxes at each keyframe but one; multiples of 1/64, which all forms write exactly."""
    return [
        (video, second, [x / 64, 0.25, x / 64 + 0.25, 0.75], score)
        for video in FPS
        for second in SECONDS
        if (video, second) != ("b", 1)
        for x, score in ((8 + second, 0.5), (24 + second, 0.875))
    ]


def frame_of(video: str, second: int) -> int:
    return round(second * FPS[video]) + 1


def pixels(box) -> list[float]:
    x1, y1, x2, y2 = box
    return [x1 * WIDTH, y1 * HEIGHT, (x2 - x1) * WIDTH, (y2 - y1) * HEIGHT]


def centered(box) -> str:
    x1, y1, x2, y2 = box
    return f"{(x1 + x2) / 2} {(y1 + y2) / 2} {x2 - x1} {y2 - y1}"


def append(path, line):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(line + "\n")


def write_mot(folder, truth):
    for video, second, box, score in truth:
        x, y, w, h = pixels(box)
        append(folder / f"{video}.txt", f"{frame_of(video, second)},-1,{x},{y},{w},{h},{score},-1,-1,-1")
    for video in FPS:  # frames beside the keyframes
        for second in SECONDS:
            append(folder / f"{video}.txt", f"{frame_of(video, second) + 1},-1,9,9,9,9,0.5,-1,-1,-1")
    return folder, ImportRules()


def write_mot_folders(folder, truth):
    for video, second, box, score in truth:
        x, y, w, h = pixels(box)
        append(folder / video / "det" / "det.txt", f"{frame_of(video, second)},-1,{x},{y},{w},{h},{score}")
    return folder, ImportRules()


def write_yolo_seconds(folder, truth):
    for video, second, box, score in truth:
        append(folder / video / f"{second:04d}.txt", f"0 {centered(box)} {score}")
    append(folder / "classes.txt", "person")
    return folder, ImportRules()


def write_ultralytics_frames(folder, truth):
    for video, second, box, score in truth:
        append(folder / "labels" / f"{video}_{frame_of(video, second)}.txt", f"0 {centered(box)} {score} 3")
        append(folder / "labels" / f"{video}_{frame_of(video, second)}.txt", f"16 {centered(box)} 0.99 4")
    return folder, ImportRules(frames=True)


def write_extracted_frames(folder, truth):
    """Pictures of ffmpeg -r 2, numbered from 1."""
    for video, second, box, score in truth:
        append(folder / video / f"{2 * second + 1:04d}.txt", f"0 {centered(box)} {score}")
    return folder, ImportRules(frames=True, frame_rate=2.0)


def coco_items(truth):
    ids = {key: number for number, key in enumerate(dict.fromkeys((v, s) for v, s, _, _ in truth), start=40)}
    items = [
        {"image_id": ids[v, s], "category_id": c, "bbox": pixels(box), "score": score}
        for v, s, box, score in truth
        for c in (1, 3)
    ]
    images = [{"id": i, "file_name": f"{v}/{s:04d}.jpg", "width": WIDTH, "height": HEIGHT} for (v, s), i in ids.items()]
    return items, images


def write_coco_list(folder, truth):
    items, images = coco_items(truth)
    (folder / "results.json").write_text(json.dumps(items))
    (folder / "images.json").write_text(json.dumps({"images": images}))
    return folder / "results.json", ImportRules(images=folder / "images.json")


def write_coco_whole(folder, truth):
    items, images = coco_items(truth)
    for item in items:
        item["category_id"] += 4
    content = {"images": images, "annotations": items, "categories": [{"id": 5, "name": "Person"}]}
    (folder / "whole.json").write_text(json.dumps(content))
    return folder / "whole.json", ImportRules()


def write_csv_ours(folder, truth):
    for video, second, box, score in truth:
        append(folder / "ours.csv", ",".join(map(str, [video, f"{second:04d}", *box, score])))
    return folder / "ours.csv", ImportRules()


def write_csv_named(folder, truth):
    append(folder / "named.csv", "Confidence;frame_id;class;name;bb_left;bb_top;bb_width;bb_height;Video Name")
    for video, second, box, score in truth:
        x, y, w, h = pixels(box)
        moved = f"{frame_of(video, second) - 1}"
        append(folder / "named.csv", f"{score};{moved};0;person;{x};{y};{w};{h};/data/{video}.mp4")
        append(folder / "named.csv", f"0.99;{moved};16;dog;{x};{y};{w};{h};/data/{video}.mp4")
    return folder / "named.csv", ImportRules(first_frame=0)


def write_csv_said(folder, truth):
    """No header; pixels, center and size, as only the flags can tell."""
    for video, second, box, score in truth:
        x, y, w, h = pixels(box)
        append(folder / "said.csv", f"{video}\t{second}\t{x + w / 2}\t{y + h / 2}\t{w}\t{h}\t{score}")
    return folder / "said.csv", ImportRules(box_format="cxcywh", normalized="no")


FORMS = [
    ("mot", write_mot),
    ("mot", write_mot_folders),
    ("yolo", write_yolo_seconds),
    ("yolo", write_ultralytics_frames),
    ("yolo", write_extracted_frames),
    ("coco", write_coco_list),
    ("coco", write_coco_whole),
    ("csv", write_csv_ours),
    ("csv", write_csv_named),
    ("csv", write_csv_said),
]


@pytest.mark.parametrize("joined", [4096, 2])
@pytest.mark.parametrize(("kind", "write"), FORMS, ids=[write.__name__ for _, write in FORMS])
def test_every_form_gives_the_same_table(kind, write, joined, tmp_path, annotations, truth, monkeypatch):
    monkeypatch.setattr(number_text, "_MANY_PARTS", joined)
    path, rules = write(tmp_path, truth)
    table = import_detections(path, kind, annotations, info, rules)
    videos, seconds, boxes, scores = zip(*truth, strict=True)
    expected = BoxTable.from_columns(videos, np.array(seconds), np.array(boxes), scores)
    assert list(table.keyframes) == list(expected.keyframes)
    np.testing.assert_array_equal(table.row_offsets, expected.row_offsets)
    np.testing.assert_allclose(table.boxes, expected.boxes, atol=1e-12)
    np.testing.assert_array_equal(table.scores, expected.scores)
    # Every box that was read is accounted for.
    left_out = sum(count for name, count in table.counts.items() if name.endswith("left out"))
    assert table.counts["boxes read"] == table.counts["boxes kept"] + left_out
    assert table.counts["annotated keyframes without a box"] == 1


def write_one(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_low_scores_surplus_boxes_and_strange_videos_are_counted(tmp_path, annotations):
    rows = [("b", 0, 0.9), ("b", 0, 0.7), ("b", 0, 0.8), ("b", 0, 0.1), ("b", 3, 0.9), ("c", 0, 0.9)]
    text = "".join(f"{video},{second},0.25,0.25,0.5,0.75,{score}\n" for video, second, score in rows)
    path = write_one(tmp_path / "x.csv", text)
    table = import_detections(path, "csv", annotations, info, ImportRules(min_score=0.5, max_per_frame=2))
    assert table.scores.tolist() == pytest.approx([0.9, 0.8])
    assert table.counts == {
        "boxes read": 6,
        "boxes of videos that are not annotated (c) left out": 1,
        "boxes at no annotated keyframe left out": 1,
        "boxes below score 0.5 left out": 1,
        "boxes beyond 2 of a keyframe left out": 1,
        "boxes kept": 2,
        "annotated keyframes without a box": 5,
    }


def test_boxes_over_the_edge_are_clipped(tmp_path, annotations):
    path = write_one(tmp_path / "b.txt", "1,-1,-16,0,48,100,0.9,-1,-1,-1\n")
    table = import_detections(path, "mot", annotations, info)
    assert table.boxes.tolist() == [[0.0, 0.0, 0.1, 0.5]]
    assert table.counts["boxes clipped to the frame"] == 1


def test_ground_truth_of_mot(tmp_path, annotations):
    # The flag, the class and the visibility: one person, one to ignore, one car.
    rows = ["1,1,32,20,32,20,1,1,0.8", "1,2,32,20,32,20,0,1,1", "1,3,32,20,32,20,1,3,1", "1,4,32,20,32,20,-1,1,1"]
    path = write_one(tmp_path / "b" / "gt" / "gt.txt", "\n".join(rows))
    table = import_detections(tmp_path, "mot", annotations, info)
    assert table.scores.tolist() == [1.0, 1.0]
    assert table.counts["ground truth to ignore (flag 0), left out"] == 1
    assert table.counts["boxes of other classes left out"] == 1
    assert len(import_detections(path, "mot", annotations, info, ImportRules(every_class=True))) == 3
    assert len(import_detections(path, "mot", annotations, info, ImportRules(class_id="3"))) == 1


def test_track_ids_are_not_scores(tmp_path, annotations):
    write_one(tmp_path / "b_0.txt", f"0 {centered(PERSON)} 1\n0 {centered(PERSON)} 17\n")
    table = import_detections(tmp_path, "yolo", annotations, info)
    assert table.scores.tolist() == [1.0, 1.0]
    assert table.counts["boxes without a score, taken as 1"] == 2


def test_rows_of_unequal_length_blank_lines_and_a_comma_at_the_end(tmp_path, annotations):
    rows = ["", "1,-1,32,20,32,20", "", "1,-1,64,20,32,20,0.25,", "  ", "1,-1,96,20,32,20,0.5,-1,-1,-1"]
    path = write_one(tmp_path / "b.txt", "\n".join(rows) + "\n")
    table = import_detections(path, "mot", annotations, info)
    assert table.scores.tolist() == [1.0, 0.5, 0.25]
    assert table.counts["boxes without a score, taken as 1"] == 1
    path.write_text("\n".join([*rows, "1,-1,-16,0,480,100,0.9,-1,-1,-1"]))
    with pytest.raises(UserError, match=r"b.txt, line 7: the box .* lies outside the frame"):
        import_detections(path, "mot", annotations, info)


def test_track_ids_in_one_file_and_scores_beside_tracks_in_another(tmp_path, annotations):
    write_one(tmp_path / "b_0.txt", f"0 {centered(PERSON)} 1\n0 {centered(PERSON)} 17\n")
    write_one(tmp_path / "b_1.txt", f"0 {centered(PERSON)} 0.25 17\n")
    table = import_detections(tmp_path, "yolo", annotations, info)
    assert table.scores.tolist() == [1.0, 1.0, 0.25]


def test_rows_take_little_memory(tmp_path, annotations):
    rows = "".join(f"{frame % 170 + 1},-1,32.5,20.25,32,20,0.5,-1,-1,-1\n" for frame in range(50_000))
    path = write_one(tmp_path / "b.txt", rows)
    tracemalloc.start()
    table = import_detections(path, "mot", annotations, info)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert table.counts["boxes read"] == 50_000
    # With a Python list of floats a row it was 750 bytes.
    assert peak < 400 * 50_000


def test_names_match_as_those_of_annotation_files_do(tmp_path, annotations):
    text = "".join(f"{name},0,0.25,0.25,0.5,0.75,0.5\n" for name in ("0a1b2c3d-Cam-1.mp4", "C:\\videos\\b.mkv"))
    table = import_detections(write_one(tmp_path / "a.csv", text), "csv", annotations, info)
    assert list(table.keyframes) == [Keyframe("b", 0), Keyframe("cam_1", 0)]


def test_a_name_that_fits_two_videos_is_refused(tmp_path):
    columns = [["cam 1", "cam-1"], [0, 0], np.tile([0.2, 0.2, 0.6, 0.8], (2, 1)), [1, 1]]
    annotations = AnnotationTable.from_columns(*columns, source="t.csv")
    path = write_one(tmp_path / "a.csv", "cam_1,0,0.25,0.25,0.5,0.75,0.5\n")
    with pytest.raises(UserError, match='a.csv: video "cam_1" fits cam 1, cam-1'):
        import_detections(path, "csv", annotations, info)


def test_two_names_of_one_video_are_pointed_out(tmp_path, annotations, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("alphaction"), "propagate", True)
    text = "".join(f"{name},0,0.25,0.25,0.5,0.75,0.5\n" for name in ("day1/b.mp4", "day2/b.mp4"))
    table = import_detections(write_one(tmp_path / "a.csv", text), "csv", annotations, info)
    assert len(table) == 2
    assert '"day1/b.mp4" and "day2/b.mp4" are both taken for video b' in caplog.text


def test_a_slow_video_shares_a_frame_between_keyframes(tmp_path, annotations):
    # One frame in 2 s: of the frames at 0 and 2 s the earlier one is shown at second 1.
    write_one(tmp_path / "b_1.txt", f"0 {centered(PERSON)} 0.5\n")
    table = import_detections(tmp_path, "yolo", annotations, info, ImportRules(frames=True, frame_rate=0.5))
    assert list(table.keyframes) == [Keyframe("b", 0), Keyframe("b", 1)]


def test_every_class_of_coco(tmp_path, annotations, truth):
    path, rules = write_coco_list(tmp_path, truth)
    every = import_detections(path, "coco", annotations, info, ImportRules(images=rules.images, every_class=True))
    assert len(every) == 2 * len(truth)
    cars = import_detections(path, "coco", annotations, info, ImportRules(images=rules.images, class_id="3"))
    assert len(cars) == len(truth)


YOLO, CSV = f"0 {centered(PERSON)} 0.5\n", "b,0,0.25,0.25,0.5,0.75,0.5\n"
MOT = "1,-1,16,10,32,40,0.5\n"
NAMED = "video,second,x1,y1,x2,y2,score,class\n"
WRONG = [
    ("yolo", "b_40.txt", YOLO, {}, r"b_40.txt, line 1: second 40 of b, which lasts 6.0 s.*add --frames"),
    ("yolo", "b_0.txt", YOLO, {"frames": True}, r"frame 0: frames count from 1. Add --first-frame 0"),
    ("yolo", "b_999.txt", YOLO, {"frames": True}, r"frame 999 of b, which has 179 frames.*--frame-rate"),
    ("yolo", "b_3.txt", YOLO, {}, r"not one of its 1 boxes is at an annotated keyframe. b has boxes at second 3; "),
    ("yolo", "b_0.txt", YOLO, {"class_id": "7"}, r'to import.* class "7". Known: 0. Choose one with --class'),
    ("yolo", "b_0.txt", YOLO, {"class_id": "person"}, r"--class-id person: yolo files number their classes"),
    ("yolo", "b_0.txt", YOLO, {"normalized": "no"}, r"--box-format and --normalized are for csv"),
    ("yolo", "b_0.txt", YOLO, {"images": "x"}, r"--images is for --from coco"),
    ("yolo", "b_0.txt", "0 0.5 0.5 0.1\n", {}, r'b_0.txt, line 1: "0 0.5 0.5 0.1": expected class cx cy w h'),
    ("yolo", "b_0.txt", "0 0.5 0.5 nan 0.1\n", {}, r"b_0.txt, line 1"),
    ("yolo", "picture.txt", YOLO, {}, r"picture.txt: its name does not hold video and frame"),
    ("yolo", "bb_0.txt", YOLO, {}, r'not one of its videos is annotated in t.csv: first "bb"'),
    ("yolo", "b_0.txt", "0 90 60 20 40 0.5\n", {}, r"b_0.txt, line 1: the box .* lies outside the frame"),
    ("mot", "b.txt", "1.5,-1,16,10,32,40,0.5\n", {}, r"b.txt, line 1: frame 1.5 is not a whole number"),
    ("mot", "b.txt", MOT + "8,-1,16,10,32,40,35.5\n", {}, r"b.txt, line 2: score 35.5 is not in 0 to 1. Percent"),
    ("mot", "b.txt", "1,-1,16,10,-32,40,0.5\n", {}, r"b.txt, line 1: .*ends before it begins"),
    ("csv", "a.csv", CSV + "b,1,0.5,0.25,0.2,0.75,0.5\n", {}, r"line 2: .*ends before it begins.*--box-format xywh"),
    ("csv", "a.csv", CSV + "b,1,0.5,0.25,x,0.75,0.5\n", {}, r'a.csv, line 2: x2 "x" is not a number'),
    ("csv", "a.csv", "b,0,1\n", {}, r'a.csv, line 1: "b,0,1" has 3 columns, expected 6 .*Or name the columns'),
    ("csv", "a.csv", CSV + "b,0\n", {}, r'a.csv, line 2: "b,0" has 2 columns, expected 7'),
    ("csv", "a.csv", "", {}, r"a.csv has no rows"),
    ("csv", "a.csv", "video,a,b\n", {}, r"no column second \(or frame\)"),
    ("csv", "a.csv", "video,second,x1,y1,score\n", {}, r"the header names no box"),
    ("csv", "a.csv", "video,second,x1,left,y1,x2,y2\n", {}, r'columns x1 and left both look like "x1"'),
    ("csv", "a.csv", NAMED + "b,0,0,0,1,1,0.5,2\n", {}, r"line 2: the class is a number \(2\)"),
    ("csv", "a.csv", NAMED + "b,0,0,0,1,1,0.5,persn\n", {}, r'1 rows has class "person". Did you mean "persn"'),
    ("coco", "a.json", '[{"image_id": 5, "bbox": [0,0,1,1], "score": 1}]', {}, r"image_id 5 .*--images"),
    ("coco", "a.json", '[{"image_id": "b/0", "bbox": [0,0,1,1], "score": 1, "category_id": 2}]', {}, "Known: 2"),
    ("coco", "a.json", "[]", {}, r"holds no boxes"),
    ("pascal", "a.xml", "", {}, r'format "pascal" is not known'),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "text", "options", "message"), WRONG)
def test_what_is_wrong_is_said(kind, name, text, options, message, tmp_path, annotations):
    path = write_one(tmp_path / "in" / name, text)
    with pytest.raises(UserError, match=message):
        import_detections(path.parent if kind == "yolo" else path, kind, annotations, info, ImportRules(**options))


def test_missing_files_and_empty_folders(tmp_path, annotations):
    write_one(tmp_path / "b_1.text", "")
    for kind in ("yolo", "mot"):
        with pytest.raises(UserError, match="hold no .txt file"):
            import_detections(tmp_path, kind, annotations, info)
    for kind in ("yolo", "mot", "csv", "coco"):
        with pytest.raises(UserError, match=r"b_1.txt does not exist. Did you mean .*b_1.text"):
            import_detections(tmp_path / "b_1.txt", kind, annotations, info)


def test_a_detector_that_skipped_frames_is_noticed(tmp_path, annotations, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("alphaction"), "propagate", True)
    write_one(tmp_path / "b_1.txt", YOLO)
    import_detections(tmp_path, "yolo", annotations, info, ImportRules(frames=True))
    assert "vid_stride" in caplog.text
