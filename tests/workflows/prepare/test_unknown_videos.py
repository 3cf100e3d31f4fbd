"""Videos that a file names and that are not there: all of them are named, with their boxes and the remedy."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from workflows.prepare.importing import import_text, listed

sys.path.insert(0, str(Path(__file__).parents[2] / "data/formats"))
from cvat_files import box, project, task, track

from alphaction.data.formats.frame_names import FrameNaming
from alphaction.utils.errors import UserError


def via(*names: str) -> dict[str, Any]:
    """A project with two boxes for each video."""
    files = {str(n): {"fid": str(n), "fname": f"{name}.mp4", "type": 4, "loc": 1} for n, name in enumerate(names)}
    drawn = {"xy": [2, 64, 48, 64, 48], "av": {"1": "0"}}
    return {
        "attribute": {"1": {"aname": "action", "anchor_id": "FILE1_Z1_XY1", "type": 4, "options": {"0": "sit"}}},
        "file": files,
        "view": {n: {"fid_list": [n]} for n in files},
        "metadata": {f"{n}_{z}": {**drawn, "vid": n, "z": [z]} for n in files for z in (1, 2)},
    }


def label_studio(*names: str) -> list[dict[str, Any]]:
    """A task with two boxes for each video."""
    sequence = [{"frame": n, "x": 10, "y": 10, "width": 10, "height": 10, "enabled": True} for n in (1, 26)]
    result = {"id": "r", "type": "videorectangle", "value": {"sequence": sequence, "labels": ["sit"]}}
    return [
        {"id": n, "data": {"video": f"/data/{name}.mp4"}, "annotations": [{"result": [result]}]}
        for n, name in enumerate(names)
    ]


def cvat(*names: str) -> str:
    tasks = "".join(task(n, name, 100) for n, name in enumerate(names))
    tracks = [
        track(box(100 * n), box(100 * n + 25), box(100 * n + 26, outside=1), id=n, more=f' task_id="{n}"')
        for n in range(len(names))
    ]
    return project(tasks, *tracks)


def csv(*names: str) -> str:
    return "".join(f"{name},{second},0.1,0.1,0.5,0.5,sit\n" for name in names for second in (1, 2))


def coco(*names: str) -> dict[str, Any]:
    images = [{"id": 2 * n + z, "movie": name, "timestamp": z} for n, name in enumerate(names) for z in (0, 1)]
    boxes = [{"image_id": image["id"], "bbox": [64, 48, 64, 48], "category_id": 1} for image in images]
    return {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "sit"}]}


FORMS = [via, label_studio, cvat, csv, coco]


@pytest.mark.parametrize("form", FORMS)
def test_all_unknown_videos_are_named_at_once(tmp_path, form):
    with pytest.raises(UserError) as error:
        import_text(tmp_path, form("clip_01", "clip_1", "other"))
    first, *lines = str(error.value).splitlines()
    assert "2 of the 3 videos that it names are not among the videos. Rename the files, or add" in first
    assert len(lines) == 2
    assert "clip_1" in lines[0]
    assert "(2 boxes; the first: " in lines[0]
    assert 'Did you mean "clip_01"' in lines[0]
    assert "other" in lines[1]


@pytest.mark.parametrize("form", FORMS)
def test_the_only_video_may_be_here_under_another_name(tmp_path, form):
    with pytest.raises(UserError, match=r"clip_3\S* is not among .* Is it here under another name\? Pass --video-name"):
        import_text(tmp_path, form("clip_3"))
    found = import_text(tmp_path, form("clip_3"), naming=FrameNaming(video_name="clip_02"))
    assert [row[0] for row in listed(found)] == ["clip_02"] * 2
    assert found.taken_for is not None
    assert any("which is not among the videos: taken for clip_02 (--video-name)" in note for note in found.notes)


def test_a_known_name_wins_over_the_option(tmp_path):
    found = import_text(tmp_path, json.dumps(via("clip_01")), naming=FrameNaming(video_name="clip_02"))
    assert [row[0] for row in listed(found)] == ["clip_01"] * 2
