"""Names that stand in files, where they become paths: none may lead out of the folder that it belongs to.

A dataset, an export or an archive may come from a stranger. Paths that a person writes on a command line, in a config
or for the folders of a ``dataset.yaml`` are that person's affair, and do not come here.
"""

from __future__ import annotations

import re
from pathlib import Path

from alphaction.utils import limits
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import visible

_DRIVE = re.compile(r"[A-Za-z]:")
_SEPARATORS = re.compile(r"[\\/]")


def inside(
    folder: Path, name: str, what: str, *, follow_links: bool = True, error: type[UserError] = DataError
) -> Path:
    """Return ``folder / name``, which lies in ``folder``.

    Args:
        folder: where the name belongs.
        name: as a file gives it; a path in ``folder`` such as "cam1/morning" is fine.
        what: what the name is of, for the message: "video".
        follow_links: also where a symbolic link leads out of ``folder``.
        error: what to raise.

    Raises:
        DataError: it is empty, absolute, has "..", a drive, a control character or more than a file system takes, or
            leaves the folder by a link.
    """
    parts = _SEPARATORS.split(name)
    problem = _problem(name, parts, limits.PATH_BYTES)
    if problem:
        raise error(f'{what} "{name}": {problem}, and a name in a file must not lead out of {folder}. Rename it there.')
    path = folder / name
    if not follow_links:
        target, root = path.resolve(), folder.resolve()
        if root not in (target, *target.parents):
            raise error(
                f'{what} "{name}": {path} is a link to {target}, out of {folder}. If you made that link, set '
                "DATASETS.FOLLOW_LINKS True; else move the folder there, or name the real one in dataset.yaml."
            )
    return path


def name_problem(name: str) -> str:
    """Return why ``name`` cannot be the name of a folder or file on every system; "" if it can."""
    parts = _SEPARATORS.split(name)
    if len(parts) > 1:
        return "it holds a slash or a backslash"
    return _problem(name, parts, limits.NAME_BYTES) or ("it begins or ends with a dot or space" * _is_bare(name))


def _is_bare(name: str) -> bool:
    return name.strip(" ") != name or name.startswith(".") or name.endswith(".")


def _problem(name: str, parts: list[str], longest: int) -> str:
    size = len(name.encode("utf-8", "surrogateescape"))
    if not name.strip():
        return "it is empty"
    if size > longest or any(len(part.encode("utf-8", "surrogateescape")) > limits.FILE_NAME_BYTES for part in parts):
        return f"it has {size} bytes, more than a name can have"
    if "\0" in name or visible(name.replace("\n", "\0").replace("\t", "\0")) != name:
        return "it holds control characters"
    if not parts[0] or _DRIVE.match(name):
        return "it is an absolute path"
    if any(part in (".", "..") for part in parts):
        return 'it has ".." or "." as a folder'
    return ""
