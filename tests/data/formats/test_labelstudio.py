"""Label Studio's JSON."""

from __future__ import annotations

import copy

import pytest
from workflows.prepare.importing import INFO, import_text, listed

from alphaction.data.formats.frame_names import FrameNaming
from alphaction.data.formats.labelstudio_video import ONE_FRAME
from alphaction.data.formats.rows import Segment
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


def test_a_task_about_one_frame_says_nothing_of_others(tmp_path):
    asked = task(
        region(entry(76, 10, enabled=False), id="as predicted"),
        region(entry(76, 30), id="drawn there, and goes on"),
        region(entry(1, 0), entry(151, 80), id="passes there"),
        region(entry(26, 0, enabled=False), entry(101, 40), id="elsewhere"),
    )
    asked["data"][ONE_FRAME] = "76"
    found = import_text(tmp_path, [asked])
    assert sorted(lefts(found)) == [(3, 0.1), (3, 0.3), (3, 0.4)]
    assert found.counts["boxes left out, as they are not on the frame that their task asks about"] == 1


def test_the_tools_own_frame_rate_counts(tmp_path):
    # The project said 10 frames per second for a video of 25.
    sequence = [entry(1, 0, fps=10), entry(21, 20, fps=10, enabled=False)]
    found = import_text(tmp_path, [task(region(*sequence, frames=200))])
    assert lefts(found) == [(0, 0.0), (1, 0.1), (2, 0.2)]
    assert found.counts["tasks that count 10 frames a second, as the file says, in a video of 25"] == 1
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
    assert not any("frames a second" in name for name in found.counts)


@pytest.mark.parametrize("frames", [(1, 1e308), (0, 0)])
def test_frames_that_give_no_rate_stop_nothing(tmp_path, frames):
    boxes = [{**entry(n, 0, fps=1), "frame": frame} for n, frame in zip((1, 3), frames, strict=True)]
    assert lefts(import_text(tmp_path, [task(region(*boxes, frames=None, duration=None))])) is not None


def test_a_task_may_have_an_empty_name(tmp_path):
    found = import_text(tmp_path, [task(region(entry(1, 0, False)), video="")], videos=["only"])
    assert found.videos == ("only",)


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
    assert found.counts["temporal segments without a label left out"] == 1
    assert not found.segments


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
        '<video src="https://host/static/clip_01.mp4" width="100%" controls></video>',
    ],
)
def test_video_names(tmp_path, video):
    assert import_text(tmp_path, [task(region(entry(1, 0, False)), video=video)]).videos == ("clip_01",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([{"id": 1, "video": "x", "box": [{"sequence": []}], "annotation_id": 3}], 'video "x" is not among the videos'),
        ([task(region(entry(1, 0)), video="/data/upload/1/clip_1.mp4")], 'Did you mean "clip_01"'),
        ([task(region(entry(1, 0))), ["x"]], "task 1: expected a task with annotations, found list"),
        (
            {"id": 9, "result": [region(entry(1, 0))], "task": 31},
            "names no video. Say which of the 2 videos it is: --video-name",
        ),
    ],
)
def test_wrong_files(tmp_path, data, message):
    with pytest.raises(UserError, match=message):
        import_text(tmp_path, data)


@pytest.mark.parametrize("data", [[{"id": 1, "data": {"video": "x"}}], [task(was_cancelled=True)]])
def test_a_file_without_annotations_stops_no_others(tmp_path, data):
    found = import_text(tmp_path, data)
    assert len(found) == 0
    assert found.counts["tasks without annotation"] == 1
    assert any("choose Export, format JSON" in note for note in found.notes)


def wave() -> dict:
    return region(entry(1, 0), entry(51, 50, enabled=False), labels=["wave"])


def flat(**more) -> dict:
    return {"video": "/data/upload/1/3f2a9c1b-clip_01.mp4", "id": 31, **more, "annotator": 1, "annotation_id": 9}


