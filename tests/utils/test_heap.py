"""Memory that large arrays leave is used again."""

from __future__ import annotations

import platform
import subprocess

import pytest

CODE = """
import resource, numpy
from alphaction.utils.heap import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        numpy.full(40_000_000, 7, dtype=numpy.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
before = faults()
keep_freed_memory()
faults()
print(before, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked")
def test_pages_are_not_cleared_again(quick_python, subprocess_env):
    done = subprocess.run([quick_python, "-c", CODE], capture_output=True, text=True, env=subprocess_env, check=True)
    before, after = map(int, done.stdout.split())
    assert after < 1000
    assert after < before  # a kernel with large pages has few faults to begin with
