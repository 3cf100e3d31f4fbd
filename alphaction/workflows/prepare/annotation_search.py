"""The annotation files that a flag names: files, or all those in a folder and the folders in it."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alphaction.data.formats.file_content import FileContent, looks_like_json, open_text
from alphaction.data.formats.known_formats import ANNOTATION_FORMATS, recognize
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.files import missing_file
from alphaction.utils.messages import counted, first_lines, listed

ANNOTATION_SUFFIXES = (".csv", ".json", ".xml", ".txt", ".tsv", ".gz", ".zip")
_HEAD = 100_000  # characters by which a file that is not JSON is recognized
_NUMBER = re.compile(r"^[-+]?\d+([.,]\d*)?(e[-+]?\d+)?$", re.IGNORECASE)
_NAMED = 7  # up to so many files of one reason have lines of their own
_MANY_NUMBERS = 5  # in a row of a table of boxes: a second and four sides


@dataclass(frozen=True)
class FoundFiles:
    """Annotation files, and what was met in folders and is none.

    Attributes:
        files: in the order given, those of a folder by name.
        passed_over: files of folders that have no format of annotations -> why.
    """

    files: tuple[Path, ...]
    passed_over: dict[Path, str]

    def notes(self) -> list[str]:
        """Return lines on what was passed over."""
        if not self.passed_over:
            return []
        lines = [f"  {line}" for line in _by_reason(self.passed_over)]
        number = counted(len(self.passed_over), "file")
        return [f"passed over as no annotations: {number}", *first_lines(lines, noun="files")]


def find_annotation_files(flag: str, paths: Sequence[Path], others: Collection[Path] = ()) -> FoundFiles:
    """Return the annotation files of a flag; a folder stands for those in it and in its folders.

    Of a folder, files are taken whose content has a known format of annotations; the others are only named. Names that
    start with a dot are not looked at.

    Args:
        flag: as the user wrote it, for messages.
        paths: files and folders.
        others: files and folders that are something else, such as the label map and the folder to write.

    Raises:
        UserError: a path does not exist, a folder holds no annotations, or a file is given twice.
    """
    used_otherwise = {path.resolve() for path in others}
    found: list[Path] = []
    passed_over: dict[Path, str] = {}
    for path in paths:
        if path.is_dir():
            inside = [file for file in _files_in(path, used_otherwise) if file.resolve() not in used_otherwise]
            reasons = {file: reason for file in inside if (reason := _why_none(file))}
            taken = [file for file in inside if file not in reasons]
            if not taken:
                head = f"{flag} {path}: the folder holds no annotation file ({', '.join(ANNOTATION_SUFFIXES)})."
                raise DataError("\n  - ".join([head, *first_lines(_by_reason(reasons), noun="files")]))
            found += taken
            passed_over |= reasons
        elif path.is_file():
            found.append(path)
        else:
            raise DataError(f"{flag}: {missing_file(path, ANNOTATION_SUFFIXES)}")
    repeated = [str(path) for path in found if found.count(path) > 1]
    if repeated:
        raise UserError(f"{flag}: {repeated[0]} is given twice; give it once.")
    return FoundFiles(tuple(found), passed_over)


def _by_reason(reasons: Mapping[Path, str]) -> list[str]:
    """Return a line for each file; many files of one reason have one line."""
    files: dict[str, list[Path]] = {}
    for path, reason in reasons.items():
        files.setdefault(reason, []).append(path)
    lines = []
    for reason, some in files.items():
        lines += [f"{listed(some, 1)}: {reason}"] if len(some) > _NAMED else [f"{path}: {reason}" for path in some]
    return lines


def _files_in(folder: Path, others: Collection[Path]) -> Iterator[Path]:
    """Yield the files of a folder that may be annotations, by name, then those of its folders."""
    for parent, folders, names in os.walk(folder):
        inner = sorted(name for name in folders if not name.startswith((".", "__")))
        folders[:] = [name for name in inner if (Path(parent) / name).resolve() not in others]
        for name in sorted(names):
            if name.lower().endswith(ANNOTATION_SUFFIXES) and not name.startswith("."):
                yield Path(parent) / name


def _why_none(path: Path) -> str:
    """Return why a file has no format of annotations; "": it has one."""
    try:
        with open_text(path, "annotations") as file:
            text = file.read(_HEAD)
            if looks_like_json(text):
                text += file.read()
        content = FileContent(path, "annotations", text)
        found = recognize(content, tuple(ANNOTATION_FORMATS.values()))
    except UserError as error:
        reason = str(error).removeprefix("annotations: ").removeprefix(str(path))
        return re.sub(r" Expected .*$", "", reason).lstrip(",: ")
    if found.syntax == "csv" and not _is_table_of_boxes(text):
        return "text without rows of boxes"
    return ""


def _is_table_of_boxes(text: str) -> bool:
    """Return whether one of the first lines has as many numbers as a box with its time."""
    for line in text.splitlines()[:20]:
        cells = [cell.strip().strip('"') for cell in re.split(r"[,;\t]" if ";" not in line else r"[;\t]", line)]
        if sum(bool(_NUMBER.match(cell)) for cell in cells) >= _MANY_NUMBERS:
            return True
    return False
