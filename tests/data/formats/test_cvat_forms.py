"""What CVAT and others write in CVAT's form: jobs, tracks without <meta>, old versions, images, and odd elements."""

from __future__ import annotations

import re

import pytest
from data.formats.cvat_files import attribute, bare, box, job, project, task, track
from workflows.prepare.importing import INFO, import_file, import_text, listed

from alphaction.data.formats.frame_names import FrameNaming
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.class_collection import resolve_classes
from alphaction.workflows.prepare.import_rows import ReadingRules, import_annotations

WAVE = track(box(25), label="wave")


def seconds(found) -> list[tuple]:
    return [row[:2] for row in listed(found)]


def named(**said) -> dict:
    return {"naming": FrameNaming(**said)}


# Which video


def test_a_job_is_of_the_only_video_or_of_the_one_that_is_named(tmp_path):
    found = import_text(tmp_path, job(WAVE), videos=("clip_01",))
    assert seconds(found) == [("clip_01", 1)]
    assert found.notes[0] == "the file names no video: taken for clip_01 (the only video)"
    found = import_text(tmp_path, job(WAVE), **named(video_name="Clip 02.mp4"))
    assert seconds(found) == [("clip_02", 1)]
    assert found.notes[0] == "the file names no video: taken for clip_02 (--video-name)"
    with pytest.raises(UserError, match='--video-name "clip_2" is not among the videos. Did you mean "clip_02"'):
        import_text(tmp_path, job(WAVE), **named(video_name="clip_2"))
    with pytest.raises(
        UserError, match=r"it names no video. Say which of the 2 videos .* --video-name NAME \(clip_01,"
    ):
        import_text(tmp_path, job(WAVE))


