"""The thresholds that a checkpoint carries: from which score on each class counts as seen.

``tools/calibrate.py`` puts them beside the weights, under the key "thresholds". A training that goes on from the
checkpoint, and any file that is made from its weights, leaves them out: they hold for these weights only.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from alphaction.checkpoint.exported_file import read_exported
from alphaction.checkpoint.file_content import file_kind, read_content
from alphaction.checkpoint.label_maps import is_label_map
from alphaction.checkpoint.run_state import shown
from alphaction.checkpoint.storage import save_atomically
from alphaction.utils.errors import CheckpointError
from alphaction.utils.logging import get_logger

KEY = "thresholds"
_COLUMNS = {"class_ids": int, "names": str, "values": float, "labels": int, "own": bool}


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of C classes.

    Attributes:
        class_ids, names: of the classes, in the order of the label map.
        values: score in [0, 1] from which each class counts.
        labels: on how many labels each was chosen.
        own: whether it was chosen on the class's own detections; else it is that of all classes together.
        how: what was wanted: "best F1", "precision 0.8".
        dataset: on whose detections they were chosen.
        iteration: of the weights; None if unknown.
    """

    class_ids: tuple[int, ...]
    names: tuple[str, ...]
    values: tuple[float, ...]
    labels: tuple[int, ...]
    own: tuple[bool, ...]
    how: str
    dataset: str
    iteration: int | None = None

    def __str__(self) -> str:
        return f"{self.how} on {self.dataset}"

    def by_name(self) -> dict[str, float]:
        """Return class name -> threshold."""
        return dict(zip(self.names, self.values, strict=True))


def read_thresholds(path: str | Path, label_map: Mapping[str, Sequence]) -> Mapping[str, float] | None:
    """Return class name -> threshold of the classes of a label map; None where the file has none for these classes.

    Args:
        path: a weight file of any kind.
        label_map: {"ids", "names", "groups"}, as ``LabelMap.to_dict`` returns it. Where the file's thresholds are for
            other classes, a warning says so, and they are not used.

    Raises:
        CheckpointError: if the file cannot be read, or its thresholds are not as this program writes them.
    """
    held = stored_thresholds(path)
    if held is None or not fits(held, label_map, path):
        return None
    return dict(zip(map(str, label_map["names"]), held.values, strict=True))


def fits(held: Thresholds, label_map: Mapping[str, Sequence], path: str | Path) -> bool:
    """Return whether thresholds are for the classes of a label map; if not, log a warning."""
    if [_plain(name) for name in held.names] == [_plain(name) for name in label_map["names"]]:
        return True
    get_logger().warning(
        "%s: its thresholds are for other classes than its label map has, and are not used. Choose them anew: "
        "python tools/calibrate.py --weights %s",
        path,
        quote(str(path)),
    )
    return False


def stored_thresholds(path: str | Path) -> Thresholds | None:
    """Return the thresholds in a weight file; None if it has none.

    Raises:
        CheckpointError: as :func:`read_thresholds`.
    """
    path = Path(path)
    content, _ = read_content(path, mapped=True)
    if not isinstance(content, Mapping) or KEY not in content or not is_label_map(content.get("label_map")):
        return None
    return _parsed(path, content[KEY])


def store_thresholds(path: str | Path, thresholds: Thresholds | None) -> None:
    """Put thresholds into a checkpoint, in place of those that it has; None: remove them. All else stays as it is.

    The file is replaced when the new one is whole. Where ``path`` is a link, the file that it leads to is replaced.

    Raises:
        CheckpointError: if the file cannot be read, or is none that this program wrote.
        ResourceError: if it cannot be written; it is unchanged then.
    """
    path = Path(path)
    content = _own_content(path, mapped=False)
    content.pop(KEY, None)
    if thresholds is not None:
        content[KEY] = {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(thresholds).items()
        }
    save_atomically(content, path.resolve())


def classes_and_iteration(path: str | Path) -> tuple[Mapping[str, Sequence], int | None]:
    """Return the label map of a checkpoint that can keep thresholds, and its iteration, None if unknown.

    Raises:
        CheckpointError: if the file cannot be read, or is none that this program wrote.
    """
    content = _own_content(Path(path), mapped=True)
    iteration = content.get("iteration")
    return content["label_map"], iteration if type(iteration) is int else None


def _own_content(path: Path, *, mapped: bool) -> dict[str, Any]:
    if file_kind(path) == "torch" and zipfile.is_zipfile(path):
        content, foreign = read_content(path, mapped=mapped)
        if not foreign and type(content) is dict and "model" in content and is_label_map(content.get("label_map")):
            return content
    if read_exported(path) is not None:
        raise CheckpointError(
            f"{path}: an exported network, whose thresholds are those of its checkpoint. Calibrate that, and export it "
            "again (tools/export_model.py)."
        )
    raise CheckpointError(f"{path}: {_NOT_OURS}")


_NOT_OURS = (
    "thresholds are kept in checkpoints that this program wrote, with the names of their classes. Train from these "
    "weights, or convert them (tools/convert_weights.py), and calibrate the result."
)


def _plain(name: object) -> str:
    return str(name).strip().lower()


def _parsed(path: Path, value: object) -> Thresholds:
    """Return the thresholds that :func:`store_thresholds` wrote."""

    def error(problem: str) -> CheckpointError:
        return CheckpointError(
            f"{path}: its thresholds cannot be read: {problem}. Remove them: python tools/calibrate.py --weights "
            f"{quote(str(path))} --remove"
        )

    if not isinstance(value, dict):
        raise error(f"they are {shown(value)}, not a dict")
    columns = {}
    for name, kind in _COLUMNS.items():
        column = value.get(name)
        if not isinstance(column, list | tuple):
            raise error(f"{name} is {shown(column)}, not a list")
        wrong = [entry for entry in column if type(entry) is not kind]
        if wrong:
            raise error(f"{name} holds {shown(wrong[0])}")
        columns[name] = tuple(column)
    if len({len(column) for column in columns.values()}) != 1:
        raise error("its lists differ in length")
    outside = [entry for entry in columns["values"] if not (math.isfinite(entry) and 0 <= entry <= 1)]
    if outside:
        raise error(f"values hold {shown(outside[0])}, not a score from 0 to 1")
    texts = {name: value.get(name) for name in ("how", "dataset")}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise error(f"{name} is {shown(text)}, not a text")
    iteration = value.get("iteration")
    if iteration is not None and type(iteration) is not int:
        raise error(f"iteration is {shown(iteration)}, not a whole number")
    return Thresholds(**columns, **texts, iteration=iteration)
