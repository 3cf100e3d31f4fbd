"""Reading weight files of every kind; what is in them besides weights never runs."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import pickle
import tarfile
import warnings
import zipfile
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from alphaction.checkpoint import read_weight_file, safe_pickle
from alphaction.checkpoint.tensors import check_values
from alphaction.utils.errors import UserError

WEIGHTS = {"backbone.conv1.weight": torch.arange(6.0).reshape(2, 3), "head.bias": torch.tensor([1, -2])}


class MemoryPool:
    """Another project's class: its module is not there when the file is read."""

    def __init__(self) -> None:
        self.cache = defaultdict(dict)
        self.cache["movie"][902] = torch.ones(2, 3)


class Runs:
    """Unpickled by the standard library, it calls ``function``."""

    def __init__(self, function: Callable, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


class Builds(Runs):
    """Like ``Runs``, with a state that BUILD sets afterwards."""

    def __init__(self, state: object, function: Callable, *arguments: object) -> None:
        super().__init__(function, *arguments)
        self.state = state

    def __reduce__(self) -> tuple:
        return (*self.call, self.state)


def read_weights(path: Path | str) -> dict[str, torch.Tensor]:
    return read_weight_file(path).weights


def save(path: Path, content: object, *, old: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    return path


def assert_weights(found: dict[str, torch.Tensor]) -> None:
    assert list(found) == list(WEIGHTS)
    for name, tensor in WEIGHTS.items():
        assert torch.equal(found[name], tensor)
        assert found[name].dtype == tensor.dtype


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in WEIGHTS.items()}


# Good files


@pytest.mark.parametrize("old", [False, True], ids=["zipped", "old form"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "module.module.", "_orig_mod."])
@pytest.mark.parametrize("key", [None, "model", "state_dict", "model_state"])
def test_wrappers_and_prefixes(tmp_path: Path, old: bool, prefix: str, key: str | None) -> None:
    state = prefixed(prefix)
    content = state if key is None else {key: state, "iteration": 7, "optimizer": {"lr": 0.1}}
    file = read_weight_file(save(tmp_path / "a.pth", content, old=old))
    assert_weights(file.weights)
    assert file.iteration == (None if key is None else 7)
    assert file.foreign == ()


def test_a_prefix_that_only_some_names_have_stays(tmp_path: Path) -> None:
    found = read_weights(save(tmp_path / "a.pth", {"module.a": torch.ones(1), "b": torch.zeros(1)}))
    assert sorted(found) == ["b", "module.a"]


def test_parameters_lose_their_gradient(tmp_path: Path) -> None:
    found = read_weights(save(tmp_path / "a.pth", {"a": nn.Parameter(torch.ones(2))}))
    assert not found["a"].requires_grad


def test_label_map_is_given_back(tmp_path: Path) -> None:
    label_map = {"ids": [1], "names": ["sit"], "groups": ["movement"]}
    path = save(tmp_path / "a.pth", {"model": WEIGHTS, "label_map": label_map})
    assert read_weight_file(path).label_map == label_map
    assert read_weight_file(save(path, {"model": WEIGHTS, "label_map": "ava"})).label_map is None


@pytest.mark.parametrize("old", [False, True], ids=["zipped", "old form"])
def test_pickled_pool_of_another_project_is_left_out(tmp_path: Path, old: bool) -> None:
    state = OrderedDict(WEIGHTS)
    state._metadata = OrderedDict({"": {"version": 1}})  # as nn.Module.state_dict() sets it
    content = {
        "model": state,
        "iteration": 5000,
        "optimizer": {"state": {0: {"momentum_buffer": torch.ones(2)}}},
        "person_pool": MemoryPool(),
        "scheduler": {"milestones": frozenset({1}), "base": np.float64(0.1), "steps": np.arange(3)},
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "size": torch.Size([1, 2]),
    }
    file = read_weight_file(save(tmp_path / "a.pth", content, old=old))
    assert_weights(file.weights)
    assert file.iteration == 5000
    assert any(name.endswith(".MemoryPool") for name in file.foreign)


@pytest.mark.parametrize("old", [False, True], ids=["zipped", "old form"])
def test_tensors_of_every_layout_beside_foreign_objects(tmp_path: Path, old: bool) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    state = {
        "transposed": base.t(),
        "view": base[1:3, ::2],
        "half": base.half(),
        "bfloat16": base.bfloat16(),
        "parameter": nn.Parameter(base.clone()),
        "scalar": torch.tensor(3),
        "flags": base > 5,
    }
    found = read_weights(save(tmp_path / "a.pth", {"model": state, "pool": MemoryPool()}, old=old))
    assert found.keys() == state.keys()
    for name, tensor in state.items():
        assert torch.equal(found[name], tensor.detach()), name
        assert found[name].dtype == tensor.dtype


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("with_key", [True, False], ids=["blobs", "no key"])
def test_caffe2_pickles(tmp_path: Path, protocol: int, with_key: bool) -> None:
    blobs = {
        "conv1_w": np.arange(12, dtype=np.float32).reshape(2, 6),
        "fortran_w": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
        "big_endian_b": np.array([1.5, -2.0], dtype=">f4"),
        "count": np.int64(5),
        "flags": np.array([True, False]),
        "half": np.array([0.5], dtype=np.float16),
        "empty": np.zeros((0, 3), dtype=np.float32),
        "name": "resnet",
        "words": np.array(["a", "b"]),
        "objects": np.array([{}, None], dtype=object),
    }
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"blobs": blobs} if with_key else blobs, protocol=protocol))
    found = read_weights(path)
    assert list(found) == ["conv1_w", "fortran_w", "big_endian_b", "count", "flags", "half", "empty"]
    for name, tensor in found.items():
        expected = np.asarray(blobs[name])
        np.testing.assert_array_equal(tensor.numpy(), expected)
        assert tensor.numpy().dtype == expected.dtype.newbyteorder("=")


