"""The packages that AlphAction needs, and the message for a Python that lacks one.

Only the standard library is imported here and by what is imported here, so that a script can call
:func:`require_packages` before anything else; and nothing is used that Python 3.7 cannot parse.
``setup.py`` reads :data:`REQUIREMENTS` and :data:`OPTIONAL`, which are the only lists.
"""

from __future__ import annotations

import os
import shlex
import sys
from importlib.util import find_spec

from alphaction.utils.command_text import has_clone, python_command
from alphaction.utils.errors import end_when_interrupted
from alphaction.utils.messages import listed

# Import name: what pip installs for it.
REQUIREMENTS = {
    "torch": "torch>=2.6",
    "torchvision": "torchvision",
    "yacs": "yacs",
    "yaml": "pyyaml",
    "av": "av>=15",
    "cv2": "opencv-python-headless",
    "numpy": "numpy",
    "PIL": "pillow>=10.1",
    "google.protobuf": "protobuf",
    "tensorboard": "tensorboard",
    "pycocotools": "pycocotools",
    "tqdm": "tqdm",
    "click": "click",
    "pebble": "pebble",
    "psutil": "psutil",
    "pynvml": "nvidia-ml-py",
    "jinja2": "jinja2",
    "markupsafe": "markupsafe",
}
# What some features need, and who does not use them need not install; imported where it is used.
OPTIONAL = {
    "onnxruntime": "onnxruntime",
    "onnx": "onnx",
    "onnxscript": "onnxscript",
    "transformers": "transformers>=4.53",
    "supervision": "supervision",
    "fiftyone": "fiftyone",
    "wandb": "wandb>=0.31",
    "mlflow": "mlflow-skinny",
}
# What each of those is for; alphaction doctor lists it.
FEATURES = {
    "onnxruntime": "person detectors in ONNX files (--onnx), and networks that were exported as ONNX",
    "onnx": "export as ONNX",
    "onnxscript": "export as ONNX",
    "transformers": "V-JEPA 2, and person detectors of Hugging Face (--hf-model)",
    "supervision": "results as supervision.Detections",
    "fiftyone": "results as samples of FiftyOne",
    "wandb": "curves in Weights & Biases",
    "mlflow": "curves in MLflow",
}
OLDEST_PYTHON = (3, 10)


def require_folder() -> None:
    """Exit with status 2 and one message if the current folder was deleted: PyTorch would end the process with less."""
    try:
        os.getcwd()
    except OSError:
        print("error: the current folder does not exist any more. Go to one that does (cd).", file=sys.stderr)
        sys.exit(2)


def require_packages() -> None:
    """Exit with status 2 and one message if this Python is too old or lacks a package of :data:`REQUIREMENTS`.

    So it does where the current folder is gone, see :func:`require_folder`.

    A locale in which Python cannot name every file (``LC_ALL=C`` with ``PYTHONUTF8=0``, or Latin-1) is left for UTF-8.
    From here on, Ctrl-C ends the script that is run without a traceback, and PyTorch does not show a page of its C++
    calls for each connection that another process closed.
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    # Not a process that the script starts and that imports it, nor a program that uses it as a module.
    if sys._getframe(1).f_globals["__name__"] == "__main__":
        end_when_interrupted()
    require_folder()
    problem = find_problem()
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(2)
    use_utf8()


def use_utf8() -> None:
    """Start this program again in Python's UTF-8 mode if names of files are not UTF-8 in this locale (not Windows)."""
    utf8 = sys.getfilesystemencoding().lower().replace("-", "") == "utf8"
    if os.name == "posix" and not utf8 and os.environ.get("PYTHONUTF8") != "1":
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "PYTHONUTF8": "1"})


def find_problem() -> str | None:
    """Return what is missing and how to get it, or None. Nothing is imported, so that this takes no time."""
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        needed = ".".join(map(str, OLDEST_PYTHON))
        problem = f"Python {needed} or newer is needed; {sys.executable} is Python {found}."
    else:
        missing = [package for name, package in REQUIREMENTS.items() if not _is_installed(name)]
        if not missing:
            return None
        names = listed([package.partition(">")[0] for package in missing], limit=3)
        are = "the package {} is" if len(missing) == 1 else "the packages {} are"
        problem = f"{are.format(names)} not installed for {sys.executable}."
        if not has_clone():
            return f"{problem} Install: {python_command()} -m pip install {shlex.join(missing)}"
    if not has_clone():
        return f"{problem} Install AlphAction into an environment of such a Python."
    return (
        f"{problem} Activate the environment that the demo made (source .venv/bin/activate), or install AlphAction "
        "(pip install -e .): docs/INSTALL.md"
    )


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # the package above it, such as "google", is missing
        return False
