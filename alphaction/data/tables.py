"""The files of one registered dataset, opened together: its classes, its videos, and its tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alphaction.config.paths_catalog import DatasetSpec
from alphaction.data.annotations import (
    AnnotationTable,
    BoxTable,
    LabelMap,
    read_annotations,
    read_boxes,
    read_label_map,
)
from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.sources import open_source


@dataclass(frozen=True, eq=False)
class DatasetTables:
    """A dataset whose annotations are read; its boxes are read when they are asked for.

    Attributes:
        spec: where its files are.
        label_map: its classes.
        source: where frames come from; asked for their size where a file of boxes in pixels does not tell it.
        annotations: ground truth without the excluded keyframes.
    """

    spec: DatasetSpec
    label_map: LabelMap
    source: ClipSource
    annotations: AnnotationTable

    def persons(self) -> BoxTable | None:
        """Return the person boxes, None if the dataset names none."""
        return self._boxes(self.spec.person_boxes, objects=False)

    def objects(self) -> BoxTable | None:
        """Return the object boxes, None if the dataset names none."""
        return self._boxes(self.spec.object_boxes, objects=True)

    def _boxes(self, path: Path | None, objects: bool) -> BoxTable | None:
        if path is None:
            return None
        return read_boxes(path, self.annotations, self.source.frame_size, objects=objects)


def open_tables(spec: DatasetSpec) -> DatasetTables:
    """Return the tables of a dataset.

    Raises:
        UserError: its label map or annotations are wrong, or the folder of its videos does not exist.
    """
    label_map, source = read_label_map(spec.label_map), open_source(spec)
    annotations = read_annotations(spec.annotations, label_map, spec.exclusions, sizes=source.frame_size)
    return DatasetTables(spec, label_map, source, annotations)
