"""Interactive generation of a config: each choice is a question with a default."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from alphaction.config.config_text import check_target
from alphaction.config.paths_catalog import known_datasets
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.files import WEIGHT_SUFFIXES, missing_file
from alphaction.utils.messages import counted, suggest
from alphaction.utils.numbers import NOT_NEGATIVE, POSITIVE, Range
from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics
from alphaction.workflows.finetune.finetune_options import (
    BACKBONES,
    DEFAULT_DATASET,
    IA_STRUCTURES,
    PARTS,
    FinetuneOptions,
    default_output,
)
from alphaction.workflows.finetune.generate import check_num_classes, check_val_dataset, collect_statistics
from alphaction.workflows.finetune.own_groups import groups_in_words
from alphaction.workflows.finetune.prompts import ask
from alphaction.workflows.finetune.recipe import build_recipe
from alphaction.workflows.finetune.starting_weights import starting_point, weights_of
from alphaction.zoo import ZOO_PREFIX, find_weights

_NUMBER = Range()


def ask_options(
    options: FinetuneOptions, output: Path | None = None, *, force: bool = False
) -> tuple[FinetuneOptions, DatasetStatistics, Path]:
    """Ask for everything that decides a config.

    Args:
        options: answers that the command line gave; they are the defaults.
        output: where the command line wants the config.
        force: whether an existing file may be replaced.

    Returns:
        The choices, the figures of the dataset, and the file to write.

    Raises:
        UserError: if a flag has a value that no answer can correct, or input has ended before the last question.
    """
    # Whether the batch splits over the GPUs, the backbone can be frozen and there is a memory is seen later.
    replace(options, num_gpus=min(options.num_gpus, 0), freeze="none", use_ia=True).check()
    check_val_dataset(options)
    click.echo("Press Enter to take the value in brackets.")
    options, stats = _ask_dataset(options)
    options = _ask_classes(options, stats)
    options = _ask_network(options)
    options = _ask_schedule(options, stats)
    output = _ask_output(options, output, force)
    return options, stats, output


def _ask_dataset(options: FinetuneOptions) -> tuple[FinetuneOptions, DatasetStatistics]:
    known = known_datasets(options.catalog_cfg)
    own = [name for name in known if not name.startswith("ava_video_")]
    click.echo(f"Registered datasets: {', '.join([*own, *(name for name in known if name not in own)])}")
    usual = options.dataset_name or next((name for name in own if name.endswith("_train")), DEFAULT_DATASET)

    def parse(text: str) -> tuple[FinetuneOptions, DatasetStatistics]:
        chosen = replace(options, dataset_name=text)
        return chosen, collect_statistics(chosen)

    chosen = ask("Dataset", usual, None, parse)
    while chosen is None:
        try:
            chosen = parse(usual)
        except UserError as error:
            click.echo(f"  {error}")
            chosen = ask("Dataset", usual, None, parse)
    stats = chosen[1]
    click.echo(
        f"  {stats.train}: {counted(stats.keyframes, 'keyframe')} of {counted(stats.videos, 'video')}, "
        f"{counted(stats.label_map.num_classes, 'class', 'classes')} "
        f"({groups_in_words(stats)}); evaluated on {stats.val}"
    )
    return chosen


def _ask_classes(options: FinetuneOptions, stats: DatasetStatistics) -> FinetuneOptions:
    held = stats.label_map.num_classes

    def parse(text: str) -> int:
        number = _number(text, POSITIVE)
        check_num_classes(replace(options, num_classes=number), stats)
        return number

    try:
        check_num_classes(options, stats)
    except UserError as error:
        click.echo(f"  {error}")
    return replace(options, num_classes=ask("Number of classes", str(held), held, parse))


def _ask_network(options: FinetuneOptions) -> FinetuneOptions:
    gpus = ask("GPUs, 0 for the CPU", str(options.num_gpus), options.num_gpus, lambda text: _number(text, NOT_NEGATIVE))
    backbone = ask(f"Backbone: {', '.join(BACKBONES)}", options.backbone, options.backbone, _one_of(BACKBONES))
    options = replace(options, num_gpus=gpus, backbone=backbone)
    freeze = "none"
    if options.network.training is not None:
        parts = tuple(PARTS)
        freeze = ask(f"Part that stays as loaded: {', '.join(parts)}", options.freeze, options.freeze, _one_of(parts))
    options = replace(options, freeze=freeze)
    shown = "yes" if options.use_ia else "no"
    use_ia = ask("Interaction Aggregation (IA) structure: yes, no", shown, options.use_ia, _yes_or_no)
    structure = None
    if use_ia:
        names = tuple(IA_STRUCTURES)
        structure = ask(f"Structure: {', '.join(names)}", options.structure, options.structure, _one_of(names))
    memory = options.memory_seconds if use_ia else None
    options = replace(options, use_ia=use_ia, ia_structure=structure, memory_seconds=memory)
    if options.tiny and options.weights is None:
        return options

    def parse(text: str) -> str:
        weights = _weights(text)
        starting_point(replace(options, weights=weights))  # They must be of the backbone.
        return weights

    try:
        usual = starting_point(options).weight
    except UserError as error:
        # They came from the command line, before the backbone was asked for.
        click.echo(f"  {error}")
        options = replace(options, weights=None)
        usual = weights_of(options)
    weights = ask("Weights to start from, none for random ones", usual or "none", options.weights, parse)
    return replace(options, weights=weights)


def _ask_schedule(options: FinetuneOptions, stats: DatasetStatistics) -> FinetuneOptions:
    def parse_batch(text: str) -> int:
        replace(options, batch_size=_number(text, POSITIVE), lr=None, max_iter=None, epochs=None).check()
        return _number(text, POSITIVE)

    def parse_rate(text: str) -> float:
        replace(options, lr=_number(text), max_iter=None, epochs=None).check()
        return _number(text)

    def parse_length(text: str) -> dict[str, float | int | None]:
        if found := re.fullmatch(r"([0-9.]+)\s*(?:e|epochs?)", text.lower()):
            length = {"epochs": _number(found[1]), "max_iter": None}
        else:
            length = {"epochs": None, "max_iter": _number(text, POSITIVE)}
        chosen = replace(options, **length)
        chosen.check()
        build_recipe(chosen, stats)  # Epochs are bounded by their iterations.
        return length

    given = options.batch_size
    if given is not None and given % options.processes:
        # It came from the command line, before the GPUs were asked for.
        try:
            options.check()
        except UserError as error:
            click.echo(f"  {error}")
        options = replace(options, batch_size=None)
    batch = build_recipe(options, stats)[1].batch
    question = "Batch: clips of a step, over all GPUs"
    options = replace(options, batch_size=ask(question, str(batch), options.batch_size, parse_batch))
    rate = build_recipe(options, stats)[1].lr
    options = replace(options, lr=ask("Learning rate", f"{rate:g}", options.lr, parse_rate))
    plan = build_recipe(options, stats)[1]
    usual = {"epochs": options.epochs, "max_iter": options.max_iter}
    shown = f"{plan.max_iter}, {plan.epochs:.3g} epochs"
    return replace(options, **ask('Iterations, or epochs as "20 epochs"', shown, usual, parse_length))


def _ask_output(options: FinetuneOptions, output: Path | None, force: bool) -> Path:
    usual = output or default_output(options)

    def parse(text: str) -> Path:
        check_target(Path(text).expanduser(), force)
        return Path(text).expanduser()

    while True:
        chosen = ask("File to write", str(usual), usual, parse)
        try:
            check_target(chosen, force)
        except UserError as error:
            click.echo(f"  {error}")
        else:
            return chosen


def _number(text: str, within: Range = _NUMBER) -> int | float:
    try:
        return within(text)
    except argparse.ArgumentTypeError as error:
        raise UserError(str(error)) from None


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in names:
            raise UserError(f'"{text}" is not available. {suggest(text.lower(), names)}')
        return text.lower()

    return parse


def _yes_or_no(text: str) -> bool:
    if text.lower() not in ("y", "yes", "n", "no"):
        raise UserError(f'"{text}": expected yes or no')
    return text.lower() in ("y", "yes")


def _weights(text: str) -> str:
    if text.lower() == "none":
        return ""
    path = Path(text).expanduser()
    if not path.is_file() and find_weights(text.removeprefix(ZOO_PREFIX), default=None) is None:
        raise CheckpointError(
            f"{missing_file(path, WEIGHT_SUFFIXES)} Name a file, public weights (those of tools/download_weights.py "
            "--list), or none for random ones."
        )
    return text
