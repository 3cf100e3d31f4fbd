"""Writing the csv of boxes, and how to register it."""

from __future__ import annotations

from pathlib import Path

from alphaction.config.paths_catalog import BUILT_IN, DatasetSpec
from alphaction.config.yaml_file import read_yaml_mapping
from alphaction.data.annotations import BoxTable, write_box_csv
from alphaction.utils.atomic import replacing


def write_boxes(output: Path, table: BoxTable) -> None:
    """Write ``table`` as csv rows video, second, x1, y1, x2, y2, score; ``output`` is replaced in one step."""
    with replacing(output) as new:
        write_box_csv(new, table)


def registration_hint(spec: DatasetSpec, output: Path, role: str) -> str:
    """Return what to write into which file so that the dataset uses ``output`` as ``role`` ("person_boxes")."""
    if spec.source == BUILT_IN:
        target = "object" if role == "object_boxes" else "person"
        split = "train" if "_train_" in spec.name else "val"
        place = spec.annotations.parent.parent / "boxes" / f"ava_{split}_det_{target}_bbox.json"
        return f"To use it, copy it to {place} (the format is recognized by content, whatever the name)."
    catalog = Path(spec.source)
    split = spec.name.removeprefix(f"{read_yaml_mapping(catalog, 'dataset file')['name']}_")
    folder, file = catalog.parent.resolve(), output.resolve()
    path = file.relative_to(folder) if file.is_relative_to(folder) else file
    return f"To use it, write into {catalog}, below splits: {split}:\n    {role}: {path.as_posix()}"
