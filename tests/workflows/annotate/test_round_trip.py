"""Predictions go to each tool, are corrected there as the tool does it, and come back as labels."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from workflows.annotate.corrections import CORRECT
from workflows.annotate.predicted import CLASSES, CORRECTIONS, KITCHEN, PETS, box_of, expected, write_predicted
from workflows.prepare.preparing import prepare

from alphaction.data.annotations import NO_CLASS, LabelMap, read_annotations, read_label_map
from alphaction.utils.errors import DataError, UserError
from alphaction.workflows.annotate.annotate_options import AnnotateOptions
from alphaction.workflows.annotate.export_annotations import export_annotations
from alphaction.workflows.annotate.tools import TOOLS
from alphaction.workflows.prepare.prepare_options import PrepareOptions


@pytest.fixture(scope="module")
def corrected(videos, tmp_path_factory):
    """Return the export and what the tool saved after the correction, of each tool once."""
    made: dict[str, tuple[Path, Path]] = {}

    def get(to: str) -> tuple[Path, Path]:
        if to not in made:
            folder = tmp_path_factory.mktemp(to)
            results = write_predicted(folder / "predicted.json")
            export_annotations(AnnotateOptions(to, (results,), folder / "export", videos), say=lambda line: None)
            made[to] = folder / "export", CORRECT[to](folder / "export", CORRECTIONS)
        return made[to]

    return get


def prepared(videos: Path, annotations: Path, output: Path, **more) -> tuple[Path, str]:
    return prepare(
        PrepareOptions(name="own", videos=videos, train=(annotations,), val=(annotations,), output=output, **more)
    )


def boxes_of(folder: Path) -> dict[tuple[str, float], list]:
    """Return (video, second) -> boxes with the names of their classes."""
    label_map = read_label_map(folder / "annotations/own_action_list.pbtxt")
    table = read_annotations(folder / "annotations/own_train.csv", label_map)
    found = {}
    for k, (video, second) in enumerate(table.keyframes):
        rows = range(*table.rows(k).indices(len(table)))
        names = [[label_map.find(i).name for i in table.labels(row).tolist() if i != NO_CLASS] for row in rows]
        found[f"{video}.mp4", second] = sorted(
            (tuple(table.boxes[row].tolist()), tuple(sorted(own))) for row, own in zip(rows, names, strict=True)
        )
    return found


def test_every_tool_is_corrected():
    assert CORRECT.keys() == TOOLS.keys()


@pytest.mark.parametrize("to", list(CORRECT))
def test_a_correction_comes_back(to, videos, corrected, tmp_path):
    _, saved = corrected(to)
    catalog, said = prepared(videos, saved, tmp_path / "own")
    found, wanted = boxes_of(catalog.parent), expected()
    assert list(wanted) == [(KITCHEN, 1), (KITCHEN, 2), (PETS, 5)]
    assert sorted(found) == sorted(wanted)
    for key, boxes in wanted.items():
        assert [labels for _, labels in found[key]] == [labels for _, labels in boxes]
        np.testing.assert_allclose([box for box, _ in found[key]], [box for box, _ in boxes], rtol=0, atol=1e-4)

    # What nobody confirmed is kept apart: seconds 3, 4, 5 of the kitchen, and 1 to 4 of the pets.
    with (catalog.parent / "annotations/own_unconfirmed.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kept = {(row["video"], float(row["second"]), row["x1"]): row["confirmed"] for row in rows}
    moments = Counter((video, second) for video, second, _ in kept)
    assert moments == {
        **{("Küche 1", second): 3 for second in (3, 4, 5)},
        **{("pets-7", second): 2 for second in (1, 2, 3, 4)},
    }
    # In Label Studio a task is submitted as a whole, so that the two boxes of second 3 stay predictions.
    confirmed = 0 if to == "labelstudio" else 2
    assert sum(value == "1" for value in kept.values()) == confirmed
    beside = f", with {confirmed} confirmed boxes at the same keyframes" if confirmed else ""
    assert f"{17 - confirmed} predicted boxes that nobody has confirmed, at 7 keyframes, left out{beside}" in said


@pytest.mark.parametrize("to", ["cvat", "labelstudio"])
def test_predictions_are_labels_if_wanted(to, videos, corrected, tmp_path):
    _, saved = corrected(to)
    catalog, said = prepared(videos, saved, tmp_path / "own", unconfirmed="keep")
    found = boxes_of(catalog.parent)
    assert len(found) == 10
    assert [len(found[KITCHEN, second]) for second in (1, 2, 3, 4, 5)] == [3, 2, 3, 3, 3]
    assert "kept as labels (--unconfirmed keep)" in said
    assert not (catalog.parent / "annotations/own_unconfirmed.csv").exists()


@pytest.mark.parametrize("to", list(CORRECT))
def test_without_a_correction_nothing_is_truth(to, videos, corrected, tmp_path):
    export, _ = corrected(to)
    files = {"via": "via_project.json", "labelstudio": "tasks.json", "coco": "annotations.json"}
    files["fiftyone"] = "samples.json"
    with pytest.raises(DataError, match="25 predicted boxes that nobody has confirmed, and nothing else"):
        prepared(videos, export / files.get(to, "."), tmp_path / "own")


def test_what_was_left_out_can_be_confirmed_later(videos, corrected, tmp_path):
    _, saved = corrected("via")
    catalog, _ = prepared(videos, saved, tmp_path / "own")
    text = (catalog.parent / "annotations/own_unconfirmed.csv").read_text(encoding="utf-8")
    left_out = tmp_path / "left_out.csv"
    left_out.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="15 predicted boxes that nobody has confirmed, and nothing else"):
        prepared(videos, left_out, tmp_path / "again")
    left_out.write_text("\n".join(f"{row[:-1]}1" if ",0004," in row else row for row in text.splitlines()) + "\n")
    found = boxes_of(prepared(videos, left_out, tmp_path / "again")[0].parent)
    assert sorted(found) == [(KITCHEN, 4), (PETS, 4)]
    np.testing.assert_allclose(found[PETS, 4][0][0], box_of(0, 4), atol=1e-4)
    assert found[PETS, 4][0][1] == ("stand",)


@pytest.mark.parametrize("to", ["cvat", "via", "labelstudio", "coco"])
def test_half_seconds_of_seven_frames(to, videos, tmp_path):
    """Seven frames a second have none at a half second: the nearest one stands for it, there and back."""
    results = write_predicted(tmp_path / "predicted.json", stride=0.5)
    lines: list[str] = []
    options = AnnotateOptions(to, (results,), tmp_path / "export", videos)
    export_annotations(options, say=lines.append)
    assert lines[-1].endswith("--keyframe-interval 0.5")
    files = {"via": "via_project.json", "labelstudio": "tasks.json", "coco": "annotations.json"}
    files["fiftyone"] = "samples.json"
    file = tmp_path / "export" / files.get(to, ".")
    catalog, _ = prepared(videos, file, tmp_path / "own", unconfirmed="keep", keyframe_interval=0.5)
    found = boxes_of(catalog.parent)
    assert sorted(found) == sorted((video, 0.5 * n) for video in (KITCHEN, PETS) for n in range(1, 11))
    np.testing.assert_allclose(found[PETS, 2.5][1][0], box_of(1, 2.5), atol=1e-4)


def test_a_file_that_no_longer_matches_is_refused(videos, corrected, tmp_path):
    _, saved = corrected("cvat")
    text = (saved / "task_pets-7.xml").read_text(encoding="utf-8")
    renamed = tmp_path / "pets-7.xml"
    renamed.write_text(text.replace(">walk<", ">walking<"), encoding="utf-8")
    label_map = tmp_path / "actions.pbtxt"
    LabelMap.from_dict({"ids": [1, 2, 3, 4], "names": CLASSES, "groups": ["object"] * 4}).write(label_map)
    with pytest.raises(UserError, match=r'"walking".*[Dd]id you mean "walk"'):
        prepared(videos, renamed, tmp_path / "own", label_map=label_map)
    later = tmp_path / "later.xml"
    later.write_text(text.replace('frame="35"', 'frame="350"').replace('frame="36"', 'frame="351"'), encoding="utf-8")
    with pytest.raises(UserError, match="pets-7"):
        prepared(videos, later, tmp_path / "own")
