"""Packages that are missing or do not load, required or optional: one line with what to do.

Only the standard library is imported here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from alphaction.utils.command_text import front_command, python_command
from alphaction.utils.errors import UserError, fail
from alphaction.utils.requirements import OPTIONAL, REQUIREMENTS

# How Linux's loader names a library that is not there.
_MISSING_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file")
# What opencv-python needs and opencv-python-headless does not.
_OF_A_SCREEN = ("libGL", "libglib", "libgthread", "libSM", "libXext", "libXrender", "libxcb")
_OTHER_NUMPY = re.compile(r"numpy\.\w+ size changed|compiled using NumPy|_ARRAY_API not found|numpy\.core\.multi")
_OTHER_TORCH = re.compile(r"torchvision::nms|torchvision.*circular import|torch_?vision.*undefined symbol")
BROKEN = (ImportError, OSError, RuntimeError, AttributeError, TypeError, ValueError, SystemError)
"""What the import of a package raises that is not complete, or made for other versions of its neighbors."""


class Explanation(NamedTuple):
    """Why a package cannot be imported, and what to do, as sentences without their full stops."""

    text: str
    fix: str

    def __str__(self) -> str:
        return f"{self.text}. {self.fix}"


def require_optional(name: str, needed_by: str) -> ModuleType:
    """Return the optional package ``name``, imported.

    Args:
        name: its import name, one of :data:`~alphaction.utils.requirements.OPTIONAL`.
        needed_by: the flag, key or function that needs it, for the message.

    Raises:
        UserError: it is not installed, or does not load; the message has the command that installs it.
    """
    try:
        return import_module(name)
    except BROKEN as error:
        raise missing_optional(name, needed_by, error) from error


def missing_optional(name: str, needed_by: str, error: BaseException) -> UserError:
    """Return the error of :func:`require_optional`, for code that imports parts of the package itself."""
    why = explain_import(error, name)
    if why.text == f"{name} is not installed":
        return UserError(f"{needed_by} needs the package {name}, which is not installed. {why.fix}")
    return UserError(f"{needed_by} needs the package {name}. {why}")


@contextmanager
def explained_imports() -> Iterator[None]:
    """End the command with one line if a package that is imported within the block is missing, or does not load."""
    try:
        yield
    except BROKEN as error:
        problem = explain_import(error)
        if problem is None:
            raise
        fail(f"{problem}\n({front_command()} doctor looks at all packages)")


def explain_import(error: BaseException, name: str = "") -> Explanation | None:
    """Return why a package cannot be imported and what to do, or None if ``error`` is not about a package.

    Args:
        error: what its import raised.
        name: import name of the package; "": what the error names.
    """
    text = " ".join(str(error).split())
    absent = error.name if isinstance(error, ModuleNotFoundError) else None
    if not name and not absent and isinstance(error, ImportError) and error.name and pip_name(error.name):
        name = error.name.partition(".")[0]  # "cannot import name ...": it is of another version
    library = _MISSING_LIBRARY.search(text)
    if library:
        return _of_library(library[1], name)
    if _OTHER_TORCH.search(text):
        return Explanation(
            f"torchvision was built for another version of PyTorch than the one installed ({text})",
            f"Install the two together: {install('--upgrade', '--force-reinstall', 'torch', 'torchvision')}",
        )
    if _OTHER_NUMPY.search(text):
        packages = [name] if name in REQUIREMENTS and name != "numpy" else ["cv2", "pycocotools"]
        names = [REQUIREMENTS[package] for package in packages]
        return Explanation(
            f"{name or 'a package'} was built for another version of NumPy than the one installed ({text})",
            f"Reinstall both: {install('--upgrade', '--force-reinstall', 'numpy', *names)}",
        )
    top = absent.partition(".")[0] if absent else ""
    if absent and top != "alphaction":
        if "." in absent and absent not in {**REQUIREMENTS, **OPTIONAL}:
            anew = install("--upgrade", "--force-reinstall", pip_name(absent) or top)
            return Explanation(f"{top} has no module {absent}: it is of another version", f"Reinstall it: {anew}")
        own = name.partition(".")[0] == top
        subject = f"{name} cannot be imported: {top}" if name and not own else name or top
        wanted = pip_name(name if own else absent) or top
        return Explanation(f"{subject} is not installed", f"Install it: {install(wanted)}")
    if name:
        return Explanation(
            f"{name} is installed, but cannot be imported ({type(error).__name__}: {text})",
            f"Reinstall it: {install('--upgrade', '--force-reinstall', pip_name(name) or name)}",
        )
    return None


def _of_library(library: str, name: str) -> Explanation:
    """Return what to do where a package needs a library of the system that is not there."""
    if library.startswith(_OF_A_SCREEN) and name in ("", "cv2"):
        remove = f"{python_command()} -m pip uninstall -y opencv-python opencv-contrib-python"
        anew = install("--force-reinstall", "--no-deps", "opencv-python-headless")
        return Explanation(
            f"OpenCV cannot be loaded, as this machine has no {library}",
            f"Install the OpenCV that needs none: {remove} && {anew}",
        )
    wanted = pip_name(name) or name.partition(".")[0] or "PACKAGE"
    return Explanation(
        f"{name or 'a package'} cannot be loaded, as this machine has no {library}",
        f"Install that library, or reinstall the package: {install('--force-reinstall', wanted)}",
    )


def install(*words: str) -> str:
    """Return the command that installs packages into this Python: flags of pip, and names."""
    return f"{python_command()} -m pip install {shlex.join(words)}"


def pip_name(name: str) -> str | None:
    """Return what pip installs for the import name of a package, or of a module in it; None if it is not known."""
    known = {**REQUIREMENTS, **OPTIONAL}
    return next((known[key] for key in known if name == key or name.startswith(f"{key}.")), None)
