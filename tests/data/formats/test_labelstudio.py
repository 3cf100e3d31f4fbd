"""Label Studio's JSON."""

from __future__ import annotations

import copy

import pytest
from workflows.prepare.importing import INFO, import_text, listed

from alphaction.data.video.file import VideoInfo
from alphaction.utils.errors import UserError


def entry(frame: int, x: float, enabled: bool = True, fps: float = 25.0, rotation: float = 0) -> dict:
    return {
        "frame": frame, "enabled": enabled, "rotation": rotation, "x": x, "y": 10, "width": 20, "height": 40,
        "time": frame / fps,
    }  # fmt: skip


def region(*sequence: dict, id: str = "RRxnu061g3", labels=("person",), frames: int = 500, duration=20.0) -> dict:
    value = {"framesCount": frames, "duration": duration, "sequence": list(sequence), "labels": list(labels)}
    return {
        "id": id, "value": value, "from_name": "box", "to_name": "video", "type": "videorectangle", "origin": "manual",
    }  # fmt: skip


def answer(kind: str, name: str, value, id: str = "RRxnu061g3") -> dict:
    key = {"textarea": "text"}.get(kind, kind)
    return {"id": id, "type": kind, "from_name": name, "to_name": "video", "value": {key: value}}


def task(*result: dict, video: str = "/data/upload/1/3f2a9c1b-clip_01.mp4", **annotation) -> dict:
    own = {"id": 9, "completed_by": 1, "was_cancelled": False, "ground_truth": False, "result": list(result)}
    return {"id": 31, "data": {"video": video}, "annotations": [{**own, **annotation}], "predictions": []}


def lefts(found) -> list[tuple]:
    return [(second, box[0]) for _, second, box, _, _ in listed(found)]


def test_frames_count_from_one_and_boxes_are_percent(tmp_path):
    found = import_text(tmp_path, [task(region(entry(1, 0), entry(51, 50, enabled=False), labels=["wave"]))])
    assert listed(found) == [
        ("clip_01", 0, (0.0, 0.1, 0.2, 0.5), ("wave",), 0),
        ("clip_01", 1, (0.25, 0.1, 0.45, 0.5), ("wave",), 0),
        ("clip_01", 2, (0.5, 0.1, 0.7, 0.5), ("wave",), 0),
    ]


def test_a_disabled_box_is_the_last_until_the_next_one(tmp_path):
    sequence = [entry(1, 0), entry(26, 10, enabled=False), entry(101, 40), entry(126, 50, enabled=False)]
    assert lefts(import_text(tmp_path, [task(region(*sequence))])) == [(0, 0.0), (1, 0.1), (4, 0.4), (5, 0.5)]


def test_an_enabled_box_stays_to_the_end(tmp_path):
    found = import_text(tmp_path, [task(region(entry(1, 0), entry(451, 45)))])
    assert [row for row in lefts(found) if row[0] > 16] == [(17, 0.425), (18, 0.45), (19, 0.45)]


def test_the_tools_own_frame_rate_counts(tmp_path):
    # The project said 10 frames per second for a video of 25.
    sequence = [entry(1, 0, fps=10), entry(21, 20, fps=10, enabled=False)]
    found = import_text(tmp_path, [task(region(*sequence, frames=200))])
    assert lefts(found) == [(0, 0.0), (1, 0.1), (2, 0.2)]
    assert found.counts["tasks annotated at another frame rate than the video's (times are kept)"] == 1
    for item in sequence:
        del item["time"]
    assert lefts(import_text(tmp_path, [task(region(*sequence, frames=200))])) == [(0, 0.0), (1, 0.1), (2, 0.2)]


def test_rounded_counts_do_not_hide_the_videos_exact_rate(tmp_path):
    info = VideoInfo(640, 480, 30000 / 1001, 100.1, 3000)
    frames = [1, round(99 * info.fps) + 1]
    sequence = [{**entry(frame, 1, fps=info.fps), "x": frame / 100, "enabled": frame == 1} for frame in frames]
    found = import_text(tmp_path, [task(region(*sequence, frames=3001, duration=100.12))], info=info)
    assert found.numbers.tolist() == list(range(100))
    assert found.boxes[-1, 0] == pytest.approx(frames[1] / 1e4)
    assert not any("frame rate" in name for name in found.counts)


