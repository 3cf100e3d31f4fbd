"""Which project a weight file is of, by its own layout and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from alphaction.checkpoint.foreign.alphaction import recorded_config
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile
from alphaction.checkpoint.foreign.sources import Source, load_sources
from alphaction.checkpoint.recorded_settings import checked_value
from alphaction.utils.errors import CheckpointError

OWN = "alphaction"
"""The source of files whose names are ours already; a run reads them as they are."""


def find_source(file: ForeignFile) -> Source | None:
    """Return the project that a file is of, or None where nothing recognizes it."""
    return next((source for source in load_sources().values() if source.recognizes(file)), None)


def convert_file(file: ForeignFile, answers: Mapping[str, Any] | None = None) -> Converted | None:
    """Return the weights of another project in our names; None for a file of this one, or of none that is known.

    Args:
        file: as it was read.
        answers: config key -> value that the user gives.

    Raises:
        CheckpointError: for a network that is not supported, and answers that contradict the file.
    """
    source = find_source(file)
    return None if source is None or source.name == OWN else convert_with(source, file, answers or {})


def convert_own(file: ForeignFile) -> Converted | None:
    """Return a checkpoint of a run of ours with the settings of its recorded config; None for any other file.

    Raises:
        CheckpointError: as :func:`convert_file`.
    """
    source = find_source(file)
    if source is None or source.name != OWN or not recorded_config(file):
        return None
    return convert_with(source, file, {})


def convert_with(source: Source, file: ForeignFile, answers: Mapping[str, Any]) -> Converted:
    """Let a source convert a file, and check that a config can have the values that it read from it.

    Answers about the recipe (frames of a clip, rates, sizes) replace it: it is advice, and often a guess.

    Raises:
        CheckpointError: as :func:`convert_file`.
    """
    said = {}
    if answers:
        known = source.convert(file, {})
        advice = known.recipe.keys() - known.settings.keys() - known.questions.keys()
        said = {key: value for key, value in answers.items() if key in advice}
    converted = source.convert(file, {key: value for key, value in answers.items() if key not in said})
    converted = replace(converted, recipe={**converted.recipe, **said})
    problems: list[str] = []
    settings = {
        key: replace(setting, value=checked_value(key, setting.value, problems))
        for key, setting in converted.settings.items()
    }
    recipe = {key: checked_value(key, value, problems) for key, value in converted.recipe.items()}
    if problems:
        raise CheckpointError(f"{file.path}: the file says what no config here can have: {' '.join(problems)}")
    return replace(converted, settings=settings, recipe=recipe)
