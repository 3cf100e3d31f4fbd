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


OPTIONAL = constant("alphaction/utils/requirements.py", "OPTIONAL")

setup(
    name="alphaction",
    version=constant("alphaction/__init__.py", "__version__"),
    description="Spatio-temporal action detection: who does what, where and when in videos",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["alphaction", "alphaction.*"]),
    package_data={"alphaction.config": ["*.pbtxt"]},
    python_requires=">=3.10",
    install_requires=list(constant("alphaction/utils/requirements.py", "REQUIREMENTS").values()),
    extras_require={
        "ablation": ["matplotlib"],
        "onnx": [OPTIONAL["onnxruntime"]],
        "detectors": [OPTIONAL["transformers"]],
        "vjepa2": [OPTIONAL["transformers"]],
        "optional": ["onnx", *OPTIONAL.values()],
        "dev": ["pytest", "pytest-xdist", "ruff>=0.17,<0.18", "pre-commit", "matplotlib", "hypothesis"],
    },
)
