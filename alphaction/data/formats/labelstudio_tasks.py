"""The forms in which Label Studio hands out annotations, all brought to tasks with annotations.

JSON exports and the API hold tasks with ``annotations`` (once ``completions``); a webhook's body holds ``annotation``
and ``task``; a target storage holds one annotation a file, with its task inside. JSON-MIN flattens a task: the data's
keys, ``id``, then the results by the name of their control, then ``annotator``, ``annotation_id`` and times. Its
results have lost their region's id, so that an answer "per region" cannot be given to its box.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from alphaction.data.formats.confirmation import MODEL
from alphaction.data.formats.file_content import FileContent
from alphaction.utils.messages import shortened
from alphaction.utils.values import Value, keys_shown

_FLAT_ENDS = ("annotator", "annotation_id", "created_at", "updated_at", "lead_time")
_LISTS = ("annotations", "completions")
_NO_LIST = "annotations left out as their result is no list"


@dataclass(frozen=True)
class Annotation:
    """What one person made of a task.

    Attributes:
        results: its results, which are objects.
        made_by: for messages: "annotator 1".
        is_truth: whether it is the ground truth.
        changed: when it was, as the file writes it.
    """

    results: Sequence[Value]
    made_by: str
    is_truth: bool
    changed: str


@dataclass(frozen=True)
class Task:
    """A task and the annotations of it.

    Attributes:
        place: for messages: "task 31".
        data: what was annotated, by the names of the project.
        annotations: those that were not skipped.
        upload: name of the uploaded file, "" unknown.
        config: the project's labeling interface, "" unknown.
        counts: what is not among the annotations, by reason.
        unjoined: names of answers of a flattened task that belong to some region.
        predicted: what ``tools/export_annotations.py`` predicted; None: nothing, or someone has annotated the task.
    """

    place: str
    data: Value
    annotations: Sequence[Annotation]
    upload: str = ""
    config: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    unjoined: tuple[str, ...] = ()
    predicted: Annotation | None = None

    @property
    def chosen(self) -> Annotation | None:
        """The annotation that counts: the ground truth, else the one changed last; None: there is none."""
        return max(self.annotations, key=lambda each: (each.is_truth, each.changed), default=None)

    @property
    def texts(self) -> dict[str, str]:
        """The texts among its data."""
        return {key: value.text() for key, value in self.data.items() if value.is_text}


def is_labelstudio(content: FileContent) -> bool:
    """Return whether JSON is of Label Studio, in any form."""
    return any(_form(entry) for entry in _entries(content.value))


def tasks_of(content: FileContent) -> list[Task]:
    """Return the tasks of a file.

    Raises:
        UserError: an entry is none of the forms; names it.
    """
    tasks: list[Task] = []
    flat: dict[str, list[Value]] = {}
    for index, entry in enumerate(_entries(content.value)):
        form = _form(entry)
        if form == "flat":
            # One row for each annotation of a task.
            flat.setdefault(entry["id"].text(f"#{index}"), []).append(entry)
        elif form == "task":
            found = next((entry[key] for key in _LISTS if entry[key].is_list), entry[_LISTS[0]])
            tasks.append(_task(entry, found.objects(), index))
        elif form == "annotation":
            tasks.append(_task(entry["task"], [entry], index))
        elif form == "webhook":
            tasks += _sent(entry, index)
        else:
            found = keys_shown(entry.raw) if entry.is_object else entry.kind
            raise content.error(f"task {index}", f"expected a task with annotations, found {found}. Export as JSON.")
    return tasks + [_unflattened(number, entries) for number, entries in flat.items()]


def _entries(data: Value) -> list[Value]:
    """Return the tasks or annotations of a file; the API divides long lists into pages."""
    for key in ("tasks", "results"):
        if any("data" in item for item in data[key].each()):
            return data[key].each()
    return [data] if data.is_object else data.each()


def _form(entry: Value) -> str:
    """Return "task", "annotation", "webhook" or "flat" (JSON-MIN); "" for something else."""
    if "annotation" in entry and "task" in entry:
        return "webhook"
    lists = [entry[key] for key in _LISTS if entry[key].is_list]
    if entry["data"].is_object or any(all("result" in item for item in some.each()) for some in lists):
        return "task"
    if entry["result"].is_list:
        return "annotation"
    parts = [value for _, value in entry.items()] if entry.is_object else []
    known = "annotation_id" in entry or any(_is_region(item) for value in parts for item in value.each())
    return "flat" if known else ""


def _is_region(item: Value) -> bool:
    lists = any(item[key].is_list for key in ("sequence", "ranges", "rectanglelabels"))
    return lists or ("x" in item and "width" in item)


def _task(entry: Value, found: Sequence[Value], index: int, config: str = "") -> Task:
    """Return a task.

    Args:
        entry: the task, or its id.
        found: the annotations of it.
        index: its position in the file.
        config: as of :class:`Task`.
    """
    usable = [each for each in found if not each["was_cancelled"].is_true() and not each["skipped"].is_true()]
    listing = [each for each in usable if each["result"].is_list or not each["result"].given]
    predictions = entry["predictions"].each()
    own = [each for each in predictions if each["model_version"].text("").startswith(MODEL)] if not listing else []
    predicted = _annotation(own[-1], own[-1]["result"].objects()) if own else None
    counts = {
        "predictions left out": len(predictions) - len(own),
        "skipped annotations left out": len(found) - len(usable),
        "drafts left out": len(entry["drafts"].each()),
        _NO_LIST: len(usable) - len(listing),
    }
    number = (entry["id"] if entry.is_object else entry).text(str(index))
    upload = entry["file_upload"]
    return Task(
        f"task {shortened(number, 80)}",
        entry["data"],
        [_annotation(each, each["result"].objects()) for each in listing],
        upload.text() if upload.is_text else "",
        config,
        counts,
        predicted=predicted,
    )


def _annotation(entry: Value, results: Sequence[Value], ids: tuple[str, str] = ("id", "completed_by")) -> Annotation:
    """Return an annotation, whose own id and whose maker have these keys."""
    maker = entry[ids[1]]
    maker = maker["email"].text("") or maker["id"].text("") if maker.is_object else maker.text("")
    made_by = f"annotator {maker}" if maker else f"annotation {entry[ids[0]].text('without id')}"
    changed = entry["updated_at"].text("") or entry["created_at"].text("")
    return Annotation(results, shortened(made_by, 80), entry["ground_truth"].is_true(), changed)


def _sent(entry: Value, index: int) -> Iterator[Task]:
    """Yield the tasks of a webhook's body; of events with several annotations each says its task."""
    tasks = entry["task"].each() if entry["task"].is_list else [entry["task"]]
    config = entry["project"]["label_config"].text("")
    for annotation in entry["annotation"].each() if entry["annotation"].is_list else [entry["annotation"]]:
        own = [task for task in tasks if task["id"].text("") == annotation["task"].text("")] or tasks or [entry["task"]]
        yield _task(own[0], [annotation] if annotation.is_object else [], index, config)


