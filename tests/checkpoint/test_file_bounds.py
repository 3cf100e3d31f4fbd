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
from contracts.zoo_files import write_zoo_file, zoo_tensors

from alphaction.checkpoint import read_weight_file
from alphaction.checkpoint.safe_pickle import Foreign
from alphaction.checkpoint.safetensors_file import MOST_TENSORS
from alphaction.checkpoint.tensors import check_values
from alphaction.checkpoint.weight_file import read_tensors
from alphaction.utils.errors import UserError
from alphaction.workflows.convert.convert_options import ConvertOptions
from alphaction.workflows.convert.convert_weights import convert_weights


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


@pytest.mark.filterwarnings("error")
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
    file = read_weight_file(save(tmp_path / "a.pth", content))
    assert torch.equal(file.weights["a"], torch.ones(2))
    assert file.decisions == (
        "The file holds a second set of weights under model_ema, which is left out: those under module are taken.",
    )
    assert read_weight_file(save(tmp_path / "a.pth", {"module": content["module"]})).decisions == ()


@pytest.mark.parametrize("key", ["model_ema", "state_dict_ema", "ema_state_dict"])
def test_a_running_mean_is_read_where_it_is_all_that_is_there(tmp_path: Path, key: str) -> None:
    content = {key: {"module.a": torch.ones(2)}, "optimizer": {"lr": 0.1}, "epoch": 3}
    file = read_weight_file(save(tmp_path / "a.pth", content))
    assert torch.equal(file.weights["a"], torch.ones(2))
    assert file.decisions == (f"The weights are those under {key}, a running mean: the file has no others.",)


def test_a_pickle_that_remembers_under_a_huge_number(tmp_path: Path) -> None:
    # Python would make room for 2 ** 27 objects, 2 GB, and then find that nothing is wrong.
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x02}r" + (1 << 26).to_bytes(4, "little") + b".")
    with pytest.raises(UserError, match=r"a\.pkl: cannot be read as a weight file .*object number 67,108,864 after 2"):
        read_weight_file(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensor: tensor * float("nan"), "holds infinite values or NaN"),
        (lambda tensor: tensor.to(torch.int8), "holds numbers of the type int8"),
    ],
)
def test_weights_that_are_no_numbers_or_quantized(change, said) -> None:
    weights = {"backbone.conv1.weight": torch.ones(2), "backbone.bn1.num_batches_tracked": torch.tensor(3)}
    check_values(Path("a.pth"), weights)
    weights["backbone.conv1.weight"] = change(weights["backbone.conv1.weight"])
    with pytest.raises(UserError, match=rf"a\.pth: backbone\.conv1\.weight {said}\. Such weights"):
        check_values(Path("a.pth"), weights)


def test_weights_of_other_projects_are_looked_at(tmp_path: Path) -> None:
    tensors = zoo_tensors("vmad_ava_vit_s")
    tensors["blocks.3.mlp.fc1.bias"][5] = torch.inf
    path = write_zoo_file("vmad_ava_vit_s", tmp_path, tensors)
    for read in (read_weight_file, lambda path: convert_weights(ConvertOptions(path, tmp_path / "out.pth"))):
        with pytest.raises(UserError, match=r"backbone\.blocks\.3\.mlp\.fc1\.bias holds infinite values"):
            read(path)