@pytest.mark.parametrize(
    "name",
    [
        "clip_02.xml",
        "CLIP 02.mp4.xml",
        "clip_02/annotations.xml",
        "a/clip_02.zip/a.xml",
        "clip_02_annt.xml",
        "tracks-clip_02_cvat.xml",
        "clip_02_labels/annotations.xml",
    ],
)
def test_a_file_that_names_no_video_is_of_the_one_named_like_it_or_its_folder(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(job(WAVE))
    found = import_file(path)
    assert seconds(found) == [("clip_02", 1)]
    assert found.notes[0] == "the file names no video: taken for clip_02 (by the name of the file or its folder)"


@pytest.mark.parametrize("name", ["clip_02_left.xml", "02.xml", "clip.xml", "myclip_02.xml"])
def test_a_name_that_only_resembles_a_videos_is_no_proof(tmp_path, name):
    (tmp_path / name).write_text(job(WAVE))
    with pytest.raises(UserError, match="it names no video"):
        import_file(tmp_path / name)


def test_the_named_video_counts_only_for_files_that_name_none_or_one_that_is_not_here(tmp_path):
    one = "<annotations><meta>" + task(1, "{}", 200) + "</meta>" + WAVE + "</annotations>"
    assert seconds(import_text(tmp_path, one.format(*["clip_01"] * 2), **named(video_name="clip_02"))) == [
        ("clip_01", 1)
    ]
    found = import_text(tmp_path, one.format(*["GX01"] * 2), **named(video_name="clip_02"))
    assert seconds(found) == [("clip_02", 1)]
    assert found.notes[0].startswith('the file names "GX01.mp4", which is not among the videos: taken for clip_02')
    with pytest.raises(UserError, match='video "GX01.mp4" is not among .* Pass --video-name NAME'):
        import_text(tmp_path, one.format(*["GX01"] * 2))


def test_a_task_of_pictures_is_not_named_like_a_video(tmp_path):
    text = "<annotations><meta>" + task(1, "my pictures", 200, source=False, mode="annotation") + f"</meta>{WAVE}"
    found = import_text(tmp_path, text + "</annotations>", videos=("clip_01",))
    assert seconds(found) == [("clip_01", 1)]
    assert found.notes[0].startswith('the file names "my pictures", which is not among the videos: taken for clip_01')
    assert found.notes[1] == "frames are counted at the video's own 25 a second (--frame-rate says otherwise)"


def test_two_files_at_the_same_time_of_the_only_video_are_refused_unless_it_is_named(tmp_path):
    long = track(box(0), box(100), label="wave")
    paths = [tmp_path / "t1" / "annotations.xml", tmp_path / "t2" / "annotations.xml"]
    for path in paths:
        path.parent.mkdir()
        path.write_text(job(long))

    def read(files, **rules):
        return import_annotations(files, ReadingRules(**rules), info={"a": INFO}.__getitem__, video_names=["a"])

    with pytest.raises(
        UserError, match="t1/annotations.xml and .*t2/annotations.xml name no video, and both have boxes"
    ):
        read(paths)
    assert [len(part) for part in read(paths, **named(video_name="a"))] == [5, 5]
    assert [len(part) for part in read([paths[0], paths[0]])] == [5, 5]  # given for both splits
    paths[1].write_text(job(track(box(100), box(200), label="wave"), start=100, stop=220))
    assert [len(part) for part in read(paths)] == [5, 5]  # two jobs of a task


# Which frame


def test_the_frames_of_a_job_are_the_videos_whatever_its_start_frame_means(tmp_path):
    # The second job of a task from frame 3 on, every 5th: 100 frames of the task are before it.
    boxes = track(*[box(503 + 5 * k - 400, k) for k in range(10)], label="wave")
    for start in (100, 503):
        found = import_text(tmp_path, job(boxes, start=start, stop=start + 99, step="step=5"), videos=("a",))
        assert seconds(found) == [("a", 5), ("a", 6)]  # frames 103 to 148
        assert not any("counted from" in name for name in found.counts)


def test_frames_that_no_way_of_counting_explains_stop(tmp_path):
    text = "<annotations><meta>" + task(1, "clip_01", 20, start=60, step=5) + "</meta>{}</annotations>"
    with pytest.raises(UserError, match="track 0, frame 61: the task shows one frame in 5 of its video from frame 60"):
        import_text(tmp_path, text.format(track(box(60), box(61))))
    found = import_text(
        tmp_path, text.format(track(box(75), box(76, outside=1), label="wave"))
    )  # hides it from then on
    assert seconds(found) == [("clip_01", 3)]


def test_rate_and_first_frame_of_tracks_without_meta(tmp_path):
    text = bare(track(*[box(frame, frame) for frame in range(51)], label="wave"))
    found = import_text(tmp_path, text, videos=("a",))
    assert seconds(found) == [("a", 0), ("a", 1), ("a", 2)]
    assert found.notes[1] == "frames are counted at the video's own 25 a second (--frame-rate says otherwise)"
    found = import_text(tmp_path, text, videos=("a",), **named(frame_rate=10.0))
    assert [row[1:3] for row in listed(found)][1] == (1, (round(10 / 640, 4), 0.1, round(74 / 640, 4), 0.3))
    assert len(found) == 6
    assert not any("--frame-rate" in note for note in found.notes)
    found = import_text(tmp_path, text.replace('frame="0" ', 'frame="51" '), videos=("a",), **named(first_frame=1))
    assert [row[1:3] for row in listed(found)][1][1][0] == round(26 / 640, 4)
    with pytest.raises(UserError, match="frame 0 comes before --first-frame 1"):
        import_text(tmp_path, text, videos=("a",), **named(first_frame=1))


def test_cvat_counts_from_0_also_where_no_box_is_at_frame_0(tmp_path):
    assert seconds(import_text(tmp_path, bare(track(box(25), label="wave")), videos=("a",))) == [("a", 1)]


# Images


IMAGE = '<image id="{id}" name="{name}"{size}{more}>{boxes}</image>'
WAVE_BOX = '<box label="wave" source="manual" occluded="0" xtl="64" ytl="48" xbr="128" ybr="96" z_order="0"></box>'


def image(id, name, boxes=WAVE_BOX, size=' width="640" height="480"', more="") -> str:
    return IMAGE.format(id=id, name=name, size=size, boxes=boxes, more=more)


def of_video(*images: str, **more) -> str:
    return "<annotations><meta>" + task(1, "clip_01", 200, **more) + "</meta>" + "".join(images) + "</annotations>"


def test_images_of_a_video_task_are_frames_by_their_id(tmp_path):
    # The first versions counted within the task in the name: the id is right.
    images = [image(60 + 5 * k, f"frame_{k:06d}") for k in range(10)]
    found = import_text(tmp_path, of_video(*images, start=60, step=5))
    assert seconds(found) == [("clip_01", 2), ("clip_01", 3), ("clip_01", 4)]
    assert found.counts["boxes at no keyframe left out: others are nearer to it, or the video ends before it"] == 7
    assert found.counts["boxes moved by more than 0.1 s to the nearest keyframe"] == 1  # frame 60


def test_images_without_boxes_are_no_keyframes_and_tags_are_counted(tmp_path):
    shapes = '<polygon label="x" points="1,2;3,4"></polygon><mask label="m" rle="1" left="0" top="0" width="1"></mask>'
    images = [image(0, "frame_000000", ""), image(25, "frame_000025", WAVE_BOX + shapes + '<tag label="night"></tag>')]
    found = import_text(tmp_path, of_video(*images))
    assert seconds(found) == [("clip_01", 1)]
    assert len(found) == 1
    assert found.counts["shapes that are not boxes left out (polygon)"] == 1
    assert found.counts["shapes that are not boxes left out (mask)"] == 1
    assert found.counts["tags (labels of a whole picture) left out"] == 1


def test_images_of_a_job_and_those_without_meta(tmp_path):
    assert seconds(import_text(tmp_path, job(image(50, "frame_000050")), videos=("a",))) == [("a", 2)]
    assert seconds(import_text(tmp_path, bare(image(50, "frame_000050")), videos=("a",))) == [("a", 2)]


def test_pictures_say_by_their_names_what_they_show(tmp_path):
    pictures = [image(0, "clip_02_000000.jpg"), image(1, "clip_02_000025.jpg")]
    found = import_text(tmp_path, of_video(*pictures, source=False, mode="annotation"))
    assert seconds(found) == [("clip_02", 0), ("clip_02", 1)]
    # The name of the task, where that of the picture names no video.
    pictures = [image(0, "frame_000000.png"), image(1, "frame_000050.png")]
    found = import_text(tmp_path, of_video(*pictures, source=False, mode="annotation"))
    assert seconds(found) == [("clip_01", 0), ("clip_01", 2)]


def test_old_images_have_no_size_of_their_own(tmp_path):
    found = import_text(tmp_path, of_video(image(0, "frame_000000", size="")))
    assert listed(found)[0][2] == (0.1, 0.1, 0.2, 0.2)


# Files without annotations


def test_a_file_without_tracks_is_passed_over_beside_one_with(tmp_path):
    (tmp_path / "empty.xml").write_text(bare())
    (tmp_path / "full.xml").write_text(bare(WAVE))
    files = [tmp_path / "empty.xml", tmp_path / "full.xml"]
    rules = ReadingRules(naming=FrameNaming(video_name="a"))
    empty, full = import_annotations(files, rules, info={"a": INFO}.__getitem__, video_names=["a", "b"])
    assert (len(empty), len(full)) == (0, 1)
    assert empty.notes == ("no track and no image: nothing is annotated",)
    (tmp_path / "empty.xml").write_text("<annotations/>")
    alone = import_annotations(files[:1], rules, info={"a": INFO}.__getitem__, video_names=["a"])
    with pytest.raises(
        UserError, match="empty.xml: there is no box, so there is nothing to learn.\n  - no track and no i"
    ):
        resolve_classes(alone, None)


# Odd elements


def test_what_else_a_track_may_hold(tmp_path):
    points = '<points frame="25" keyframe="1" outside="0" occluded="0" points="1.00,2.00" z_order="0"></points>'
    skeleton = '<skeleton frame="25" keyframe="1" z_order="0"><points label="1" keyframe="1" points="1,2"/></skeleton>'
    tracks = [
        track(box(25), box(26, outside=1), box(50), box(60), label="wave", more=' group_id="4"').replace(
            "manual", "auto"
        ),
        track(box(25), id=1, label="run").replace('keyframe="1"', 'keyframe="0"'),
        track(points, id=2, label="hand"),
        track(skeleton, id=3, label="body"),
    ]
    text = job(*tracks).replace("<version>1.1", "<version>1.0")
    found = import_text(tmp_path, text, videos=("a",))
    assert [(row[1], *row[3]) for row in listed(found)] == [(1, "wave", "run"), (2, "wave")]
    assert found.counts["shapes that are not boxes left out (points)"] == 1
    assert found.counts["shapes that are not boxes left out (skeleton)"] == 1


def test_immutable_attributes_may_stand_at_the_track_and_values_stay_until_they_change(tmp_path):
    own = attribute("action", "sit")
    text = job(
        f'<track id="0" label="person" source="manual">{attribute("person_id", "7")}'
        + box(0, attributes=own) + box(25) + box(50, attributes=attribute("action", "walk")) + "</track>"
    )  # fmt: skip
    found = import_text(tmp_path, text, videos=("a",))
    assert [(row[1], row[3], row[4]) for row in listed(found)] == [
        (0, ("sit",), 7),
        (1, ("sit",), 7),
        (2, ("walk",), 7),
    ]


def test_a_box_with_its_corners_exchanged_is_turned_over(tmp_path):
    text = bare(track(box(25), label="wave").replace("xtl", "old").replace("xbr", "xtl").replace("old", "xbr"))
    found = import_text(tmp_path, text, videos=("a",))
    assert listed(found)[0][2] == (0.0, 0.1, 0.1, 0.3)
    assert found.counts["boxes drawn upwards or leftwards, turned over"] == 1


def test_a_project_of_one_task_counts_from_its_start(tmp_path):
    text = project(task(4, "clip_01", 100, start=50), track(box(50), label="wave", more=' task_id="4"'))
    assert seconds(import_text(tmp_path, text)) == [("clip_01", 2)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<width>640", "<width>640 px", '"width" is "640 px", expected a number of pixels'),
        ('xtl="0.00"', 'xtl="nan"', "needs a number \"xtl\", found 'nan'"),
        ('z_order="0"', 'rotation="east"', "needs a number \"rotation\", found 'east'"),
        ('frame="25"', 'frame="२५"', 'needs a "frame" from 0 up'),
    ],
)
def test_wrong_values_are_named(tmp_path, old, new, message):
    text = job(WAVE)
    assert old in text
    with pytest.raises(UserError, match=message):
        import_text(tmp_path, text.replace(old, new), videos=("a",))


