"""Label maps, ground truth and boxes from all supported file formats, in one typed table each.

The format is recognized by content, never by name; every file may be gzip-compressed.
"""

from __future__ import annotations

import logging
from pathlib import Path

from alphaction.config.class_groups import GROUPS
from alphaction.data.annotations.annotation_table import NO_CLASS, AnnotationTable
from alphaction.data.annotations.box_table import BoxTable
from alphaction.data.annotations.checks import check_seconds
from alphaction.data.annotations.from_rows import Sizes, to_annotations, to_boxes
from alphaction.data.annotations.label_map import ActionClass, ClassGroup, LabelMap
from alphaction.data.annotations.label_map_file import read_label_map
from alphaction.data.annotations.writing import write_ava_csv, write_box_csv
from alphaction.data.formats.csv_layout import EXCLUSIONS
from alphaction.data.formats.csv_table import read_csv
from alphaction.data.formats.file_content import FileContent, read_text
from alphaction.data.formats.known_formats import DATASET_BOX_FORMATS, GROUND_TRUTH_FORMATS, recognize
from alphaction.data.keyframes import ImageIds, Keyframe, KeyframeIndex, time_list

__all__ = [
    "GROUPS",
    "NO_CLASS",
    "ActionClass",
    "AnnotationTable",
    "BoxTable",
    "ClassGroup",
    "ImageIds",
    "Keyframe",
    "KeyframeIndex",
    "LabelMap",
    "Sizes",
    "read_annotations",
    "read_boxes",
    "read_exclusions",
    "read_label_map",
    "write_ava_csv",
    "write_box_csv",
]

logger = logging.getLogger(__name__)


def read_annotations(
    path: str | Path,
    label_map: LabelMap,
    exclusions: str | Path | None = None,
    *,
    sizes: Sizes | None = None,
    skip_unknown_classes: bool = False,
) -> AnnotationTable:
    """Read ground truth.

    Formats:
        - AVA csv: ``video, second, x1, y1, x2, y2, class id[, person id]``, corners as fractions of the frame, commas
          or tabs, optional header line. An empty class id is a box without an action.
        - COCO-like JSON with ``action_ids``: ``images`` [{id, width, height, and movie and timestamp, or file_name
          "video/0902.jpg"}], ``annotations`` [{image_id, bbox: [x, y, width, height], action_ids: [...]}].
        - plain COCO JSON: the same with ``category_id``, one annotation per box and class.

    A JSON ``bbox`` is in pixels, or, where no value of the file is above 2, in fractions of the frame.

    Args:
        path: the annotation file.
        label_map: the classes that ids are checked against.
        exclusions: csv file ``video, second`` of keyframes to leave out.
        sizes: video name -> (width, height); asked where a file in pixels does not state the frame size.
        skip_unknown_classes: leave out labels that are not in ``label_map``, counted; their boxes stay. By default
            such a label is an error.

    Raises:
        UserError: names file, line or JSON index, value and remedy of the first fault, and how many more there are.
    """
    path = Path(path)
    content = FileContent.read(path, "annotations")
    rows = recognize(content, GROUND_TRUTH_FORMATS).ground_truth(content)
    table = to_annotations(rows, label_map, sizes, skip_unknown_classes)
    if exclusions is None:
        return table
    excluded = read_exclusions(exclusions)
    # Timestamps without annotations are often excluded on purpose; videos that nobody annotated are a mistake.
    if excluded and not {keyframe.video for keyframe in excluded} & set(table.keyframes.videos):
        first = min(excluded)
        logger.warning(
            '%s: not one video of its %d excluded timestamps (first: video "%s", second %s) is annotated in %s. Are '
            "video names written alike in both files?",
            exclusions,
            len(excluded),
            *first,
            path,
        )
    return table.without(excluded)


def read_boxes(
    path: str | Path,
    annotations: AnnotationTable | None = None,
    sizes: Sizes | None = None,
    *,
    objects: bool = False,
) -> BoxTable:
    """Read person or object boxes with scores.

    Formats:
        - csv: ``video, second, x1, y1, x2, y2, score``, corners as fractions of the frame; also with 8 columns, where
          the 7th is empty or an action, for each of which a box may stand again: the best score counts.
        - list JSON: [{image_id, bbox, score}]; ``image_id`` is an image's id in the annotation JSON, or "video/0902".
        - COCO results: {images, annotations: [{image_id, bbox, score}]}.
        - dict JSON: {"video/0902.jpg": [{bbox, score}, ...]}.

    A JSON ``bbox`` is always [x, y, width, height], COCO's meaning of the name, so that one rule holds for all JSON
    files: in pixels, or, where no value of the whole file is above 2, in fractions of the frame. Corners
    under that name reach out of the frame for boxes on the right or at the bottom and are refused.

    Args:
        path: the box file.
        annotations: the same split's annotations: resolve image ids and tell frame sizes (excluded keyframes
            included). Boxes of images that they do not list are left out and counted.
        sizes: video name -> (width, height) of its frames; asked where nothing else tells it.
        objects: boxes of objects: of any category, and there may be none at all. Boxes of persons (the default) must
            not carry several category ids.

    Raises:
        UserError: names file, line or JSON index, value and remedy of the first fault, and how many more there are.
    """
    content = FileContent.read(path, "boxes")
    listed = None if annotations is None else annotations.image_ids
    source = "" if annotations is None else annotations.source
    rows = recognize(content, DATASET_BOX_FORMATS).boxes(content, listed, source)
    return to_boxes(rows, annotations, sizes, objects)


def read_exclusions(path: str | Path) -> set[Keyframe]:
    """Read excluded timestamps: csv rows ``video, second``. An empty file excludes nothing (AVA's train file).

    Raises:
        UserError: names file and line of a wrong row.
    """
    path, what = Path(path), "excluded timestamps"
    rows = read_csv(path, what, EXCLUSIONS, read_text(path, what))
    check_seconds(rows.source, rows.numbers)
    moments = zip(rows.video_codes.tolist(), time_list(rows.numbers), strict=True)
    return {Keyframe(rows.videos[code], second) for code, second in moments}
