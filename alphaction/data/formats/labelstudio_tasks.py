"""The forms in which Label Studio hands out annotations, all brought to tasks with annotations.

JSON exports and the API hold tasks with ``annotations`` (once ``completions``); a webhook's body holds ``annotation``
and ``task``; a target storage holds one annotation a file, with its task inside. JSON-MIN flattens a task: the data's
keys, ``id``, then the results by the name of their control, then ``annotator``, ``annotation_id`` and times. Its
results have lost their region's id, so that an answer "per region" cannot be given to its box.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from alphaction.data.formats.file_content import FileContent

_FLAT_ENDS = ("annotator", "annotation_id", "created_at", "updated_at", "lead_time")
_LISTS = ("annotations", "completions")


@dataclass(frozen=True)
class Task:
    """A task and the annotations of it.

    Attributes:
        place: for messages: "task 31".
        data: what was annotated, by the names of the project.
        annotations: those that were not skipped; ``result`` of each is a list of objects.
        upload: name of the uploaded file, "" unknown.
        config: the project's labeling interface, "" unknown.
        counts: what is not among the annotations, by reason.
        unjoined: names of answers of a flattened task that belong to some region.
    """

    place: str
    data: Mapping[str, Any]
    annotations: list[dict]
    upload: str = ""
    config: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    unjoined: tuple[str, ...] = ()

    @property
    def chosen(self) -> dict | None:
        """The annotation that counts: the ground truth, else the one changed last; None: there is none."""
        return max(self.annotations, key=_rank, default=None)


def _rank(annotation: dict) -> tuple[bool, str]:
    return bool(annotation.get("ground_truth")), str(annotation.get("updated_at") or annotation.get("created_at"))


def is_labelstudio(data: Any) -> bool:
    """Return whether parsed JSON is of Label Studio, in any form."""
    return any(_form(entry) for entry in _entries(data))


def tasks_of(content: FileContent) -> list[Task]:
    """Return the tasks of a file.

    Raises:
        UserError: an entry is none of the forms; names it.
    """
    tasks: list[Task] = []
    flat: dict[str, list[tuple[int, dict]]] = {}
    for index, entry in enumerate(_entries(content.data)):
        form = _form(entry)
        if form == "flat":
            # One row for each annotation of a task.
            flat.setdefault(str(entry.get("id", f"#{index}")), []).append((index, entry))
        elif form == "task":
            tasks.append(_task(entry, index))
        elif form == "annotation":
            inner = entry.get("task")
            tasks.append(_task({"id": inner, **_dict(inner), "annotations": [entry]}, index))
        elif form == "webhook":
            tasks += _sent(entry, index)
        else:
            found = ", ".join(entry) if isinstance(entry, dict) else type(entry).__name__
            raise content.error(
                f"task {index}", f"expected a task with annotations, found {found or 'nothing'}. Export as JSON."
            )
    return tasks + [_unflattened(entries) for entries in flat.values()]


def _entries(data: Any) -> list[Any]:
    """Return the tasks or annotations of a file; the API divides long lists into pages."""
    if isinstance(data, dict):
        for key in ("tasks", "results"):
            page = data.get(key)
            if isinstance(page, list) and any(isinstance(item, dict) and "data" in item for item in page):
                return page
        return [data]
    return data if isinstance(data, list) else []


def _form(entry: Any) -> str:
    """Return "task", "annotation", "webhook" or "flat" (JSON-MIN); "" for something else."""
    if not isinstance(entry, dict):
        return ""
    if "annotation" in entry and "task" in entry:
        return "webhook"
    lists = [entry[key] for key in _LISTS if isinstance(entry.get(key), list)]
    if isinstance(entry.get("data"), dict) or any(all("result" in _dict(item) for item in some) for some in lists):
        return "task"
    if isinstance(entry.get("result"), list):
        return "annotation"
    known = "annotation_id" in entry or any(_is_region(item) for value in entry.values() for item in _list(value))
    return "flat" if known else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def _is_region(item: Any) -> bool:
    found = item if isinstance(item, dict) else {}
    lists = any(isinstance(found.get(key), list) for key in ("sequence", "ranges", "rectanglelabels"))
    return lists or ("x" in found and "width" in found)


def _task(entry: dict, index: int, config: str = "") -> Task:
    counts: dict[str, int] = {"predictions left out": len(_list(entry.get("predictions")))}
    found = next((entry[key] for key in _LISTS if isinstance(entry.get(key), list)), [])
    annotations = [each for each in found if isinstance(each, dict)]
    usable = [each for each in annotations if not each.get("was_cancelled") and not each.get("skipped")]
    counts["skipped annotations left out"] = len(annotations) - len(usable)
    counts["drafts left out"] = len(_list(entry.get("drafts")))
    cleaned = []
    for each in usable:
        result = each.get("result")
        if result is not None and not isinstance(result, list):
            counts["annotations left out as their result is no list"] = (
                counts.get("annotations left out as their result is no list", 0) + 1
            )
            continue
        cleaned.append({**each, "result": [one for one in result or [] if isinstance(one, dict)]})
    upload = entry.get("file_upload")
    number = entry.get("id")
    return Task(
        f"task {index if number is None else number}",
        _dict(entry.get("data")),
        cleaned,
        upload if isinstance(upload, str) else "",
        config,
        counts,
    )


def _sent(entry: dict, index: int) -> Iterator[Task]:
    """Yield the tasks of a webhook's body; of events with several annotations each says its task."""
    tasks = [_dict(each) for each in (entry["task"] if isinstance(entry["task"], list) else [entry["task"]])]
    config = _dict(entry.get("project")).get("label_config")
    every = entry["annotation"] if isinstance(entry["annotation"], list) else [entry["annotation"]]
    for annotation in map(_dict, every):
        own = [task for task in tasks if task.get("id") == annotation.get("task")] or tasks or [{}]
        yield _task({**own[0], "annotations": [annotation]}, index, config if isinstance(config, str) else "")


