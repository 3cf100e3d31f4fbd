"""CVAT's own XML: "CVAT for video 1.1" exports of a task, a job or a project.

``track`` elements hold one ``box`` per frame (interpolated ones included, ``keyframe="0"``) in pixels of the frame;
``outside="1"`` says that the person is not visible from that frame on. ``frame`` counts frames of the source video from
0, also where the task has a start frame or a frame step. Coordinates are rounded to a hundredth of a pixel.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree

from alphaction.data.formats.action_attributes import (
    ANYONE,
    CHECKBOX,
    TEXT,
    ActionRule,
    AttributeUse,
    is_boolean,
    person_id,
)
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import Format
from alphaction.data.formats.json_records import split_frame_name
from alphaction.data.formats.rows import RowBuilder, RowTable
from alphaction.data.formats.tracks import Box, Knot, add_track, upright

Element = ElementTree.Element
_SHAPES = ("polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton")
_AS_VIDEO = 'In CVAT choose "Export task dataset", format "CVAT for video 1.1".'


@dataclass(frozen=True)
class _Task:
    """What the file says about one video. ``width`` and ``height`` are 0 where it does not say."""

    id: str
    source: str
    name: str
    start: int
    step: int
    width: float
    height: float


def read_cvat(file: AnnotationFile) -> RowTable:
    """Read CVAT's XML.

    A box without a later one ends its track; between listed boxes it moves linearly. Attributes not repeated in a box
    keep their last value. The person id is an attribute named like "person_id", else the track's number. Images of
    "CVAT for images 1.1" are read if they are named "video/0902.jpg". Which labels and attributes are actions: see
    :mod:`alphaction.data.formats.action_attributes`.
    """
    root = parse_xml(file.content)
    tasks = _tasks(root)
    tracks, images = root.findall("track"), root.findall("image")
    rule = file.rule()
    rows = RowBuilder()
    relative = _relative_tasks(tracks, tasks, file, rows)
    for index, track in enumerate(tracks):
        _add_track(file, track, index, tasks, relative, rule, rows)
    for image in images:
        _add_image(file, image, rule, rows)
    if not tracks and not images:
        raise file.error("", "no <track> and no <image>: nothing is annotated, or it is another kind of XML.")
    return file.table(rows, rule)


def parse_xml(file: FileContent) -> Element:
    """Return the root element; document types and entities are refused, as they can name other files or explode."""
    if re.search(r"<!(DOCTYPE|ENTITY)", file.text, re.IGNORECASE):
        raise file.error("", "it declares a document type or entities, which CVAT never writes. Export it again.")
    try:
        declaration = re.compile(r"^\s*<\?xml[^>]*\?>")
        root = ElementTree.fromstring(declaration.sub("", file.text, count=1).strip())
    except ElementTree.ParseError as error:
        line, column = error.position
        raise file.error(f"line {line}, column {column + 1}", f"not valid XML ({error}). Export it again.") from error
    if root.tag != "annotations":
        raise file.error("", f"the root element is <{root.tag}>, expected CVAT's <annotations>.")
    return root


def _text(element: Element | None, path: str) -> str:
    return (element.findtext(path) or "").strip() if element is not None else ""


def _integer(text: str, default: int = 0) -> int:
    return int(text) if re.fullmatch(r"-?\d+", text) else default


def _tasks(root: Element) -> dict[str, _Task]:
    """Return the tasks by id; a task's or job's export has one."""
    meta = root.find("meta")
    if meta is None:
        return {}
    elements = [*meta.findall("task"), *meta.findall("job"), *meta.findall("project/tasks/task")]
    tasks = {}
    for element in elements:
        step = re.search(r"step\s*=\s*(\d+)", _text(element, "frame_filter"))
        size = element.find("original_size")
        size = meta.find("original_size") if size is None and len(elements) == 1 else size
        width, height = (float(_text(size, key) or 0) for key in ("width", "height"))
        task = _Task(
            id=_text(element, "id"),
            source=_text(element, "source") or (_text(meta, "source") if len(elements) == 1 else ""),
            name=_text(element, "name"),
            start=_integer(_text(element, "start_frame")),
            step=max(1, int(step[1])) if step else 1,
            width=width,
            height=height,
        )
        tasks[task.id] = task
    return tasks


def _attributes(content: FileContent) -> AttributeUse:
    """Return the declared attributes, or, where none are declared, those in use."""
    root = parse_xml(content)
    labeled = [*root.findall("track"), *root.findall("image/box")]
    kinds: dict[str, str] = {}
    declared_for = set()
    for label in root.iter("label"):
        for attribute in label.findall("attributes/attribute"):
            name = _text(attribute, "name")
            if name:
                kinds[name] = _text(attribute, "input_type") or TEXT
                declared_for.add(_text(label, "name"))
    for element in labeled:
        for attribute in element.iter("attribute"):
            name = attribute.get("name") or ""
            if name and name not in kinds:
                kinds[name] = CHECKBOX if is_boolean(attribute.text or "") else TEXT
            declared_for.add(element.get("label", ""))
    return AttributeUse(kinds, frozenset(declared_for))


def _task_of(file: AnnotationFile, track: Element, place: str, tasks: dict[str, _Task]) -> _Task:
    task = tasks.get(track.get("task_id") or "")
    if task is None and len(tasks) == 1:
        task = next(iter(tasks.values()))
    if task is None:
        known = f"the file has tasks {', '.join(tasks)}" if tasks else "the file has no <meta>"
        raise file.error(place, f"its video is not named ({known}). {_AS_VIDEO}")
    return task


def _relative_tasks(tracks: list[Element], tasks: dict[str, _Task], file: AnnotationFile, rows: RowBuilder) -> set[str]:
    """Return the ids of tasks whose frames are counted within the task, which some versions of CVAT do.

    Proven by a frame that the task does not show when counted in the video (before its start, or between two steps).
    """
    relative, frames = set(), {}
    for index, track in enumerate(tracks):
        task = _task_of(file, track, f"track {track.get('id', index)}", tasks)
        frames.setdefault(task.id, []).extend(_integer(box.get("frame", ""), -1) for box in track.findall("box"))
    for task_id, numbers in frames.items():
        task = tasks[task_id]
        absolute = all(n >= task.start and (n - task.start) % task.step == 0 for n in numbers)
        if not absolute:
            relative.add(task_id)
            rows.count("tasks whose frames are counted from their own first frame")
    return relative


def _number(file: AnnotationFile, element: Element, key: str, place: str) -> float:
    try:
        return float(element.attrib[key])
    except (KeyError, ValueError) as error:
        raise file.error(place, f'<{element.tag}> needs a number "{key}", found {element.get(key)!r}.') from error


def _unit_box(file: AnnotationFile, box: Element, size: tuple[float, float], place: str, rows: RowBuilder) -> Box:
    """Return the corners of a ``box`` element as fractions of the frame."""
    x1, y1, x2, y2 = (_number(file, box, key, place) for key in ("xtl", "ytl", "xbr", "ybr"))
    turn = float(box.get("rotation") or 0)
    if turn:
        rows.count("turned boxes replaced by the upright box around them")
        x1, y1, x2, y2 = upright(x1, y1, x2 - x1, y2 - y1, turn, ((x1 + x2) / 2, (y1 + y2) / 2))
    return x1 / size[0], y1 / size[1], x2 / size[0], y2 / size[1]


def _answers(element: Element, before: dict[str, list[str]], rule: ActionRule) -> dict[str, list[str]]:
    """Return attribute values of a box: those of before, replaced by its own."""
    own = {a.get("name") or "": (a.text or "").strip() for a in element.findall("attribute")}
    return {**before, **{name: rule.split(name, text) for name, text in own.items()}}


def _add_track(
    file: AnnotationFile,
    track: Element,
    index: int,
    tasks: dict[str, _Task],
    relative: set[str],
    rule: ActionRule,
    rows: RowBuilder,
) -> None:
    number = track.get("id", str(index))
    place = f"track {number}"
    task = _task_of(file, track, place, tasks)
    video = file.videos.match(task.source, task.name, place=place)
    info = file.info(video)
    size = (task.width, task.height) if task.width and task.height else (float(info.width), float(info.height))
    file.check_size(video, size, "<original_size>")
    others = sum(len(track.findall(shape)) for shape in _SHAPES)
    rows.count("shapes that are not boxes left out", others)
    label, values, person = track.get("label", ""), _answers(track, {}, rule), None
    knots = []
    boxes = sorted(track.findall("box"), key=lambda box: _integer(box.get("frame", ""), -1))
    for box in boxes:
        frame = _integer(box.get("frame", ""), -1)
        if frame < 0:
            raise file.error(place, f'<box> needs a "frame" from 0 up, found {box.get("frame")!r}.')
        if task.id in relative:
            frame = task.start + frame * task.step
        values = _answers(box, values, rule)
        person = person_id(values) if person is None else person
        shown = box.get("outside", "0") != "1"
        corners = _unit_box(file, box, size, f"{place}, frame {frame}", rows)
        knots.append(Knot(frame, corners, shown, shown, values))
    person = _integer(number, index) if person is None else person
    add_track(
        rows,
        video,
        knots,
        lambda answers: rule.actions((label,), answers),
        fps=info.fps,
        interval=file.keyframe_interval,
        person=person,
        merge_key=rule.merge_key(person),
        place=place,
        step=task.step,
    )


def _add_image(file: AnnotationFile, image: Element, rule: ActionRule, rows: RowBuilder) -> None:
    """Add the boxes of an image of a "CVAT for images" file."""
    name = image.get("name", "")
    place = f'image "{name}"'
    parts = split_frame_name(name)
    if parts is None:
        problem = 'this is a "CVAT for images" file whose image names do not say video and second ("video/0902.jpg").'
        raise file.error(place, f"{problem} {_AS_VIDEO}")
    video = file.videos.match(parts[0], place=place)
    size = (_number(file, image, "width", place), _number(file, image, "height", place))
    file.check_size(video, size, place)
    for box in image.findall("box"):
        values = _answers(box, {}, rule)
        person = person_id(values)
        labels = rule.actions((box.get("label", ""),), values)
        corners = _unit_box(file, box, size, place, rows)
        person = -1 if person is None else person
        rows.add(video, parts[1], corners, labels, person, place=place, merge_key=ANYONE)
    others = sum(len(image.findall(shape)) for shape in _SHAPES)
    rows.count("shapes that are not boxes left out", others)


def _near_relative(content: FileContent) -> str:
    if content.syntax != "xml" or re.search(r"<annotations[\s>]", content.text.lstrip()[:100_000]):
        return ""
    return f"is XML, but has no <annotations> as CVAT writes it. {_AS_VIDEO}"


CVAT = Format(
    "cvat",
    "CVAT for video 1.1 XML",
    "xml",
    near_relative=_near_relative,
    tool="CVAT",
    attributes=_attributes,
    annotations=read_cvat,
)
