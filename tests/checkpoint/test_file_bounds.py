"""Files that claim more than they hold are refused before they fill the memory; the rest in them stays inert."""

from __future__ import annotations

import argparse
import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from alphaction.checkpoint import read_weight_file
from alphaction.checkpoint.safe_pickle import Foreign
from alphaction.checkpoint.tensors import MOST_TENSORS
from alphaction.checkpoint.weight_file import left_out, read_tensors
from alphaction.utils.errors import UserError


def save(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def test_a_small_tensor_that_is_expanded(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pth", {"a": torch.ones(1).expand(1 << 20, 1 << 20)})
    with pytest.raises(UserError, match=r"a\.pth: .* bytes that claim to hold tensors of 4,398"):
        read_weight_file(path)


def test_many_tensors_of_one_storage(tmp_path: Path) -> None:
    base = torch.ones(1 << 16)
    with pytest.raises(UserError, match="claim to hold"):
        read_weight_file(save(tmp_path / "a.pth", {f"a{i}": base.view(-1) for i in range(64)}))


def test_too_many_tensors_and_dimensions(tmp_path: Path) -> None:
    one = torch.ones(())
    with pytest.raises(UserError, match=r"holds 20,001 tensors"):
        read_weight_file(save(tmp_path / "a.pth", {f"a{i}": one for i in range(MOST_TENSORS + 1)}))
    with pytest.raises(UserError, match=r"deep has 9 dimensions"):
        read_weight_file(save(tmp_path / "a.pth", {"deep": torch.ones([1] * 9)}))


@pytest.mark.filterwarnings("ignore:Validating sparse")
@pytest.mark.parametrize("kind", ["sparse", "meta"])
def test_tensors_without_plain_values(tmp_path: Path, kind: str) -> None:
    tensor = torch.empty(1 << 40, device="meta") if kind == "meta" else torch.eye(3).to_sparse()
    with pytest.raises(UserError, match="sparse, quantized or without values"):
        read_weight_file(save(tmp_path / "a.pth", {"a": tensor}))


def test_a_zip_that_inflates(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(1 << 22)}, buffer)
    with zipfile.ZipFile(buffer) as given, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in given.infolist():
            packed.writestr(entry.filename, given.read(entry))
    assert path.stat().st_size < 1 << 16
    with pytest.raises(UserError, match=r"would unpack to 16,"):
        read_weight_file(path)


def test_arrays_that_share_their_values(tmp_path: Path) -> None:
    values = np.zeros(1 << 18, dtype=np.float32)
    path = tmp_path / "a.pkl"
    # The same bytes under many names: small in the file, large in the memory.
    content = pickle.dumps({f"a{i}": values for i in range(1000)}, protocol=2)
    assert len(content) < 1 << 22
    path.write_bytes(content)
    with pytest.raises(UserError, match="claim to hold"):
        read_weight_file(path)


def test_an_array_larger_than_its_values(tmp_path: Path) -> None:
    blob = (
        b"\x80\x02}X\x01\x00\x00\x00acnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85X\x01\x00\x00\x00b"
        b"\x87R(K\x01\x8a\x05\x00\x00\x00\x00\x40\x85cnumpy\ndtype\nX\x02\x00\x00\x00f4K\x00K\x01\x87R\x89"
        b"X\x04\x00\x00\x00abcdtbs."
    )
    path = tmp_path / "a.pkl"
    path.write_bytes(blob)
    with pytest.raises(UserError, match=r"a\.pkl: a is damaged"):
        read_weight_file(path)


def test_texts_and_namespaces_beside_the_weights_are_plain_values(tmp_path: Path) -> None:
    content = {
        "model": {"encoder.a": torch.ones(2)},
        "args": argparse.Namespace(model="vit_small", depth=12, nested={"sizes": (1, 2)}, odd=Foreign, none=None),
        "cfg": "A: 1\n",
        "epoch": 7,
        "optimizer": {"state": {0: torch.ones(3)}, "lr": 0.1},
        "long": "x" * (1 << 21),
    }
    file, _, foreign = read_tensors(save(tmp_path / "a.pth", content))
    assert file.container == "model"
    assert file.extras["args"] == {"model": "vit_small", "depth": 12, "nested": {"sizes": [1, 2]}}
    assert (file.extras["cfg"], file.extras["epoch"]) == ("A: 1\n", 7)
    assert file.extras["optimizer"] == {"state": {}, "lr": 0.1}
    assert "long" not in file.extras
    assert "argparse.Namespace" not in foreign


def test_the_module_of_deepspeed_is_read_and_a_running_mean_is_not(tmp_path: Path) -> None:
    content = {"module": {"a": torch.ones(2)}, "model_ema": {"a": torch.zeros(2)}, "dp_world_size": 8}
    path = save(tmp_path / "a.pth", content)
    assert torch.equal(read_weight_file(path).weights["a"], torch.ones(2))
    assert "model_ema" in left_out(content)[0]
    assert left_out({"module": {}}) == ()
