"""From videos and annotation files to a registered dataset: the steps of ``tools/prepare_dataset.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.paths_catalog import CATALOG_FILE, registered_by
from alphaction.data.formats.rows import RowTable
from alphaction.data.formats.track_sampling import lost_tracks_note
from alphaction.utils.errors import UserError
from alphaction.utils.output_folder import scratch_beside
from alphaction.workflows.prepare.beyond_end import drop_beyond_end, refuse_beyond_end
from alphaction.workflows.prepare.dataset_contents import Contents, contents_of
from alphaction.workflows.prepare.dataset_files import cut_clips, write_contents
from alphaction.workflows.prepare.dataset_folder import SPLITS, DatasetFolder
from alphaction.workflows.prepare.import_report import import_lines
from alphaction.workflows.prepare.import_rows import import_annotations
from alphaction.workflows.prepare.kept_boxes import kept_boxes
from alphaction.workflows.prepare.prepare_options import PrepareOptions
from alphaction.workflows.prepare.prepare_report import report_lines
from alphaction.workflows.prepare.segments import use_segments
from alphaction.workflows.prepare.shared_boxes import share_boxes
from alphaction.workflows.prepare.split_tables import image_ids_of, seconds_by_video
from alphaction.workflows.prepare.unconfirmed import Confirmed, confirmed_parts
from alphaction.workflows.prepare.unnamed_files import unused_note
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
    output.check(options.inputs(), options.force, options.label_map)
    output.check_inputs(options.record(), options.force)
    check_free(options.cfg, options.name, options.folder / CATALOG_FILE)

    library = VideoLibrary(options.videos)
    library.probe(progress)
    for line in library.summary():
        say(line)
    parts, contents = gather_contents(options, library, say)
    seconds = seconds_by_video(contents.splits.values())
    library.check_readable(seconds, progress)

    kept = kept_boxes(output, contents, library, image_ids_of(parts))
    contents = replace(contents, boxes={**contents.boxes, **kept.tables})
    record = options.record() | kept.sources

    output.begin(record)
    if options.cut_clips:
        say(cut_clips(output, library, list(seconds), options.processes))
    with scratch_beside(options.folder) as scratch:
        try:
            written = write_contents(scratch, output, contents, options, kept.roles)
        except UserError as error:
            raise type(error)(str(error).replace(str(scratch), str(options.folder))) from error
        output.replace(scratch, written, {"options": record})
    for line in report_lines(contents, library, options, kept):
        say(line)
    return options.folder / CATALOG_FILE


def gather_contents(
    options: PrepareOptions, library: VideoLibrary, say: Say
) -> tuple[dict[str, list[RowTable]], Contents]:
    """Read all annotations; return the rows of each split's files, and what the dataset consists of.

    Raises:
        UserError: a file, a label or a row is wrong.
    """
    found = _read_annotations(options, library, say)
    parts, dropped = found.parts, []
    if options.beyond_end == "drop":
        parts, dropped = drop_beyond_end(parts, library)
    else:
        refuse_beyond_end(parts, library)
    contents = contents_of(parts, library, options)
    left_out = (*dropped, *contents.left_out)
    return parts, replace(contents, left_out=left_out, unconfirmed=found.left_out)


def _read_annotations(options: PrepareOptions, library: VideoLibrary, say: Say) -> Confirmed:
    """Return split -> its files as rows, with segments spread and boxes shared; say how they were read."""
    files = options.annotation_files
    for found in files.values():
        for line in found.notes():
            say(line)
    splits_of: dict[Path, list[str]] = {}  # a file may be of both
    for split, found in files.items():
        for path in found.files:
            splits_of.setdefault(path, []).append(split)
    every = import_annotations(
        list(splits_of),
        options.reading_rules(),
        info=library.info,
        video_names=library.names,
        splits=["+".join(splits) for splits in splits_of.values()],
    )
    part_of = dict(zip(splits_of, every, strict=True))
    parts = {split: [part_of[path] for path in found.files] for split, found in files.items()}
    for line in import_lines(every):
        say(line)
    unused = unused_note(options.reading_rules().naming, every)
    if unused:
        say(unused)
    lost = lost_tracks_note([part.sampled for part in every])
    if lost:
        say(lost)
    file = DatasetFolder(options.folder, options.name).unconfirmed
    confirmed = confirmed_parts(parts, options.unconfirmed, str(options.folder / file))
    if confirmed.note:
        say(confirmed.note)
    parts, notes = use_segments(confirmed.parts, options, library)
    parts = dict(parts)
    for split, some in parts.items():
        parts[split], note = share_boxes(some, library.size)
        notes += [f"{split}: {note}" if len(parts) > 1 else note] * bool(note)
    for note in notes:
        say(note)
    return replace(confirmed, parts=parts)


def check_free(cfg: CfgNode, name: str, catalog: Path) -> None:
    """Raise a :class:`UserError` if another file than ``catalog`` registers ``name``'s splits."""
    for split in SPLITS:
        for source in registered_by(cfg, f"{name}_{split}"):
            if Path(source).resolve() != catalog.resolve():
                raise UserError(
                    f'--name {name}: the dataset "{name}_{split}" is registered already, by {source}. Choose another '
                    "name."
                )
