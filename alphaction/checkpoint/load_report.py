"""Reports which tensors were loaded when weights were matched with a model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from alphaction.utils.messages import counted, listed, text_table


class ShapeMismatch(NamedTuple):
    """A tensor that was not loaded because the shapes differ."""

    name: str
    source_name: str
    expected: tuple[int, ...]
    found: tuple[int, ...]


@dataclass
class LoadReport:
    """Which tensors of the model and of the file were loaded, and why the others were not.

    Attributes:
        source: the file.
        rule: how names were matched, in words.
        loaded: name in the model -> name in the file.
        missing: names in the model that the file has no tensor for; they keep their initial values.
        unused: names in the file that the model has no tensor for.
        mismatched: names that agree but whose shapes differ; the model's keep their initial values.
        skipped: names in the model that were left out on request (``--no-head``).
        counters: number of ``num_batches_tracked`` entries that only one side has; they change no output.
        warnings: texts that deserve a line of their own in the log.
        license: of the weights, "" if unknown.
        other_classes: how the file's classes differ from the dataset's although the classifier fits; "" if they agree.
    """

    source: str
    rule: str
    loaded: dict[str, str]
    missing: list[str]
    unused: list[str]
    mismatched: list[ShapeMismatch]
    skipped: list[str]
    counters: int = 0
    warnings: list[str] = field(default_factory=list)
    other_classes: str = ""
    license: str = ""

    @property
    def complete(self) -> bool:
        """True if every tensor of the model got its value from the file."""
        return not (self.missing or self.mismatched or self.skipped)

    def summary(self) -> str:
        """Return the counts by part of the model, and up to three names of each kind of exception."""
        total = len(self.loaded) + len(self.missing) + len(self.mismatched) + len(self.skipped)
        lines = [f"Weights from {self.source}: {len(self.loaded)} of {counted(total, 'tensor')} loaded ({self.rule})"]
        lines += self._table()
        if self.missing:
            lines.append(f"  not in the file, initial values kept: {len(self.missing)} ({_some(self.missing)})")
        if self.mismatched:
            shown = [f"{m.name} {list(m.expected)}, in the file {list(m.found)}" for m in self.mismatched]
            lines.append(f"  other shape, initial values kept: {len(shown)} ({_some(shown)})")
        if self.skipped:
            lines.append(f"  left out (--no-head), initial values kept: {len(self.skipped)} ({_some(self.skipped)})")
        if self.unused:
            lines.append(f"  in the file but not in the model: {len(self.unused)} ({_some(self.unused)})")
        if self.counters:
            lines.append(f"  {self.counters} num_batches_tracked counters are on one side only (no effect)")
        return "\n".join(lines)

    def details(self) -> str:
        """Return one line for every tensor: what was done, its name and, if they differ, the file's name and shape."""
        lines = [
            f"loaded       {name}" + (f" <- {found}" if found != name else "") for name, found in self.loaded.items()
        ]
        lines += [
            f"other shape  {m.name} {list(m.expected)} <- {m.source_name} {list(m.found)}" for m in self.mismatched
        ]
        lines += [f"missing      {name}" for name in self.missing]
        lines += [f"left out     {name}" for name in self.skipped]
        lines += [f"unused       {name}" for name in self.unused]
        return "\n".join(lines)

    def _table(self) -> list[str]:
        columns = {
            "loaded": Counter(map(part_of, self.loaded)),
            "missing": Counter(map(part_of, self.missing)),
            "other shape": Counter(part_of(m.name) for m in self.mismatched),
            "left out": Counter(map(part_of, self.skipped)),
        }
        parts = dict.fromkeys(part for counts in columns.values() for part in counts)
        shown = {title: counts for title, counts in columns.items() if counts}
        return text_table(
            [("", *shown), *((part, *(counts[part] for counts in shown.values())) for part in parts)], indent="  "
        )


def is_counter(name: str) -> bool:
    """Return whether a tensor only counts batches of a batch normalization; no output depends on it."""
    return name.rpartition(".")[2] == "num_batches_tracked"


def part_of(name: str) -> str:
    """Return the part of the model that a tensor is counted under, such as backbone.slow or roi_heads.action.predictor.

    The IA structure is a part of its own.
    """
    parts = name.split(".")[:-1]
    depth = (4 if "ia_structure" in parts else 3) if parts[:1] == ["roi_heads"] else 2
    return ".".join(parts[:depth]) or name


def _some(names: list[str]) -> str:
    # Shapes and class names have commas of their own.
    return listed(names, 3, "; ")
