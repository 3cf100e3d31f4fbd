"""Mutated files for every reader, for about half a minute; ``python -m tests.fuzz --inputs 200000`` runs for longer.

Hypothesis draws every choice of a mutation, and makes the file of a failure simpler before it is shown.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from fuzz.judge import limited_memory, short_hash, try_input
from fuzz.mutations import mutated
from fuzz.targets import TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = [pytest.mark.slow, pytest.mark.fuzz]
_EXAMPLES = 36
_WORDS = st.sampled_from(
    "id name images annotations categories bbox image_id category_id file_name width height video frame frames tracks "
    "result value sequence data file metadata attribute av vid z xy config annotation objectAnnotationListMap src fps "
    "names splits train val label_map videos _BASE_ MODEL SOLVER".split()
)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | _WORDS
_TREES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=6), max_leaves=30
)


@pytest.fixture(autouse=True)
def _limits() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    with limited_memory():
        yield
    logging.disable(before)


def options(examples: float) -> settings:
    """Return settings of hypothesis: the same examples each time, without its own limits of time."""
    return settings(
        max_examples=max(4, round(examples)),
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def check(name: str, folder: Path, file: str, content: bytes, beside: dict[str, bytes]) -> None:
    """Give a file to a target; a failure keeps the file and says how to run it again."""
    verdict = try_input(TARGETS[name], folder / "in_put", file, content, beside)
    if verdict.is_finding:
        kept = folder / f"{short_hash(content)}-{Path(file).name}"
        kept.write_bytes(content)
        pytest.fail(f"{verdict.kind}: {kept}\npython -m tests.fuzz --target '{name}' --file {kept}\n{verdict.text}")


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_files_are_read_or_refused(name, tmp_path):
    target = TARGETS[name]
    seeds = target.seeds()

    @options(_EXAMPLES * target.share)
    @given(number=st.integers(0, len(seeds) - 1), random=st.randoms(use_true_random=False))
    def attack(number: int, random: Random) -> None:
        seed = seeds[number]
        check(name, tmp_path, seed.name, mutated(seed, random), seed.beside)

    attack()


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, target in TARGETS.items()
        if target.share == 1 and {"json", "yaml"} & {s.kind for s in target.seeds()}
    ],
)
def test_trees_of_the_formats_words_are_read_or_refused(name, tmp_path):
    kinds = {seed.kind: seed for seed in TARGETS[name].seeds()}
    seed = kinds.get("json") or kinds["yaml"]

    @options(_EXAMPLES / 3)
    @given(tree=_TREES)
    def attack(tree: object) -> None:
        check(name, tmp_path, seed.name, json.dumps(tree).encode(), seed.beside)

    attack()
