"""Predictions as a dataset of FiftyOne on disk, beside the pictures of the keyframes: a detection for each action.

The files are in the form that ``fiftyone.types.FiftyOneDataset`` reads (its plain one, without a database's ids), so
that this needs no package. Samples are tagged "predicted"; whoever has looked at one tags it, or its labels,
"confirmed".
"""

from __future__ import annotations

import json
from pathlib import Path

from alphaction.data.formats.fiftyone import FIELD, PREDICTED
from alphaction.workflows.annotate.coco import labels_of
from alphaction.workflows.annotate.pictures import picture_name, write_pictures
from alphaction.workflows.annotate.results import Videos
from alphaction.workflows.annotate.to_correct import BoxToCorrect, KeyframeToCorrect, ToCorrect, VideoToCorrect

SAMPLES, METADATA, PICTURES = "samples.json", "metadata.json", "data"
_NO_ACTION = "person"
_DIGITS = 6


def write_fiftyone(folder: Path, found: ToCorrect, videos: Videos) -> None:
    """Write ``samples.json``, ``metadata.json`` and the folder ``data``; samples are in the order to look at them."""
    write_pictures(folder / PICTURES, found, videos)
    samples = [_sample(video, keyframe) for video, keyframe in found.in_order()]
    (folder / SAMPLES).write_text(json.dumps({"samples": samples}, ensure_ascii=False), encoding="utf-8")
    metadata = {"name": "predictions to correct", "media_type": "image", "num_samples": len(samples)}
    (folder / METADATA).write_text(json.dumps(metadata, ensure_ascii=False), encoding="utf-8")


def _sample(video: VideoToCorrect, keyframe: KeyframeToCorrect) -> dict[str, object]:
    detections = [detection for box in keyframe.boxes for detection in _detections(box)]
    return {
        "filepath": f"{PICTURES}/{picture_name(video, keyframe)}",
        "tags": [PREDICTED],
        "metadata": None,
        "video": video.name,
        "second": float(keyframe.time),
        FIELD: {"_cls": "Detections", "detections": detections},
    }


def _detections(box: BoxToCorrect) -> list[dict[str, object]]:
    x1, y1, x2, y2 = (round(side, _DIGITS) for side in box.box)
    return [
        {
            "_cls": "Detection",
            "tags": [],
            "label": name or _NO_ACTION,
            "bounding_box": [x1, y1, round(x2 - x1, _DIGITS), round(y2 - y1, _DIGITS)],
            "confidence": round(score, 4),
            "index": box.person,
        }
        for name, score in labels_of(box)
    ]
