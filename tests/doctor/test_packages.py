"""Packages that are missing, too old, broken, or do not fit each other."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from messages import says

from alphaction.doctor import packages
from alphaction.doctor.finding import State
from alphaction.utils.requirements import OPTIONAL, REQUIREMENTS


def by_name(findings):
    """Return name -> the last finding of that name."""
    return {finding.name: finding for finding in findings}


def test_a_sound_environment():
    found = list(packages.required_packages())
    assert {finding.name for finding in found} >= set(REQUIREMENTS)
    assert [finding for finding in found if finding.state is State.PROBLEM] == []
    assert by_name(found)["torch"].text == sys.modules["torch"].__version__
    assert by_name(found)["cv2"].facts["version"] == packages.version_of("cv2")


@pytest.mark.parametrize(
    ("module", "name", "error", "parts"),
    [
        ("cv2", "cv2", ImportError("libGL.so.1: cannot open shared object file: No such"), ("libGL.so.1", "headless")),
        ("pycocotools.mask", "pycocotools", ValueError("numpy.dtype size changed"), ("NumPy", "numpy pycocotools")),
        ("av", "av", ModuleNotFoundError("No module named 'av'", name="av"), ("not installed", "install 'av>=15'")),
        ("torchvision", "torchvision", RuntimeError("operator torchvision::nms does not"), ("torch torchvision",)),
        ("yaml", "yaml", SystemExit(3), ("SystemExit", "--force-reinstall pyyaml")),
        ("yacs", "yacs", SyntaxError("invalid syntax"), ("SyntaxError", "--force-reinstall yacs")),
    ],
)  # fmt: skip
def test_a_package_that_does_not_load(broken_package, module, name, error, parts):
    broken_package(module, error)
    found = by_name(packages.required_packages())[name]
    assert found.state is State.PROBLEM
    says(f"{found.text}. {found.fix}", *parts, "-m pip install ")


def test_a_package_that_is_too_old(monkeypatch):
    monkeypatch.setattr(packages, "version_of", lambda name: {"av": "14.9.3", "torch": "2.10.0+cpu"}.get(name))
    found = by_name(packages.required_packages())
    assert found["av"].state is State.PROBLEM
    says(f"{found['av'].text}. {found['av'].fix}", "14.9.3 is too old: 15 or newer", "--upgrade 'av>=15'")
    assert found["torch"].state is State.OK  # 2.10 is newer than 2.6


def test_operators_of_another_pytorch(monkeypatch):
    def nms(*args):
        raise RuntimeError("operator torchvision::nms does not exist")

    vision = SimpleNamespace(ops=SimpleNamespace(nms=nms), __version__="0.1")
    monkeypatch.setitem(sys.modules, "torchvision", vision)
    found = by_name(packages.required_packages())["torchvision"]
    assert found.state is State.PROBLEM
    says(f"{found.text}. {found.fix}", "another version of PyTorch", "--force-reinstall torch torchvision")


def test_builds_for_different_devices(monkeypatch):
    vision = SimpleNamespace(ops=sys.modules["torchvision"].ops, __version__="0.29.1+rocm6")
    monkeypatch.setitem(sys.modules, "torchvision", vision)
    monkeypatch.setattr(sys.modules["torch"], "__version__", "2.14.1+cu130")
    found = by_name(packages.required_packages())["torchvision"]
    assert found.state is State.NOTE
    says(found.text, "built for rocm6, and torch for cu130")


def test_two_opencvs(monkeypatch):
    monkeypatch.setattr(packages, "_version", lambda name: "4.0" if "contrib" not in name else None)
    found = by_name(packages.required_packages())["OpenCV"]
    assert found.state is State.NOTE
    says(f"{found.text}. {found.fix}", "opencv-python-headless and opencv-python", "uninstall -y")


def test_a_bare_python(broken_package):
    for name in REQUIREMENTS:
        broken_package(packages._PARTS.get(name, name), ModuleNotFoundError(f"No module named '{name}'", name=name))
    found = by_name(packages.required_packages())
    assert all(found[name].state is State.PROBLEM for name in REQUIREMENTS)
    says(found["all of them"].fix, "'torch>=2.6' torchvision yacs pyyaml", "protobuf", "jinja2")
    assert list(packages.compiler()) == []


def test_optional_packages(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.setattr(packages, "version_of", lambda name: "4.40.2" if name == "transformers" else "1.0")
    found = by_name(packages.optional_packages())
    assert set(found) == set(OPTIONAL)
    assert found["wandb"].state is found["transformers"].state is State.NOTE
    says(f"{found['wandb'].text}. {found['wandb'].fix}", "not installed", "Weights & Biases", "-m pip install 'wandb>=")
    says(found["transformers"].text, "4.40.2 is too old for V-JEPA 2", "4.53")
    assert found["onnxruntime"].state is State.OK


def test_no_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "/nowhere/g++")
    (found,) = packages.compiler()
    assert found.state is State.NOTE
    says(f"{found.text}. {found.fix}", "CXX names /nowhere/g++", "--compile", "apt install g++")


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    found = by_name(packages.python_and_alphaction())["Python"]
    assert found.state is State.PROBLEM
    says(found.text, "3.9.18 is too old")
