"""Predictions as a project of VIA 3: boxes at the times of the chosen keyframes, with options to tick."""

from __future__ import annotations

import json
from pathlib import Path

from alphaction.data.formats.action_attributes import CONFIRMED
from alphaction.data.formats.confirmation import SCORE
from alphaction.workflows.annotate.to_correct import ToCorrect, VideoToCorrect

PROJECT = "via_project.json"
_ACTION, _PERSON, _CONFIRMED, _SCORE = "1", "2", "3", "4"
_TEXT, _OPTIONS = 1, 2
_RECTANGLE, _VIDEO, _LOCAL = 2, 4, 1
_DIGITS = 3  # of pixels


def write_via(folder: Path, found: ToCorrect) -> None:
    """Write ``via_project.json`` with all videos, which VIA asks for when the project is opened."""
    numbers = {video.name: str(number) for number, video in enumerate(found.videos, start=1)}
    options = {name: str(number) for number, name in enumerate(found.classes)}
    metadata = {}
    for video in found.videos:
        metadata |= _metadata(video, numbers[video.name], options)
    project = {
        "project": {
            "pid": "__VIA_PROJECT_ID__",
            "rev": "__VIA_PROJECT_REV_ID__",
            "rev_timestamp": "__VIA_PROJECT_REV_TIMESTAMP__",
            "pname": "Predictions to correct",
            "creator": "AlphAction",
            "created": 0,
            "data_format_version": "3.1.1",
            "vid_list": list(numbers.values()),
        },
        "config": {
            "file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}},
            "ui": {
                "file_content_align": "center",
                "file_metadata_editor_visible": True,
                "spatial_metadata_editor_visible": True,
                "temporal_segment_metadata_editor_visible": False,
                "spatial_region_label_attribute_id": _ACTION,
                "gtimeline_visible_row_count": "4",
            },
        },
        "attribute": {
            _ACTION: _attribute("action", _OPTIONS, {number: name for name, number in options.items()}),
            _PERSON: _attribute("person_id", _TEXT),
            _CONFIRMED: _attribute(CONFIRMED, _OPTIONS, {"1": "yes"}),
            _SCORE: _attribute(SCORE, _TEXT),
        },
        "file": {
            number: {"fid": number, "fname": name, "type": _VIDEO, "loc": _LOCAL, "src": ""}
            for name, number in numbers.items()
        },
        "metadata": metadata,
        "view": {number: {"fid_list": [number]} for number in numbers.values()},
    }
    (folder / PROJECT).write_text(json.dumps(project, ensure_ascii=False), encoding="utf-8")


def _attribute(name: str, kind: int, options: dict[str, str] | None = None) -> dict[str, object]:
    return {
        "aname": name,
        "anchor_id": "FILE1_Z1_XY1",
        "type": kind,
        "desc": "",
        "options": options or {},
        "default_option_id": "",
    }


def _metadata(video: VideoToCorrect, number: str, options: dict[str, str]) -> dict[str, dict[str, object]]:
    found = {}
    for keyframe in video.keyframes:
        for box in keyframe.boxes:
            x1, y1, x2, y2 = (round(side, _DIGITS) for side in video.pixels(box.box))
            shape = [_RECTANGLE, x1, y1, round(x2 - x1, _DIGITS), round(y2 - y1, _DIGITS)]
            answers = {
                _ACTION: ",".join(options[name] for name in box.actions),
                _PERSON: str(box.person),
                _CONFIRMED: "",
                _SCORE: box.scores,
            }
            entry = {"vid": number, "flg": 0, "z": [keyframe.time], "xy": shape, "av": answers}
            found[f"{number}_{len(found):08d}"] = entry
    return found