def _unflattened(entries: list[tuple[int, dict]]) -> Task:
    """Return the task whose annotations are rows of JSON-MIN."""
    annotations: list[dict] = []
    unjoined: dict[str, None] = {}
    index, first = entries[0]
    data: dict[str, Any] = {}
    for _, entry in entries:
        result, answers = _results(entry)
        unjoined.update(dict.fromkeys(answers))
        data = {key: value for key, value in entry.items() if isinstance(value, str) and key not in _FLAT_ENDS}
        annotations.append(
            {
                "id": entry.get("annotation_id"),
                "completed_by": entry.get("annotator"),
                "created_at": entry.get("created_at"),
                "updated_at": entry.get("updated_at"),
                "result": result,
            }
        )
    return Task(f"task {first.get('id', index)}", data, annotations, unjoined=tuple(unjoined))


def _results(entry: dict) -> tuple[list[dict], list[str]]:
    """Return the regions of a row of JSON-MIN, and the names of its answers."""
    regions: list[dict] = []
    answers: list[str] = []
    ids: dict[str, str] = {}
    keys = list(entry)
    outputs = keys[keys.index("id") + 1 :] if "id" in keys else keys
    for key, value in entry.items():
        found = [item for item in _list(value) if _is_region(item)]
        for item in found:
            # The labels of a region may be a result of their own, with the same boxes.
            boxes = json.dumps(item.get("sequence") or [key, len(ids), item])
            known = boxes in ids
            region = ids.setdefault(boxes, f"{key} {len(ids) + 1}")
            kind = "timelinelabels" if "ranges" in item else "rectanglelabels" if "width" in item else "videorectangle"
            kind = "labels" if known else kind
            regions.append({"id": region, "from_name": key, "type": kind, "value": item})
        if not found and key in outputs and key not in _FLAT_ENDS and key != "agreement" and value:
            answers.append(key)
    return regions, answers
