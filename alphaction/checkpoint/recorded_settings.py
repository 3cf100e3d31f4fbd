"""The settings that a converted weight file carries: written as plain values, and checked when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from alphaction.checkpoint.foreign.converted import Converted, Part, Setting
from alphaction.config.keys import KEYS
from alphaction.config.values import WrongTypeError, coerce
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import problem_list

_TEXTS = ("source", "what", "license")


def record_settings(converted: Converted) -> dict[str, Any]:
    """Return the settings, recipe, source and license of converted weights as plain values, by key of the file."""
    settings = {
        key: {"value": _plain(setting.value), "part": setting.part, "why": setting.why}
        for key, setting in converted.settings.items()
    }
    texts = {name: getattr(converted, name) for name in _TEXTS}
    return {"settings": settings, "recipe": {key: _plain(value) for key, value in converted.recipe.items()}, **texts}


def is_recorded(extras: Mapping[str, Any]) -> bool:
    """Return whether a file carries what :func:`record_settings` makes; other projects may have a key of one name."""
    return isinstance(extras.get("settings"), Mapping) and all(key in extras for key in ("recipe", *_TEXTS))


def read_settings(path: Path, extras: Mapping[str, Any]) -> dict[str, Any]:
    """Return what :func:`record_settings` wrote: ``settings``, ``recipe``, ``source``, ``what`` and ``license``.

    Raises:
        CheckpointError: for keys that are not known here and values that they cannot have: the file was written by a
            newer version, or changed.
    """
    problems: list[str] = []
    settings: dict[str, Setting] = {}
    for key, entry in extras["settings"].items():
        if not isinstance(entry, Mapping) or entry.get("part") not in get_args(Part):
            problems.append(f"its setting {key} is not as this program writes them.")
            continue
        value = checked_value(key, entry.get("value"), problems)
        settings[key] = Setting(value, entry["part"], str(entry.get("why", "")))
    recipe = extras.get("recipe")
    values = (
        {key: checked_value(key, value, problems) for key, value in recipe.items()}
        if isinstance(recipe, Mapping)
        else {}
    )
    if problems:
        raise CheckpointError(
            problem_list(f"{path}: its settings cannot be read:", [f"{path}: {problem}" for problem in problems])
            + " Convert the original file again (tools/convert_weights.py)."
        )
    return {"settings": settings, "recipe": values, **{name: str(extras.get(name) or "") for name in _TEXTS}}


def checked_value(key: str, value: Any, problems: list[str]) -> Any:
    """Return ``value`` as the type of a config key; what is wrong with it is added to ``problems``."""
    declared = KEYS.get(key)
    if declared is None:
        problems.append(f"{key} is no config key here.")
        return None
    try:
        value = coerce(value, declared.default, nested=declared.nested, element=declared.element)
    except WrongTypeError as error:
        problems.append(f"{key}: {error}.")
        return None
    if isinstance(declared.choices, str):  # Registered names are checked with the config, which knows them.
        return value
    if problem := declared.problem(value):
        problems.append(problem)
    return value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
