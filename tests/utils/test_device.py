from __future__ import annotations

import pytest
import torch
from messages import refused

from alphaction.utils.device import choose_device
from alphaction.utils.errors import UserError


def test_without_cuda_auto_is_the_cpu_and_cuda_an_error_that_names_where_it_was_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto", "--device") == torch.device("cpu")
    with pytest.raises(UserError, match="--device is cuda.*--device cpu"):
        choose_device("cuda", "--device")


def test_with_cuda_auto_takes_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto", "--device") == torch.device("cuda")
    assert choose_device(torch.device("cpu"), "--device") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cudda", "cpu:x"])
def test_what_is_no_device_is_refused_with_the_names(name):
    refused(lambda: choose_device(name, "--device"), f"--device: there is no device {name}", "auto, cpu, cuda")
