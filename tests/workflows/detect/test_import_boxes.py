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
PERSON, OTHER = [0.25, 0.25, 0.5, 0.75], [0.5, 0.25, 0.75, 0.75]


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


def write_mot_blanks(folder, truth):
    """As YOLOv5-DeepSORT does, with the scores of other trackers: blanks, one more at the end, frames from 0."""
    for video, second, box, score in truth:
        x, y, w, h = pixels(box)
        append(folder / f"{video}.txt", f"{frame_of(video, second) - 1} 7 {x} {y} {w} {h} {score} -1 -1 -1 ")
    return folder, ImportRules(first_frame=0)


def write_mot_mixed(folder, truth):
    """Commas and blanks, tabs, and semicolons with decimal commas, each in a file of its own."""
    for video, second, box, score in truth:
        x, y, w, h = pixels(box)
        row = [frame_of(video, second), 7, x, y, w, h, score, -1, -1, -1]
        marks = {0: ", ", 1: "\t", 5: " ,\t"}
        text = marks[second].join(map(str, row)) if video == "b" else ";".join(map(str, row)).replace(".", ",")
        append(folder / f"{video}.txt", text)
    return folder, ImportRules()


def write_mot_classes(folder, truth):
    """Ten columns with a class, whose name is in CVAT's list beside them."""
    for video, second, box, score in truth:
        x, y, w, h = pixels(box)
        append(folder / video / "gt" / "gt.txt", f"{frame_of(video, second)},4,{x},{y},{w},{h},{score},2,-1,-1")
        append(folder / video / "gt" / "gt.txt", f"{frame_of(video, second)},5,9,9,9,9,{score},1,-1,-1")
    for video in FPS:
        append(folder / video / "gt" / "labels.txt", "car\nperson")
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


def write_coco_pictures(folder, truth):
    """Results that name pictures of frames."""
    results: dict[str, list] = {}
    for video, second, box, score in truth:
        name = f"{video}_{frame_of(video, second):06d}.jpg"
        results.setdefault(name, []).append({"bbox": pixels(box), "score": score, "category_id": 1})
    (folder / "pictures.json").write_text(json.dumps(results))
    return folder / "pictures.json", ImportRules()


def write_coco_picture_list(folder, truth):
    """The images of another program: frames numbered from 0, in a folder for each video."""
    items, images = coco_items(truth)
    for image in images:
        video, second = image["file_name"].split("/")
        image["file_name"] = f"{video}/frame_{frame_of(video, int(second[:4])) - 1:06d}.PNG"
    (folder / "results.json").write_text(json.dumps(items))
    (folder / "images.json").write_text(json.dumps({"images": images}))
    return folder / "results.json", ImportRules(images=folder / "images.json", first_frame=0)


def write_csv_ours(folder, truth):
    for video, second, box, score in truth:
        append(folder / "ours.csv", ",".join(map(str, [video, f"{second:04d}", *box, score])))
    return folder / "ours.csv", ImportRules()


def write_csv_actions(folder, truth):
    """SlowFast's: each box once for each of its actions, or with none."""
    for number, (video, second, box, score) in enumerate(truth):
        for action in ("", 1, 12)[: 1 + number % 3]:
            append(folder / "a.csv", "\t".join(map(str, (video, second, *box, action, score))))
    return folder / "a.csv", ImportRules()


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
    ("mot", write_mot_blanks),
    ("mot", write_mot_mixed),
    ("mot", write_mot_classes),
    ("mot", write_mot_folders),
    ("yolo", write_yolo_seconds),
    ("yolo", write_ultralytics_frames),
    ("yolo", write_extracted_frames),
    ("coco", write_coco_list),
    ("coco", write_coco_whole),
    ("coco", write_coco_pictures),
    ("coco", write_coco_picture_list),
    ("csv", write_csv_ours),
    ("csv", write_csv_actions),
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


