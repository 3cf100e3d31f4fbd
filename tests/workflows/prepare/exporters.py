"""Writers of the annotation tools' own formats, for round trips: a table out, and what a person would get back.

Rounding: AVA csv, JSON, VIA and Label Studio files hold numbers in full. CVAT's files: :mod:`.cvat_exporters`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from alphaction.data.annotations import AnnotationTable, LabelMap, write_ava_csv
from alphaction.data.video.file import VideoInfo

GROUP_ATTRIBUTES = {"movement": "PERSON_MOVEMENT", "object": "OBJECT_MANIPULATION", "person": "PERSON_INTERACTION"}
Infos = Mapping[str, VideoInfo]


def export_ava(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write AVA csv."""
    write_ava_csv(path, table)


def export_actions_json(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write upstream's JSON: several ``action_ids`` per annotation, boxes in pixels."""
    _export_json(path, table, infos, lambda ids: [{"category_id": 1, "action_ids": ids}], [{"id": 1, "name": "person"}])


def export_coco(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write plain COCO: an annotation per class; a box without action cannot be written."""
    categories = [{"id": entry.id, "name": entry.name} for entry in label_map]
    _export_json(path, table, infos, lambda ids: [{"category_id": class_id} for class_id in ids], categories)


def _export_json(path: Path, table: AnnotationTable, infos: Infos, classes, categories) -> None:
    images, annotations = [], []
    for k, (video, second) in enumerate(table.keyframes):
        info = infos[video]
        name = f"{video}/{second:04d}.jpg"
        images.append({"id": k + 1, "file_name": name, "width": info.width, "height": info.height})
        for row in range(*table.rows(k).indices(len(table))):
            x1, y1, x2, y2 = pixels(table.boxes[row], info)
            entry = {"image_id": k + 1, "bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0}
            if table.person_ids[row] >= 0:
                entry["track_id"] = int(table.person_ids[row])
            for part in classes(table.labels(row).tolist()):
                annotations.append({"id": len(annotations) + 1, **entry, **part})
    data = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(data), encoding="utf-8")


def export_via(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write a VIA 3 project: a checkbox attribute per group with an option per class, and a text with the person id."""
    videos = list(dict.fromkeys(keyframe.video for keyframe in table.keyframes))
    anchor = {"anchor_id": "FILE1_Z1_XY1", "desc": "", "default_option_id": ""}
    attributes = {
        str(number): {"aname": GROUP_ATTRIBUTES[group], "type": 2, "options": {}, **anchor}
        for number, group in enumerate(GROUP_ATTRIBUTES, start=1)
    }
    number_of = {group: str(number) for number, group in enumerate(GROUP_ATTRIBUTES, start=1)}
    for entry in label_map:
        attributes[number_of[entry.group]]["options"][str(entry.id)] = entry.name
    attributes["4"] = {"aname": "person_id", "type": 1, "options": {}, **anchor}
    metadata = {}
    for video, second, row in rows_of(table):
        x1, y1, x2, y2 = pixels(table.boxes[row], infos[video])
        values: dict[str, list[str]] = {}
        for class_id in table.labels(row).tolist():
            values.setdefault(number_of[label_map.find(class_id).group], []).append(str(class_id))
        av = {aid: ",".join(ids) for aid, ids in values.items()}
        if table.person_ids[row] >= 0:
            av["4"] = str(table.person_ids[row])
        vid = str(videos.index(video) + 1)
        metadata[f"{vid}_{row:08d}"] = {
            "vid": vid, "flg": 0, "z": [float(second)], "xy": [2, x1, y1, x2 - x1, y2 - y1], "av": av,
        }  # fmt: skip
    project = {
        "project": {
            "pid": "__VIA_PROJECT_ID__", "rev": "__VIA_PROJECT_REV_ID__",
            "rev_timestamp": "__VIA_PROJECT_REV_TIMESTAMP__", "pname": "Actions",
            "creator": "VGG Image Annotator (http://www.robots.ox.ac.uk/~vgg/software/via)", "created": 1700000000000,
            "data_format_version": "3.1.1", "vid_list": [str(index + 1) for index in range(len(videos))],
        },
        "config": {
            "file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}}, "ui": {"file_content_align": "center"},
        },
        "attribute": attributes,
        "file": {
            str(i): {"fid": str(i), "fname": f"{video}.mp4", "type": 4, "loc": 1, "src": ""}
            for i, video in enumerate(videos, start=1)
        },
        "metadata": metadata,
        "view": {str(i): {"fid_list": [str(i)]} for i in range(1, len(videos) + 1)},
    }  # fmt: skip
    path.write_text(json.dumps(project), encoding="utf-8")


def export_labelstudio(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write Label Studio tasks: a region per stretch of one person and one set of classes, choices per region.

    A region's classes cannot change over time, so a person who changes the action gets another region.
    """
    tasks = []
    tracks = tracks_of(table)
    for number, (video, info) in enumerate(infos.items(), start=1):
        result = []
        for (owner, person), track in tracks.items():
            if owner != video:
                continue
            for stretch in stretches(track, lambda row: tuple(table.labels(row).tolist())):
                region = f"{video[-3:]}_{person}_{stretch[0][0]:04d}"
                result += _regions(region, stretch, person, table, label_map, info)
        annotation = {
            "id": 100 + number, "completed_by": 1, "was_cancelled": False, "ground_truth": False,
            "created_at": "2024-05-01T10:00:00.000000Z", "updated_at": "2024-05-01T10:30:00.000000Z", "result": result,
        }  # fmt: skip
        tasks.append({
            "id": number, "annotations": [annotation], "file_upload": f"3f2a9c1b-{video}.mp4", "predictions": [],
            "data": {"video": f"/data/upload/7/3f2a9c1b-{video}.mp4"}, "meta": {}, "project": 7,
        })  # fmt: skip
    path.write_text(json.dumps(tasks), encoding="utf-8")


def export_labelstudio_min(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write JSON-MIN: labels are the classes, as answers per region cannot be told apart; persons are lost."""
    rows = []
    for number, (video, info) in enumerate(infos.items(), start=1):
        boxes = []
        for (owner, person), track in tracks_of(table).items():
            for stretch in stretches(track, lambda row: tuple(table.labels(row).tolist())) if owner == video else ():
                value = _regions("", stretch, person, table, label_map, info)[0]["value"]
                names = [label_map.find(class_id).name for class_id in table.labels(stretch[0][1]).tolist()]
                boxes.append({**value, "labels": names or ["person"]})
        rows.append({
            "video": f"/data/upload/7/3f2a9c1b-{video}.mp4", "id": number, "box": boxes, "annotator": 1,
            "annotation_id": 100 + number, "created_at": "2024-05-01T10:00:00.000000Z",
            "updated_at": "2024-05-01T10:30:00.000000Z", "lead_time": 12.5,
        })  # fmt: skip
    path.write_text(json.dumps(rows), encoding="utf-8")


def export_vidat(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write Vidat's annotation of the one video of ``infos``, at 10 frames a second: a box for each class."""
    [(video, info)] = infos.items()
    frames: dict[str, list[dict]] = {}
    for owner, second, row in rows_of(table):
        if owner != video:
            continue
        x1, y1, x2, y2 = pixels(table.boxes[row], info)
        for label in table.labels(row).tolist() or [0]:
            person = int(table.person_ids[row])
            frames.setdefault(str(10 * second), []).append({
                "highlight": False, "instance": person if person >= 0 else None, "score": None, "labelId": label,
                "color": "#0000ff", "x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1,
            })  # fmt: skip
    seconds = info.duration or 10.0
    labels = [{"id": 0, "name": "default", "color": "#00ff00"}]
    labels += [{"id": entry.id, "name": entry.name, "color": "#ff0000"} for entry in label_map]
    data = {
        "version": "2.1.0",
        "annotation": {
            "video": {"src": f"video/{video}.mp4", "fps": 10, "frames": round(10 * seconds), "duration": seconds,
                      "height": info.height, "width": info.width},
            "keyframeList": [int(frame) for frame in frames], "objectAnnotationListMap": frames,
            "regionAnnotationListMap": {}, "skeletonAnnotationListMap": {}, "actionAnnotationList": [],
        },
        "config": {"objectLabelData": labels, "actionLabelData": [], "skeletonTypeData": []},
    }  # fmt: skip
    path.write_text(json.dumps(data), encoding="utf-8")


def export_label_lines(path: Path, label_map: LabelMap) -> None:
    """Write a label map as SlowFast and mmaction2 have it; groups are lost."""
    path.write_text("".join(f"{entry.id}: {entry.name}\n" for entry in label_map), encoding="utf-8")


def _regions(region, stretch, person, table, label_map, info) -> list[dict]:
    sequence = []
    last = len(stretch) - 1
    for position, (second, row) in enumerate(stretch):
        x1, y1, x2, y2 = (100 * float(value) for value in table.boxes[row])
        frame = round(second * info.fps) + 1
        sequence.append({
            "frame": frame, "enabled": position < last, "rotation": 0, "x": x1, "y": y1, "width": x2 - x1,
            "height": y2 - y1, "time": frame / info.fps,
        })  # fmt: skip
    duration = info.duration or 10.0
    size = {"framesCount": round(duration * info.fps), "duration": duration}
    common = {"id": region, "to_name": "video", "origin": "manual"}
    value = {**size, "sequence": sequence, "labels": ["person"]}
    results = [{**common, "from_name": "box", "type": "videorectangle", "value": value}]
    classes = [label_map.find(class_id) for class_id in table.labels(stretch[0][1]).tolist()]
    for group, name in GROUP_ATTRIBUTES.items():
        chosen = [entry.name for entry in classes if entry.group == group]
        if chosen:
            results.append({**common, "from_name": name, "type": "choices", "value": {**size, "choices": chosen}})
    results.append({**common, "from_name": "person_id", "type": "number", "value": {**size, "number": person}})
    return results


def export_coco_cvat(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write what CVAT's "COCO 1.0" says of video tasks: every frame is listed, persons are tracks, labels the actions.

    A person has a track for each action, as a track of CVAT has one label. Images are in the folder of their video.
    """
    categories = [{"id": entry.id, "name": entry.name, "supercategory": ""} for entry in label_map]
    images, annotations, number_of = [], [], {}
    for video, info in infos.items():
        for frame in range(info.frames):
            number_of[video, frame] = len(images) + 1
            name = f"{video}/frame_{frame:06d}.PNG"
            images.append({"id": len(images) + 1, "width": info.width, "height": info.height, "file_name": name})
    for video, second, row in rows_of(table):
        info = infos[video]
        x1, y1, x2, y2 = pixels(table.boxes[row], info)
        for frame in (round(second * info.fps), round(second * info.fps) + 1):
            for class_id in table.labels(row).tolist():
                said = {"occluded": False, "rotation": 0.0, "track_id": int(table.person_ids[row]), "keyframe": True}
                annotations.append({
                    "id": len(annotations) + 1, "image_id": number_of[video, frame], "category_id": class_id,
                    "segmentation": [], "area": (x2 - x1) * (y2 - y1), "bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0,
                    "attributes": said,
                })  # fmt: skip
    data = {"licenses": [], "info": {}, "categories": categories, "images": images, "annotations": annotations}
    path.write_text(json.dumps(data), encoding="utf-8")


def export_coco_attributes(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write COCO of pictures as AVA's tutorials name them, of persons whose actions are attributes."""
    names, images, annotations = {}, [], []
    for video, second, row in rows_of(table):
        info = infos[video]
        name = f"{video}_{round(second * info.fps) + 1:06d}.jpg"
        if name not in names:
            names[name] = len(names) + 1
            images.append({"id": names[name], "width": info.width, "height": info.height, "file_name": name})
        x1, y1, x2, y2 = pixels(table.boxes[row], info)
        actions = {"person_id": str(table.person_ids[row]), "occluded": False}
        for class_id in table.labels(row).tolist():
            entry = label_map.find(class_id)
            group = GROUP_ATTRIBUTES[entry.group]
            actions[group] = "; ".join(filter(None, [actions.get(group, ""), entry.name]))
        box = [x2, y2, x1 - x2, y1 - y2]  # drawn from the lower right corner
        annotations.append({
            "id": len(annotations) + 1, "image_id": names[name], "category_id": 1, "bbox": box, "attributes": actions,
        })  # fmt: skip
    data = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    path.write_text(json.dumps(data), encoding="utf-8")


def export_coco_roboflow(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write Roboflow's COCO of uploaded videos whose every frame was taken; no persons."""
    categories = [{"id": 0, "name": "actions", "supercategory": "none"}]
    categories += [{"id": entry.id, "name": entry.name, "supercategory": "actions"} for entry in label_map]
    images, annotations, number_of = [], [], {}
    for video, second, row in rows_of(table):
        info = infos[video]
        name = f"{video}_mp4-{round(second * info.fps):04d}.jpg"
        if name not in number_of:
            number_of[name] = len(images)
            file_name = f"{name.replace('.', '_')}.rf.{len(images):032x}.jpg"
            size = {"height": info.height, "width": info.width}
            images.append({"id": len(images), "license": 1, "file_name": file_name, **size, "extra": {"name": name}})
        x1, y1, x2, y2 = pixels(table.boxes[row], info)
        for class_id in table.labels(row).tolist():
            annotations.append({
                "id": len(annotations), "image_id": number_of[name], "category_id": class_id, "segmentation": [],
                "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": 0,
            })  # fmt: skip
    data = {"info": {}, "licenses": [], "categories": categories, "images": images, "annotations": annotations}
    path.write_text(json.dumps(data), encoding="utf-8")


def export_fiftyone(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write FiftyOne's samples: a picture for each keyframe, a detection for each action, as its export has them."""
    samples = []
    for k, (video, second) in enumerate(table.keyframes):
        detections = []
        for row in range(*table.rows(k).indices(len(table))):
            x1, y1, x2, y2 = table.boxes[row].tolist()
            for class_id in table.labels(row).tolist() or [None]:
                detections.append({
                    "_id": {"$oid": f"{len(detections):024x}"}, "_cls": "Detection", "attributes": {}, "tags": [],
                    "label": "person" if class_id is None else label_map.find(class_id).name,
                    "bounding_box": [x1, y1, x2 - x1, y2 - y1],
                })  # fmt: skip
                if table.person_ids[row] >= 0:
                    detections[-1]["index"] = int(table.person_ids[row])
        samples.append({
            "_id": {"$oid": f"{k:024x}"}, "filepath": f"/p/{video}_{round(second * infos[video].fps) + 1:06d}.jpg",
            "tags": [], "_media_type": "image", "ground_truth": {"_cls": "Detections", "detections": detections},
        })  # fmt: skip
    path.write_text(json.dumps({"samples": samples}), encoding="utf-8")


def export_via_pictures(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write a VIA 3 project of pictures, as AVA's tutorials name them, in place of the videos."""
    export_via(path, table, label_map, infos)
    project = json.loads(path.read_text(encoding="utf-8"))
    pictures: dict[str, str] = {}
    for entry in project["metadata"].values():
        video = Path(project["file"][entry["vid"]]["fname"]).stem
        name = f"{video}_{round(entry['z'][0] * infos[video].fps) + 1:06d}.jpg"
        entry.update(vid=pictures.setdefault(name, str(len(pictures) + 1)), z=[])
    project["file"] = {
        key: {"fid": key, "fname": name, "type": 2, "loc": 1, "src": ""} for name, key in pictures.items()
    }
    project["view"] = {key: {"fid_list": [key]} for key in pictures.values()}
    path.write_text(json.dumps(project), encoding="utf-8")


def rows_of(table: AnnotationTable):
    """Yield (video, second, row) of every box."""
    for k, (video, second) in enumerate(table.keyframes):
        for row in range(*table.rows(k).indices(len(table))):
            yield video, second, row


def tracks_of(table: AnnotationTable) -> dict[tuple[str, int], list[tuple[int, int]]]:
    """Return (video, person id) -> [(second, row)], ascending."""
    tracks: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for video, second, row in rows_of(table):
        tracks.setdefault((video, int(table.person_ids[row])), []).append((second, row))
    return tracks


def visible_frames(track: list[tuple[int, int]], fps: float):
    """Yield (frame, row, outside): the annotated seconds, and an outside box one frame after each stretch."""
    for position, (second, row) in enumerate(track):
        yield round(second * fps), row, False
        if position + 1 == len(track) or track[position + 1][0] != second + 1:
            yield round(second * fps) + 1, row, True


def stretches(track: list[tuple[int, int]], key) -> list[list[tuple[int, int]]]:
    """Return the parts of a track in consecutive seconds with equal ``key(row)``."""
    parts: list[list[tuple[int, int]]] = []
    for second, row in track:
        if parts and parts[-1][-1][0] == second - 1 and key(parts[-1][-1][1]) == key(row):
            parts[-1].append((second, row))
        else:
            parts.append([(second, row)])
    return parts


def pixels(box, info: VideoInfo) -> list[float]:
    """Return a box of fractions in pixels."""
    return [float(v) * size for v, size in zip(box, (info.width, info.height) * 2, strict=True)]