FORMS = {
    "one task": task(wave()),
    "webhook": {
        "action": "ANNOTATION_CREATED", "project": {"id": 1}, "task": {"id": 31, "data": {"video": "clip_01"}},
        "annotation": {"id": 9, "result": [wave()], "task": 31},
    },
    "webhook of several": {
        "annotation": [{"id": 9, "result": [wave()], "task": 31}], "project": {},
        "task": [{"id": 30, "data": {"video": "clip_02"}}, {"id": 31, "data": {"video": "clip_01"}}],
    },
    "storage": {"id": 9, "result": [wave()], "task": {"id": 31, "data": {"video": "s3://bucket/clip_01.mp4"}}},
    "API": {"total": 1, "tasks": [task(wave())]},
    "completions": [{"id": 31, "data": {"video": "clip_01"}, "completions": [{"id": 9, "result": [wave()]}]}],
    "JSON-MIN": [flat(box=[wave()["value"]])],
    "JSON-MIN, labels apart": [flat(box=[{**wave()["value"], "labels": []}], videoLabels=[wave()["value"]])],
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_task_is_read(tmp_path, form):
    found = import_text(tmp_path, FORMS[form])
    assert found.format == "labelstudio"
    assert [(video, second, box[0], labels) for video, second, box, labels, _ in listed(found)] == [
        ("clip_01", second, second / 4, ("wave",)) for second in range(3)
    ]


def test_of_a_flattened_task_the_latest_row_counts_and_answers_are_named(tmp_path):
    old = flat(box=[region(entry(1, 0, False), labels=["old"])["value"]], updated_at="2024-05-01")
    new = flat(box=[region(entry(1, 0, False), labels=["new"])["value"]], updated_at="2024-05-02", action="sit")
    found = import_text(tmp_path, [new, old])
    assert found.labels() == [("new",)]
    assert any("answers action are left out" in note and "format JSON" in note for note in found.notes)


def test_one_annotation_without_its_task_belongs_to_the_video_that_is_named(tmp_path):
    data = {"id": 9, "result": [wave()], "task": 31}
    assert import_text(tmp_path, data, naming=FrameNaming(video_name="clip_02.mp4")).videos == ("clip_02",)
    assert import_text(tmp_path, data, videos=["other"]).videos == ("other",)


def test_flipped_boxes_are_the_same_boxes(tmp_path):
    up = {**entry(1, 20, False), "y": 50, "height": -40, "width": -20}
    turned = {**up, "rotation": 90}
    found = import_text(tmp_path, [task(region(up, labels=["a"]), region(turned, id="t", labels=["b"]))])
    # Turned by 90 degrees about its corner (128, 240): 128 pixels to the left go up, 192 pixels up go right.
    assert [row[2] for row in listed(found)] == [(0.0, 0.1, 0.2, 0.5), (0.2, round(112 / 480, 4), 0.5, 0.5)]
    assert found.counts["boxes drawn upwards or leftwards, turned over"] == 2
    assert found.counts["turned boxes replaced by the upright box around them"] == 1


def test_numbers_may_be_text_and_what_is_none_is_counted(tmp_path):
    sequence = [
        {**entry(1, 0), "x": "0", "rotation": "0"}, {"frame": 3, "x": 1}, {**entry(26, 25), "rotation": "left"},
        {**entry(51, 50, False), "rotation": None}, "x",
    ]  # fmt: skip
    found = import_text(tmp_path, [task(region(*sequence, id=["a", 1]), id=[9])])
    assert lefts(found) == [(0, 0.0), (1, 0.25), (2, 0.5)]
    assert found.counts["boxes left out as frame, x, y, width or height is no number"] == 1
    assert found.counts["boxes left out as their rotation is no number"] == 1
    assert found.counts["boxes left out as they are no objects"] == 1


def test_the_users_frame_rate_counts_most(tmp_path):
    found = import_text(tmp_path, [task(wave())], naming=FrameNaming(frame_rate=50))
    assert lefts(found) == [(0, 0.0), (1, 0.5)]
    assert found.counts["tasks that count 50 frames a second, as --frame-rate says, in a video of 25"] == 1


def picture(name: str, *boxes: tuple, number: int = 1) -> dict:
    """Return a task of a picture: boxes of x in percent and a label."""
    results = [
        {
            "id": f"r{x}", "type": "rectanglelabels", "from_name": "label", "to_name": "image", "original_width": 1280,
            "original_height": 960, "image_rotation": 0,
            "value": {"x": x, "y": 10, "width": 20, "height": 40, "rotation": 0, "rectanglelabels": [label]},
        }
        for x, label in boxes
    ]  # fmt: skip
    return {"id": number, "data": {"image": f"/data/upload/1/3f2a9c1b-{name}"}, "annotations": [{"result": results}]}


def test_the_csv_export_names_the_remedy(tmp_path):
    head = "annotation_id,annotator,box,created_at,id,lead_time,updated_at,video\n"
    with pytest.raises(UserError, match="Label Studio's csv export. Choose Export, format JSON"):
        import_text(tmp_path, head + '9,1,"[{""sequence"": []}]",2024,1,3.5,2024,clip_01.mp4\n')


def test_another_key_of_the_data_may_name_the_video(tmp_path):
    one = task(wave(), video="Watch closely")
    one["data"]["source"] = "https://host/clip_02.mp4"
    assert import_text(tmp_path, [one]).videos == ("clip_02",)


def test_boxes_on_pictures_of_frames(tmp_path):
    tasks = [
        picture("clip_01_000001.jpg", (0, "sit"), (50, "wave")),
        picture("clip_01_000051.jpg", (10, "person"), number=2),
        picture("clip_01_000054.jpg", (20, "wave"), number=3),
    ]
    tasks[0]["annotations"][0]["result"].append(answer("number", "person_id", 7, id="r0"))
    found = import_text(tmp_path, tasks)
    assert listed(found) == [
        ("clip_01", 0, (0.0, 0.1, 0.2, 0.5), ("sit",), 7),
        ("clip_01", 0, (0.5, 0.1, 0.7, 0.5), ("wave",), -1),
        ("clip_01", 2, (0.1, 0.1, 0.3, 0.5), (), -1),
    ]
    assert found.counts["boxes at no keyframe left out: others are nearer to it, or the video ends before it"] == 1
    value = tasks[0]["annotations"][0]["result"][1]["value"]
    small = [{"image": "clip_01_000026.jpg", "id": 1, "label": [value, value], "annotator": 1, "annotation_id": 2}]
    assert listed(import_text(tmp_path, small)) == [("clip_01", 1, (0.5, 0.1, 0.7, 0.5), ("wave",), -1)]


def test_a_picture_whose_name_says_no_frame(tmp_path):
    with pytest.raises(UserError, match="task 1.*holiday"):
        import_text(tmp_path, [picture("holiday.jpg", (0, "sit"))])


def timeline(start, end, *labels: str, id: str = "t") -> dict:
    value = {"ranges": [{"start": start, "end": end}], "timelinelabels": list(labels)}
    return {"id": id, "type": "timelinelabels", "from_name": "videoLabels", "to_name": "video", "value": value}


CONFIG = '<View><Video name="video" value="$video" framerate="{}"/></View>'


@pytest.mark.parametrize(("rate", "fps"), [("10.0", 10), ("$fps", 5), ("", 25)])
def test_ranges_are_temporal_segments_at_the_projects_rate(tmp_path, rate, fps):
    body = {
        "annotation": {"id": 1, "result": [timeline(1, 11, "wave", "person"), timeline(41, 51, "jump", id="u")]},
        "project": {"label_config": CONFIG.format(rate)}, "task": {"id": 3, "data": {"video": "clip_01", "fps": "5"}},
    }  # fmt: skip
    found = import_text(tmp_path, body)
    assert len(found) == 0
    # Each frame lasts half a frame around its moment.
    assert [tuple(segment) for segment in found.segments] == [
        ("clip_01", 0, pytest.approx(10.5 / fps), "wave", 'task 3, region "t"'),
        ("clip_01", pytest.approx(39.5 / fps), pytest.approx(50.5 / fps), "jump", 'task 3, region "u"'),
    ]
    assert any("--frame-rate 24" in note for note in found.notes) == (not rate)


def test_segments_of_the_older_template_are_in_seconds(tmp_path):
    value = {"start": 1.5, "end": 3.25, "labels": ["wave"]}
    old = {"id": "o", "type": "labels", "from_name": "tricks", "to_name": "audio", "value": value}
    [segment] = import_text(tmp_path, [task(old)]).segments
    assert segment == Segment("clip_01", 1.5, 3.25, "wave", 'task 31, region "o"')
    [segment] = import_text(tmp_path, [flat(videoLabels=[timeline(1, 26, "jump")["value"]])]).segments
    assert segment[1:4] == (0.0, 25.5 / 25, "jump")


def test_tasks_without_boxes_are_counted(tmp_path):
    found = import_text(tmp_path, [task(region(entry(1, 0, False))), task()], info=INFO)
    assert len(found) == 1
    assert found.counts["tasks without boxes"] == 1


NTSC = VideoInfo(640, 480, 30000 / 1001, 60.06, 1800)


def bare(*sequence: dict) -> dict:
    found = region(*sequence, labels=["wave"])
    del found["value"]["framesCount"], found["value"]["duration"]
    return found


@pytest.mark.parametrize(
    ("fps", "first", "frames", "second"),
    [
        (24, 0, (959, 961), 40),
        (24, 0, (961,), 40),
        (24, 1, (960, 962), 40),
        (25, 0, (1001,), 40),
        (12.5, 0, (501, 502), 40),
        (30000 / 1001, 0, (1199, 1200), 40),
    ],
)
@pytest.mark.parametrize("digits", [3, 12])
def test_absolute_times_tell_the_rate(tmp_path, fps, first, frames, second, digits):
    sequence = [
        {**entry(frame, frame / 100, enabled=frame != frames[-1]), "time": round((frame - first) / fps, digits)}
        for frame in frames
    ]
    found = import_text(tmp_path, [task(bare(*sequence))], info=NTSC)
    assert [row[0] for row in lefts(found)] == [second]
    assert not any("does not say" in note for note in found.notes)
    told = [name for name in found.counts if "frames a second" in name]
    assert told == (
        [] if fps > 29 else [f"tasks that count {fps:g} frames a second, as the file says, in a video of 29.97"]
    )


def test_a_frame_far_off_is_no_rate(tmp_path):
    far = {**entry(9_000_000, 0, enabled=False), "time": 20}
    found = import_text(tmp_path, [task(bare(entry(26, 0), entry(51, 10, enabled=False), far))], info=INFO)
    assert [row[0] for row in lefts(found)] == [1, 2]
    assert not any("frames a second" in name for name in found.counts)


def test_a_box_turns_between_two_knots(tmp_path):
    turning = [
        {**entry(1, 50, rotation=0), "y": 50, "width": 10, "height": 10},
        {**entry(51, 50, rotation=180, enabled=False), "y": 50, "width": 10, "height": 10},
    ]
    found = import_text(tmp_path, [task(region(*turning, labels=["wave"]))])
    # 64 x 48 pixels, turned by 90 degrees about the corner at 320, 240
    assert [row[:3] for row in listed(found)] == [
        ("clip_01", 0, (0.5, 0.5, 0.6, 0.6)),
        ("clip_01", 1, (0.425, 0.5, 0.5, 0.6333)),
        ("clip_01", 2, (0.4, 0.4, 0.5, 0.5)),
    ]
    assert found.counts["turned boxes replaced by the upright box around them"] == 1