def test_detections_that_stand_twice_are_one_with_the_best_score(tmp_path, annotations):
    rows = [
        ("b", 0, 0.25, 0.5),
        ("b.mp4", 0, 0.25, 0.75),
        ("b", 0, 0.25, 0.625),
        ("b", 1, 0.25, 0.5),
        ("b", 0, 0.3, 0.5),
    ]
    text = "".join(f"{video}\t{second}\t{x}\t0.25\t0.5\t0.75\t\t{score}\r\n" for video, second, x, score in rows)
    table = import_detections(write_one(tmp_path / "x.csv", text), "csv", annotations, info)
    assert list(table.keyframes) == [Keyframe("b", 0), Keyframe("b", 1)]
    assert table.boxes[:, 0].tolist() == [0.25, 0.3, 0.25]
    assert table.scores.tolist() == [0.75, 0.5, 0.5]
    assert (table.counts["boxes read"], table.counts["boxes kept"]) == (5, 3)
    assert table.counts["boxes equal to another of that moment, left out"] == 2


def test_a_file_of_another_name_belongs_to_the_video_that_is_named(tmp_path, annotations):
    path = write_one(tmp_path / "results.txt", "1 1 32 20 32 20 0.5\n")
    table = import_detections(path, "mot", annotations, info, ImportRules(video_name="b.mp4"))
    assert list(table.keyframes) == [Keyframe("b", 0)]
    with pytest.raises(UserError, match=r'first "results".* with --video-name\.'):
        import_detections(path, "mot", annotations, info)
    write_one(tmp_path / "more.txt", "1 1 32 20 32 20 0.5\n")
    with pytest.raises(UserError, match=r"--video-name b: .* holds boxes of 2 videos \(more, results\)"):
        import_detections(tmp_path, "mot", annotations, info, ImportRules(video_name="b"))


def test_a_frame_0_says_that_frames_count_from_0(tmp_path, annotations):
    write_one(tmp_path / "b.txt", "0 1 32 20 32 20 -1 -1 -1 -1 \n30 1 64 20 32 20 -1 -1 -1 -1 \n")
    table = import_detections(tmp_path, "mot", annotations, info)
    assert list(table.keyframes) == [Keyframe("b", 0), Keyframe("b", 1)]
    write_one(tmp_path / "b.txt", "1 1 32 20 32 20 -1 -1 -1 -1 \n31 1 64 20 32 20 -1 -1 -1 -1 \n")
    table = import_detections(tmp_path, "mot", annotations, info)
    assert list(table.keyframes) == [Keyframe("b", 0), Keyframe("b", 1)]
    write_one(tmp_path / "b.txt", "0 1 32 20 32 20\n")
    with pytest.raises(UserError, match="frame 0: frames count from 1"):
        import_detections(tmp_path, "mot", annotations, info, ImportRules(first_frame=1))


