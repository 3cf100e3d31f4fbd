"""Results csv: what is written is read back; what cannot be read names its line."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from alphaction.data.formats import csv_table
from alphaction.data.keyframes import Keyframe
from alphaction.evaluation import Predictions, read_detections, write_detections
from alphaction.utils.errors import UserError

GOOD = "video,0902,0.1,0.2,0.3,0.4,1,0.5\n"


def some_predictions():
    rng = np.random.default_rng(0)
    keyframes = [Keyframe("one", 2), Keyframe('odd, "name"', 12345), Keyframe("one", 3)]
    corners = np.sort(rng.random((5, 2, 2)), axis=1).reshape(5, 4)
    scores = (rng.random((5, 3)) ** 20).astype(np.float32)  # many are tiny
    return Predictions(keyframes, np.array([0, 0, 1, 1, 1]), corners, scores, np.array([3, 80, 7]))


@pytest.mark.parametrize("name", ["results.csv", "deeper/results.csv.gz"])
def test_round_trip(tmp_path, name):
    written = some_predictions()
    write_detections(tmp_path / name, written)
    read = read_detections(tmp_path / name)
    assert list(read.keyframes) == [Keyframe("one", 2), Keyframe('odd, "name"', 12345)]
    assert read.keyframe_index.tolist() == written.keyframe_index.tolist()
    np.testing.assert_allclose(read.boxes, written.boxes, atol=0.5e-6)
    assert read.box_index.tolist() == np.repeat(np.arange(5), 3).tolist()
    assert read.row_class_ids.tolist() == [3, 80, 7] * 5
    np.testing.assert_array_equal(read.scores.astype(np.float32), written.scores.reshape(-1))


def test_layout(tmp_path):
    box = np.array([[0.0, 0.25, 0.5, 1.0]])
    path = tmp_path / "results.csv"
    write_detections(
        path, Predictions([Keyframe("v", 2)], np.array([0]), box, np.array([[0.5, 0.125]]), np.array([1, 12]))
    )
    assert path.read_text() == (
        "v,0002,0.000000,0.250000,0.500000,1.000000,1,0.5\nv,0002,0.000000,0.250000,0.500000,1.000000,12,0.125\n"
    )


def test_reads_what_other_tools_write(tmp_path):
    path = tmp_path / "results.csv"
    path.write_bytes(
        b"\xef\xbb\xbfvideo,0902,0.1,0.2,0.3,0.4,1,0.5\r\n\r\n"
        b'"video",902.0, 0.1, 0.2, 0.3, 0.4, 2, 1e-3\r\nw,3,-0.01,0,1.2,1,1,7'
    )
    read = read_detections(path)
    assert list(read.keyframes) == [Keyframe("video", 902), Keyframe("w", 3)]
    assert read.keyframe_index.tolist() == [0, 1]
    assert read.box_index.tolist() == [0, 0, 1]
    assert read.scores.tolist() == [0.5, 1e-3, 7]
    assert read.boxes[1].tolist() == [-0.01, 0, 1.2, 1]


def test_gzip_is_known_by_content(tmp_path):
    path = tmp_path / "results.csv"
    path.write_bytes(gzip.compress(GOOD.encode()))
    assert read_detections(path).scores.tolist() == [0.5]


@pytest.mark.parametrize("seconds", [["0007", "5", "12"], ["7.5", "5", "0.001"], ["2", "5000000000", "2.25"]])
def test_rows_in_any_order(tmp_path, seconds):
    """A keyframe is one wherever its rows are; keyframes are in the order of their first rows."""
    rng = np.random.default_rng(0)
    moments = [(f"a long name {video}", second) for video in "ba" for second in seconds]
    draw = [moments[k] for k in rng.integers(0, 6, 100)]
    rows = "".join(f"{video},{second},0.1,0.1,0.2,0.2,1,0.5\n" for video, second in draw)
    path = tmp_path / "results.csv"
    path.write_text(rows)
    read = read_detections(path)
    assert list(read.keyframes) == [Keyframe(video, float(second)) for video, second in dict.fromkeys(draw)]
    assert all(isinstance(each.second, int) == (each.second % 1 == 0) for each in read.keyframes)
    assert [read.keyframes[k] for k in read.keyframe_index[read.box_index]] == [(v, float(s)) for v, s in draw]


@pytest.mark.parametrize("form", [repr, "{:.6f}".format, "{:.18e}".format, "{:.17g}".format])
def test_a_box_is_one_wherever_its_rows_are(monkeypatch, tmp_path, form):
    """Ordered by class or shuffled: the same boxes, class ids and scores, to the last bit."""
    rng = np.random.default_rng(1)
    boxes = rng.random((30, 4))
    heads = [f"v{k % 4},{k // 8}," + ",".join(map(form, box)) for k, box in enumerate(boxes.tolist())]
    scores = (rng.random((30, 7)) ** 9).tolist()
    rows = [(box, channel) for box in range(30) for channel in range(7)]
    monkeypatch.setattr(csv_table, "_BLOCK", 2000)
    for order in (rows, sorted(rows, key=lambda row: row[1]), [rows[k] for k in rng.permutation(len(rows))]):
        path = tmp_path / "results.csv"
        path.write_text("".join(f"{heads[box]},{channel + 1},{form(scores[box][channel])}\n" for box, channel in order))
        read = read_detections(path)
        first = list(dict.fromkeys(box for box, _ in order))
        assert read.boxes.tolist() == [[float(form(x)) for x in boxes[box].tolist()] for box in first]
        assert [first[k] for k in read.box_index] == [box for box, _ in order]
        assert read.row_class_ids.tolist() == [channel + 1 for _, channel in order]
        assert read.scores.tolist() == [float(form(scores[box][channel])) for box, channel in order]
        moments = [read.keyframes[k] for k in read.keyframe_index]
        assert moments == [Keyframe(f"v{box % 4}", box // 8) for box in first]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("video,0902,0.1,0.2,0.3,0.4,1\n", "7 columns.* 8 "),
        ("video,0902,0.1,0.2,0.3,0.4,1,0.5,extra\n", "9 columns"),
        ("video\n", "1 column,"),
        ("video,0902,0.1,0.2,0.3,0.4,one,0.5\n", 'class id "one"'),
        ("video,0902,0.1,0.2,0.3,0.4,1,high\n", 'score "high"'),
        ("video,0902,0.1,0.2,0.3,0.4,1,nan\n", 'score "nan"'),
        ("video,0902,0.1,x,0.3,0.4,1,0.5\n", 'y1 "x"'),
        ("video,09:02,0.1,0.2,0.3,0.4,1,0.5\n", '"09:02"'),
        ("video,inf,0.1,0.2,0.3,0.4,1,0.5\n", '"inf"'),
        ("video,nan,0.1,0.2,0.3,0.4,1,0.5\n", '"nan"'),
        ("video,0902,10,20,130,140,1,0.5\n", "pixels"),
        ("video,0902,0.1,0.2,nan,0.4,1,0.5\n", 'x2 "nan"'),
        ("video,0902,0.1,0.2,0.3,0.4,99999999999,0.5\n", "class id"),
    ],
)
def test_bad_rows_name_file_and_line(tmp_path, row, message):
    path = tmp_path / "results.csv"
    path.write_text(GOOD + "\n" + row + GOOD)
    with pytest.raises(UserError, match=message) as caught:
        read_detections(path)
    assert f"{path}, line 3: " in str(caught.value)


def test_header_is_named(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("video,second,x1,y1,x2,y2,class,score\n" + GOOD)
    with pytest.raises(UserError, match="line 1: .*header"):
        read_detections(path)


def test_missing_empty_and_broken_files(tmp_path):
    (tmp_path / "results.csv").write_text("\n")
    with pytest.raises(UserError, match="results.csv"):
        read_detections(tmp_path / "results.csv")
    with pytest.raises(UserError, match=r"result\.csv .*results\.csv"):
        read_detections(tmp_path / "result.csv")
    whole = gzip.compress((GOOD * 1000).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cut.csv.gz"):
        read_detections(tmp_path / "cut.csv.gz")
    (tmp_path / "image.csv").write_bytes(b"\xff\xfe\x00\x80" * 10)
    with pytest.raises(UserError, match="image.csv .*UTF-8"):
        read_detections(tmp_path / "image.csv")
