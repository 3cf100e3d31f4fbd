"""Where results are written."""

from __future__ import annotations

import pytest
from messages import refused

from alphaction.engine.evaluate import results_folder


@pytest.mark.parametrize("name", ["../../../escaped", "/tmp/escaped", "C:\\x"])
def test_results_stay_in_the_folder_of_the_run(tmp_path, name):
    assert results_folder(tmp_path, "pets_val") == tmp_path / "inference" / "pets_val"
    refused(lambda: results_folder(tmp_path, name), name)
