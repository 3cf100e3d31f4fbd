"""What a training that ended early says."""

from __future__ import annotations

import pytest

from alphaction.engine.interruption import errors_say_how_to_resume
from alphaction.utils.errors import DataError, DivergenceError, FullDiskError, StallError


@pytest.mark.parametrize("kind", [DataError, FullDiskError, StallError])
def test_an_error_that_leaves_the_run_as_it_was_says_how_it_goes_on(kind):
    error = kind("a worker died.")
    error.told = True
    with pytest.raises(kind) as raised, errors_say_how_to_resume(lambda: "The run continues."):
        raise error
    assert raised.value is error
    assert str(error) == "a worker died.\nThe run continues."
    assert error.told


def test_other_errors_and_a_text_that_fails_change_nothing():
    with pytest.raises(DivergenceError, match="^it diverged$"), errors_say_how_to_resume(lambda: "The run continues."):
        raise DivergenceError("it diverged")
    with pytest.raises(FullDiskError, match="^full$") as raised, errors_say_how_to_resume(lambda: 1 / 0):
        raise FullDiskError("full", "No space left")
    assert raised.value.strerror == "No space left"
