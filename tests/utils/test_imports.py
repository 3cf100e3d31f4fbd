"""One line for a package that is missing or does not load."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from messages import refused, says

from alphaction.utils.imports import explain_import, explained_imports, require_optional
from alphaction.utils.requirements import FEATURES, OPTIONAL


def test_an_optional_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", ModuleType("supervision"))
    assert require_optional("supervision", "x").__name__ == "supervision"
    monkeypatch.setitem(sys.modules, "wandb", None)
    message = refused(
        lambda: require_optional("wandb", "--wandb"), "--wandb needs the package wandb, which is not installed. "
    )
    assert message.endswith(f" -m pip install '{OPTIONAL['wandb']}'")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    refused(lambda: require_optional("mlflow", "--mlflow"), "-m pip install mlflow-skinny")
    assert set(FEATURES) == set(OPTIONAL)


@pytest.mark.parametrize(
    ("error", "name", "parts"),
    [
        (
            ImportError("libGL.so.1: cannot open shared object file: No such file or directory"),
            "",
            ("OpenCV", "libGL.so.1", "uninstall -y opencv-python ", "install --force-reinstall --no-deps opencv"),
        ),
        (
            RuntimeError("operator torchvision::nms does not exist"),
            "",
            ("torchvision", "another version of PyTorch", "install --upgrade --force-reinstall torch torchvision"),
        ),
        (
            ValueError("numpy.dtype size changed, may indicate binary incompatibility. Expected 96, got 88"),
            "pycocotools",
            ("pycocotools was built for another version of NumPy", "--force-reinstall numpy pycocotools"),
        ),
        (ImportError("numpy.core.multiarray failed to import"), "cv2", ("NumPy", "numpy opencv-python-headless")),
        (
            OSError("libcudart.so.12: cannot open shared object file: No such file or directory"),
            "torch",
            ("torch cannot be loaded", "libcudart.so.12", "--force-reinstall 'torch>=2.6'"),
        ),
        (ModuleNotFoundError("No module named 'cv2'", name="cv2"), "", ("cv2 is not", "opencv-python-headless")),
        (
            ModuleNotFoundError("No module named 'google'", name="google"),
            "google.protobuf",
            ("google.protobuf is not installed", "install protobuf"),
        ),
        (
            ModuleNotFoundError("No module named 'torch.fx.y'", name="torch.fx.y"),
            "",
            ("torch has no module torch.fx.y", "--force-reinstall 'torch>=2.6'"),
        ),
        (
            ModuleNotFoundError("No module named 'sympy'", name="sympy"),
            "torch",
            ("torch cannot be imported: sympy is not installed", "install sympy"),
        ),
        (
            ImportError("cannot import name 'x' from 'PIL' (/a/b)", name="PIL"),
            "",
            ("PIL is installed, but cannot be imported", "'pillow>=10.1'"),
        ),
        (SystemError("initialization failed"), "av", ("av is installed", "SystemError", "'av>=15'")),
    ],
)  # fmt: skip
def test_why_a_package_does_not_load(error, name, parts):
    text = str(explain_import(error, name))
    says(text, *parts, "-m pip install ")
    assert "\n" not in text


def test_mistakes_of_the_program_stay_what_they_are(capsys):
    for error in (
        ModuleNotFoundError("No module named 'alphaction.x'", name="alphaction.x"),
        ImportError("cannot import name 'x' from 'alphaction.y'", name="alphaction.y"),
        RuntimeError("anything"),
    ):
        with pytest.raises(type(error), match=str(error)), explained_imports():
            raise error
    with pytest.raises(SystemExit) as end, explained_imports():
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("error: matplotlib is not installed. Install it: ")


def test_an_optional_package_that_lacks_a_part(monkeypatch):
    def broken(name):
        raise ImportError("cannot import name 'VJEPA2Model' from 'transformers' (/a/b)", name="transformers")

    monkeypatch.setattr("alphaction.utils.imports.import_module", broken)
    message = refused(lambda: require_optional("transformers", "V-JEPA 2"), "V-JEPA 2 needs the package transformers. ")
    says(message, "cannot import name 'VJEPA2Model'", "--upgrade --force-reinstall 'transformers>=4.53'")