def test_caffe2_pickle_of_python_2(tmp_path: Path) -> None:
    # What Python 2 and NumPy 1 wrote for {"blobs": {"conv1_w": float32 [1.0, 2.0]}}: byte strings throughout.
    content = (
        b"\x80\x02}q\x00U\x05blobsq\x01}q\x02U\x07conv1_wq\x03cnumpy.core.multiarray\n_reconstruct\nq\x04"
        b"cnumpy\nndarray\nq\x05K\x00\x85U\x01b\x87Rq\x06(K\x01K\x02\x85cnumpy\ndtype\nq\x07U\x02f4K\x00K\x01\x87R"
        b"q\x08(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x08\x00\x00\x80?\x00\x00\x00@tbss."
    )
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    found = read_weights(path)
    assert list(found) == ["conv1_w"]
    assert torch.equal(found["conv1_w"], torch.tensor([1.0, 2.0]))


# Hostile files


def hostile_objects(target: Path) -> dict[str, object]:
    """Objects that create ``target`` when anything in them runs."""
    command = f"touch {target}"
    program = f"open({str(target)!r}, 'w').close()"
    return {
        "os.system": Runs(os.system, command),
        "exec": Runs(exec, program),
        "eval": Runs(eval, program),
        "getattr": Runs(getattr, Runs(__import__, "os"), "system"),
        "open": Runs(open, str(target), "w"),
        "torch function": Runs(torch.save, torch.ones(1), str(target)),
        "numpy function": Runs(np.savetxt, str(target), [1]),
        "method": Runs(Path.touch, Runs(Path, str(target))),
        "in a state": Builds({"x": Runs(os.system, command)}, OrderedDict),
        "build on a function": Builds(
            (None, {"__defaults__": (1,)}), torch._utils._rebuild_tensor_v2, 1, 0, (1,), (1,)
        ),
        "in a list": [Runs(os.popen, command)],
    }


HOSTILE = list(hostile_objects(Path("x")))


@pytest.mark.parametrize("kind", ["zipped", "old form", "pickle"])
@pytest.mark.parametrize("attack", HOSTILE)
def test_nothing_in_a_file_runs(tmp_path: Path, kind: str, attack: str) -> None:
    target = tmp_path / "ran"
    content = {"model": WEIGHTS, "extra": hostile_objects(target)[attack]}
    if kind == "pickle":
        content["model"] = {"conv1_w": np.ones(2, dtype=np.float32)}
        path = tmp_path / "a.pkl"
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        path = save(tmp_path / "a.pth", content, old=kind == "old form")
    # Refused as damaged is as good as read without it.
    with contextlib.suppress(UserError):
        assert read_weight_file(path).weights
    assert not target.exists()


