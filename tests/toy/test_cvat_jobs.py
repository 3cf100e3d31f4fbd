"""The toy dataset's annotations as exports of CVAT jobs: prepared, they are what the csv files hold."""

from __future__ import annotations

import numpy as np

from alphaction.data.annotations import read_annotations, read_label_map
from alphaction.data.video.whole_movies import MovieSource
from alphaction.workflows.prepare.import_rows import ReadingRules, import_annotations


def test_the_exports_hold_what_the_csv_files_hold(small_toy_folder):
    toy = small_toy_folder / "toy"
    source = MovieSource(toy / "videos")
    label_map = read_label_map(toy / "annotations/toy_action_list.pbtxt")
    expected = {}
    for split in ("train", "val"):
        table = read_annotations(toy / f"annotations/{split}.csv", label_map)
        for k, (video, second) in enumerate(table.keyframes):
            for row in range(*table.rows(k).indices(len(table))):
                names = {label_map.find(class_id).name for class_id in table.labels(row).tolist()}
                expected[video, second, int(table.person_ids[row])] = (table.boxes[row], names)
    files = sorted((toy / "exports").iterdir())
    parts = import_annotations(files, ReadingRules(), info=source.probe, video_names=[file.stem for file in files])
    assert [part.videos for part in parts] == [(file.stem,) for file in files]
    found = {}
    for part in parts:
        columns = (part.numbers.tolist(), part.persons().tolist(), part.boxes, part.labels())
        for second, person, box, labels in zip(*columns, strict=True):
            found[part.videos[0], second, person] = (box, set(labels))
    assert found.keys() == expected.keys()
    for key, (box, names) in expected.items():
        assert found[key][1] == names, key
        np.testing.assert_allclose(found[key][0], box, atol=1e-3)  # CVAT writes hundredths of a pixel