def _unflattened(number: str, entries: Sequence[Value]) -> Task:
    """Return the task whose annotations are rows of JSON-MIN."""
    annotations: list[Annotation] = []
    unjoined: dict[str, None] = {}
    for entry in entries:
        results, answers = _results(entry)
        unjoined.update(dict.fromkeys(answers))
        annotations.append(_annotation(entry, results, ("annotation_id", "annotator")))
    return Task(f"task {shortened(number, 80)}", entries[-1].less(_FLAT_ENDS), annotations, unjoined=tuple(unjoined))


def _results(entry: Value) -> tuple[list[Value], list[str]]:
    """Return the regions of a row of JSON-MIN, and the names of its answers."""
    regions: list[Value] = []
    answers: list[str] = []
    ids: dict[str, str] = {}
    pairs = list(entry.items())
    keys = [key for key, _ in pairs]
    outputs = keys[keys.index("id") + 1 :] if "id" in keys else keys
    for key, value in pairs:
        found = [item for item in value.each() if _is_region(item)]
        for item in found:
            # The labels of a region may be a result of their own, with the same boxes.
            boxes = json.dumps(item["sequence"].raw or [key, len(ids), item.raw])
            known = boxes in ids
            region = ids.setdefault(boxes, f"{key} {len(ids) + 1}")
            kind = "timelinelabels" if "ranges" in item else "rectanglelabels" if "width" in item else "videorectangle"
            kind = "labels" if known else kind
            regions.append(item.inside({"id": region, "from_name": key, "type": kind}, "value"))
        if not found and key in outputs and key not in _FLAT_ENDS and key != "agreement" and value.is_true():
            answers.append(key)
    return regions, answers
