"""The config key or the file that a user probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path

from yacs.config import CfgNode

# Below this similarity (0..1) a suggestion would puzzle more than it helps.
_KEY_CUTOFF = 0.6
_FILE_CUTOFF = 0.6
# A folder may hold a whole dataset; looking at more entries than this is not worth the wait.
_MAX_ENTRIES = 2000


def leaf_keys(node: CfgNode, prefix: str = "") -> Iterator[str]:
    """Yield the dotted path of every key below ``node`` that is not a section."""
    for name, value in node.items():
        if isinstance(value, CfgNode):
            yield from leaf_keys(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def section_keys(node: CfgNode, prefix: str = "") -> Iterator[str]:
    """Yield the dotted path of every section below ``node``."""
    for name, value in node.items():
        if isinstance(value, CfgNode):
            yield prefix + name
            yield from section_keys(value, f"{prefix}{name}.")


def nearest_key(key: str, choices: Iterable[str]) -> str | None:
    """Return the dotted path among ``choices`` most like ``key``; its last name counts twice."""

    def similarity(a: str, b: str) -> float:
        return difflib.SequenceMatcher(None, a, b).ratio()

    sections, _, name = key.upper().rpartition(".")

    def score(choice: str) -> float:
        other_sections, _, other_name = choice.rpartition(".")
        return (2 * similarity(name, other_name) + similarity(sections, other_sections)) / 3

    best = max(choices, key=score, default=None)
    return best if best is not None and score(best) >= _KEY_CUTOFF else None


def near_files(path: Path, suffixes: tuple[str, ...] = (), folders: bool = False, limit: int = 5) -> list[Path]:
    """Return existing files whose names are most like that of the missing ``path``, the nearest first.

    Looked for in the deepest existing folder of ``path``, and one level of folders below it.

    Args:
        path: the file that does not exist.
        suffixes: endings that count, such as ``(".yaml",)``; empty: all.
        folders: return folders instead of files.
        limit: most files returned.
    """
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    found: list[Path] = []
    for count, entry in enumerate(_entries(folder)):
        if count >= _MAX_ENTRIES:
            break
        if (entry.is_dir() if folders else entry.is_file()) and (not suffixes or entry.suffix in suffixes):
            found.append(entry)
    scored = [(difflib.SequenceMatcher(None, path.stem.lower(), file.stem.lower()).ratio(), file) for file in found]
    scored.sort(key=lambda pair: (-pair[0], pair[1]))
    return [file for score, file in scored[:limit] if score >= _FILE_CUTOFF]


def _entries(folder: Path) -> Iterator[Path]:
    try:
        for entry in sorted(folder.iterdir()):
            yield entry
            if entry.is_dir() and not entry.name.startswith("."):
                yield from sorted(entry.iterdir())
    except OSError:
        return


def missing_file(path: Path, suffixes: tuple[str, ...] = (), folders: bool = False) -> str:
    """Return "PATH does not exist", with the near files (or folders) that do."""
    near = near_files(path, suffixes, folders)
    hint = f" Near it: {', '.join(str(file) for file in near)}." if near else ""
    where = "" if path.is_absolute() else f" (looked in {Path.cwd()})"
    return f"{path} does not exist{where}.{hint}"
