"""Boxes of one video, from files and from a detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alphaction.data.moments import Moments
from alphaction.utils.errors import UserError
from alphaction.workflows.detect import DetectedBoxes
from alphaction.workflows.predict import person_boxes
from alphaction.workflows.predict.person_boxes import BoxFiles, FoundBoxes, boxes_from_file, detector_batches

VIDEO = Path("folder/street.mp4")
ROWS = "street,0,0.1,0.1,0.2,0.3,0.9\nstreet,3,0.1,0.1,0.2,0.4,0.8\nstreet,9,0,0,1,1,0.5\nother,0,0,0,1,1,1\n"


@pytest.mark.parametrize("name", ["street", "street.mp4"])
def test_rows_of_the_video_in_its_seconds_are_used_under_either_name(tmp_path, name):
    path = tmp_path / "boxes.csv"
    path.write_text(ROWS.replace("street", name))
    table, found = boxes_from_file(path, VIDEO, Moments.between(1, 0, 5), (320, 240), 5.0)
    assert found == name
    assert list(table.keyframes) == [("street.mp4", 0), ("street.mp4", 3)]
    np.testing.assert_allclose(table.boxes[1], [0.1, 0.1, 0.2, 0.4])
    np.testing.assert_allclose(table.scores, [0.9, 0.8])


def test_names_match_as_those_of_annotation_files_do(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(ROWS.replace("street", "/data/Street.MP4"))
    table, found = boxes_from_file(path, VIDEO, Moments.between(1, 0, 5), (320, 240), 5.0)
    assert (len(table), found) == (2, "/data/Street.MP4")
    # Beside the very name, a similar one is another video's.
    path.write_text(ROWS + ROWS.replace("street", "Street"))
    table, found = boxes_from_file(path, VIDEO, Moments.between(1, 0, 5), (320, 240), 5.0)
    assert (len(table), found) == (2, "street")
    path.write_text(ROWS.replace("street", "Street") + ROWS.replace("street", "STREET"))
    with pytest.raises(UserError, match='boxes.csv: STREET, Street .*"street.mp4"'):
        boxes_from_file(path, VIDEO, Moments.between(1, 0, 5), (320, 240), 5.0)


def test_boxes_that_stand_twice_are_one(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(ROWS + ROWS.replace("street", "street.mp4") + "street,3,0.1,0.1,0.2,0.4,0.85\n")
    table, _ = boxes_from_file(path, VIDEO, Moments.between(1, 0, 5), (320, 240), 5.0)
    np.testing.assert_allclose(table.scores, [0.9, 0.85])


def test_pixels_in_json_are_divided_by_the_size_of_the_video(tmp_path):
    path = tmp_path / "boxes.json"
    path.write_text('{"street/0001.jpg": [{"bbox": [32, 24, 64, 48], "score": 0.5}], '
                    '"elsewhere/0001.jpg": [{"bbox": [1000, 900, 64, 48], "score": 0.5}]}')  # fmt: skip
    table, _ = boxes_from_file(path, VIDEO, Moments.between(1, 0, 5), (320, 240), 5.0)
    np.testing.assert_allclose(table.boxes, [[0.1, 0.1, 0.3, 0.3]])


def test_wrong_files_are_explained(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(ROWS)
    with pytest.raises(UserError, match='"strait".*"street"'):
        boxes_from_file(path, Path("strait.mp4"), Moments.between(1, 0, 5), (320, 240), 5.0)
    path.write_text(ROWS[: ROWS.index("other")].replace("street,", "street,90"))
    with pytest.raises(UserError, match="3 boxes of street.mp4 .* 900 to 909.* 5.00 s"):
        boxes_from_file(path, VIDEO, Moments.between(1, 0, 5), (320, 240), 5.0)
    table, name = boxes_from_file(path, Path("strait.mp4"), Moments.between(1, 0, 5), (320, 240), 5.0, objects=True)
    assert (len(table), name) == (0, "strait")


def found_at(second: int, persons: bool = True) -> DetectedBoxes:
    """One person in even seconds, and a dog in all."""
    labels = ["dog", "person"] if persons and second % 2 == 0 else ["dog"]
    boxes = np.array([[0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.6, 0.01 * second + 0.7]])[: len(labels)]
    return DetectedBoxes(boxes, np.array([0.9, 0.8], dtype=np.float32)[: len(labels)], labels)


def test_detector_boxes_are_split_into_persons_and_objects():
    batches = detector_batches(Moments.between(1, 1, 6))
    assert batches == [[1, 2, 3, 4], [5]]
    found = FoundBoxes(VIDEO)
    for batch in reversed(batches):
        found.add(batch, [found_at(second) for second in batch])
    persons, objects = found.tables()
    assert list(persons.keyframes) == [("street.mp4", 2), ("street.mp4", 4)]
    np.testing.assert_allclose(persons.boxes[:, 3], [0.72, 0.74])
    assert list(objects.keyframes.seconds) == [1, 2, 3, 4, 5]


def test_a_part_without_persons_is_no_error(tmp_path):
    found = FoundBoxes(VIDEO)
    found.add(range(4), [found_at(second, persons=False) for second in range(4)])
    persons, objects = found.tables()
    assert (len(persons), len(objects)) == (0, 4)
    (tmp_path / "boxes.csv").write_text(ROWS)
    table, name = boxes_from_file(tmp_path / "boxes.csv", VIDEO, Moments.between(1, 10, 12), (320, 240), 12.0)
    assert (len(table), name) == (0, "street")


def test_a_file_is_read_once_for_many_videos(tmp_path, monkeypatch):
    reads = []
    read = person_boxes.read_boxes
    monkeypatch.setattr(person_boxes, "read_boxes", lambda path, **more: reads.append(path) or read(path, **more))
    path, files = tmp_path / "boxes.csv", BoxFiles()
    path.write_text(ROWS)
    for video, count in (("street", 2), ("other", 1), ("street", 2)):
        table, _ = boxes_from_file(path, Path(f"{video}.mp4"), Moments.between(1, 0, 5), (320, 240), 5.0, files=files)
        assert len(table) == count
    assert reads == [path]
    # In pixels, the size of each video matters.
    pixels = tmp_path / "boxes.json"
    pixels.write_text('{"street/0001.jpg": [{"bbox": [32, 24, 64, 48], "score": 0.5}]}')
    for size, left in (((320, 240), 0.1), ((640, 480), 0.05)):
        table, _ = boxes_from_file(pixels, VIDEO, Moments.between(1, 0, 5), size, 5.0, files=files)
        assert table.boxes[0, 0] == pytest.approx(left)
