"""The files of the zoos' golden cases are what people download."""

from __future__ import annotations

import argparse
import pickle

import numpy as np
import pytest
import torch
from contracts.zoo_files import CASES, write_python2_pickle, write_zoo_file, zoo_case, zoo_outputs, zoo_tensors


def test_cases():
    assert len(CASES) == 7
    assert zoo_outputs("vmad_ava_vit_s")["logits"].shape == (5, 80)


def test_a_python_2_pickle_reads_back(tmp_path):
    blobs = {"conv1_w": np.arange(6, dtype=np.float32).reshape(2, 3), "lr": np.ones(1, dtype=np.float32)}
    write_python2_pickle({"blobs": blobs}, tmp_path / "a.pkl")
    content = pickle.loads((tmp_path / "a.pkl").read_bytes(), encoding="latin1")
    assert content["blobs"].keys() == blobs.keys()
    assert np.array_equal(content["blobs"]["conv1_w"], blobs["conv1_w"])
    assert b"\x8c" not in (tmp_path / "a.pkl").read_bytes()[:200]  # no text of Python 3


@pytest.mark.parametrize("name", ["vmad_ava_vit_s"])
def test_a_file_holds_what_surrounds_the_weights(name, tmp_path):
    path = write_zoo_file(name, tmp_path)
    with torch.serialization.safe_globals([argparse.Namespace]):
        content = torch.load(path, weights_only=True)
    case = zoo_case(name)
    assert content["args"].num_frames == 16
    assert content["epoch"] == 29
    assert list(content["model"]) == list(case["tensors"])
    assert torch.equal(content["model"]["head.bias"], zoo_tensors(name)["head.bias"])
