"""The annotations of ../shared/pets as a person has them who drew them in CVAT: the export of a job for each video."""

from __future__ import annotations

from pathlib import Path

from workflows.prepare.cvat_exporters import export_cvat_jobs

from alphaction.data.annotations import read_annotations, read_label_map
from alphaction.data.video.whole_movies import MovieSource


def write_pets_exports(pets: Path, folder: Path) -> None:
    """Write ``folder/{video}/annotations.xml`` for the videos of ``pets``."""
    label_map = read_label_map(pets / "annotations" / "pets_action_list.pbtxt")
    source = MovieSource(pets / "videos")
    for split in ("train", "val"):
        table = read_annotations(pets / "annotations" / f"pets_{split}.csv", label_map)
        infos = {str(video): source.probe(str(video)) for video in table.keyframes.videos}
        export_cvat_jobs(folder, table, label_map, infos)
