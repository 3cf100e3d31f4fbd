"""Config texts in Python are read, never run."""

from __future__ import annotations

import pytest
from messages import says

from alphaction.checkpoint.foreign.python_text import MAX_CHARACTERS, UNKNOWN, NotReadableError, read_python_text


def test_values_of_both_spellings() -> None:
    text = """
'''A comment.'''
import os
base = dict(depth=50, strides=(1, -2))
model = dict(type='A', backbone=dict(**base, alpha=8), head={'type': 'B', 'rows': [81, 1e-5], 3: None})
flag: bool = True
text = 'one ' 'two'
"""
    assert read_python_text(text) == {
        "base": {"depth": 50, "strides": (1, -2)},
        "model": {
            "type": "A",
            "backbone": {"depth": 50, "strides": (1, -2), "alpha": 8},
            "head": {"type": "B", "rows": [81, 1e-5], "3": None},
        },
        "flag": True,
        "text": "one two",
    }


def test_the_last_value_of_a_name_counts() -> None:
    assert read_python_text("a = 1\nb = [a]\na = b")["a"] == [1]


@pytest.mark.parametrize(
    "value",
    [
        "open('{marker}', 'w')",
        "__import__('os').system('touch {marker}')",
        "[open('{marker}', 'w') for x in (1,)]",
        "(lambda: open('{marker}', 'w'))()",
        'f\'{{open("{marker}", "w")}}\'',
        "_base_.model",
        "8 * 2",
        "dict([('a', 1)])",
        "dict(**open('{marker}', 'w'))",
    ],
)
def test_code_is_not_run(value: str, tmp_path) -> None:
    marker = tmp_path / "ran"
    read = read_python_text(f"a = {value.format(marker=marker)}\nb = dict(c={value.format(marker=marker)}, d=1)")
    assert read["a"] is UNKNOWN
    assert read["b"] == {"c": UNKNOWN, "d": 1}
    assert not marker.exists()


def test_a_name_that_hides_dict() -> None:
    assert read_python_text("dict = 1\na = dict(b=2)")["a"] is UNKNOWN


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = (", "not Python (line 1"),
        ("a = 1\nfor i in (1, 2):\n    a = i", "line 2 is a statement other than an assignment"),
        ("model = dict()\nmodel['depth'] = 50", "line 2 is a statement"),
        ("model.update(depth=50)", "line 1 is a statement"),
        ("a = 1\0", "it "),
        ("a = " + "[" * 60 + "]" * 60, "nested more than 50 deep"),
        ("a = " + "(" * 100_000, "not Python"),
        ("a = " + "-" * 200_000 + "1", "it "),
        ("a = b" + ".c" * 200_000, "it "),
        ("a = 1" + "+1" * 200_000, "it "),
        ("#" * (MAX_CHARACTERS + 1), "1,000,001 characters"),
    ],
)
def test_what_is_no_config(text: str, words: str) -> None:
    with pytest.raises(NotReadableError) as caught:
        read_python_text(text)
    says(str(caught.value), words)


@pytest.mark.filterwarnings("error")
def test_texts_with_backslashes_warn_of_nothing() -> None:
    assert read_python_text(r"a = '\d'") == {"a": r"\d"}


def test_names_that_multiply_take_no_time() -> None:
    doubling = "a0 = [1]\n" + "".join(f"a{i + 1} = [a{i}, a{i}]\n" for i in range(200))
    read = read_python_text(doubling)
    assert read["a200"][0] is read["a199"]
