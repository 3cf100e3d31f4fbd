"""Results and annotations from files."""

from __future__ import annotations

import pytest

from alphaction.evaluation import evaluate_files

LABELS = 'label { name: "sit" label_id: 1 label_type: PERSON_MOVEMENT }\n'


@pytest.mark.parametrize("name", ["Kitchen 3", "Kitchen 3.mp4", "/data/kitchen_3.MP4"])
def test_names_of_videos_match_in_any_spelling(tmp_path, name):
    (tmp_path / "map.pbtxt").write_text(LABELS)
    (tmp_path / "truth.csv").write_text("Kitchen 3.mp4,1,0.1,0.1,0.5,0.5,1\nKitchen 3.mp4,2,0.1,0.1,0.5,0.5,1\n")
    (tmp_path / "found.csv").write_text(f"{name},1,0.1,0.1,0.5,0.5,1,0.9\nKitchen 3,2,0.6,0.6,0.9,0.9,1,0.8\n")
    (tmp_path / "out.csv").write_text(f"{name},2\n")
    files = [tmp_path / file for file in ("truth.csv", "found.csv", "map.pbtxt", "out.csv")]
    assert evaluate_files(*files[:3]).mAP == pytest.approx(0.5)
    assert evaluate_files(*files).mAP == pytest.approx(1.0)