def write_one(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_low_scores_surplus_boxes_and_strange_videos_are_counted(tmp_path, annotations):
    rows = [("b", 0, 0.9), ("b", 0, 0.7), ("b", 0, 0.8), ("b", 0, 0.1), ("b", 3, 0.9), ("c", 0, 0.9)]
    text = "".join(f"{video},{second},0.25,{score / 4},0.5,0.75,{score}\n" for video, second, score in rows)
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
    rows = ["1,1,32,20,32,20,1,1,0.8", "1,2,32,20,32,20,0,1,1", "1,3,32,20,32,20,1,3,1", "1,4,48,20,32,20,-1,1,1"]
    path = write_one(tmp_path / "b" / "gt" / "gt.txt", "\n".join(rows))
    table = import_detections(tmp_path, "mot", annotations, info)
    assert table.scores.tolist() == [1.0, 1.0]
    assert table.counts["ground truth to ignore (flag 0), left out"] == 1
    assert table.counts["boxes of other classes left out"] == 1
    assert len(import_detections(path, "mot", annotations, info, ImportRules(every_class=True))) == 3
    assert len(import_detections(path, "mot", annotations, info, ImportRules(class_id="3"))) == 1


TEN = "1,1,32,20,32,20,1,1,-1,-1\n1,2,96,20,32,20,1,2,-1,-1\n1,3,160,20,32,20,1,2,-1,-1\n"


def test_the_classes_of_mot_have_names_beside_the_boxes(tmp_path, annotations):
    path = write_one(tmp_path / "b" / "gt" / "gt.txt", TEN)
    names = write_one(path.parent / "labels.txt", "car\nperson\n")
    table = import_detections(path, "mot", annotations, info)
    assert table.boxes[:, 0].tolist() == pytest.approx([0.3, 0.5])
    assert table.counts["boxes of other classes left out"] == 1
    assert 'class 2 is "person" in the list of names beside the boxes' in table.summary()
    assert "the eighth column is the class, as its numbers are whole: 3 rows" in table.summary()
    assert len(import_detections(tmp_path, "mot", annotations, info, ImportRules(class_id="Car"))) == 1
    assert len(import_detections(tmp_path, "mot", annotations, info, ImportRules(class_id="1"))) == 1
    with pytest.raises(UserError, match='--class-id persn: no class of that name. Did you mean "person"'):
        import_detections(path, "mot", annotations, info, ImportRules(class_id="persn"))
    names.write_text("car\ntruck\n")
    with pytest.raises(UserError, match=r'labels.txt \(1 car, 2 truck\) is called "person".*--class-id'):
        import_detections(path, "mot", annotations, info)
    assert len(import_detections(path, "mot", annotations, info, ImportRules(every_class=True))) == 3
    write_one(tmp_path / "cam_1" / "gt" / "gt.txt", TEN)
    write_one(tmp_path / "cam_1" / "gt" / "labels.txt", "person\ncar\n")
    with pytest.raises(UserError, match="number the classes differently. Import the folders one at a time"):
        import_detections(tmp_path, "mot", annotations, info)


def test_classes_of_mot_from_zero_are_asked_for(tmp_path, annotations):
    path = write_one(tmp_path / "b.txt", TEN.replace(",1,1,-1", ",1,0,-1"))
    with pytest.raises(UserError, match=r"numbered from 0 \(0, 2\).*--class-id"):
        import_detections(path, "mot", annotations, info)
    assert len(import_detections(path, "mot", annotations, info, ImportRules(class_id="0"))) == 1


SLOWFAST = (
    "b\t0\t0.5\t0.25\t0.75\t0.75\t1\t0.9\nb\t0\t0.5\t0.25\t0.75\t0.75\t2\t0.95\nb\t1\t0.5\t0.25\t0.75\t0.75\t\t0.8\n"
)


def test_boxes_of_persons_that_stand_once_for_each_action(tmp_path, annotations):
    path = write_one(tmp_path / "a.csv", SLOWFAST)
    table = import_detections(path, "csv", annotations, info)
    assert table.scores.tolist() == pytest.approx([0.95, 0.8])
    assert table.counts["rows whose class (7th column) is taken for an action of a person"] == 2
    assert table.counts["boxes equal to another of that moment, left out"] == 1
    assert "if the 7th column is a detector's class: --class-id ID keeps that of persons" in table.summary()
    kept = import_detections(path, "csv", annotations, info, ImportRules(class_id="2"))
    assert kept.scores.tolist() == pytest.approx([0.95])
    assert kept.notes == ()
    named = write_one(tmp_path / "n.csv", "b,0,0.5,0.25,0.75,0.75,person,0.9\nb,1,0.5,0.25,0.75,0.75,car,0.9\n")
    assert import_detections(named, "csv", annotations, info).scores.tolist() == pytest.approx([0.9])
    truth = write_one(tmp_path / "t.csv", "b,0,0.5,0.25,0.75,0.75,12,1\nb,1,0.5,0.25,0.75,0.75,80,0\n")
    with pytest.raises(UserError, match="t.csv, line 1: 8 columns with class 12 in the 7th and 1 in the 8th: AVA anno"):
        import_detections(truth, "csv", annotations, info)


def test_a_tracker_that_follows_people_out_of_the_frame(tmp_path, annotations):
    inside = [f"1,{k},{16 * k},20,32,20,0.9" for k in range(1, 9)]
    path = write_one(tmp_path / "b.txt", "\n".join([*inside, "1,20,-160,20,192,20,0.8", "1,21,-40,20,32,20,0.8", ""]))
    table = import_detections(path, "mot", annotations, info)
    assert table.boxes[-1].tolist() == pytest.approx([0.0, 0.1, 0.1, 0.2])
    assert len(table) == 9
    assert table.counts["boxes clipped to the frame"] == 1
    assert table.counts["boxes wholly outside the frame left out"] == 1


def test_track_ids_are_not_scores(tmp_path, annotations):
    write_one(tmp_path / "b_0.txt", f"0 {centered(PERSON)} 1\n0 {centered(OTHER)} 17\n")
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
    write_one(tmp_path / "b_0.txt", f"0 {centered(PERSON)} 1\n0 {centered(OTHER)} 17\n")
    write_one(tmp_path / "b_1.txt", f"0 {centered(PERSON)} 0.25 17\n")
    table = import_detections(tmp_path, "yolo", annotations, info)
    assert table.scores.tolist() == [1.0, 1.0, 0.25]


def test_rows_take_little_memory(tmp_path, annotations):
    rows = "".join(f"{frame % 170 + 1},-1,{frame / 1000:.3f},20.25,32,20,0.5,-1,-1,-1\n" for frame in range(50_000))
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
    text = "".join(f"day{day}/b.mp4,0,0.{day},0.25,0.5,0.75,0.5\n" for day in (1, 2))
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
    ("yolo", "b_0.txt", YOLO, {"frames": True, "first_frame": 1}, r"frame 0: frames count from 1. Add --first-frame 0"),
    ("yolo", "b_999.txt", YOLO, {"frames": True}, r"frame 999 of b, which has 179 frames.*--frame-rate"),
    ("yolo", "b_3.txt", YOLO, {}, r"none of its boxes \(1\) is at an annotated keyframe. b has boxes at second 3; "),
    ("yolo", "b_0.txt", YOLO, {"class_id": "7"}, r'to import.* class "7". Known: 0. Choose one with --class'),
    ("yolo", "b_0.txt", YOLO, {"class_id": "person"}, r"--class-id person: files of this format number their classes"),
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
    ("csv", "a.csv", NAMED + "b,0,0,0,1,1,0.5,persn\n", {}, r'\(of 1\) has class "person". Did you mean "persn"'),
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


def test_keyframes_between_seconds_get_the_boxes_of_their_time_or_frame(tmp_path):
    """At 7 frames a second, 0.5 is nearest to frame 3 (of 3 and 4), 1.286 is frame 9."""
    times = [0, 0.5, 1.286]
    annotations = AnnotationTable.from_columns(["cam_1"] * 3, times, np.tile([0.2, 0.2, 0.6, 0.8], (3, 1)), [1] * 3)
    corners = "0.25,0.25,0.5,0.75"
    rows = "".join(f"cam_1,{second},{corners},0.{8 + k}\n" for k, second in enumerate(("0000.500", "0.6")))
    by_time = import_detections(write_one(tmp_path / "x.csv", rows), "csv", annotations, info, ImportRules())
    assert list(by_time.keyframes) == [("cam_1", 0.5)]
    assert by_time.scores.tolist() == pytest.approx([0.8])
    rows = "".join(f"{frame},-1,80,50,80,100,0.{frame},-1,-1,-1\n" for frame in (1, 4, 5, 10))
    path = write_one(tmp_path / "mot" / "cam_1.txt", rows.replace("0.10", "0.9")).parent
    by_frame = import_detections(path, "mot", annotations, info, ImportRules())
    assert list(by_frame.keyframes) == [("cam_1", second) for second in times]
    assert by_frame.scores.tolist() == pytest.approx([0.1, 0.4, 0.9])


def test_a_category_of_persons_whose_id_is_no_number(tmp_path, annotations):
    data = {
        "images": [{"id": 1, "file_name": "cam_1/0001.jpg", "width": WIDTH, "height": HEIGHT}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.9}],
        "categories": [{"id": "[", "name": "person"}],
    }
    path = write_one(tmp_path / "boxes.json", json.dumps(data))
    with pytest.raises(UserError, match=r"boxes\.json"):
        import_detections(path, "coco", annotations, info)
