"""Writers of the annotation tools' own formats, for round trips: a table out, and what a person would get back.

Rounding: AVA csv, JSON, VIA and Label Studio files hold numbers in full. CVAT itself writes hundredths of a pixel;
``digits`` of :func:`export_cvat` chooses how many are written here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

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


def export_cvat(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos, digits: int = 8) -> None:
    """Write a CVAT project of one task per video: a track per person, a keyframe at every annotated second.

    A label "person" with a mutable checkbox per class, and the person's number as an immutable one.
    """
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    project = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "project")
    tasks, labels = ElementTree.SubElement(project, "tasks"), ElementTree.SubElement(project, "labels")
    for task_id, (video, info) in enumerate(infos.items()):
        task = ElementTree.SubElement(tasks, "task")
        frames = round(info.fps * 1000)
        for key, value in (("id", task_id), ("name", video), ("size", frames), ("mode", "interpolation"),
                           ("start_frame", 0), ("stop_frame", frames - 1), ("frame_filter", "")):  # fmt: skip
            ElementTree.SubElement(task, key).text = str(value)
        size = ElementTree.SubElement(task, "original_size")
        ElementTree.SubElement(size, "width").text = str(info.width)
        ElementTree.SubElement(size, "height").text = str(info.height)
        ElementTree.SubElement(task, "source").text = f"{video}.mp4"
    label = ElementTree.SubElement(labels, "label")
    ElementTree.SubElement(label, "name").text = "person"
    declared = ElementTree.SubElement(label, "attributes")
    kinds = [(entry.name, "True", "checkbox", "false") for entry in label_map]
    for name, mutable, kind, default in [*kinds, ("person_id", "False", "number", "-1")]:
        attribute = ElementTree.SubElement(declared, "attribute")
        for key, value in (("name", name), ("mutable", mutable), ("input_type", kind), ("default_value", default)):
            ElementTree.SubElement(attribute, key).text = value
    for number, ((video, person), track) in enumerate(tracks_of(table).items()):
        task_id = list(infos).index(video)
        element = ElementTree.SubElement(root, "track", id=str(number), label="person", source="manual",
                                         task_id=str(task_id), subset="default")  # fmt: skip
        for frame, row, outside in visible_frames(track, infos[video].fps):
            corners = [f"{value:.{digits}f}" for value in pixels(table.boxes[row], infos[video])]
            box = ElementTree.SubElement(
                element, "box", frame=str(frame), keyframe="1", outside=str(int(outside)), occluded="0", z_order="0",
                **dict(zip(("xtl", "ytl", "xbr", "ybr"), corners, strict=True)),
            )  # fmt: skip
            names = {label_map.find(class_id).name for class_id in table.labels(row).tolist()}
            for entry in label_map:
                value = ElementTree.SubElement(box, "attribute", name=entry.name)
                value.text = "true" if entry.name in names else "false"
            ElementTree.SubElement(box, "attribute", name="person_id").text = str(person)
    path.write_text('<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode"), "utf-8")


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