def test_pictures_beyond_the_end_are_not_others_that_are_nearer(tmp_path):
    def pictures(*frames: int) -> str:
        images = (image(n, f"clip_01_{frame:06d}.jpg") for n, frame in enumerate(frames))
        return "<annotations>" + "".join(images) + "</annotations>"

    found = import_text(tmp_path, pictures(998, 1001))
    assert seconds(found) == [("clip_01", 40)]
    assert found.of_frames
    found = import_text(tmp_path, pictures(990))  # 39.56 s of 20
    assert seconds(found) == [("clip_01", 40)]
    assert not any("others are nearer" in what for what in found.counts)


@pytest.mark.parametrize(
    ("wrong", "count", "first"),
    [
        (('xtl="64.00"', 'xtl="abc"'), "coordinates are no numbers", "track 3, frame 50: .*\"xtl\", found 'abc'"),
        (('xtl="64.00"', 'xtl="nan"'), "coordinates are no numbers", "track 3, frame 50: .*\"xtl\", found 'nan'"),
        (('ybr="144.00"', ""), "coordinates are no numbers", 'track 3, frame 50: .*"ybr", found None'),
        (('frame="50"', 'frame="-1"'), "frame is no number from 0 up", "track 3: .*found '-1'"),
    ],
)
def test_wrong_boxes_are_counted_unless_they_are_most(tmp_path, wrong, count, first):
    bad = box(50, 64).replace(*wrong)
    text = job(track(box(0), box(25), bad, box(75), box(76, outside=1), id=3, label="wave"))
    found = import_text(tmp_path, text, videos=("a",))
    assert seconds(found) == [("a", 0), ("a", 1), ("a", 2), ("a", 3)]  # between its neighbors
    assert found.counts[f"boxes left out as their {count}"] == 1
    assert re.search(f"boxes left out as their {count}, the first: {first}", " ".join(found.notes))
    with pytest.raises(UserError, match=f"{first}.* 2 more rows have the same fault"):
        import_text(tmp_path, job(track(box(0), bad, bad, bad, id=3, label="wave")), videos=("a",))


def test_a_wrong_box_that_only_ends_a_track_ends_it(tmp_path):
    end = box(26, outside=1).replace('xtl="0.00"', 'xtl=""')
    found = import_text(tmp_path, job(track(box(0), box(25), end, box(75), label="wave")), videos=("a",))
    assert seconds(found) == [("a", 0), ("a", 1), ("a", 3)]
    assert not any("left out" in what for what in found.counts if found.counts[what])


def test_a_frame_that_no_video_has_is_left_out(tmp_path):
    text = job(track(box(0), box(25), box(10**30), id=3, label="wave"))
    found = import_text(tmp_path, text, videos=("a",))
    assert seconds(found) == [("a", 0), ("a", 1)]
    assert found.counts["boxes left out as no video is that long"] == 1
