"""Package data and dependencies of AlphAction. Nothing is compiled."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = next(
    line.split('"')[1] for line in (ROOT / "alphaction/__init__.py").read_text().splitlines() if "__version__" in line
)

setup(
    name="alphaction",
    version=VERSION,
    description="Spatio-temporal action detection: who does what, where and when in videos",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["alphaction", "alphaction.*"]),
    package_data={"alphaction.config": ["*.pbtxt"]},
    python_requires=">=3.10",
    install_requires=[
        "torch>=2.6",
        "torchvision",
        "yacs",
        "pyyaml",
        "av>=15",
        "opencv-python-headless",
        "numpy",
        "pillow",
        "tensorboard",
        "pycocotools",
        "tqdm",
    ],
    extras_require={
        "ablation": ["matplotlib"],
        "dev": ["pytest", "pytest-xdist", "ruff>=0.17,<0.18", "pre-commit", "matplotlib"],
    },
)
