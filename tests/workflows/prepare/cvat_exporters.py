"""Writers of CVAT's XML in each of its forms, for round trips; see :mod:`.exporters`.

CVAT itself writes hundredths of a pixel; ``digits`` of :func:`export_cvat` chooses how many are written here.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from workflows.prepare.exporters import Infos, pixels, rows_of, tracks_of, visible_frames

from alphaction.data.annotations import AnnotationTable, LabelMap
from alphaction.data.video.file import VideoInfo


def export_cvat(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos, digits: int = 8) -> None:
    """Write a CVAT project of one task per video: a track per person, a keyframe at every annotated second.

    A label "person" with a mutable checkbox per class, and the person's number as an immutable one. Every other task is
    of another subset; in each, frames are counted across its tasks.
    """
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    project = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "project")
    tasks = ElementTree.SubElement(project, "tasks")
    offsets = {"Train": 0, "Validation": 0}
    for task_id, (video, info) in enumerate(infos.items()):
        subset = list(offsets)[task_id % 2]
        frames = round(info.fps * 1000)
        task = ElementTree.SubElement(tasks, "task")
        _cvat_meta(task, info, id=task_id, name=video, size=frames, mode="interpolation", subset=subset, start_frame=0,
                   stop_frame=frames - 1, frame_filter="")  # fmt: skip
        ElementTree.SubElement(task, "source").text = f"{video}.mp4"
        more = {"task_id": str(task_id), "subset": subset}
        _cvat_tracks(root, table, label_map, infos, video, digits, offsets[subset], **more)
        offsets[subset] += frames
    _cvat_labels(project, label_map)
    _write_xml(path, root)


def export_cvat_jobs(folder: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> list[Path]:
    """Write a CVAT job for each video, as unzipped: a folder named like the video, as the file names none."""
    files = []
    for number, (video, info) in enumerate(infos.items()):
        root = ElementTree.Element("annotations")
        ElementTree.SubElement(root, "version").text = "1.1"
        meta = ElementTree.SubElement(root, "meta")
        job = ElementTree.SubElement(meta, "job")
        frames = round(info.fps * 1000)
        _cvat_meta(job, None, id=70 + number, size=frames, mode="interpolation", overlap=0, subset="default",
                   start_frame=0, stop_frame=frames - 1, frame_filter="")  # fmt: skip
        _cvat_labels(job, label_map)
        _cvat_meta(meta, info, dumped="2026-07-12 22:41:28.429180+00:00")
        _cvat_tracks(root, table, label_map, infos, video, 8)
        files.append(folder / video / "annotations.xml")
        files[-1].parent.mkdir(parents=True)
        _write_xml(files[-1], root)
    return files


def export_cvat_bare(folder: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> list[Path]:
    """Write the tracks of each video in CVAT's form without ``<meta>``, as trackers do; files are named like videos."""
    files = []
    for video in infos:
        root = ElementTree.Element("annotations")
        _cvat_tracks(root, table, label_map, infos, video, 8)
        files.append(folder / f"{video}.xml")
        _write_xml(files[-1], root)
    return files


def export_cvat_images(path: Path, table: AnnotationTable, label_map: LabelMap, infos: Infos) -> None:
    """Write "CVAT for images" of a project of video tasks: each image by its number, with the task's offset."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    project = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "project")
    tasks = ElementTree.SubElement(project, "tasks")
    _cvat_labels(project, label_map)
    offset, rows = 0, list(rows_of(table))
    for task_id, (video, info) in enumerate(infos.items()):
        frames = round(info.fps * 1000)
        task = ElementTree.SubElement(tasks, "task")
        _cvat_meta(task, info, id=task_id, name=video, size=frames, mode="interpolation", subset="default",
                   start_frame=0, stop_frame=frames - 1, frame_filter="")  # fmt: skip
        ElementTree.SubElement(task, "source").text = f"{video}.mp4"
        for second in sorted({second for owner, second, _ in rows if owner == video}):
            frame = offset + round(second * info.fps)
            image = ElementTree.SubElement(root, "image", id=str(frame), name=f"frame_{frame:06d}", subset="default")
            image.attrib |= {"task_id": str(task_id), "width": str(info.width), "height": str(info.height)}
            for owner, moment, row in rows:
                if (owner, moment) == (video, second):
                    _cvat_box(image, table, label_map, info, row, 8, label="person", source="manual")
        offset += frames
    _write_xml(path, root)


def _cvat_meta(parent: ElementTree.Element, info: VideoInfo | None, **values: object) -> None:
    for key, value in values.items():
        ElementTree.SubElement(parent, key).text = str(value)
    if info is not None:
        size = ElementTree.SubElement(parent, "original_size")
        ElementTree.SubElement(size, "width").text = str(info.width)
        ElementTree.SubElement(size, "height").text = str(info.height)


def _cvat_labels(parent: ElementTree.Element, label_map: LabelMap) -> None:
    label = ElementTree.SubElement(ElementTree.SubElement(parent, "labels"), "label")
    ElementTree.SubElement(label, "name").text = "person"
    declared = ElementTree.SubElement(label, "attributes")
    kinds = [(entry.name, "True", "checkbox", "false") for entry in label_map]
    for name, mutable, kind, default in [*kinds, ("person_id", "False", "number", "-1")]:
        attribute = ElementTree.SubElement(declared, "attribute")
        _cvat_meta(attribute, None, name=name, mutable=mutable, input_type=kind, default_value=default)


def _cvat_tracks(root, table, label_map, infos, owner, digits, offset=0, **more) -> None:
    """Add the tracks of a video, whose frames are counted from ``offset``; ``more``: attributes of a track."""
    for (video, _), track in tracks_of(table).items():
        if video != owner:
            continue
        number = str(len(root.findall("track")))
        element = ElementTree.SubElement(root, "track", id=number, label="person", source="manual", **more)
        for frame, row, outside in visible_frames(track, infos[video].fps):
            shown = {"frame": str(offset + frame), "keyframe": "1", "outside": str(int(outside))}
            _cvat_box(element, table, label_map, infos[video], row, digits, **shown)


def _cvat_box(parent, table, label_map, info, row, digits, **more) -> None:
    corners = [f"{value:.{digits}f}" for value in pixels(table.boxes[row], info)]
    sides = dict(zip(("xtl", "ytl", "xbr", "ybr"), corners, strict=True))
    box = ElementTree.SubElement(parent, "box", **more, occluded="0", **sides, z_order="0")
    names = {label_map.find(class_id).name for class_id in table.labels(row).tolist()}
    for entry in label_map:
        value = ElementTree.SubElement(box, "attribute", name=entry.name)
        value.text = "true" if entry.name in names else "false"
    ElementTree.SubElement(box, "attribute", name="person_id").text = str(table.person_ids[row])


def _write_xml(path: Path, root: ElementTree.Element) -> None:
    path.write_text('<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode"), "utf-8")
