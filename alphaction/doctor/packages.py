"""Python, the required packages, which are imported, and the optional ones."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module, metadata
from importlib.util import find_spec
from types import ModuleType

import alphaction
from alphaction.doctor.finding import Finding, State
from alphaction.utils.command_text import has_clone
from alphaction.utils.imports import BROKEN, Explanation, explain_import, install
from alphaction.utils.requirements import FEATURES, OLDEST_PYTHON, OPTIONAL, REQUIREMENTS

_OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python")
_BUILDS = ("torch", "torchvision")
# Packages whose compiled part is in a module.
_PARTS = {"pycocotools": "pycocotools.mask", "PIL": "PIL.Image"}


def python_and_alphaction() -> Iterator[Finding]:
    """Yield this Python, this AlphAction, and which one ``alphaction`` on PATH is."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        needed = ".".join(map(str, OLDEST_PYTHON))
        fix = f"Make an environment with Python {needed} or newer."
        yield Finding("Python", f"{version} is too old: {sys.executable}", State.PROBLEM, fix)
    else:
        yield Finding("Python", f"{version}, {sys.executable}", facts={"version": version, "path": sys.executable})
    kind = "a clone" if has_clone() else "installed"
    folder = alphaction.__path__[0]
    facts = {"version": alphaction.__version__, "path": folder}
    yield Finding("alphaction", f"{alphaction.__version__}, {kind}: {folder}", facts=facts)
    encoding = sys.getfilesystemencoding().lower().replace("-", "")
    if encoding != "utf8":
        fix = "Set PYTHONUTF8=1 in the environment."
        yield Finding("file names", f"are {encoding}, not UTF-8: some cannot be opened", State.NOTE, fix)


def required_packages() -> Iterator[Finding]:
    """Yield each required package: its version, or why it cannot be imported."""
    missing = []
    for name, wanted in REQUIREMENTS.items():
        module, problem = imported(_PARTS.get(name, name), name)
        if problem:
            text = problem.text.removeprefix(f"{name} is ")
            missing += [wanted] if text == "not installed" else []
            yield Finding(name, text, State.PROBLEM, problem.fix, {"version": version_of(name)})
            continue
        version = version_of(name) or ""
        # With the build, as in 2.9.1+cu128.
        version = max(version, str(getattr(module, "__version__", "")), key=len) if name in _BUILDS else version
        least = wanted.partition(">=")[2]
        facts = {"version": version}
        if least and version and _numbers(version) < _numbers(least):
            fix = install("--upgrade", wanted)
            yield Finding(name, f"{version} is too old: {least} or newer is needed", State.PROBLEM, fix, facts)
        else:
            yield Finding(name, version or "installed", facts=facts)
    if len(missing) > 1:
        yield Finding("all of them", f"{len(missing)} packages are not installed", State.NOTE, install(*missing))
    yield from _opencv_twice()
    yield from _torchvision_fits()


def optional_packages() -> Iterator[Finding]:
    """Yield each optional package, which is not imported: some take many seconds."""
    for name, wanted in OPTIONAL.items():
        version = version_of(name)
        least = wanted.partition(">=")[2]
        facts = {"version": version, "feature": FEATURES[name]}
        if not _is_there(name):
            text = f"not installed; it is for {FEATURES[name]}"
            yield Finding(name, text, State.NOTE, install(wanted), facts)
        elif least and version and _numbers(version) < _numbers(least):
            text = f"{version} is too old for {FEATURES[name]}: {least} or newer is needed"
            yield Finding(name, text, State.NOTE, install("--upgrade", wanted), facts)
        else:
            yield Finding(name, f"{version or 'installed'}, for {FEATURES[name]}", facts=facts)


