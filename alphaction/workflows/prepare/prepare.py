"""From videos and annotation files to a registered dataset: the steps of ``tools/prepare_dataset.py``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.paths_catalog import CATALOG_FILE, registered_by
from alphaction.utils.errors import UserError
from alphaction.utils.output_folder import scratch_beside
from alphaction.workflows.prepare.dataset_contents import contents_of
from alphaction.workflows.prepare.dataset_files import cut_clips, write_contents
from alphaction.workflows.prepare.dataset_folder import SPLITS, DatasetFolder
from alphaction.workflows.prepare.import_rows import import_annotations, summary
from alphaction.workflows.prepare.prepare_options import PrepareOptions
from alphaction.workflows.prepare.prepare_report import report_lines
from alphaction.workflows.prepare.split_tables import seconds_by_video
from alphaction.workflows.prepare.video_library import VideoLibrary

Say = Callable[[str], None]


def prepare_dataset(options: PrepareOptions, *, say: Say = print, progress: bool | None = None) -> Path:
    """Make a dataset and return its ``dataset.yaml``, which registers ``{name}_train`` and ``{name}_val``.

    Running it again replaces what it wrote before; an interrupted run leaves the former dataset or none, never half.

    Args:
        options: what to make.
        say: receives the lines of the report, while it runs.
        progress: show progress bars; None: only on a terminal.

    Raises:
        UserError: an option, a video, a file, a label or a row is wrong; nothing is registered then.
    """
    options.check()
    output = DatasetFolder(options.folder, options.name)
    files = options.annotation_files()
    output.check(options.inputs(), options.force, options.label_map)
    check_free(options.cfg, options.name, options.folder / CATALOG_FILE)

    library = VideoLibrary(options.videos)
    library.probe(progress)
    for line in library.summary():
        say(line)
    every = import_annotations(
        [path for paths in files.values() for path in paths],
        options.reading_rules(),
        info=library.info,
        video_names=library.names,
    )
    parts, start = {}, 0
    for split, paths in files.items():
        parts[split] = every[start : start + len(paths)]
        start += len(paths)
    for part in every:
        say(summary(part))
        for note in part.notes:
            say(f"  {note}")
    library.check_lengths(every)
    contents = contents_of(parts, library, options)
    seconds = seconds_by_video(contents.splits.values())
    library.check_readable(seconds, progress)

    output.begin(options.record())
    if options.cut_clips:
        say(cut_clips(output, library, list(seconds), options.processes))
    with scratch_beside(options.folder) as scratch:
        try:
            written = write_contents(scratch, output, contents, options)
        except UserError as error:
            raise UserError(str(error).replace(str(scratch), str(options.folder))) from error
        output.replace(scratch, written, {"options": options.record()})
    for line in report_lines(contents, library, options):
        say(line)
    return options.folder / CATALOG_FILE


def check_free(cfg: CfgNode, name: str, catalog: Path) -> None:
    """Raise a :class:`UserError` if another file than ``catalog`` registers ``name``'s splits."""
    for split in SPLITS:
        for source in registered_by(cfg, f"{name}_{split}"):
            if Path(source).resolve() != catalog.resolve():
                raise UserError(
                    f'--name {name}: the dataset "{name}_{split}" is registered already, by {source}. Choose another '
                    "name."
                )
