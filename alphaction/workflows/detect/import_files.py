"""The boxes of another detector in several files, or in a folder of them, as one table."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from alphaction.data.annotations import AnnotationTable, BoxTable
from alphaction.data.annotations.box_table import distinct_boxes
from alphaction.data.formats.known_formats import DETECTION_FORMATS
from alphaction.data.formats.rows import NoBoxesError
from alphaction.data.video.file import VideoInfo
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.files import missing_file
from alphaction.utils.messages import counted, listed
from alphaction.workflows.detect.import_boxes import (
    EMPTY_KEYFRAMES,
    REPEATED,
    ImportRules,
    boxes_at_keyframes,
    read_detections,
)

logger = logging.getLogger(__name__)

_ENDINGS: Mapping[str, tuple[str, ...]] = {"csv": (".csv", ".tsv", ".txt", ".csv.gz"), "json": (".json", ".json.gz")}
"""By syntax, the files of a folder that are read; formats of other syntaxes read folders themselves."""
_KEPT = "boxes kept"


def find_box_files(paths: Sequence[Path], kind: str) -> list[Path]:
    """Return the files to import: those given, and of a folder the files of the format, each once.

    Args:
        paths: files or folders.
        kind: a name of :data:`alphaction.data.formats.known_formats.DETECTION_FORMATS`.

    Raises:
        UserError: a path does not exist, or a folder holds no such file.
    """
    endings = _ENDINGS.get(DETECTION_FORMATS[kind].syntax, ()) if kind in DETECTION_FORMATS else ()
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise DataError(f"--import: {missing_file(path)}")
        files = [path]
        if path.is_dir() and endings:
            files = sorted(file for file in path.rglob("*") if file.is_file() and file.name.lower().endswith(endings))
            files = [file for file in files if not any(part.startswith(".") for part in file.relative_to(path).parts)]
            if not files:
                raise UserError(f"--import {path}: the folder holds no {kind} file ({', '.join(endings)}).")
        for file in files:
            found.setdefault(file.resolve(), file)
    return list(found.values())


def refuse_input(files: Sequence[Path], output: Path) -> None:
    """Raise a :class:`UserError` if the file to write is one of those that are read."""
    if output.exists() and any(output.samefile(file) for file in files):
        raise UserError(f"--output {output}: is also a file of --import, choose another name")


def import_files(
    paths: Sequence[Path],
    kind: str,
    annotations: AnnotationTable,
    info: Callable[[str], VideoInfo],
    rules: ImportRules,
) -> BoxTable:
    """Return the boxes of all files at the annotated keyframes, see ``import_detections``; ``counts`` are summed.

    Files that hold none of these boxes are passed over and named.

    Raises:
        NoBoxesError: none of the files has a box at a keyframe.
        UserError: a file is wrong.
    """
    nothing: list[NoBoxesError] = []

    def some(make: Callable[[], Any]) -> Iterator[Any]:
        """Yield what a file gives; nothing where it has no boxes and is not the only one."""
        try:
            yield make()
        except NoBoxesError as error:
            if len(paths) == 1:
                raise
            nothing.append(error)

    read = [each for path in paths for each in some(partial(read_detections, path, kind, annotations, rules))]
    if rules.first_frame is None and any(each.has_frame_0 for each in read):
        rules = replace(rules, first_frame=0)  # files of one detector number alike
    tables = [table for each in read for table in some(partial(boxes_at_keyframes, each, annotations, info, rules))]
    if not tables:
        reasons = list(dict.fromkeys(error.reason for error in nothing))
        of_all = f"{len(paths)} files, of which none has a box for {annotations.source}"
        raise NoBoxesError(f"boxes: {of_all}: {listed(reasons, 3, '; ')}.", listed(reasons, 3, "; "))
    if nothing:
        reasons = listed((error.reason for error in nothing), 3, "; ")
        logger.info("%d of %s used nothing of: %s", len(nothing), counted(len(paths), "file"), reasons)
    return tables[0] if len(tables) == 1 else _joined(tables, annotations, rules)


def _joined(tables: Sequence[BoxTable], annotations: AnnotationTable, rules: ImportRules) -> BoxTable:
    """Return one table, in which a box that several files have stands once."""
    counts: Counter[str] = Counter()
    for table in tables:
        counts.update({name: count for name, count in table.counts.items() if name not in (_KEPT, EMPTY_KEYFRAMES)})
    keyframes = annotations.keyframes
    position = np.concatenate([keyframes.locate_each(table.keyframes)[table.keyframe_of_box()] for table in tables])
    boxes = np.concatenate([table.boxes for table in tables])
    scores = np.concatenate([table.scores for table in tables])
    once = distinct_boxes(position, boxes, scores)
    counts[REPEATED] += len(position) - len(once)
    kept = once[np.lexsort((-scores[once], position[once]))]
    best = np.arange(len(kept)) - np.searchsorted(position[kept], position[kept]) < rules.max_per_frame
    counts[f"boxes beyond {rules.max_per_frame} of a keyframe left out"] += int((~best).sum())
    kept = kept[best]
    videos = keyframes.videos[keyframes.video_index[position[kept]]].tolist()
    source = listed((table.source for table in tables), 3)
    joined = BoxTable.from_columns(videos, keyframes.seconds[position[kept]], boxes[kept], scores[kept], source)
    counts[_KEPT] = len(joined)
    counts[EMPTY_KEYFRAMES] = len(keyframes) - len(joined.keyframes)
    return replace(joined, counts={name: count for name, count in counts.items() if count})