def compiler() -> Iterator[Finding]:
    """Yield whether there is what --compile needs."""
    torch, problem = imported("torch")
    if problem:
        return
    # PyTorch and engine/compiling.py are there, as PyTorch is.
    try:
        missing = import_module("alphaction.engine.compiling").missing_tool(torch.device(_device(torch)))
    except BROKEN as error:
        yield Finding("compiler", f"could not be checked ({error})", State.NOTE)
        return
    if missing is None:
        yield Finding("compiler", "there, for --compile")
    else:
        what, _, fix = missing.partition(". ")
        yield Finding("compiler", f"{what}; it is for --compile", State.NOTE, fix)


def imported(name: str, package: str = "") -> tuple[ModuleType | None, Explanation | None]:
    """Return a module and None, or None and why it cannot be imported.

    Args:
        name: the module.
        package: the package that it belongs to, for the message; "": the module itself.
    """
    said = io.StringIO()  # NumPy prints a page about packages that are made for another version of it
    try:
        with contextlib.redirect_stderr(said), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return import_module(name), None
    except (Exception, SystemExit) as error:  # a package may raise anything
        old_numpy = "compiled using NumPy" in said.getvalue()
        return None, explain_import(
            ImportError(f"compiled using NumPy 1: {error}") if old_numpy else error, package or name
        )


def version_of(name: str) -> str | None:
    """Return the version of the distribution that has the package; None if it is not known."""
    wanted = {**REQUIREMENTS, **OPTIONAL}.get(name, name)
    candidates = _OPENCV if name == "cv2" else (wanted.partition(">")[0], name)
    for candidate in candidates:
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(candidate)
    return None


def _opencv_twice() -> Iterator[Finding]:
    found = [name for name in _OPENCV if _version(name)]
    if len(found) > 1:
        fix = f"{sys.executable} -m pip uninstall -y {' '.join(found)} && {install('opencv-python-headless')}"
        text = f"{' and '.join(found)} share the same files: what is loaded is a matter of chance"
        yield Finding("OpenCV", text, State.NOTE, fix)


def _torchvision_fits() -> Iterator[Finding]:
    """Yield a problem if torchvision loads, but its operators were built for another PyTorch."""
    torch, no_torch = imported("torch")
    vision, no_vision = imported("torchvision")
    if no_torch or no_vision:
        return
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.9]])
    try:
        kept = vision.ops.nms(boxes, torch.tensor([0.9, 0.8]), 0.5)
    except (RuntimeError, AttributeError, NotImplementedError) as error:
        problem = explain_import(RuntimeError(f"torchvision::nms: {error}"))
        yield Finding("torchvision", problem.text, State.PROBLEM, problem.fix)
        return
    if kept.tolist() != [0]:
        fix = install("--upgrade", "--force-reinstall", "torch", "torchvision")
        yield Finding("torchvision", f"its nms keeps {kept.tolist()} of two equal boxes", State.PROBLEM, fix)
    builds = [str(module.__version__).partition("+")[2] for module in (torch, vision)]
    if all(builds) and builds[0] != builds[1]:
        text = f"is built for {builds[1]}, and torch for {builds[0]}: detectors may not run on a GPU"
        fix = install("--upgrade", "--force-reinstall", "torch", "torchvision")
        yield Finding("torchvision", text, State.NOTE, fix)


def command_on_path() -> Iterator[Finding]:
    """Yield a note if ``alphaction`` on PATH is not there."""
    if shutil.which("alphaction") is None:
        text = f"the command is not on PATH; {sys.executable} -m alphaction does the same"
        fix = f"Activate its environment{', or install it: pip install -e .' if has_clone() else ''}"
        yield Finding("command", text, State.NOTE, fix)


def _device(torch: ModuleType) -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _is_there(name: str) -> bool:
    if name in sys.modules:
        return sys.modules[name] is not None
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _version(distribution: str) -> str | None:
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(distribution)
    return None


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version: 2.10.0+cu128 is (2, 10, 0)."""
    return tuple(map(int, re.findall(r"\d+", re.split(r"[^\d.]", version, maxsplit=1)[0])))
