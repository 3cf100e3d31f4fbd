"""The file that MODEL.WEIGHT stands for: a path, or public weights, which are downloaded if they are not here."""

from __future__ import annotations

from pathlib import Path

from alphaction.engine.setup import processes_from_environment
from alphaction.utils.logging import get_logger
from alphaction.zoo import PublicWeights, find_weights, get_weights, is_zoo_name, refuse_persons


def locate_weights(weight: str) -> Path:
    """Return the file of MODEL.WEIGHT; "zoo:NAME" is found in the cache or downloaded, and its license is logged.

    Raises:
        UserError: there is no such name, or its file cannot be had or is not the right one.
    """
    if not is_zoo_name(weight):
        return Path(weight)
    entry = check_zoo_name(weight)
    path = get_weights(entry, otherwise="Or save it anywhere, and set MODEL.WEIGHT to that path.")
    rank, _ = processes_from_environment()
    if rank == 0:
        tell = get_logger().info if entry.commercial else get_logger().warning
        tell("MODEL.WEIGHT %s is %s: %s. %s", weight, path, entry.what, entry.license_line)
    return path


def check_zoo_name(weight: str) -> PublicWeights | None:
    """Return the entry of MODEL.WEIGHT, None if it is a path; nothing is downloaded.

    Raises:
        UserError: there are no such weights, or they are those of a detector of persons.
    """
    if not is_zoo_name(weight):
        return None
    entry = find_weights(weight)
    refuse_persons(entry, f"MODEL.WEIGHT {weight}")
    return entry
