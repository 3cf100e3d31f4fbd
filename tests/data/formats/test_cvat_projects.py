"""CVAT's projects: frames are counted across tasks, and never taken for those of a task by itself."""

from __future__ import annotations

import pytest
from data.formats.cvat_files import box, job, project, task, track
from workflows.prepare.importing import import_text, listed

from alphaction.utils.errors import UserError

VIDEOS = ("a", "b", "c", "d")


def shown(found) -> list[tuple]:
    """Return (video, second, left side in pixels, labels)."""
    return [(video, second, round(box[0] * 640), labels) for video, second, box, labels, _ in listed(found)]


def of_task(number: int, subset="default") -> str:
    return f' task_id="{number}" subset="{subset}"'


def test_the_second_task_begins_after_the_frames_of_the_first(tmp_path):
    tasks = task(11, "a", 300) + task(12, "b", 900)
    text = project(
        tasks,
        track(box(0, 5), label="wave", more=of_task(11)),
        track(box(300, 7), box(325, 8), id=1, label="run", more=of_task(12)),
    )
    assert shown(import_text(tmp_path, text, VIDEOS)) == [
        ("a", 0, 5, ("wave",)),
        ("b", 0, 7, ("run",)),
        ("b", 1, 8, ("run",)),
    ]


def test_offsets_grow_by_start_and_step_times_size_in_each_subset(tmp_path):
    # Train: a starts at 50 and shows 40 frames, every 5th: its end is 50 + 200; c has no track and ends at 30 + 2 * 45;
    # the video of x is not here. Test: b and d.
    tasks = "".join(
        [
            task(1, "a", 40, start=50, step=5, subset="Train"),
            task(2, "b", 30, start=25, step=1, subset="Test"),
            task(3, "c", 45, start=30, step=2, subset="Train"),
            task(4, "x", 10, subset="Train"),
            task(5, "d", 60, start=10, step=3, subset="Test"),
            task(6, "a", 60, start=250, step=1, subset="Train"),
        ]
    )
    a_end, c_end, x_end, b_end = 250, 120, 10, 55
    third = a_end + c_end + x_end
    text = project(
        tasks,
        track(*[box(frame, frame) for frame in range(50, 100, 5)], label="wave", more=of_task(1, "Train")),
        track(box(25, 1), box(26, 2), id=1, label="run", more=of_task(2, "Test")),
        track(*[box(b_end + 10 + 3 * k, k) for k in range(60)], id=2, label="sit", more=of_task(5, "Test")),
        track(box(third + 250, 3), box(third + 275, 4), id=3, label="nod", more=of_task(6, "Train")),
        subsets="Test\nTrain",
    )
    found = import_text(tmp_path, text, VIDEOS)
    seconds = {}
    for video, second, _, labels in shown(found):
        seconds.setdefault((video, labels[0]), []).append(second)
    assert seconds == {
        ("a", "wave"): [2, 3],  # frames 50 and 75 of the video
        ("b", "run"): [1],
        ("d", "sit"): [1, 2, 3, 4, 5, 6, 7],  # frames 10 to 187
        ("a", "nod"): [10, 11],  # 250 and 275
    }
    left = {(video, second): x for video, second, x, _ in shown(found)}
    assert (left["a", 2], left["a", 3], left["a", 10], left["a", 11], left["b", 1]) == (50, 75, 3, 4, 1)
    assert not any("counted" in note for note in found.notes)


def test_images_of_a_project_are_counted_like_boxes_of_tracks(tmp_path):
    image = (
        '<image id="{}" name="frame_{:06d}" subset="default" task_id="{}" width="640" height="480">'
        '<box label="wave" source="manual" occluded="0" xtl="64" ytl="48" xbr="128" ybr="96" z_order="0"></box></image>'
    )
    tasks = task(11, "a", 300) + task(12, "b", 100, start=50, step=5)
    frames = [(25, 11), (300 + 50, 12), (300 + 75, 12)]
    text = project(tasks, *(image.format(frame, frame, number) for frame, number in frames))
    assert shown(import_text(tmp_path, text, VIDEOS)) == [
        ("a", 1, 64, ("wave",)),
        ("b", 2, 64, ("wave",)),
        ("b", 3, 64, ("wave",)),
    ]


def test_a_task_without_a_subset_is_one_of_its_own_beside_default(tmp_path):
    # CVAT calls it "default" in the task and "default_1" in its tracks.
    tasks = task(1, "a", 100) + task(2, "c", 10) + task(3, "b", 100)
    text = project(
        tasks,
        track(box(0, 5), label="wave", more=of_task(1, "default_1")),
        track(box(100, 6), id=1, label="sit", more=of_task(2, "default_1")),
        track(box(25, 7), id=2, label="run", more=of_task(3, "default")),
    )
    found = import_text(tmp_path, text, VIDEOS)
    assert shown(found) == [("a", 0, 5, ("wave",)), ("c", 0, 6, ("sit",)), ("b", 1, 7, ("run",))]


def test_a_task_of_either_subset_counts_where_only_that_explains_the_frames(tmp_path):
    tasks = task(1, "a", 100) + task(2, "c", 50) + task(3, "b", 100)
    tracks = [track(box(0, 5), label="wave", more=of_task(1, "default_1"))]
    tracks.append(track(box(125, 7), id=1, label="run", more=of_task(3, "default")))  # 50 + 75: c is in default
    assert shown(import_text(tmp_path, project(tasks, *tracks), VIDEOS))[1:] == [("b", 3, 7, ("run",))]
    tracks[1] = track(box(75, 7), id=1, label="run", more=of_task(3, "default"))  # 75, or 50 + 25
    with pytest.raises(UserError, match="the frames of its tasks fit 2 ways of counting them"):
        import_text(tmp_path, project(tasks, *tracks), VIDEOS)


