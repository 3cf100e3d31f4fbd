"""A toy dataset's annotations as CVAT exports them, a job for each video: what a person with own videos starts from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

from alphaction.data.annotations import AnnotationTable, LabelMap
from alphaction.toy.toy_options import ToyOptions

Element = ElementTree.Element


def write_cvat_jobs(folder: Path, table: AnnotationTable, label_map: LabelMap, options: ToyOptions) -> None:
    """Write ``{video}.xml`` in the format "CVAT for video 1.1" for each video of a table.

    The label is "person", with a checkbox for each class. Tracks have a keyframe at each annotated second, and are
    outside over seconds that are not annotated.

    Args:
        folder: where to write.
        table: annotations with person ids, at whole seconds.
        label_map: the classes.
        options: frame size, frame rate and length of the videos.
    """
    tracks: dict[str, dict[int, list[tuple[int, int]]]] = {str(video): {} for video in table.keyframes.videos}
    for k, (video, second) in enumerate(table.keyframes):
        for row in range(*table.rows(k).indices(len(table))):
            tracks[video].setdefault(int(table.person_ids[row]), []).append((second, row))
    for number, (video, persons) in enumerate(tracks.items(), start=1):
        root = _job(number, label_map, options)
        for person, track in sorted(persons.items()):
            element = ElementTree.SubElement(root, "track", id=str(person), label="person", source="manual")
            for frame, row, outside in _boxes(track, options.fps):
                _add_box(element, table, row, frame, outside, label_map, options)
        ElementTree.indent(root)
        text = ElementTree.tostring(root, "unicode")
        (folder / f"{video}.xml").write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n', encoding="utf-8")


def _job(number: int, label_map: LabelMap, options: ToyOptions) -> Element:
    """Return the root of a job's export, which names neither the video nor the task."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    meta = ElementTree.SubElement(root, "meta")
    job = ElementTree.SubElement(meta, "job")
    frames = round(options.seconds * options.fps)
    _add_texts(job, id=number, size=frames, mode="interpolation", start_frame=0, stop_frame=frames - 1, frame_filter="")
    label = ElementTree.SubElement(ElementTree.SubElement(job, "labels"), "label")
    _add_texts(label, name="person", type="any")
    attributes = ElementTree.SubElement(label, "attributes")
    for entry in label_map:
        attribute = ElementTree.SubElement(attributes, "attribute")
        _add_texts(attribute, name=entry.name, mutable=True, input_type="checkbox", default_value="false", values="")
    _add_texts(ElementTree.SubElement(meta, "original_size"), width=options.width, height=options.height)
    return root


def _add_texts(parent: Element, **values: object) -> None:
    for name, value in values.items():
        ElementTree.SubElement(parent, name).text = str(value)


def _boxes(track: list[tuple[int, int]], fps: float) -> Iterator[tuple[int, int, bool]]:
    """Yield frame, row and whether the person is outside, of a track's (second, row)."""
    for (second, row), (following, _) in pairwise([*track, (-1, -1)]):
        frame = round(second * fps)
        yield frame, row, False
        if following != second + 1:
            yield frame + 1, row, True


def _add_box(
    track: Element,
    table: AnnotationTable,
    row: int,
    frame: int,
    outside: bool,
    label_map: LabelMap,
    options: ToyOptions,
) -> None:
    sizes = (options.width, options.height) * 2
    corners = [f"{value * size:.2f}" for value, size in zip(table.boxes[row].tolist(), sizes, strict=True)]
    sides = dict(zip(("xtl", "ytl", "xbr", "ybr"), corners, strict=True))
    box = ElementTree.SubElement(
        track, "box", frame=str(frame), keyframe="1", outside=str(int(outside)), occluded="0", **sides, z_order="0"
    )
    present = set(table.labels(row).tolist())
    for entry in label_map:
        value = "true" if entry.id in present else "false"
        ElementTree.SubElement(box, "attribute", name=entry.name).text = value
