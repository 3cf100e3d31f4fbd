"""Package data and dependencies of AlphAction. Nothing is compiled."""

import ast
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def constant(path: str, name: str):
    """Return the value of a constant of a module, which is not imported: what it imports is not installed yet."""
    for statement in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", None) == name:
            return ast.literal_eval(statement.value)
    raise LookupError(f"{path} assigns nothing to {name}")


CONFIGS = "alphaction.config_files"
OPTIONAL = constant("alphaction/utils/requirements.py", "OPTIONAL")

setup(
    name="alphaction",
    version=constant("alphaction/__init__.py", "__version__"),
    description="Spatio-temporal action detection: who does what, where and when in videos",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=[*find_packages(include=["alphaction", "alphaction.*"]), CONFIGS],
    # The configs lie beside the package in a clone, and in it where it is installed (alphaction/utils/config_files.py).
    package_dir={CONFIGS: "config_files"},
    package_data={
        "alphaction": ["py.typed"],
        "alphaction.config": ["*.pbtxt"],
        "alphaction.workflows.report": ["templates/*"],
        "alphaction.zoo": ["weights/*"],
        CONFIGS: ["*.yaml", "*/*.yaml"],
    },
    entry_points={"console_scripts": ["alphaction = alphaction.commands.front:run"]},
    python_requires=">=3.10",
    install_requires=list(constant("alphaction/utils/requirements.py", "REQUIREMENTS").values()),
    extras_require={
        "ablation": ["matplotlib"],
        "onnx": [OPTIONAL["onnxruntime"], OPTIONAL["onnx"], OPTIONAL["onnxscript"]],
        "detectors": [OPTIONAL["transformers"]],
        "vjepa2": [OPTIONAL["transformers"]],
        "notebook": [OPTIONAL["supervision"], "ipykernel"],
        "fiftyone": [OPTIONAL["fiftyone"]],
        "wandb": [OPTIONAL["wandb"]],
        "mlflow": [OPTIONAL["mlflow"]],
        "docs": ["mkdocs-material", "mkdocstrings[python]"],
        # What the tests use as well; without the packages that are large and need a service.
        "optional": [
            OPTIONAL["onnx"],
            OPTIONAL["onnxscript"],
            OPTIONAL["onnxruntime"],
            OPTIONAL["transformers"],
            OPTIONAL["supervision"],
            "ipykernel",
            "nbclient",
            "playwright",
            "setuptools>=70.1",
        ],
        # The demo installs these, too.
        "dev": [
            "pytest",
            "pytest-xdist",
            "pytest-rerunfailures",
            "ruff>=0.17,<0.18",
            "pre-commit",
            "matplotlib",
            "hypothesis",
        ],
    },
)
