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

from alphaction.checkpoint import read_weight_file, safe_pickle
from alphaction.checkpoint.safe_pickle import Foreign
from alphaction.checkpoint.tensors import check_values
from alphaction.checkpoint.weight_file import read_tensors
from alphaction.utils import zip_directory
from alphaction.utils.errors import UserError
from alphaction.utils.limits import MOST_TENSORS
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


def archive_of(path: Path, pickled: bytes, more: int = 0) -> Path:
    """Write a PyTorch file with the given pickle, and ``more`` empty files."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", b"3\n")
        for number in range(more):
            archive.writestr(f"{number}", b"")
    return path


def one_hash(count: int) -> bytes:
    """Items of a dictionary under integers that all have the hash 0."""
    return b"".join(b"\x8a\x0a" + (number * (2**61 - 1)).to_bytes(10, "little") + b"N" for number in range(count))


def doubled(levels: int) -> bytes:
    """Return a pickle of a list that holds another ten times, and that one the next."""
    content = b"\x80\x02]q\x00(K\x01K\x01e0"
    for level in range(levels):
        content += b"]q" + bytes([level + 1]) + b"(" + (b"h" + bytes([level])) * 10 + b"e0"
    return content + b"}X\x01\x00\x00\x00ah" + bytes([levels]) + b"s."


PICKLES = {
    "remembered": (b"\x80\x02}r\xff\xff\xff\x7f.", "object number 2,147,483,647 after 2"),
    "claimed": (b"\x80\x04\x8d" + (4 << 30).to_bytes(8, "little") + b"abc", "a text of 4,294,967,296 bytes"),
    "called": (b"\x80\x02}X\x01\x00\x00\x00ac__builtin__\nbytearray\n\x8a\x05\0\0\0\0\x01\x85Rs.", "bytearray"),
    "doubled": (doubled(12), "holds 3,111,111 values"),
    "in itself": (b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.", "holds itself"),
    "deep": (b"\x80\x02}X\x01\x00\x00\x00a" + b"]" * 500 + b"a" * 499 + b"s.", "more than 64 levels"),
    "one hash": (b"\x80\x02}(" + one_hash(4000) + b"u.", "more than 1,000,000 instructions"),
    "steps": (b"\x80\x02}X\x01\x00\x00\x00a(" + b"]" * 50 + b"ls.", "more than 40 instructions"),
}


@pytest.mark.parametrize("form", ["pkl", "pth"])
@pytest.mark.parametrize("kind", list(PICKLES))
def test_pickles_that_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, form: str) -> None:
    content, said = PICKLES[kind]
    if kind == "steps":
        monkeypatch.setattr(safe_pickle, "MOST_PICKLE_STEPS", 40)
    path = tmp_path / f"a.{form}"
    if form == "pkl":
        path.write_bytes(content)
    else:
        archive_of(path, content)
    with pytest.raises(UserError, match=rf"a\.{form}: .*{said}"):
        read_weight_file(path)


def test_an_archive_of_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_directory, "MOST_MEMBERS", 20)
    with pytest.raises(UserError, match=r"its list of 30 files has [\d,]+ bytes"):
        read_weight_file(archive_of(tmp_path / "a.pth", b"\x80\x02}.", more=28))


def test_an_archive_whose_files_lie_over_each_other(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.pth", b"\x80\x02}.", more=2)
    content = bytearray(path.read_bytes())
    last = content.rindex(b"PK\x01\x02")
    content[last + 42 : last + 46] = bytes(4)  # where the file lies: at that of the first one
    path.write_bytes(content)
    with pytest.raises(UserError, match="lies over another one"):
        read_weight_file(path)


def test_an_archive_with_two_lists_of_files(tmp_path: Path) -> None:
    # Python takes the list that lies before the end, others the one that the end names.
    inner, outer = tmp_path / "a.pth", tmp_path / "b.pth"
    archive_of(inner, b"\x80\x02}.")
    outer.write_bytes(b"something" + inner.read_bytes())
    outer.write_bytes(b"PK\x03\x04" + outer.read_bytes()[4:])
    with pytest.raises(UserError, match="does not lie where it says"):
        read_weight_file(outer)
