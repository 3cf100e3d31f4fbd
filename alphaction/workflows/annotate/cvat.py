"""Predictions as tracks of CVAT: "CVAT for video 1.1", a file for each video, and the labels of the task.

A track is a person. It has a box on the frame of each chosen keyframe, and is outside between them: so the tool's "next
frame with objects" goes from one to the next, and nothing that the tool interpolates looks like an answer. The actions
are in the attributes "action", "action 2", ...: choices from all classes, of which a person may have several.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from alphaction.data.formats.action_attributes import CONFIRMED
from alphaction.data.formats.confirmation import SCORE
from alphaction.workflows.annotate.to_correct import BoxToCorrect, ToCorrect, VideoToCorrect

LABELS = "labels.json"
PERSON = "person"
NONE = "none"
_FEWEST_SLOTS = 2
Element = ElementTree.Element


def write_cvat(folder: Path, found: ToCorrect) -> None:
    """Write ``VIDEO.xml`` for each video, and ``labels.json`` for the raw labels of its task."""
    slots = _slots(found)
    label = _label(slots, found.classes)
    (folder / LABELS).write_text(json.dumps([label], indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for video in found.videos:
        tree = ElementTree.ElementTree(_video(video, slots, label))
        ElementTree.indent(tree)
        tree.write(folder / f"{video.stem}.xml", encoding="utf-8", xml_declaration=True)


def _slots(found: ToCorrect) -> list[str]:
    """Return the names of the attributes for actions: one more than a box has, so that one can be added."""
    number = min(max(found.most_actions + 1, _FEWEST_SLOTS), len(found.classes))
    return ["action", *(f"action {slot}" for slot in range(2, number + 1))]


def _label(slots: Sequence[str], classes: Sequence[str]) -> dict[str, object]:
    """Return the label with its attributes as the "Raw" tab of CVAT's constructor takes it."""
    attributes = [_attribute(slot, "select", [NONE, *classes]) for slot in slots]
    attributes += [_attribute(CONFIRMED, "checkbox", ["false"]), _attribute(SCORE, "text", [""])]
    return {"name": PERSON, "type": "rectangle", "attributes": attributes}


def _attribute(name: str, kind: str, values: list[str]) -> dict[str, object]:
    return {"name": name, "mutable": True, "input_type": kind, "default_value": values[0], "values": values}


def _video(video: VideoToCorrect, slots: Sequence[str], label: dict) -> Element:
    root = Element("annotations")
    _add(root, "version", "1.1")
    task = _add(_add(root, "meta"), "task")
    for name, text in (("name", video.stem), ("size", video.frames), ("mode", "interpolation"), ("start_frame", 0)):
        _add(task, name, text)
    _add(task, "stop_frame", video.frames - 1)
    own = _add(_add(task, "labels"), "label")
    _add(own, "name", label["name"])
    attributes = _add(own, "attributes")
    for attribute in label["attributes"]:
        entry = _add(attributes, "attribute")
        for key in ("name", "mutable", "input_type", "default_value"):
            _add(entry, key, attribute[key])
        _add(entry, "values", "\n".join(attribute["values"]))
    size = _add(task, "original_size")
    _add(size, "width", video.size[0])
    _add(size, "height", video.size[1])
    _add(task, "source", video.name)
    for number, boxes in enumerate(_by_person(video).values()):
        track = ElementTree.SubElement(root, "track", id=str(number), label=PERSON, source="auto")
        for place, (frame, box) in enumerate(boxes):
            track.append(_box(video, frame, box, slots))
            following = boxes[place + 1][0] if place + 1 < len(boxes) else video.frames
            if frame + 1 < following:
                track.append(_box(video, frame + 1, box, slots, outside=True))
    return root


def _by_person(video: VideoToCorrect) -> dict[int, list[tuple[int, BoxToCorrect]]]:
    """Return person -> frames and boxes, by frame."""
    found: dict[int, list[tuple[int, BoxToCorrect]]] = {}
    for keyframe in video.keyframes:
        for box in keyframe.boxes:
            found.setdefault(box.person, []).append((keyframe.frame, box))
    return dict(sorted(found.items()))


def _box(video: VideoToCorrect, frame: int, box: BoxToCorrect, slots: Sequence[str], outside: bool = False) -> Element:
    sides = zip(("xtl", "ytl", "xbr", "ybr"), video.pixels(box.box), strict=True)
    corners = {key: f"{value:.3f}" for key, value in sides}
    element = Element(
        "box", frame=str(frame), keyframe="1", outside=str(int(outside)), occluded="0", **corners, z_order="0"
    )
    actions = list(box.actions)
    for place, slot in enumerate(slots):
        _add(element, "attribute", actions[place] if place < len(actions) else NONE).set("name", slot)
    _add(element, "attribute", "false").set("name", CONFIRMED)
    _add(element, "attribute", box.scores).set("name", SCORE)
    return element


def _add(parent: Element, tag: str, text: object = None) -> Element:
    child = ElementTree.SubElement(parent, tag)
    child.text = None if text is None else str(text)
    return child
