"""The notebooks run from their first cell to the last; what is stored of their outputs is small, and no machine's."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
MOST_BYTES = 400_000
PICTURE = "image/jpeg"


def outputs_of(notebook) -> list:
    """Return the outputs of all cells."""
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_stored(path):
    assert path.stat().st_size < MOST_BYTES
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for output in outputs_of(notebook) if output.output_type == "error"]
    texts = "".join(output.get("text", "") for output in outputs_of(notebook))
    assert not re.search(r"/(root|home|tmp|work|Users)/", texts)


@pytest.mark.slow(weight=6)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs(path, tmp_path, monkeypatch, subprocess_env):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in ("config_files", "tools", "train_net.py", "test_net.py"):
        (clone / name).symlink_to(ROOT / name)
    if (ROOT.parent / "shared").is_dir():
        (tmp_path / "shared").symlink_to(ROOT.parent / "shared")
    # Nothing of this person's Jupyter, whose home may be read-only.
    own = {
        "JUPYTER_RUNTIME_DIR": tmp_path / "runtime",
        "IPYTHONDIR": tmp_path / "ipython",
        "JUPYTER_PREFER_ENV_PATH": 1,
    }
    for name, value in {**subprocess_env, **own}.items():
        monkeypatch.setenv(name, str(value))
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:  # a few steps show as well as many that it works
        cell.source = re.sub(r"max_iter=\d+", "max_iter=4", cell.source)
    resources = {"metadata": {"path": str(clone)}}

    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()

    outputs = outputs_of(notebook)
    pictures = [output.data[PICTURE] for output in outputs if PICTURE in output.get("data", {})]
    assert len(pictures) >= 2
    assert all(len(base64.b64decode(picture)) > 2000 for picture in pictures)
    texts = "".join(output.get("text", "") for output in outputs)
    assert "mAP at IoU 0.5" in texts
    assert re.search(r"#1, seconds 0 to \d+: ", texts)
