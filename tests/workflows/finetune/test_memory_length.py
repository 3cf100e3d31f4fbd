"""How far the memory of a generated config reaches, and what its comment says about that."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from alphaction.utils.errors import UserError
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.generate import generate_config
from alphaction.workflows.finetune.memory_length import choose_memory_length


@pytest.fixture
def figures(toy_statistics):
    """A function: step and spans in seconds -> figures of a dataset."""
    return lambda step, *spans: replace(toy_statistics, memory_step=step, memory_spans=spans)


@pytest.mark.parametrize(
    ("step", "spans", "seconds", "slots", "words"),
    [
        (1, (15, 15), None, 15, "15 s before and after: the whole video from each of its keyframes"),
        (2, (6,), None, 3, "6 s before and after: the whole video"),
        (1, (20, 20, 20, 60), None, 30, "30 s before and after: the whole video from each of its keyframes in 75% of"),
        (1, (900, 898), None, 30, "30 s before and after: a part of every video; .* over 900 s; 30 slots as published"),
        (
            1,
            (15, 15),
            4,
            4,
            "4 s before and after: a part of every video; .* over 15 s; as given",
        ),
        (
            1,
            (15,),
            60,
            15,
            "15 s before and after: the whole video .*; as given by .* 60, which",
        ),
        (4, (900,), 10, 2, "8 s before and after: .* as given by --memory-seconds 10, in steps of 4 s"),
        (1, (900,), 90, 90, "90 s before and after: a part of every video"),
    ],
)
def test_the_memory_is_as_long_as_the_videos_or_as_asked_for(figures, step, spans, seconds, slots, words):
    length = choose_memory_length(figures(step, *spans), seconds)
    assert length.slots == slots
    assert re.match(words, length.reason)


def test_a_memory_shorter_than_a_step_is_refused(figures):
    with pytest.raises(UserError, match="--memory-seconds 3: .* 5 s apart.* Give 5 or more"):
        choose_memory_length(figures(5, 60), 3)


def test_the_small_network_remembers_the_whole_video(toy_data, figures):
    options = FinetuneOptions("toy", backbone="tiny", use_ia=True, data_dir=str(toy_data))
    made = generate_config(options, figures(1, 15, 15)).cfg.MODEL.IA_STRUCTURE
    assert list(made.LENGTH) == [15, 15]
    made = generate_config(replace(options, memory_seconds=6), figures(2, 14)).cfg.MODEL.IA_STRUCTURE
    assert (list(made.LENGTH), made.MEMORY_RATE) == ([3, 3], 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"memory_seconds": 8}, "--memory-seconds 8 .*add --use-ia"),
        ({"memory_seconds": 0, "use_ia": True}, "--memory-seconds 0.*1 to 600"),
        ({"memory_seconds": 601, "use_ia": True}, "--memory-seconds 601.*1 to 600"),
    ],
)
def test_seconds_that_cannot_be(values, message):
    with pytest.raises(UserError, match=message):
        FinetuneOptions(**values).check()


def test_seconds_without_anything_to_remember(toy_data, figures):
    options = FinetuneOptions("toy", backbone="tiny", use_ia=True, memory_seconds=8, data_dir=str(toy_data))
    with pytest.raises(UserError, match="--memory-seconds 8: there is nothing to remember"):
        generate_config(options, figures(0))
