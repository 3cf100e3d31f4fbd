"""The way into the package."""

from __future__ import annotations

import subprocess
import sys

import pytest

import alphaction


def test_the_package_is_light_until_it_is_used(subprocess_env):
    code = "import alphaction, sys; assert not {'torch', 'numpy'} & sys.modules.keys(); print(dir(alphaction))"
    done = subprocess.run([sys.executable, "-c", code], env=subprocess_env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ActionDetector" in done.stdout
    assert "import_module" not in done.stdout  # nothing that completion would offer for no use


def test_the_detector_is_found():
    from alphaction import ActionDetector
    from alphaction.api.detector import ActionDetector as Own

    assert ActionDetector is Own
    with pytest.raises(AttributeError, match="no attribute 'ActionDetectors'"):
        alphaction.ActionDetectors  # noqa: B018
