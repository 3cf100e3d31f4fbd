"""Boxes of one video, from files and from a detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alphaction.utils.errors import UserError
from alphaction.workflows.detect import DetectedBoxes
from alphaction.workflows.predict.person_boxes import boxes_from_detector, boxes_from_file

VIDEO = Path("folder/street.mp4")
ROWS = "street,0,0.1,0.1,0.2,0.3,0.9\nstreet,3,0.1,0.1,0.2,0.4,0.8\nstreet,9,0,0,1,1,0.5\nother,0,0,0,1,1,1\n"


@pytest.mark.parametrize("name", ["street", "street.mp4"])
def test_rows_of_the_video_in_its_seconds_are_used_under_either_name(tmp_path, name):
    path = tmp_path / "boxes.csv"
    path.write_text(ROWS.replace("street", name))
    table, found = boxes_from_file(path, VIDEO, range(5), (320, 240), 5.0)
    assert found == name
    assert list(table.keyframes) == [("street.mp4", 0), ("street.mp4", 3)]
    np.testing.assert_allclose(table.boxes[1], [0.1, 0.1, 0.2, 0.4])
    np.testing.assert_allclose(table.scores, [0.9, 0.8])


def test_names_match_as_those_of_annotation_files_do(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(ROWS.replace("street", "/data/Street.MP4"))
    table, found = boxes_from_file(path, VIDEO, range(5), (320, 240), 5.0)
    assert (len(table), found) == (2, "/data/Street.MP4")
    # Beside the very name, a similar one is another video's.
    path.write_text(ROWS + ROWS.replace("street", "Street"))
    table, found = boxes_from_file(path, VIDEO, range(5), (320, 240), 5.0)
    assert (len(table), found) == (2, "street")
    path.write_text(ROWS.replace("street", "Street") + ROWS.replace("street", "STREET"))
    with pytest.raises(UserError, match='boxes.csv: STREET, Street .*"street.mp4"'):
        boxes_from_file(path, VIDEO, range(5), (320, 240), 5.0)


def test_boxes_that_stand_twice_are_one(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(ROWS + ROWS.replace("street", "street.mp4") + "street,3,0.1,0.1,0.2,0.4,0.85\n")
    table, _ = boxes_from_file(path, VIDEO, range(5), (320, 240), 5.0)
    np.testing.assert_allclose(table.scores, [0.9, 0.85])


def test_pixels_in_json_are_divided_by_the_size_of_the_video(tmp_path):
    path = tmp_path / "boxes.json"
    path.write_text('{"street/0001.jpg": [{"bbox": [32, 24, 64, 48], "score": 0.5}], '
                    '"elsewhere/0001.jpg": [{"bbox": [1000, 900, 64, 48], "score": 0.5}]}')  # fmt: skip
    table, _ = boxes_from_file(path, VIDEO, range(5), (320, 240), 5.0)
    np.testing.assert_allclose(table.boxes, [[0.1, 0.1, 0.3, 0.3]])


def test_wrong_files_are_explained(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(ROWS)
    with pytest.raises(UserError, match='"strait".*"street"'):
        boxes_from_file(path, Path("strait.mp4"), range(5), (320, 240), 5.0)
    path.write_text(ROWS[: ROWS.index("other")].replace("street,", "street,90"))
    with pytest.raises(UserError, match="3 boxes of street.mp4 .* 900 to 909.* 5.00 s"):
        boxes_from_file(path, VIDEO, range(5), (320, 240), 5.0)
    table, name = boxes_from_file(path, Path("strait.mp4"), range(5), (320, 240), 5.0, objects=True)
    assert (len(table), name) == (0, "strait")


class Frames:
    """Frames whose color is their second."""

    def read(self, video, second, slots, fps):
        assert (video, list(slots)) == ("street.mp4", [0])
        return np.full((1, 24, 32, 3), second, dtype=np.uint8)


class Stub:
    """Finds one person in even seconds, and a dog in all."""

    def __init__(self, persons: bool = True) -> None:
        self.persons, self.batches = persons, []

    def detect(self, frames):
        self.batches.append(len(frames))
        return [self._found(int(frame[0, 0, 0])) for frame in frames]

    def _found(self, second):
        labels = ["dog", "person"] if self.persons and second % 2 == 0 else ["dog"]
        boxes = np.array([[0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.6, 0.01 * second + 0.7]])[: len(labels)]
        return DetectedBoxes(boxes, np.array([0.9, 0.8], dtype=np.float32)[: len(labels)], labels)


def test_detector_boxes_are_split_into_persons_and_objects():
    stub = Stub()
    persons, objects = boxes_from_detector(stub, Frames(), VIDEO, range(1, 6), batch_size=4)
    assert stub.batches == [4, 1]
    assert list(persons.keyframes) == [("street.mp4", 2), ("street.mp4", 4)]
    np.testing.assert_allclose(persons.boxes[:, 3], [0.72, 0.74])
    assert list(objects.keyframes.seconds) == [1, 2, 3, 4, 5]


def test_a_part_without_persons_is_no_error(tmp_path):
    persons, objects = boxes_from_detector(Stub(persons=False), Frames(), VIDEO, range(4))
    assert (len(persons), len(objects)) == (0, 4)
    (tmp_path / "boxes.csv").write_text(ROWS)
    table, name = boxes_from_file(tmp_path / "boxes.csv", VIDEO, range(10, 12), (320, 240), 12.0)
    assert (len(table), name) == (0, "street")
