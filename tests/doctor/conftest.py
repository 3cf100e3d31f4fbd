"""Packages, machines and folders with something wrong, for the tests of the examination."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest


@pytest.fixture
def broken_package(monkeypatch):
    """Function: module, error -> its import raises that error from now on."""
    errors = {}

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name in errors:
                raise errors[name]

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])

    def plant(name, error):
        monkeypatch.delitem(sys.modules, name, raising=False)
        errors[name] = error

    return plant


@pytest.fixture
def fake_torch():
    """Function: CUDA of the build, whether it starts, architectures -> what looks like that PyTorch."""

    def make(cuda, available, architectures=("sm_80", "sm_90"), seen=1):
        return SimpleNamespace(
            __version__="2.9.1",
            version=SimpleNamespace(cuda=cuda, hip=None),
            cuda=SimpleNamespace(
                is_available=lambda: available, device_count=lambda: seen, get_arch_list=lambda: list(architectures)
            ),
        )

    return make
