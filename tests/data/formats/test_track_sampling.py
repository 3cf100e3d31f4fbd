"""Where tracks are sampled, which persons a keyframe then has, and what each choice loses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from workflows.prepare.importing import INFO, import_text, listed

from alphaction.data.formats.rows import RowBuilder, RowTable
from alphaction.data.formats.track_sampling import LOST, add_track, lost_tracks_note, sample_tracks
from alphaction.data.formats.tracks import Knot, TrackPath
from alphaction.utils.errors import UserError
from alphaction.workflows.prepare.import_rows import ReadingRules, import_annotations

FPS = 10
# First and last frame of each track, at 10 frames a second; box x1 is the frame / 100.
LONG, SHORT, SHORTER = (0, 30), (12, 17), (21, 24)


def knots(first: int, last: int) -> list[Knot]:
    return [Knot(frame, (frame / 100, 0.0, frame / 100 + 0.1, 0.5), labels="wave") for frame in (first, last)]


def sampled(keyframes: str, interval: float = 1, tracks=(LONG, SHORT, SHORTER), **more) -> RowTable:
    rows = RowBuilder()
    for number, (first, last) in enumerate(tracks):
        common = {"fps": FPS, "interval": interval, "person": number, "merge_key": number, "place": f"track {number}"}
        add_track(rows, "v", knots(first, last), lambda labels: (labels,), **common)
    sample_tracks(rows, keyframes, **more)
    return rows.build("tracks.xml")


def moments(table: RowTable) -> dict[float, dict[int, float]]:
    """Return {second: {person: x1}}."""
    found: dict[float, dict[int, float]] = {}
    for second, person, box in zip(table.numbers.tolist(), table.persons().tolist(), table.boxes.tolist(), strict=True):
        found.setdefault(second, {})[person] = round(box[0], 6)
    return found


def test_the_grid_loses_what_lies_between_its_moments():
    table = sampled("grid")
    assert moments(table) == {0: {0: 0.0}, 1: {0: 0.1}, 2: {0: 0.2}, 3: {0: 0.3}}
    assert table.numbers.dtype.kind == "i"
    assert table.counts[LOST] == 2
    assert table.sampled.lost_at == {0.5: 1, 0.2: 0}
    assert lost_tracks_note([table.sampled]) == (
        "2 of 3 tracks are visible at no keyframe (wave 2 of 3); --keyframes both or track would lose none, "
        "--keyframe-interval 0.5 would lose 1, --keyframe-interval 0.2 would lose none"
    )


def test_a_finer_grid_finds_more():
    table = sampled("grid", 0.5)
    assert moments(table)[1.5] == {0: 0.15, 1: 0.15}
    assert sorted(moments(table)) == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert table.counts[LOST] == 1
    assert lost_tracks_note([table.sampled]) == (
        "1 of 3 tracks is visible at no keyframe (wave 1 of 3); --keyframes both or track would lose none, "
        "--keyframe-interval 0.25 would lose none, --keyframe-interval 0.1 would lose none"
    )
    assert moments(sampled("grid", 0.2))[2.2] == {0: 0.22, 2: 0.22}
    assert LOST not in sampled("grid", 0.2).counts


def test_middles_of_tracks_show_all_who_are_there():
    assert moments(sampled("track")) == {1.4: {0: 0.14, 1: 0.14}, 1.5: {0: 0.15, 1: 0.15}, 2.2: {0: 0.22, 2: 0.22}}
    assert sampled("track").sampled.lost == 0


def test_both_adds_the_middle_of_the_tracks_that_the_grid_misses():
    table = sampled("both")
    assert sorted(moments(table)) == [0, 1, 1.4, 2, 2.2, 3]
    assert moments(table)[2.2] == {0: 0.22, 2: 0.22}
    assert table.labels() == [("wave",)] * 8
    assert lost_tracks_note([table.sampled]) == ""


def acting(*parts: tuple[int, str], last: int = 30, hidden: int | None = None) -> list[Knot]:
    """Return a track to frame ``last``; ``parts`` are actions and the frames from which they are shown."""
    found = [Knot(frame, (0, 0, 1, 1), labels=tuple(filter(None, action.split(";")))) for frame, action in parts]
    found += [Knot(hidden, (0, 0, 1, 1), False, False, found[-1].labels)] if hidden is not None else []
    return [*found, Knot(last, (0, 0, 1, 1), continues=False, labels=found[-1].labels)]


def actions_at(keyframes: str, *tracks: list[Knot], **more) -> tuple[dict[float, set[str]], RowTable]:
    """Return the actions at each keyframe, and the table."""
    rows = RowBuilder()
    for number, own in enumerate(tracks):
        common = {"interval": 1, "person": number, "merge_key": number, "place": f"track {number}"}
        add_track(rows, "v", own, lambda labels: labels, fps=FPS, **{**common, **more})
    sample_tracks(rows, keyframes)
    table = rows.build("tracks.xml")
    found: dict[float, set[str]] = {}
    for second, labels in zip(table.numbers.tolist(), table.labels(), strict=True):
        found.setdefault(second, set()).update(labels)
    return found, table


JUMP = [(0, "walk"), (13, "jump"), (17, "walk")]


def test_a_short_action_within_a_long_track():
    found, table = actions_at("grid", acting(*JUMP))
    assert found == {second: {"walk"} for second in range(4)}
    assert (table.sampled.total, table.sampled.lost, table.sampled.tracks) == (3, 1, 1)
    assert lost_tracks_note([table.sampled]) == (
        "1 of 3 actions of tracks is visible at no keyframe (jump 1 of 1); --keyframes both or track would lose none, "
        "--keyframe-interval 0.5 would lose none, --keyframe-interval 0.2 would lose none"
    )
    assert LOST not in table.counts
    assert table.counts["actions within tracks that are visible at no keyframe left out"] == 1
    found, table = actions_at("both", acting(*JUMP))
    assert found == {**{second: {"walk"} for second in range(4)}, 1.4: {"jump"}}
    assert table.sampled.lost == 0
    found, _ = actions_at("track", acting(*JUMP))
    assert found == {0.6: {"walk"}, 1.4: {"jump"}, 2.3: {"walk"}}


def test_several_actions_at_once_are_a_stretch_of_their_own():
    found, table = actions_at("both", acting((0, "walk"), (13, "walk;wave"), (17, "walk")))
    assert found[1.4] == {"walk", "wave"}
    assert table.sampled.total == 3
    # The order of two actions is no matter.
    assert actions_at("grid", acting((0, "a;b"), (13, "b;a")))[1].sampled.total == 1


def test_an_action_that_comes_again_after_a_gap_is_another_one():
    found, table = actions_at("both", [*acting((0, "jump"), hidden=6, last=12)[:-1], *acting((12, "jump"), last=15)])
    assert found == {0: {"jump"}, 1.3: {"jump"}}
    assert table.sampled.total == 2


def test_who_does_nothing_needs_no_keyframe():
    idle = [(0, "walk"), (13, ""), (17, "walk")]
    found, table = actions_at("both", acting(*idle))
    assert sorted(found) == [0, 1, 2, 3]
    assert (table.sampled.total, table.sampled.lost) == (2, 0)
    found, table = actions_at("both", acting(*JUMP), acting((23, ""), last=26))
    assert sorted(found) == [0, 1, 1.4, 2, 3]
    assert table.counts["tracks without an action that are visible at no keyframe left out"] == 1
    assert sorted(actions_at("track", acting(*idle))[0]) == [0.6, 2.3]
    # One keyframe for a track without any action, and where no track has one, all want theirs.
    assert sorted(actions_at("track", acting((0, "walk")), acting((23, ""), last=26))[0]) == [1.5, 2.4]
    assert sorted(actions_at("both", acting((23, ""), last=26))[0]) == [2.4]


def test_frames_between_two_steps_belong_to_the_nearer_stretch():
    knots = [Knot(f, (0, 0, 1, 1), f < 13, f < 13, ("jump" if f in (5, 9) else "walk",)) for f in (1, 5, 9, 13)]
    table = actions_at("grid", knots, step=4)[1]
    assert [(second, *labels) for second, labels in zip(table.numbers, table.labels(), strict=True)] == [
        (0, "walk"),
        (1, "jump"),
    ]
    assert table.sampled.lost == 0


def test_intervals_are_parts_of_a_second():
    assert sorted(moments(sampled("grid", 0.333, tracks=(LONG,)))) == [
        *(0, 0.333, 0.667, 1, 1.333, 1.667, 2, 2.333, 2.667, 3)
    ]
    assert sorted(moments(sampled("grid", 0.4, tracks=(LONG,)))) == [0, 0.4, 0.8, 1.2, 1.6, 2, 2.4, 2.8]


def test_other_videos_have_their_own_moments():
    rows = RowBuilder()
    for video, (first, last) in (("a", LONG), ("b", SHORT)):
        add_track(rows, video, knots(first, last), lambda _: (), fps=FPS, interval=1, person=0, merge_key=0, place="t")
    sample_tracks(rows, "track")
    table = rows.build("tracks.xml")
    assert [(table.videos[code], second) for code, second in zip(table.video_codes, table.numbers, strict=True)] == [
        ("a", 1.5),
        ("b", 1.4),
    ]


def test_moments_of_other_files_count():
    assert moments(sampled("grid", tracks=(LONG,), elsewhere={"v": [1.25, 9]})) == {
        **{second: {0: second / 10} for second in range(4)},
        1.25: {0: 0.12},
    }


def test_the_middle_is_a_frame_at_which_the_track_is_visible():
    hidden = Knot(4, (0, 0, 1, 1), shown=False, continues=False)
    again = [Knot(20, (0, 0, 1, 1)), Knot(23, (0, 0, 1, 1))]
    assert TrackPath([Knot(0, (0, 0, 1, 1)), hidden, *again], FPS).middle() == 0.3
    assert TrackPath([*knots(10, 10)], FPS, last_frame=29).middle() == 1.9
    assert TrackPath([*knots(10, 10)], FPS).middle() == 1
    assert TrackPath([hidden], FPS).middle() is None
    assert TrackPath(knots(31, 32), 30000 / 1001).middle() == 1.034


def test_tracks_that_are_never_visible_are_counted_apart():
    rows = RowBuilder()
    hidden = [Knot(4, (0, 0, 1, 1), shown=False, continues=False)]
    add_track(rows, "v", hidden, lambda _: (), fps=FPS, interval=1, person=0, merge_key=0, place="track 0")
    sample_tracks(rows)
    assert rows.counts["tracks that are never visible left out"] == 1
    assert rows.sampled.total == 0
    assert lost_tracks_note([rows.sampled]) == ""


def test_keyframes_lie_no_closer_than_frames():
    with pytest.raises(UserError, match=r"--keyframe-interval 0.05: v has 10 frames per second, .* 0.100 seconds"):
        sampled("grid", 0.05)
    assert len(moments(sampled("grid", 0.1, tracks=(SHORT,)))) == 6
    assert sampled("track", 0.05).sampled.lost == 0  # there is no grid
    # No finer interval is offered than the frames allow.
    assert sampled("grid", 0.25, tracks=(SHORTER, (28, 29))).sampled.lost_at == {0.125: 0}


def cvat(*tracks: tuple[int, int], first_id: int = 0) -> str:
    """Return an export of clip_01, 640 x 480 at 25 frames a second."""

    def box(frame: int, outside: int, top: int) -> str:
        place = f'xtl="{frame}" ytl="{top}" xbr="{frame + 64}" ybr="{top + 48}"'
        return f'<box frame="{frame}" outside="{outside}" {place}/>'

    shown = [
        f'<track id="{number}" label="jump">'
        f"{box(first, 0, number)}{box(last, 0, number)}{box(last + 1, 1, number)}</track>"
        for number, (first, last) in enumerate(tracks, start=first_id)
    ]
    task = "<task><id>1</id><name>clip_01</name><source>clip_01.mp4</source></task>"
    return f"<annotations><meta>{task}</meta>{''.join(shown)}</annotations>"


def test_cvat_between_seconds(tmp_path):
    text = cvat((0, 60), (30, 44))
    found = import_text(tmp_path, text, keyframe_interval=0.5)
    assert [(second, round(640 * box[0])) for _, second, box, *_ in listed(found)] == [
        *((0, 0), (0.5, 12), (1, 25), (1.5, 37), (2, 50)),
        (1.5, 37),
    ]
    assert [type(second) for _, second, *_ in listed(import_text(tmp_path, text))] == [int] * 3
    both = import_text(tmp_path, text, keyframes="both")
    persons = [(second, person) for _, second, _, _, person in listed(both)]
    assert persons == [(0, 0), (1, 0), (1.48, 0), (2, 0), (1.48, 1)]


def test_the_persons_of_a_video_in_two_files_share_its_keyframes(tmp_path):
    for name, text in (("a.xml", cvat((0, 60))), ("b.xml", cvat((30, 44), first_id=1))):
        (tmp_path / name).write_text(text)
    tables = import_annotations(
        [tmp_path / "a.xml", tmp_path / "b.xml"],
        ReadingRules(keyframes="both"),
        info={"clip_01": INFO}.__getitem__,
        video_names=["clip_01"],
    )
    assert [table.numbers.tolist() for table in tables] == [[0, 1, 1.48, 2], [1.48]]


def test_a_video_of_less_than_a_frame_a_second_has_keyframes_at_whole_seconds(tmp_path):
    slow = replace(INFO, fps=0.5)
    assert [second for _, second, *_ in listed(import_text(tmp_path, cvat((0, 2)), info=slow))] == [0, 1, 2, 3, 4, 5]


def test_the_mutable_attribute_of_a_track_of_cvat(tmp_path):
    def box(frame: int) -> str:
        action = "jump" if 30 <= frame <= 41 else "walk"
        inside = f'<attribute name="action">{action}</attribute>'
        return f'<box frame="{frame}" outside="0" xtl="{frame}" ytl="10" xbr="{frame + 64}" ybr="90">{inside}</box>'

    task = "<task><id>1</id><name>clip_01</name><source>clip_01.mp4</source></task>"
    shown = f'<track id="0" label="person">{"".join(map(box, range(100)))}</track>'
    text = f"<annotations><meta>{task}</meta>{shown}</annotations>"
    found = import_text(tmp_path, text)
    assert [labels for *_, labels, _ in listed(found)] == [("walk",)] * 4
    assert lost_tracks_note([found.sampled]).startswith(
        "1 of 3 actions of tracks is visible at no keyframe (jump 1 of 1); --keyframes both or track would lose none"
    )
    both = [(second, round(640 * box[0]), *labels) for _, second, box, labels, _ in
            listed(import_text(tmp_path, text, keyframes="both"))]  # fmt: skip
    assert both == [(0, 0, "walk"), (1, 25, "walk"), (1.4, 35, "jump"), (2, 50, "walk"), (3, 75, "walk")]
    # What a rule counts is counted once for each box.
    named = text.replace('label="person"', 'label="robot"')
    assert import_text(tmp_path, named, keyframes="both").counts == import_text(tmp_path, text, keyframes="both").counts


def test_keyframes_of_any_file_count_for_the_tracks_of_their_video(tmp_path):
    (tmp_path / "a.xml").write_text(cvat((0, 60)))
    (tmp_path / "b.csv").write_text("clip_01,0.5,0.1,0.1,0.2,0.2,walk\nclip_01,1,0.1,0.1,0.2,0.2,walk\n")
    for keyframes, times in (("grid", [0, 0.5, 1, 2]), ("track", [0.5, 1, 1.2])):
        tables = import_annotations(
            [tmp_path / "a.xml", tmp_path / "b.csv"],
            ReadingRules(keyframes=keyframes),
            info={"clip_01": INFO}.__getitem__,
            video_names=["clip_01"],
        )
        assert [table.numbers.tolist() for table in tables] == [times, [0.5, 1]]
