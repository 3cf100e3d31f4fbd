"""Tubes of files: what they hold is compared, by frames, and what does not fit together is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from messages import says

from alphaction.commands import tubes
from alphaction.evaluation.tubes.evaluate_tubes import TubeOptions, evaluate_tube_files
from alphaction.evaluation.tubes.tube import Event, PersonTube, ScoredBox, VideoTubes
from alphaction.evaluation.tubes.tube_file import write_tubes
from alphaction.evaluation.tubes.tube_result import format_tubes, write_tube_result
from alphaction.utils.errors import DataError, UserError

CLASSES = ("run", "wave")
BOX = (0.1, 0.1, 0.5, 0.9)
FPS = 10.0


def person(number: int, scores: dict[float, tuple[float, float]], last: int, events=(), box=BOX) -> PersonTube:
    """Return a person from frame 0 to ``last``; scores: time -> those of run and wave."""
    frames = np.arange(last + 1)
    keyframes = [ScoredBox(time, box, 0.9, dict(zip(CLASSES, both, strict=True))) for time, both in scores.items()]
    return PersonTube(number, frames / FPS, np.tile(box, (len(frames), 1)), keyframes, events)


def video(name: str, *persons: PersonTube, duration: float = 2.0) -> VideoTubes:
    return VideoTubes(name, FPS, (64, 36), duration, 1.0, CLASSES, persons)


def truth_csv(tmp_path, rows: str, header: str = "video,frame,x1,y1,x2,y2,class"):
    path = tmp_path / "truth.csv"
    path.write_text(f"{header}\n{rows}")
    return path


def rows_of(name: str, action: str, frames: range) -> str:
    return "".join(f"{name},{frame},0.1,0.1,0.5,0.9,{action}\n" for frame in frames)


@pytest.fixture
def found(tmp_path):
    path = tmp_path / "found.json"
    runner = person(1, {0.5: (0.9, 0.1), 1.5: (0.7, 0.2)}, 19, [Event("a.mp4", 1, "run", 0.0, 0.9, 0.9)])
    other = person(2, {0.5: (0.1, 0.6)}, 19, box=(0.6, 0.1, 0.9, 0.9))
    write_tubes(path, [video("a.mp4", runner, other), video("b.mp4", person(1, {0.5: (0.3, 0.4)}, 19))])
    return path


def test_persons_have_a_tube_of_each_class(tmp_path, found):
    truth = truth_csv(tmp_path, rows_of("a", "run", range(20)) + rows_of("b", "wave", range(8)))
    result = evaluate_tube_files(truth, found, None, TubeOptions())
    # run: the first of 3 is right, at any IoU. wave: person 2 of a (0.6), then b's (0.4): IoU 8/20.
    assert result.per_class["run"] == {"0.2": 1.0, "0.5": 1.0, "0.5:0.95": 1.0}
    assert result.per_class["wave"] == {"0.2": 0.5, "0.5": 0.0, "0.5:0.95": 0.0}
    assert result.video_mAP == {"0.2": 0.75, "0.5": 0.5, "0.5:0.95": 0.5}
    # On frames: all 20 boxes of "run" first; for "wave" 20 wrong ones, 8 right ones of b, whose other 12 are wrong.
    assert result.frame.per_class["run"] == 1.0
    assert result.frame.per_class["wave"] == pytest.approx(8 / 28)
    assert (result.predicted, result.videos, result.fates.covered, result.fates.mistimed) == (6, 2, 1, 1)
    assert any(hint.startswith("Time: 1 of 2 annotated tubes") for hint in result.hints)


def test_the_score_of_a_frame_is_that_of_the_nearest_keyframe(tmp_path):
    found = tmp_path / "found.json"
    write_tubes(found, [video("a", person(1, {0.0: (0.9, 0.1), 1.0: (0.2, 0.8)}, 19))])
    truth = truth_csv(tmp_path, rows_of("a", "run", range(6)) + rows_of("a", "wave", range(6, 20)))
    result = evaluate_tube_files(truth, found, None, TubeOptions())
    assert result.frame.mAP == 1.0  # frame 5 is as near to both keyframes, and belongs to the first


def test_events_are_tubes_of_untrimmed_videos(tmp_path, found):
    truth = truth_csv(tmp_path, rows_of("a", "run", range(10)) + rows_of("b", "wave", range(5)))
    result = evaluate_tube_files(truth, found, None, TubeOptions(events=True))
    assert result.per_class["run"]["0.5:0.95"] == 1.0
    assert (result.per_class["wave"]["0.2"], result.predicted) == (0.0, 1)
    # Anew from 0.35 on: run of a lasts as long as its keyframes, and wave of b from 0 to 1 second, 11 frames.
    result = evaluate_tube_files(truth, found, None, TubeOptions(events=True, min_score=0.35))
    assert result.per_class["run"] == {"0.2": 1.0, "0.5": 1.0, "0.5:0.95": pytest.approx(0.1)}
    assert result.per_class["wave"] == {"0.2": 0.5, "0.5": 0.0, "0.5:0.95": 0.0}


def test_annotated_json_and_results_csv(tmp_path):
    truth, found, labels = tmp_path / "truth.json", tmp_path / "found.csv", tmp_path / "labels.txt"
    annotated = [person(1, {}, 19, [Event("a.mp4", 1, "run", 0.0, 1.0, 1.0)])]
    write_tubes(truth, [video("a.mp4", *annotated)])
    labels.write_text("1: run\n2: wave\n")
    found.write_text("".join(f"a,{frame / FPS:.3f},0.1,0.1,0.5,0.9,1,0.5\n" for frame in range(11)))
    result = evaluate_tube_files(truth, found, labels, TubeOptions())
    assert (result.frame.mAP, result.video_mAP["0.5:0.95"]) == (1.0, 1.0)
    assert result.frame.optimistic
    assert "OPTIMISTIC" in format_tubes(result)
    write_tube_result(tmp_path / "result.json", result)
    written = json.loads((tmp_path / "result.json").read_text())
    assert (written["frame_mAP"], written["video_mAP"]["0.5"]) == (1.0, 1.0)


def test_frames_that_count_from_1(tmp_path, found):
    truth = truth_csv(tmp_path, rows_of("a", "run", range(1, 21)))
    assert evaluate_tube_files(truth, found, None, TubeOptions()).video_mAP["0.5:0.95"] == 1.0
    later = evaluate_tube_files(truth, found, None, TubeOptions(first=0))
    assert later.per_class["run"]["0.5:0.95"] == pytest.approx(0.9)  # IoU 19/21: all thresholds but 0.95


def test_two_files_of_frames_must_begin_alike_or_it_must_be_said(tmp_path):
    truth, found = truth_csv(tmp_path, rows_of("a", "run", range(5, 25))), tmp_path / "found.csv"
    rows = "".join(f"a,{frame},0.1,0.1,0.5,0.9,run,0.8,{person}\n" for person in (1, 2) for frame in range(25))
    found.write_text("video,frame,x1,y1,x2,y2,class,score,person\n" + rows)
    with pytest.raises(DataError) as error:
        evaluate_tube_files(truth, found, None, TubeOptions())
    says(str(error.value), "ground truth", f"{truth} has no frame 0, and {found} has", "--first-frame 0")
    result = evaluate_tube_files(truth, found, None, TubeOptions(first=0))
    assert result.per_class["run"]["0.5:0.95"] == pytest.approx(0.7)  # IoU 20/25: up to 0.8


def test_what_does_not_fit_together_is_said(tmp_path, found):
    def message(rows: str, options: TubeOptions | None = None, header: str | None = None, labels=None) -> str:
        path = truth_csv(tmp_path, rows, header) if header else truth_csv(tmp_path, rows)
        with pytest.raises(DataError) as error:
            evaluate_tube_files(path, found, labels, options or TubeOptions())
        return str(error.value)

    assert 'no video of the ground truth: "' in message(rows_of("kitchen", "run", range(5)))
    assert "has no class of the ground truth" in message(rows_of("a", "walk", range(5)))
    assert "class 7 is an id. Pass the label map" in message(rows_of("a", "7", range(5)))
    assert "line 4: a second box of class" in message(rows_of("a", "run", range(2)) * 2)
    assert "has a box at frame 90" in message(rows_of("a", "run", range(91)))
    assert "are no fractions of the frame" in message("a,0,10,20,30,40,run\n")
    assert "expected x1 <= x2" in message("a,0,0.5,0.1,0.1,0.9,run\n")
    assert "frame 1, but --first-frame is 2" in message(rows_of("a", "run", range(1, 5)), TubeOptions(first=2))


def test_frame_rates_must_agree(tmp_path, found):
    truth = tmp_path / "truth.json"
    annotated = video("a.mp4", person(1, {}, 19, [Event("a.mp4", 1, "run", 0.0, 1.0, 1.0)]))
    write_tubes(truth, [replace(annotated, fps=30.0)])
    with pytest.raises(DataError, match=r'"a.mp4" has 30 frames a second .* and 10 in'):
        evaluate_tube_files(truth, found, None, TubeOptions())


def test_seconds_need_a_frame_rate(tmp_path):
    found = tmp_path / "found.csv"
    found.write_text("a,0,0.1,0.1,0.5,0.9,run,0.5\n")
    truth = truth_csv(tmp_path, rows_of("a", "run", range(5)))
    with pytest.raises(DataError, match=r'frame rate of "a" is not known. Give it: --frame-rate'):
        evaluate_tube_files(truth, found, None, TubeOptions())
    assert evaluate_tube_files(truth, found, None, TubeOptions(rate=25.0)).video_mAP["0.2"] == 1.0


def test_rows_of_csv_are_no_events(tmp_path):
    truth = truth_csv(tmp_path, rows_of("a", "run", range(5)))
    with pytest.raises(UserError, match=r"--extent events: .* is csv, .* Leave the flag out"):
        evaluate_tube_files(truth, truth, None, TubeOptions(events=True))


def test_the_command_line(tmp_path, found, monkeypatch, capsys):
    truth, result = truth_csv(tmp_path, rows_of("a", "run", range(20))), tmp_path / "result.json"
    arguments = ["--groundtruth", str(truth), "--predictions", str(found)]
    monkeypatch.setattr("sys.argv", ["evaluate_tubes.py", *arguments, "--json", str(result)])
    tubes.main()
    shown = capsys.readouterr().out
    says(shown, "run", "1.0000", "video-mAP at IoU 0.5:0.95  1.0000", f"Wrote {result}")
    assert json.loads(result.read_text())["per_class"] == {"run": {"0.2": 1.0, "0.5": 1.0, "0.5:0.95": 1.0}}
    monkeypatch.setattr("sys.argv", ["evaluate_tubes.py", *arguments, "--min-score", "0.5"])
    with pytest.raises(UserError, match="--min-score is of use with --extent events only"):
        tubes.main()
