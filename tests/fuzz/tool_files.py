"""Small files of the annotation tools, each with a bit of all that its reader looks at: videos clip_01 and clip_02."""

from __future__ import annotations

from typing import Any

_BOX = {"x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0, "rotation": 0}
_VIA_FILES = {
    "1": {"fid": "1", "fname": "clip_01.mp4", "type": 4, "loc": 1, "src": ""},
    "2": {"fid": "2", "fname": "clip_02_000051.jpg", "type": 2, "loc": 2, "src": "http://h/clip_02_000051.jpg"},
}
VIA = {
    "project": {"pid": "x", "vid_list": ["1", "2"]},
    "attribute": {
        "1": {"aname": "action", "anchor_id": "FILE1_Z1_XY1", "type": 2, "options": {"1": "walk", "2": "read"}},
        "2": {"aname": "person_id", "anchor_id": "FILE1_Z1_XY1", "type": 1, "options": {}},
        "3": {"aname": "TEMPORAL-SEGMENTS", "anchor_id": "FILE1_Z2_XY0", "type": 4, "options": {"d": "jump"}},
    },
    "file": _VIA_FILES,
    "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": ["2"]}},
    "metadata": {
        "1_a": {"vid": "1", "z": [2.04], "xy": [2, 64, 48, 64, 96], "av": {"1": "1,2", "2": "7"}},
        "1_b": {"vid": "1", "z": [3, 5.5], "xy": [7, 10, 10, 50, 10, 50, 90], "av": {"1": "read"}},
        "1_c": {"vid": "1", "z": [1, 4], "xy": [], "av": {"3": "d"}},
        "2_a": {"vid": "2", "z": [], "xy": [3, 100, 100, 50], "av": {"1": "2"}},
    },
}
_SEQUENCE = [
    {**_BOX, "frame": 1, "time": 0.04, "enabled": True},
    {**_BOX, "frame": 76, "time": 3.04, "enabled": False, "rotation": 30},
]
_RESULT = [
    {"id": "r1", "from_name": "box", "type": "videorectangle",
     "value": {"framesCount": 500, "duration": 20.0, "sequence": _SEQUENCE, "labels": ["person"]}},
    {"id": "r1", "from_name": "action", "type": "choices", "value": {"choices": ["wave"]}},
    {"id": "r1", "from_name": "person_id", "type": "number", "value": {"number": 3}},
    {"id": "r2", "from_name": "line", "type": "timelinelabels",
     "value": {"ranges": [{"start": 5, "end": 40}], "timelinelabels": ["run"]}},
]  # fmt: skip
_PICTURE = {
    "id": "p1", "from_name": "box", "type": "rectanglelabels", "original_width": 640, "original_height": 480,
    "value": {**_BOX, "rectanglelabels": ["wave"]},
}  # fmt: skip
LABEL_STUDIO = [
    {"id": 1, "data": {"video": "/data/upload/1/3f2a9c1b-clip_01.mp4"}, "file_upload": "3f2a9c1b-clip_01.mp4",
     "annotations": [
         {"id": 5, "completed_by": {"email": "a@b.c", "id": 1}, "ground_truth": False, "was_cancelled": False,
          "updated_at": "2024-05-01T10:30:00Z", "result": _RESULT},
         {"id": 6, "completed_by": 2, "created_at": "2024-04-01T10:30:00Z", "result": []},
     ], "predictions": [], "drafts": []},
    {"id": 2, "data": {"image": "clip_02_000051.jpg"}, "annotations": [{"id": 7, "result": [_PICTURE]}]},
]  # fmt: skip
LABEL_STUDIO_MIN = [
    {"video": "clip_01.mp4", "id": 1, "box": [{"framesCount": 500, "sequence": _SEQUENCE, "labels": ["wave"]}],
     "mood": "glad", "annotator": 1, "annotation_id": 5, "updated_at": "2024-05-01T10:30:00Z", "lead_time": 1.5},
]  # fmt: skip
LABEL_STUDIO_WEBHOOK = {
    "annotation": {"id": 5, "task": 1, "result": _RESULT},
    "task": {"id": 1, "data": {"video": "clip_01.mp4", "rate": "25/1"}},
    "project": {"label_config": '<View><Video name="v" value="$video" framerate="$rate"/></View>'},
}
VIDAT = {
    "version": "2.1.0",
    "annotation": {
        "video": {"src": "video/clip_01.mp4", "fps": 10, "frames": 200, "duration": 20, "height": 480, "width": 640},
        "keyframeList": [0, 20],
        "objectAnnotationListMap": {
            "0": [{"instance": 3, "labelId": 2, "x": 64, "y": 48, "width": 32, "height": 96}],
            "20": [{"instance": "ann", "labelId": 0, "x": 64, "y": 48, "width": -32, "height": 96}],
        },
        "regionAnnotationListMap": {"0": [{"pointList": []}]},
        "actionAnnotationList": [{"start": 1.5, "end": 4, "action": 3}],
    },
    "config": {"objectLabelData": [{"id": 0, "name": "default"}, {"id": 2, "name": "wave"}],
               "actionLabelData": [{"id": 3, "name": "jump"}]},
}  # fmt: skip
_ATTRIBUTES = {"occluded": False, "rotation": 0.0, "track_id": 7, "keyframe": True}
COCO = {
    "licenses": [{"name": "", "id": 0, "url": ""}],
    "images": [
        {"id": 1, "file_name": "clip_01_000025.png", "width": 640, "height": 480},
        {"id": 2, "file_name": "clip_01_000050.png", "width": 640, "height": 480},
        {"id": 3, "file_name": "clip_02_000075.png", "width": 640, "height": 480},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [64, 48, 64, 96], "iscrowd": 0, "attributes": _ATTRIBUTES},
        {"id": 2, "image_id": 2, "category_id": 1, "bbox": [], "segmentation": [[64, 48, 192, 48, 192, 144]]},
        {"id": 3, "image_id": 3, "category_id": 2, "bbox": [64, 48, 64, 96], "iscrowd": 1, "track_id": 1,
         "segmentation": {"size": [480, 640], "counts": [30000, 90, 390, 90]}},
        {"id": 4, "image_id": 3, "category_id": None, "bbox": [64.5, 48, -64, 96],
         "attributes": [{"name": "mood", "value": ["glad"]}]},
    ],
    "categories": [{"id": 1, "name": "wave"}, {"id": 2, "name": "run"}],
}  # fmt: skip
COCO_ACTIONS = {
    "images": [{"id": "a", "movie": "clip_01", "timestamp": 3}, {"id": "b", "movie": "clip_01", "timestamp": "4.5"}],
    "annotations": [
        {"id": 1, "image_id": "a", "bbox": [0.1, 0.1, 0.2, 0.3], "action_ids": [1, 3], "person_id": 4},
        {"id": 2, "image_id": "b", "bbox": [0.1, 0.1, 0.2, 0.3], "action_ids": []},
    ],
}
ROBOFLOW = {
    "images": [
        {"id": 1, "file_name": "clip_01_25_png.rf.0a1b2c3d4e5f.jpg", "extra": {"name": "clip_01_25.png"}, "width": 64,
         "height": 48},
        {"id": 2, "file_name": "clip_01_50_png.rf.1a1b2c3d4e5f.jpg", "width": 64, "height": 48},
    ],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [6, 4, 6, 9]}],
    "categories": [{"id": 0, "name": "actions"}, {"id": 1, "name": "wave"}],
}  # fmt: skip
FIFTYONE = {
    "samples": [
        {"_id": {"$oid": "1"}, "filepath": "/p/clip_01_000026.jpg", "tags": ["predicted"], "persons": {
            "_cls": "Detections", "detections": [
                {"_cls": "Detection", "label": "wave", "bounding_box": [0.1, 0.1, 0.1, 0.2], "confidence": 0.7,
                 "index": 3, "tags": ["confirmed"]},
                {"_cls": "Detection", "label": "run", "bounding_box": [0.5, 0.1, -0.1, 0.2], "confidence": None,
                 "tags": []},
            ]}},
        {"filepath": "clip_02_000051.jpg", "tags": ["predicted", "confirmed"], "persons": None},
        {"filepath": "clip_02_000076.jpg", "tags": [], "persons": {"_cls": "Detections", "detections": [
            {"label": "person", "bounding_box": [0.1, 0.1, 0.1, 0.2]}]}},
    ],
}  # fmt: skip
LABEL_STUDIO_PREDICTED = [
    {"id": 3, "data": {"video": "clip_01.mp4", "alphaction_frame": "76"}, "annotations": [
        {"id": 5, "result": [{**_RESULT[0], "value": {"framesCount": 500, "duration": 20.0, "labels": ["run"],
                                                      "sequence": [{**_BOX, "frame": 76, "enabled": True}]}},
                            _RESULT[1]]}],
     "predictions": [{"model_version": "alphaction", "result": _RESULT}]},
    {"id": 4, "data": {"video": "clip_02.mp4", "alphaction_frame": "1"}, "annotations": [],
     "predictions": [{"model_version": "alphaction", "result": _RESULT[:3]}]},
]  # fmt: skip
FILES: dict[str, Any] = {
    "via": VIA,
    "label studio": LABEL_STUDIO,
    "label studio min": LABEL_STUDIO_MIN,
    "label studio webhook": LABEL_STUDIO_WEBHOOK,
    "vidat": VIDAT,
    "coco": COCO,
    "coco with action ids": COCO_ACTIONS,
    "roboflow": ROBOFLOW,
    "fiftyone": FIFTYONE,
    "label studio predicted": LABEL_STUDIO_PREDICTED,
}
