"""What is exported, in which order, with which actions; and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pycocotools.coco import COCO
from workflows.annotate.predicted import CLASSES, KITCHEN, PETS, box_of, predicted, write_predicted

from alphaction.data.annotations import AnnotationTable, LabelMap, write_ava_csv
from alphaction.evaluation.tubes.tube_file import write_tubes
from alphaction.utils.errors import DataError, UserError
from alphaction.workflows.annotate.annotate_options import AnnotateOptions
from alphaction.workflows.annotate.choose import choose
from alphaction.workflows.annotate.export_annotations import export_annotations
from alphaction.workflows.annotate.results import Videos, read_results


@pytest.fixture
def results(tmp_path) -> Path:
    return write_predicted(tmp_path / "predicted.json")


def export(options: AnnotateOptions) -> list[str]:
    lines: list[str] = []
    export_annotations(options, say=lines.append)
    return lines


def boxes_of_cvat(path: Path) -> list[tuple[int, str, list[str]]]:
    """Return frame, "outside" and attributes of each box, track by track."""
    return [
        (int(box.get("frame")), box.get("outside"), [each.text for each in box.findall("attribute")])
        for box in ElementTree.parse(path).iter("box")
    ]


def test_a_cvat_track_is_on_its_keyframes_only(results, tmp_path):
    export(AnnotateOptions("cvat", (results,), tmp_path / "out"))
    found = boxes_of_cvat(tmp_path / "out" / PETS.replace("mp4", "xml"))
    assert [(frame, outside) for frame, outside, _ in found[:4]] == [(7, "0"), (8, "1"), (14, "0"), (15, "1")]
    assert len(found) == 2 * 5 * 2
    # Two actions at once, and a third choice to add one.
    assert found[10][2] == ["stand", "wave (a hand)", "none", "false", "stand 0.70, wave (a hand) 0.45"]
    [label] = json.loads((tmp_path / "out/labels.json").read_text(encoding="utf-8"))
    assert [attribute["name"] for attribute in label["attributes"]] == [
        "action", "action 2", "action 3", "confirmed", "predicted_score",
    ]  # fmt: skip
    assert label["attributes"][0]["values"] == ["none", *CLASSES]


def test_a_budget_takes_the_most_uncertain_first(results, videos, tmp_path):
    lines = export(AnnotateOptions("labelstudio", (results,), tmp_path / "out", budget=3))
    assert lines[0].endswith("at 3 of 10 keyframes in 2 videos, the most uncertain first, for Label Studio")
    tasks = json.loads((tmp_path / "out/tasks.json").read_text(encoding="utf-8"))
    wanted = choose(predicted(), 3)
    names = {"K%C3%BCche%201.mp4": KITCHEN, "pets-7.mp4": PETS}
    found = [(names[task["data"]["video"].partition("=")[2]], float(task["data"]["second"])) for task in tasks]
    assert found == [(video, float(time)) for video, time in wanted]


def test_a_random_order_is_that_of_its_seed(results, tmp_path):
    lines = export(AnnotateOptions("labelstudio", (results,), tmp_path / "out", budget=4, order="random", seed=3))
    assert "at random (seed 3)" in lines[0]
    tasks = json.loads((tmp_path / "out/tasks.json").read_text(encoding="utf-8"))
    assert [float(task["data"]["second"]) for task in tasks] == [t for _, t in choose(predicted(), 4, "random", 3)]


def test_actions_are_those_of_the_events(tmp_path):
    results = write_predicted(tmp_path / "predicted.json", events=True)
    export(AnnotateOptions("cvat", (results,), tmp_path / "out"))
    [label] = json.loads((tmp_path / "out/labels.json").read_text(encoding="utf-8"))
    assert len([each for each in label["attributes"] if each["name"].startswith("action")]) == 2
    found = boxes_of_cvat(tmp_path / "out/pets-7.xml")
    # Person 0 carries something from 1.5 to 3.5, whatever the scores are.
    assert [entry[2][0] for entry in found[:10:2]] == ["none", "carry/hold", "carry/hold", "none", "none"]
    export(AnnotateOptions("cvat", (results,), tmp_path / "lower", min_score=0.05))
    found = boxes_of_cvat(tmp_path / "lower/pets-7.xml")
    assert found[0][2][:3] == ["walk", "stand", "wave (a hand)"]
    # Stand and walk exclude each other, by the file or by a label map: the better one stays.
    write_tubes(results, [replace(video, exclusive=[["stand", "walk"]]) for video in predicted()])
    export(AnnotateOptions("cvat", (results,), tmp_path / "said", min_score=0.05))
    assert boxes_of_cvat(tmp_path / "said/pets-7.xml")[0][2][:3] == ["walk", "wave (a hand)", "none"]
    label_map = tmp_path / "actions.pbtxt"
    LabelMap.from_dict({"ids": [1, 2, 3, 4], "names": CLASSES, "groups": ["movement"] * 2 + ["object"] * 2}).write(
        label_map
    )
    export(AnnotateOptions("cvat", (results,), tmp_path / "groups", min_score=0.05, label_map=label_map))
    assert boxes_of_cvat(tmp_path / "groups/pets-7.xml")[0][2][:3] == ["walk", "wave (a hand)", "none"]


def test_coco_is_read_by_pycocotools(results, videos, tmp_path):
    export(AnnotateOptions("coco", (results,), tmp_path / "out", videos))
    coco = COCO(str(tmp_path / "out/annotations.json"))
    assert len(coco.imgs) == 10
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == ["person", *CLASSES]
    [image] = [each for each in coco.imgs.values() if each["file_name"] == "pets-7_000015.jpg"]
    assert (tmp_path / "out/images" / image["file_name"]).is_file()
    found = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
    assert [(each["category_id"], each["attributes"]["track_id"]) for each in found] == [(2, 0), (3, 1), (4, 1)]
    x1, y1, x2, y2 = (side * length for side, length in zip(box_of(0, 2), (192, 144) * 2, strict=True))
    assert found[0]["bbox"] == pytest.approx([x1, y1, x2 - x1, y2 - y1], abs=1e-3)


def write_csv(folder: Path, digits: int = 6) -> tuple[Path, Path, Path]:
    """Write the predictions as scores, tracks and a label map, as predict_video.py --csv --tracks does."""
    label_map = LabelMap.from_dict({"ids": [1, 2, 3, 4], "names": CLASSES, "groups": ["object"] * 4})
    label_map.write(folder / "actions.pbtxt")
    rows, columns = [], [[], [], [], [], []]
    for video in predicted():
        for person in video.persons:
            for scored in person.keyframes:
                stem, second = video.video.removesuffix(".mp4"), int(scored.time)
                sides = ",".join(f"{side:.{digits}f}" for side in scored.box)
                scores = enumerate(scored.scores.values(), start=1)
                rows += [f"{stem},{second:04d},{sides},{k},{score}" for k, score in scores if score > 0.02]
                for column, value in zip(columns, (stem, second, scored.box, -1, person.person + 5), strict=True):
                    column.append(value)
    (folder / "scores.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    names, seconds, boxes, ids, persons = columns
    write_ava_csv(folder / "tracks.csv", AnnotationTable.from_columns(names, seconds, boxes, ids, persons))
    return folder / "scores.csv", folder / "tracks.csv", folder / "actions.pbtxt"


def test_a_csv_of_scores_is_as_good(videos, tmp_path):
    scores, tracks, label_map = write_csv(tmp_path)
    found = read_results([scores], Videos(videos), label_map, tracks)
    wanted = predicted()
    assert [(video.video, video.size, video.stride) for video in found] == [(v.video, v.size, 1) for v in wanted]
    assert [[person.person - 5 for person in video.persons] for video in found] == [[0, 1, 2], [0, 1]]
    ours, theirs = found[1].persons[1].keyframes[2], wanted[1].persons[1].keyframes[2]
    assert ours.time == theirs.time
    assert ours.box == pytest.approx(theirs.box, abs=1e-6)
    assert ours.scores == {**theirs.scores, "carry/hold": 0.0}
    assert [len(video.persons) for video in read_results([scores], Videos(videos), label_map)] == [15, 10]


def test_a_csv_needs_videos_and_classes(tmp_path):
    scores, _, _ = write_csv(tmp_path)
    with pytest.raises(
        UserError, match=r"is no JSON, and read as a csv of scores: add --videos DIR \(.*\) and --label-map FILE"
    ):
        export(AnnotateOptions("cvat", (scores,), tmp_path / "out"))


def test_what_belongs_to_other_predictions_is_refused(results, videos, tmp_path):
    _, tracks, label_map = write_csv(tmp_path)
    read_results([results], None, label_map)
    with pytest.raises(UserError, match="--tracks .* belongs to a csv of scores"):
        read_results([results], None, label_map, tracks)
    other = tmp_path / "other.pbtxt"
    LabelMap.from_dict({"ids": [1], "names": ["stands"], "groups": ["object"]}).write(other)
    with pytest.raises(DataError, match='other.pbtxt: no class is named "stand"'):
        read_results([results], None, other)
    persons = tmp_path / "annotated.csv"
    persons.write_text("pets-7,0001,0.1,0.1,0.2,0.6,1,0\npets-7,0001,0.4,0.1,0.5,0.6,1,7\n")
    with pytest.raises(DataError, match="annotated.csv: a score is 7, .* In annotations the last column is the person"):
        read_results([persons], Videos(videos), label_map)
    empty = tmp_path / "empty.json"
    empty.write_text("\n")
    with pytest.raises(DataError, match="empty.json is empty"):
        read_results([empty], None)


def test_what_is_refused(results, videos, tmp_path):
    options = AnnotateOptions("cvat", (results,), tmp_path / "out", videos)

    def refuse(match: str, tubes=None, **more) -> None:
        path = results
        if tubes is not None:
            path = tmp_path / "other.json"
            write_tubes(path, tubes)
        with pytest.raises(UserError, match=match):
            export(replace(options, results=(path,), **more))
        assert not (tmp_path / "out").exists()

    pets = predicted()[1]
    refuse(r'none of 25 boxes would have an action, as no score reaches 0.9; .* 0.800 \("walk"\)', min_score=0.9)
    refuse('video "pets-8.mp4" is not among the videos. Did you mean "pets-7"', [replace(pets, video="pets-8.mp4")])
    refuse("frames of 320 x 144 pixels there, and of 192 x 144 in", [replace(pets, size=(320, 144))])
    late = replace(pets.persons[0], keyframes=[replace(pets.persons[0].keyframes[0], time=50.0)])
    refuse("predictions at second 50, but the file .* ends after 6 s", [replace(pets, persons=[late])])
    nobody = [replace(person, keyframes=()) for person in pets.persons]
    refuse("nobody was predicted at any keyframe", [replace(pets, persons=nobody)])
    refuse("writes pictures of the keyframes: add --videos DIR", to="coco", videos=None)
    refuse('--to "cvta" is not available. Did you mean "cvat"', to="cvta")


@pytest.mark.parametrize(
    ("to", "name", "remedy"),
    [
        ("cvat", "none", "Choose --to coco, or rename"),
        ("labelstudio", "N/A", "Choose --to coco, or rename"),
        ("fiftyone", "Nothing", "Choose --to coco, or rename"),
        ("coco", "person", "Choose --to cvat or via or labelstudio, or rename"),
    ],
)
def test_a_class_that_would_come_back_as_no_action_is_refused(to, name, remedy, videos, tmp_path):
    pets = predicted()[1]
    scored = [replace(pets.persons[0].keyframes[0], scores={name: 0.9})]
    write_tubes(
        tmp_path / "r.json", [replace(pets, classes=(name,), persons=[replace(pets.persons[0], keyframes=scored)])]
    )
    with pytest.raises(DataError, match=f'class "{name}" would come back as no action. {remedy}'):
        export(AnnotateOptions(to, (tmp_path / "r.json",), tmp_path / "out", videos))


def test_a_video_of_two_files_is_refused(results, tmp_path):
    other = write_predicted(tmp_path / "again.json")
    with pytest.raises(DataError, match=r'"Küche 1.mp4" of .*predicted.json and "Küche 1.mp4" of .*again.json are one'):
        export(AnnotateOptions("cvat", (results, other), tmp_path / "out"))


def test_a_folder_is_replaced_only_if_it_was_exported(results, tmp_path, monkeypatch):
    options = AnnotateOptions("via", (results,), tmp_path / "out")
    export(options)
    with pytest.raises(UserError, match="may have been corrected since"):
        export(options)
    monkeypatch.chdir(tmp_path / "out")
    with pytest.raises(UserError, match="--output .: this is the current folder"):
        export(replace(options, output=Path("."), force=True))
    monkeypatch.chdir(tmp_path)
    export(replace(options, to="cvat", force=True))
    assert not (tmp_path / "out/via_project.json").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/film.mp4").write_bytes(b"x")
    with pytest.raises(UserError, match="holds files that this command did not write"):
        export(replace(options, output=tmp_path / "mine", force=True))
    assert (tmp_path / "mine/film.mp4").is_file()