def test_choices_of_a_region_are_actions_and_its_label_is_not(tmp_path):
    found = import_text(tmp_path, [task(
        region(entry(1, 0, enabled=False)),
        answer("choices", "PERSON_MOVEMENT", ["sit"]),
        answer("taxonomy", "object", [["hand", "read"], ["hand", "carry, hold"]]),
        answer("number", "person_id", 7),
        region(entry(1, 50, enabled=False), id="other"),
        answer("choices", "weather", ["rain"], id="no region"),
    )])  # fmt: skip
    assert [row[3:] for row in listed(found)] == [(("sit", "read", "carry, hold"), 7), ((), 8)]
    assert found.class_groups == {"sit": "movement", "read": "object", "carry, hold": "object"}
    assert found.counts["choices for a whole video left out"] == 1


def test_texts_are_separated_by_semicolons(tmp_path):
    found = import_text(tmp_path, [task(region(entry(1, 0, False)), answer("textarea", "action", ["sit; wave"]))])
    assert found.labels() == [("sit", "wave")]


def test_timeline_results_are_no_boxes(tmp_path):
    box = region(entry(1, 0, enabled=False), labels=["wave"])
    phantom = copy.deepcopy(box)
    phantom.update(type="timelinelabels", from_name="frame_range")
    segment = {"id": "t", "type": "timelinelabels", "value": {"ranges": [{"start": 1, "end": 9}]}}
    found = import_text(tmp_path, [task(box, phantom, segment)])
    assert found.labels() == [("wave",)]
    assert found.counts['results of type "timelinelabels" left out'] == 1


def test_of_several_annotations_the_truth_counts_then_the_latest(tmp_path):
    one = task(region(entry(1, 0, False), labels=["old"]), updated_at="2024-05-01T10:00:00Z")
    later = task(region(entry(1, 0, False), labels=["new"]), updated_at="2024-05-02T10:00:00Z")
    skipped = task(region(entry(1, 0, False), labels=["skipped"]), updated_at="2024-06-01", was_cancelled=True)
    one["annotations"] += later["annotations"] + skipped["annotations"]
    found = import_text(tmp_path, [one])
    assert found.labels() == [("new",)]
    assert found.counts["annotations left out as their task has another (the ground truth, or changed later)"] == 1
    assert found.counts["skipped annotations left out"] == 1
    one["annotations"][0].update(ground_truth=True, completed_by={"id": 3, "email": "ann@x.org"})
    found = import_text(tmp_path, [one])
    assert found.labels() == [("old",)]
    assert found.notes[0] == "task 31 has 2 annotations; kept is that of annotator ann@x.org (the ground truth)"


def test_a_turned_box_turns_about_its_corner(tmp_path):
    found = import_text(tmp_path, [task(region(entry(1, 50, False, rotation=90), labels=["wave"]))])
    # 128 x 192 pixels at (320, 48), turned by 90 degrees about that corner: x 128..320, y 48..176.
    assert listed(found)[0][2] == (0.2, 0.1, 0.5, round(176 / 480, 4))


@pytest.mark.parametrize(
    "video",
    [
        "/data/upload/1/3f2a9c1b-clip_01.mp4",
        "/data/local-files/?d=videos/clip_01.mp4",
        "https://host/bucket/clip%2001.mp4?signature=abc",
        "s3://bucket/Clip-01.MOV",
        "clip_01",
    ],
)
def test_video_names(tmp_path, video):
    assert import_text(tmp_path, [task(region(entry(1, 0, False)), video=video)]).videos == ("clip_01",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([{"id": 1, "video": "x", "box": [{"sequence": []}], "annotation_id": 3}], "JSON-MIN"),
        ([{"id": 1, "data": {"video": "x"}}], "JSON-MIN"),
        ([task(region(entry(1, 0)), video="/data/upload/1/clip_1.mp4")], 'Did you mean "clip_01"'),
        ([task(region({"frame": 3, "x": 1}))], "task 31, region .*expected numbers frame, x, y"),
        ([task(was_cancelled=True)], "no task has an annotation"),
    ],
)
def test_wrong_files(tmp_path, data, message):
    with pytest.raises(UserError, match=message):
        import_text(tmp_path, data)


def test_tasks_without_boxes_are_counted(tmp_path):
    found = import_text(tmp_path, [task(region(entry(1, 0, False))), task()], info=INFO)
    assert len(found) == 1
    assert found.counts["tasks without boxes"] == 1