def test_the_attacks_are_real(tmp_path: Path) -> None:
    ran = []
    for attack in HOSTILE:
        target = tmp_path / attack.replace(" ", "_")
        blob = pickle.dumps(hostile_objects(target)[attack])
        try:
            pickle.loads(blob)
        except (TypeError, AttributeError, KeyError, ValueError, RuntimeError):
            continue
        if target.exists():
            ran.append(attack)
    assert {"os.system", "exec", "eval", "open", "torch function", "numpy function", "method", "in a state"} <= set(ran)


def opcodes(command: str) -> dict[str, bytes]:
    """Programs that run ``command``, each by way of another opcode."""
    text = command.encode()
    unicode = b"X" + len(text).to_bytes(4, "little") + text
    return {
        "global, reduce": b"\x80\x02cos\nsystem\n" + unicode + b"\x85R.",
        "inst": b"(S'" + text + b"'\nios\nsystem\n.",
        "obj": b"(cos\nsystem\n" + unicode + b"o.",
        "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93" + unicode + b"\x85R.",
        "getattr, import": (
            b"\x80\x02cbuiltins\ngetattr\ncbuiltins\n__import__\nX\x02\0\0\0os\x85R"
            b"X\x06\0\0\0system\x86R" + unicode + b"\x85R."
        ),
        "dotted name": b"\x80\x04\x8c\x06shutil\x8c\x09os.system\x93" + unicode + b"\x85R.",
    }


@pytest.mark.parametrize("kind", list(opcodes("")))
def test_no_opcode_runs_anything(tmp_path: Path, kind: str) -> None:
    for folder, read in ((tmp_path / "real", lambda path: pickle.loads(path.read_bytes())), (tmp_path, read_weights)):
        folder.mkdir(exist_ok=True)
        path = folder / "a.pkl"
        path.write_bytes(opcodes(f"touch {folder}/ran")[kind])
        if read is read_weights:
            with pytest.raises(UserError):
                read(path)
        else:
            read(path)
    assert (tmp_path / "real" / "ran").exists()
    assert not (tmp_path / "ran").exists()


def test_weights_beside_an_attack_are_read(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pth", {"model": WEIGHTS, "x": Runs(os.system, f"touch {tmp_path}/ran")})
    file = read_weight_file(path)
    assert_weights(file.weights)
    assert file.foreign == (f"{os.system.__module__}.system",)
    assert not (tmp_path / "ran").exists()


def test_placeholders_take_everything_and_keep_nothing() -> None:
    foreign = safe_pickle.Foreign(1, a=2)
    foreign[1] = 2
    foreign.append(1)
    foreign.extend([1])
    foreign.add(1)
    foreign.__setstate__({"__class__": int, "x": 1})
    assert vars(foreign) == {}
    assert type(foreign(1)) is safe_pickle.Foreign


@pytest.mark.parametrize("target", ["collections\nOrderedDict", "numpy\ndtype", "os\nsystem", "numpy\nndarray"])
def test_build_cannot_change_a_class(tmp_path: Path, target: str) -> None:
    # GLOBAL target, then BUILD with the slots {"__setstate__": 1, "injected": 1}.
    blob = b"\x80\x02}(X\x01\x00\x00\x00ac" + target.encode() + b"\nN}X\x08\x00\x00\x00injectedK\x01s\x86bu."
    path = tmp_path / "a.pkl"
    path.write_bytes(blob)
    with pytest.raises(UserError):
        read_weights(path)
    for cls in (safe_pickle.Foreign, safe_pickle.ArrayStandIn, safe_pickle._PlainDict, safe_pickle._Dtype, OrderedDict):
        assert not hasattr(cls, "injected")


def test_object_arrays_are_never_made_from_bytes(tmp_path: Path) -> None:
    """NumPy would take eight raw bytes as a pointer if the dtype's flags said that it holds no objects."""
    dtype = Builds((3, "|", None, None, None, 8, 8, 0), np.dtype, "O8", False, True)
    array = Builds(
        (1, (1,), dtype, False, b"\x01" * 8),
        np.ndarray.__reduce__(np.ones(1))[0],
        np.ndarray,
        (0,),
        b"b",
    )
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps({"blobs": {"bad": array, "good": np.ones(1, np.float32)}}, protocol=2))
    assert list(read_weights(path)) == ["good"]


def test_other_text_encodings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.")
    with pytest.raises(UserError, match="'rot13'"):
        read_weights(path)


