"""Writing a prepared dataset: csv tables, label map, ``dataset.yaml`` and, if asked for, one-second clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from alphaction.config.catalog_file import write_catalog
from alphaction.config.paths_catalog import CATALOG_FILE
from alphaction.data.annotations import (
    read_annotations,
    read_boxes,
    read_label_map,
    write_ava_csv,
    write_box_csv,
)
from alphaction.data.keyframes import time_text
from alphaction.utils.command_text import as_typed
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted
from alphaction.workflows.prepare.dataset_contents import Contents
from alphaction.workflows.prepare.dataset_folder import CLIPS, KEYFRAMES, DatasetFolder
from alphaction.workflows.prepare.movies import cut_movies
from alphaction.workflows.prepare.prepare_options import PrepareOptions
from alphaction.workflows.prepare.unconfirmed import write_unconfirmed
from alphaction.workflows.prepare.video_library import VideoLibrary, relative_to


def write_contents(
    folder: Path,
    output: DatasetFolder,
    contents: Contents,
    options: PrepareOptions,
    kept: Mapping[str, Mapping[str, str]] | None = None,
) -> list[str]:
    """Write all files into ``folder``, read each back, and return their paths as seen from it.

    Args:
        folder: where to write.
        output: where the files will be.
        contents: what to write.
        options: of the preparation.
        kept: split -> role -> file of boxes that the dataset has already and goes on naming.

    Raises:
        UserError: a file that was written cannot be read.
    """
    written = [output.label_map]
    contents.label_map.write(folder / output.label_map)
    if contents.comment:
        path = folder / output.label_map
        head = "".join(f"# {line}\n" for line in contents.comment.splitlines())
        path.write_text(head + path.read_text(encoding="utf-8"), encoding="utf-8")
    if contents.unconfirmed:
        written.append(output.unconfirmed)
        write_unconfirmed(folder / output.unconfirmed, contents.unconfirmed)
    label_map = read_label_map(folder / output.label_map)
    registered: dict[str, dict[str, str]] = {}
    for split, table in contents.splits.items():
        files = output.files(split)
        roles = registered[split] = {"annotations": files["annotations"]}
        write_ava_csv(folder / files["annotations"], table)
        if split in contents.exclusions:
            roles["exclusions"] = files["exclusions"]
            rows = [f"{video},{time_text(second)}\n" for video, second in sorted(contents.exclusions[split])]
            (folder / files["exclusions"]).write_text("".join(rows), encoding="utf-8")
        exclusions = folder / roles["exclusions"] if "exclusions" in roles else None
        read_annotations(folder / files["annotations"], label_map, exclusions)
        for role, tables in contents.boxes.items():
            if split in tables:
                roles[role] = files[role]
                write_box_csv(folder / files[role], tables[split])
                read_boxes(folder / files[role], objects=role == "object_boxes")
        written += roles.values()
        roles.update((kept or {}).get(split, {}))
    source = {"clips": CLIPS} if options.cut_clips else {"videos": relative_to(options.videos, options.folder)}
    comment = as_typed(
        "Written by tools/prepare_dataset.py, which replaces it when it runs again, unless it was changed. Lines of\n"
        "person_boxes and object_boxes stay then, where their boxes are at keyframes.\n"
        "Paths are seen from here."
    )
    write_catalog(
        folder / CATALOG_FILE,
        options.name,
        label_map=output.label_map,
        splits=registered,
        comment=comment,
        **source,
    )
    return [*written, CATALOG_FILE]


def cut_clips(output: DatasetFolder, library: VideoLibrary, videos: Sequence[str], processes: int) -> str:
    """Cut the annotated videos into one-second clips and keyframes; return what was done."""
    movies = [library.path(video) for video in videos]
    clips, keyframes = output.folder / CLIPS, output.folder / KEYFRAMES
    failures = cut_movies(movies, clips, keyframes, processes=processes)
    if failures:
        head = (
            f"--cut-clips: {len(failures)} of {counted(len(movies), 'video')} could not be cut. What is cut is kept, "
            "and the same command continues from there. Repair these videos, or leave out --cut-clips, which is "
            "optional:"
        )
        raise DataError("\n  - ".join([head, *(f"{failure.movie}: {failure.reason}" for failure in failures)]))
    return f"one-second clips ({clips}) and keyframes ({keyframes}) of {counted(len(movies), 'video')} are cut"
