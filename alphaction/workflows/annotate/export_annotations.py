"""From predictions to files that an annotation tool opens: the steps of ``tools/export_annotations.py``."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from alphaction.data.annotations import read_label_map
from alphaction.evaluation.tubes.tube import VideoTubes
from alphaction.utils.command_text import runnable_here
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import counted, listed
from alphaction.utils.output_folder import scratch_beside, write_record
from alphaction.workflows.annotate.annotate_options import AnnotateOptions
from alphaction.workflows.annotate.choose import choose
from alphaction.workflows.annotate.coco import write_coco
from alphaction.workflows.annotate.cvat import write_cvat
from alphaction.workflows.annotate.fiftyone import write_fiftyone
from alphaction.workflows.annotate.labelstudio import write_labelstudio
from alphaction.workflows.annotate.results import Videos, read_results
from alphaction.workflows.annotate.to_correct import ToCorrect, to_correct
from alphaction.workflows.annotate.tools import TOOLS
from alphaction.workflows.annotate.via import write_via

RECORD = ".alphaction_export.json"
"""Marks a folder as one that this wrote, and that --force may replace."""
Say = Callable[[str], None]


def export_annotations(options: AnnotateOptions, *, say: Say = print) -> Path:
    """Write predictions for an annotation tool; return the folder.

    Args:
        options: what to export.
        say: receives the lines of the report.

    Raises:
        UserError: an option, a file or a video is wrong, or nothing would be exported; nothing is written then.
    """
    options.check()
    _check_output(options.output, options.force)
    videos = None if options.videos is None else Videos(options.videos)
    tubes = read_results(options.results, videos, options.label_map, options.tracks)
    exclusive = _exclusive(options.label_map, tubes)
    chosen = choose(tubes, options.budget, options.order, options.seed, unit=options.unit, exclusive=exclusive)
    found = to_correct(tubes, chosen, options.min_score, exclusive)
    _require_sayable(found.classes, options.to)
    with scratch_beside(options.output) as scratch:
        folder = scratch / options.output.name
        folder.mkdir()
        _write(folder, found, options, videos)
        write_record(folder, RECORD, {"from": [str(path) for path in options.results], "to": options.to})
        if options.output.exists():
            shutil.rmtree(options.output)
        os.replace(folder, options.output)
    for line in report_lines(found, sum(_keyframes(video) for video in tubes), options):
        say(line)
    return options.output


def report_lines(found: ToCorrect, available: int, options: AnnotateOptions) -> list[str]:
    """Return the lines that are printed: what was written, what to click, and the command that reads the correction.

    Args:
        found: what was exported.
        available: how many keyframes could have been.
        options: of the export.
    """
    tool = TOOLS[options.to]
    boxes = [box for video in found.videos for keyframe in video.keyframes for box in keyframe.boxes]
    bare = sum(not box.actions for box in boxes)
    without = f" ({bare} without an action)" if bare else ""
    number = len(found.order)
    keyframes = counted(number, "keyframe") if number == available else f"{number} of {available} keyframes"
    chosen = "" if number == available else f", {_order_text(options)}"
    interval = "" if found.stride == 1 else f" --keyframe-interval {found.stride:g}"
    label_map = "" if options.label_map is None else f" --label-map {shlex.quote(str(options.label_map))}"
    folder = "DIR" if options.videos is None else shlex.quote(str(options.videos))
    files = f"--videos {folder} --annotations {tool.export}{label_map}"
    command = f"python tools/prepare_dataset.py --name NAME {files}{interval}"
    steps = [step.replace("FOLDER", str(options.output)) for step in tool.steps]
    return [
        f"{options.output}: {counted(len(boxes), 'box', 'boxes')}{without} at {keyframes} in "
        f"{counted(len(found.videos), 'video')}{chosen}, for {tool.title}",
        "",
        f"In {tool.title}:",
        *(f"  {number}. {step}" for number, step in enumerate(steps, start=1)),
        "",
        "Then, which takes only what is confirmed:",
        f"  {runnable_here(command)}",
    ]


def _order_text(options: AnnotateOptions) -> str:
    return "the most uncertain first" if options.order == "uncertain" else f"at random (seed {options.seed})"


def _write(folder: Path, found: ToCorrect, options: AnnotateOptions, videos: Videos | None) -> None:
    if options.to == "cvat":
        write_cvat(folder, found)
    elif options.to == "via":
        write_via(folder, found)
    elif options.to == "labelstudio":
        write_labelstudio(folder, found, options.url)
    elif options.to == "coco":
        write_coco(folder, found, videos)
    else:
        write_fiftyone(folder, found, videos)


def _require_sayable(classes: Sequence[str], to: str) -> None:
    name = next(filter(TOOLS[to].unsayable, classes), None)
    if name is None:
        return
    others = [tool for tool, facts in TOOLS.items() if not any(map(facts.unsayable, classes))]
    other = f"Choose --to {listed(others, separator=' or ')}, or rename" if others else "Rename"
    raise DataError(
        f'--to {to}: the class "{name}" would come back as no action. {other} the class in the label map and predict '
        "again."
    )


def _exclusive(label_map: Path | None, tubes: Iterable[VideoTubes]) -> list[list[str]]:
    """Return the names of the classes of each group that a person has one of at a time, by label map or tubes."""
    if label_map is None:
        return [list(group) for group in {tuple(group): None for video in tubes for group in video.exclusive or ()}]
    classes = read_label_map(label_map)
    names = {entry.id: entry.name for entry in classes}
    return [[names[class_id] for class_id in group.ids] for group in classes.class_groups if group.exclusive]


def _keyframes(video: VideoTubes) -> int:
    return len({scored.time for person in video.persons for scored in person.keyframes})


def _check_output(output: Path, force: bool) -> None:
    if output.resolve() == Path.cwd():
        raise UserError(f"--output {output}: this is the current folder; name one to make.")
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output}: this is a file; name a folder to make.")
    if not output.is_dir() or not any(output.iterdir()):
        return
    if not (output / RECORD).is_file():
        raise UserError(f"--output {output}: holds files that this command did not write. Name another folder.")
    if not force:
        raise UserError(
            f"--output {output} exists, and what is in it may have been corrected since. Choose another name, or "
            "replace it with --force."
        )
