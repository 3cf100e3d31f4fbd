"""What the user of a new config should know before the first training."""

from __future__ import annotations

from collections.abc import Iterator

from alphaction.config.paths_catalog import find_dataset
from alphaction.evaluation.recall import LOW_RECALL
from alphaction.utils.command_text import runnable_here
from alphaction.utils.errors import UserError
from alphaction.utils.licenses import forbids_commerce
from alphaction.utils.messages import counted
from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.interaction_settings import usable_blocks
from alphaction.workflows.finetune.starting_weights import (
    has_trained_head,
    missing_weights,
    starting_point,
    weights_of,
)


def notes(options: FinetuneOptions, statistics: DatasetStatistics, new_head: bool) -> tuple[str, ...]:
    """Return what the user should know: what was left out, what is missing, what will be slow, what is not allowed."""
    notes = [*_weight_notes(options)]
    weights = weights_of(options)
    if not weights and options.freeze != "none":
        notes.append(
            f'--freeze {options.freeze} with --weights "": what is frozen stays random, and its features are of little '
            "use. Give weights, or leave --freeze out."
        )
    elif not weights and not options.tiny:
        notes.append(
            f"{options.backbone} starts from random weights, and will hardly learn from a small dataset. Give "
            "--weights, or take --backbone tiny."
        )
    notes += _ava_notes(options, statistics) if statistics.published else []
    if options.batch_size is not None and options.batch_size > statistics.keyframes:
        notes.append(
            f"--batch-size {options.batch_size} is more than the {counted(statistics.keyframes, 'keyframe')} of "
            f"{statistics.train}: a batch holds some of them more than once."
        )
    if options.ia_structure is not None and not options.use_ia:
        notes.append(f"--ia-structure {options.ia_structure} has no effect without --use-ia.")
    if options.use_ia:
        notes += [f"{reason}." for reason in usable_blocks(statistics)[1]]
    if options.use_ia and has_trained_head(options) and not new_head:
        notes.append(
            f"if --weights {weights} holds an IA structure, what has the same shape is taken from it: compare its "
            "config's MODEL.IA_STRUCTURE, whose blocks and memory are made for the dataset here. SOLVER.IA_LR_FACTOR "
            "10 is for a new structure; 1 goes with a loaded one."
        )
    if options.num_gpus == 0 and not options.tiny:
        notes.append(_slow(options))
    if statistics.validation is not None:
        notes += statistics.validation.notes(statistics.val, folds=options.folds is None)
    found = statistics.detections
    if found is not None and found.best_recall < LOW_RECALL:
        notes.append(
            f"the detections of {statistics.val} find {found.best_recall:.1%} of the annotated persons, which limits "
            "the mAP: tools/validate_dataset.py shows more."
        )
    if found is None and not statistics.published:
        notes.append(
            f"{statistics.val} has no person_boxes: evaluation takes the annotated boxes, and its mAP is optimistic. "
            "tools/detect_persons.py makes them."
        )
    return tuple(notes)


def _weight_notes(options: FinetuneOptions) -> Iterator[str]:
    """Yield what stands between the user and the weights: a license, a download, a file that is not there."""
    missing = missing_weights(options)
    start = starting_point(options)
    if start.entry is not None and start.entry.commercial:
        yield start.entry.license_line
    elif start.entry is not None:
        yield (
            f"{start.entry.license_line} That holds for what is trained from them, too. Others are in "
            "tools/download_weights.py --list."
        )
    elif forbids_commerce(start.license):
        yield f"License of {start.weight}: {start.license}. NO COMMERCIAL USE, nor of what is trained from it."
    elif start.license:
        yield f"License of {start.weight}: {start.license}."
    if missing and start.entry is not None and start.entry.url:
        yield (
            f"{missing} is not here yet: training downloads it first, or fetch it now with "
            f"{runnable_here(f'python tools/download_weights.py {start.entry.name}')}"
        )
    elif missing and start.entry is not None:
        how = runnable_here(f"python tools/download_weights.py {start.entry.name}")
        yield (
            f"{missing} is not here yet, and only a browser gets it: {how} says where it is and where to put it. "
            "Training stops until it is there."
        )
    elif missing:
        usual = missing == options.network.weights
        where = "docs/MODEL_ZOO.md says where to get it" if usual else "check the path"
        yield (
            f"{missing} is not there yet ({where}). Training stops until it is; --weights PATH names another file, "
            '--backbone tiny needs none, and --weights "" starts from random weights, which needs far more data.'
        )


def _slow(options: FinetuneOptions) -> str:
    """Return what a large network costs on a CPU, and the way around it."""
    if options.freeze == "all":
        return (
            f"{options.backbone} is frozen: its features are computed once for each clip, which takes seconds a clip "
            "on a CPU, and the head then trains in minutes."
        )
    way = "" if options.network.training is None else "--freeze all computes the backbone's features once; "
    return f"{options.backbone} takes many seconds a step on a CPU; {way}--backbone tiny is made for it."


def _ava_notes(options: FinetuneOptions, statistics: DatasetStatistics) -> list[str]:
    """Return what AVA's files lack; its config is written without them."""
    try:
        specs = [find_dataset(options.catalog_cfg, name) for name in (statistics.train, statistics.val)]
    except UserError as error:
        return [f"{error}\n    docs/DATA.md describes AVA from the official files to training."]
    if options.use_ia and any(spec.object_boxes is None for spec in specs):
        return [
            "AVA's object boxes are not there: the O blocks would see empty slots. docs/DATA.md says where they go."
        ]
    return []