def test_where_tasks_name_no_subset_their_tracks_do(tmp_path):
    tasks = (task(1, "a", 100) + task(2, "b", 100)).replace("<subset>default</subset>", "")
    tracks = [track(box(25), label="wave", more=of_task(1, "Train"))]
    tracks.append(track(box(50), id=1, label="run", more=of_task(2, "Test")))
    found = import_text(tmp_path, project(tasks, *tracks), VIDEOS)
    assert [row[:2] for row in shown(found)] == [("a", 1), ("b", 2)]
    assert not any("counted" in note for note in found.notes)


def test_a_box_that_hides_a_track_after_the_last_frame_proves_nothing(tmp_path):
    tasks = task(1, "a", 50) + task(2, "b", 100)
    text = project(tasks, track(box(49, 5), box(50, 5, outside=1), box(25, 4), label="wave", more=of_task(1)))
    assert [row[:2] for row in shown(import_text(tmp_path, text, VIDEOS))] == [("a", 1)]


def test_frames_of_each_task_by_itself_are_taken_only_where_nothing_else_fits(tmp_path):
    tasks = task(1, "a", 100) + task(2, "b", 100)
    first, second = track(box(25, 5), label="wave", more=of_task(1)), track(box(50), id=1, label="run", more=of_task(2))
    found = import_text(tmp_path, project(tasks, first, second), VIDEOS)
    assert [row[:2] for row in shown(found)] == [("a", 1), ("b", 2)]
    assert found.notes[0].startswith("frames are counted for each task by itself, and not as CVAT counts those")
    # One frame that the task does not have by itself, and the file explains nothing any more.
    second = track(box(50), box(150), id=1, label="run", more=of_task(2))
    with pytest.raises(UserError, match=r'track 1, frame 50: task 2 \("b.mp4"\) has the frames 100 to 199 in this pro'):
        import_text(tmp_path, project(tasks, first, second), VIDEOS)


def test_an_older_order_of_tasks_is_found_by_their_ids(tmp_path):
    tasks = task(2, "b", 100) + task(1, "a", 200)
    text = project(
        tasks,
        track(box(25, 5), box(175, 6), label="wave", more=of_task(1)),
        track(box(200, 7), id=1, label="run", more=of_task(2)),
    )
    found = import_text(tmp_path, text, VIDEOS)
    assert [row[:2] for row in shown(found) if row[3] == ("run",)] == [("b", 0)]
    assert found.notes[0].startswith("frames are counted in the order of their ids")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('task_id="2"', 'task_id="3"', r"track 1: its video is not named \(task_id '3'; the file has tasks 1, 2\)"),
        ("b.mp4", "z.mp4", 'video "z.mp4" is not among the videos'),
        ('frame="125"', 'frame="225"', "frame 225: task 2 .* has the frames 100 to 199"),
        ("<width>640", "<width>wide", '<original_size>: "width" is "wide", expected a number of pixels'),
    ],
)
def test_projects_that_cannot_be_right(tmp_path, old, new, message):
    tasks = task(1, "a", 100) + task(2, "b", 100).replace("<name>b", "<name>zz")
    text = project(
        tasks,
        track(box(25), label="wave", more=of_task(1)),
        track(box(125), id=1, label="run", more=of_task(2)),
    )
    assert len(import_text(tmp_path, text, VIDEOS)) == 2
    assert old in text
    with pytest.raises(UserError, match=message):
        import_text(tmp_path, text.replace(old, new), VIDEOS)


def test_a_task_without_a_size_is_as_long_as_from_its_start_to_its_stop(tmp_path):
    tasks = (task(1, "a", 20, start=10, step=5) + task(2, "b", 100)).replace("<size>20</size>", "")
    text = project(tasks, track(box(110), label="wave", more=of_task(2)))
    assert [row[:2] for row in shown(import_text(tmp_path, text, VIDEOS))] == [("b", 0)]
    with pytest.raises(UserError, match="task 1: it has no <size>, so that nobody can tell"):
        import_text(tmp_path, text.replace("<stop_frame>105</stop_frame>", ""), VIDEOS)


def test_a_project_of_one_listed_task_has_its_frames_only(tmp_path):
    boxes = [track(*[box(frame, frame) for frame in (0, 25, 50)], label="wave", more=of_task(11))]
    assert [row[1] for row in shown(import_text(tmp_path, project(task(11, "a", 100), *boxes), VIDEOS))] == [0, 1, 2]
    boxes = [track(*[box(frame, frame) for frame in (100, 130, 160)], label="wave", more=of_task(11))]
    with pytest.raises(UserError, match=r'frame 100: task 11 \("a.mp4"\) has the frames 0 to 99 in this project'):
        import_text(tmp_path, project(task(11, "a", 100), *boxes), VIDEOS)


def test_frames_outside_of_a_task_or_a_job_are_kept_and_noted(tmp_path):
    boxes = [track(*[box(frame, frame) for frame in (90, 100, 125)], label="wave")]
    text = f"<annotations><meta>{task(11, 'a', 100)}</meta>{''.join(boxes)}</annotations>"
    found = import_text(tmp_path, text, VIDEOS)
    assert [row[1] for row in shown(found)] == [4, 5]
    note = (
        "{} are in frames outside of {}, which the file says are those of the {} (the first: frame {}); kept"
    ).format
    assert note("2 boxes", "0 to 99", "task", 100) in found.notes
    found = import_text(tmp_path, job(*boxes, start=100, stop=124), ["a"])
    assert [row[1] for row in shown(found)] == [4, 5]
    assert note("2 boxes", "100 to 124", "job", 90) in found.notes
    found = import_text(tmp_path, job(*boxes, start=90, stop=125), ["a"])
    assert not any("outside" in each for each in found.notes)