def test_whole_module_of_the_old_form_writes_no_patch_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = save(tmp_path / "a.pth", nn.Linear(2, 2), old=True)
        with pytest.raises(UserError, match=r"model.state_dict\(\)"):
            read_weights(path)
    assert [item.name for item in tmp_path.iterdir()] == ["a.pth"]


def test_torchscript_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a/data.pkl", "a/constants.pkl", "a/code/x.py"):
            archive.writestr(name, b"")
    with pytest.raises(UserError, match="TorchScript"):
        read_weights(path)


# Files that are no weights


def other_files() -> dict[str, tuple[bytes, str]]:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("weights.pth"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        zipped.writestr("weights.pth", b"x")
    whole = io.BytesIO()
    torch.save({"model": WEIGHTS}, whole)
    old = io.BytesIO()
    torch.save({"model": WEIGHTS}, old, _use_new_zipfile_serialization=False)
    return {
        "empty": (b"", "empty"),
        "zeros": (b"\0" * 4096, "zero"),
        "html": (b"\n<!DOCTYPE html><html>Virus scan warning</html>", "web page"),
        "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "`git lfs pull`"),
        "gzip": (gzip.compress(b"x"), "decompress"),
        "tar": (archive.getvalue(), "tar archive"),
        "zip": (packed.getvalue(), "zip archive"),
        "text": (b"hello world, this is text", "a text, .*hello world"),
        "cut off": (whole.getvalue()[:-300], "cut off"),
        "old form cut off": (old.getvalue()[:-12], "cannot be read"),
        "pickle cut off": (pickle.dumps({"a": np.ones(99)}, protocol=2)[:200], "cannot be read"),
        "a list": (pickle.dumps([1, 2]), "model, state_dict.*a list"),
        "no tensors": (pickle.dumps({"epoch": 1, "best": 0.5}), "epoch, best"),
    }


@pytest.mark.parametrize("kind", list(other_files()))
def test_other_files_are_named_for_what_they_are(tmp_path: Path, kind: str) -> None:
    content, message = other_files()[kind]
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        read_weights(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", ["a.safetensors", "a.pkl", "a.bin", "a"])
def test_the_first_bytes_tell_the_kind_and_not_the_name(tmp_path: Path, name: str) -> None:
    torch.save({"model": WEIGHTS}, tmp_path / name)
    assert read_weight_file(tmp_path / name).weights.keys() == WEIGHTS.keys()
    (tmp_path / "old").mkdir()
    torch.save(WEIGHTS, tmp_path / "old" / name, _use_new_zipfile_serialization=False)
    assert read_weight_file(tmp_path / "old" / name).weights.keys() == WEIGHTS.keys()


def test_damage_inside_is_noticed(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pth", {"model": {"a": torch.arange(1000.0)}})
    content = path.read_bytes()
    start = content.index(b"\x80\x02}")  # of data.pkl, the archive's directory of tensors
    path.write_bytes(content[:start] + b"\x80\x02\xff" + content[start + 3 :])
    with pytest.raises(UserError, match="a.pth.*damaged"):
        read_weights(path)


def test_missing_file_names_its_neighbors(tmp_path: Path) -> None:
    save(tmp_path / "slowfast_r50.pth", WEIGHTS)
    with pytest.raises(UserError, match=r"slowfast_R50.pth .*slowfast_r50.pth"):
        read_weights(tmp_path / "slowfast_R50.pth")
    with pytest.raises(UserError, match=r"folder.* slowfast_r50.pth"):
        read_weights(tmp_path)
    with pytest.raises(UserError, match=r"none/a.pth"):
        read_weights(tmp_path / "none" / "a.pth")
    with pytest.raises(UserError, match=r"example.com/a.pth.*Download"):
        read_weights("https://example.com/a.pth")


def test_weights_of_eight_bits_are_checked_like_others(tmp_path: Path) -> None:
    good = torch.ones(2).to(torch.float8_e4m3fn)
    check_values(tmp_path / "a.pth", {"a.weight": good})
    bad = torch.tensor([float("nan"), 1.0]).to(torch.float8_e4m3fn)
    with pytest.raises(UserError, match=r"a\.weight holds infinite values or NaN"):
        check_values(tmp_path / "a.pth", {"a.weight": bad})


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="stands for a file on a damaged disk")
def test_a_file_that_the_disk_does_not_give() -> None:
    with pytest.raises(UserError, match=r"/proc/self/mem: it cannot be read \(Input/output error\)"):
        read_weight_file(Path("/proc/self/mem"))
