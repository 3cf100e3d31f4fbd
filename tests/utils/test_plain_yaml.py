"""YAML of strangers: plain values, and nothing that grows beyond its text."""

from __future__ import annotations

from itertools import pairwise

import pytest

from alphaction.utils.limits import DEEPEST, LARGEST_YAML, MOST_YAML_NODES
from alphaction.utils.plain_yaml import YamlError, load_yaml


def grown(line: str) -> str:
    """Return nine lines, each of which refers nine times to the one before."""
    names = "abcdefghij"
    return "a: &a {x: 1}\n" + "".join(
        f"{name}: &{name} {line.format(', '.join([f'*{before}'] * 9))}\n" for before, name in pairwise(names)
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (grown("[{}]"), "more than 50,000 values"),
        (grown("{{<<: [{}]}}"), "more than 50,000 values"),
        (f"a: &a {'x' * 100_000}\nb: [{'*a, ' * 100}]", "characters once its aliases are written out"),
        ("a: &a [*a]", "*a stands within what it refers to"),
        ("&a {<<: *a}", "*a stands within what it refers to"),
        ("[" * 100_000, f"nested deeper than {DEEPEST} levels"),
        ("- " * 10_000, f"nested deeper than {DEEPEST} levels"),
        (f"[{'[], ' * MOST_YAML_NODES}]", "more than 50,000 values"),
        (f"a: {'1:' * 50_000}1", "a number of 100,001 characters"),
        ("x" * (LARGEST_YAML + 1), "1,048,577 characters are too many"),
        ("!!python/object/apply:os.system [x]", "could not determine a constructor"),
        ("a: !!timestamp x", "a value is not what it is marked as"),
        ("a: \a", "the character '\\x07' is not allowed"),
        ("a: 1\n--- b", "expected a single document in the stream, but found another document"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(YamlError) as caught:
        load_yaml(text)
    assert said in str(caught.value)


def test_the_line_is_told() -> None:
    with pytest.raises(YamlError) as caught:
        load_yaml("a: 1\nb: [\n")
    assert caught.value.line == 3


def test_aliases_and_merges_of_people_are_read() -> None:
    text = "base: &base {lr: 0.1, steps: [1, 2]}\nrun: {<<: *base, lr: 0.2}\nsame: *base\n"
    read = load_yaml(text)
    assert read["run"] == {"lr": 0.2, "steps": [1, 2]}
    assert read["same"] == read["base"]
    assert load_yaml("") is None
