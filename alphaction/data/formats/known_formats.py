"""All file formats, and which one a file has. A new format is a module with a :class:`Format`, and its entry here."""

from __future__ import annotations

from collections.abc import Sequence

from alphaction.data.formats import coco, csv_table, cvat, fiftyone, labelstudio, mot, via, vidat, yolo
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import Format
from alphaction.data.formats.other_tools import other_tool
from alphaction.utils.errors import DataError
from alphaction.utils.values import keys_shown

FORMATS: tuple[Format, ...] = (
    csv_table.AVA,
    via.VIA,
    coco.COCO_JSON,
    cvat.CVAT,
    labelstudio.LABEL_STUDIO,
    vidat.VIDAT,
    fiftyone.FIFTYONE,
    yolo.YOLO,
    mot.MOT,
    csv_table.CSV,
)
"""In the order in which files are compared with them."""
ANNOTATION_FORMATS = {each.name: each for each in FORMATS if each.annotations}
"""By name, what ``tools/prepare_dataset.py`` reads."""
DETECTION_FORMATS = {each.name: each for each in FORMATS if each.detections}
"""By name, what ``tools/detect_persons.py --import`` reads."""
GROUND_TRUTH_FORMATS = tuple(each for each in FORMATS if each.ground_truth)
DATASET_BOX_FORMATS = tuple(each for each in FORMATS if each.boxes)


def recognize(content: FileContent, among: Sequence[Format]) -> Format:
    """Return which of some formats a file has, by its content and never by its name.

    Where only one of them is written in the file's syntax, it is that one, and its reader says what is wrong.

    Raises:
        DataError: none of them; near relatives (VIA 2, VIA's csv) and files of other tools are named.
    """
    expected = f"Expected {any_of([each.title for each in among])}."
    for problem_of in (other_tool, *(each.near_relative for each in among)):
        problem = problem_of(content)
        if problem:
            raise DataError(f"{content.what}: {content.path} {problem}")
    candidates = [each for each in among if each.syntax == content.syntax]
    if len(candidates) == 1:
        return candidates[0]
    for each in candidates:
        if each.recognizes(content):
            return each
    others = [each.title for each in FORMATS if each.tool and each.syntax == content.syntax and each not in among]
    remedy = f" {any_of(others)} is converted by tools/prepare_dataset.py." if others else ""
    raise DataError(f"{content.what}: {content.path} is {_described(content)}. {expected}{remedy}")


def any_of(titles: Sequence[str], word: str = "or") -> str:
    """Return "a, b or c"."""
    return f" {word} ".join(filter(None, [", ".join(titles[:-1]), titles[-1]]))


def _described(content: FileContent) -> str:
    """Return what a file is that has no known format."""
    if content.syntax != "json":
        return "XML" if content.syntax == "xml" else "text"
    data = content.value
    if data.is_object:
        return f"JSON of another kind: an object with the keys {keys_shown(data.raw, 6)}"
    return f"JSON of another kind: a {data.kind}" + (", perhaps of boxes with scores" if data.objects() else "")
