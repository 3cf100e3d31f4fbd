"""Ranges of numbers: membership, notation, words, and conversion of flags."""

from __future__ import annotations

import argparse
import math

import pytest

from alphaction.utils.numbers import ABOVE_ZERO, FRACTION, NOT_NEGATIVE, POSITIVE, Range, whole


def test_text_is_converted_to_numbers_in_range():
    numbers = [POSITIVE("1"), NOT_NEGATIVE("0"), whole()("-3"), FRACTION("1"), ABOVE_ZERO("29.97")]
    assert numbers == [1, 0, -3, 1.0, 29.97]
    assert [type(number) for number in numbers] == [int, int, int, float, float]


@pytest.mark.parametrize(
    ("convert", "text", "expected"),
    [
        (POSITIVE, "0", "0: expected a whole number, 1 or more"),
        (POSITIVE, "two", "two: expected a whole number, 1 or more"),
        (POSITIVE, "1.5", "1.5: expected a whole number, 1 or more"),
        (NOT_NEGATIVE, "-1", "-1: expected a whole number, 0 or more"),
        (whole(1, 65535), "65536", "65536: expected a whole number from 1 to 65535"),
        (FRACTION, "1.5", "1.5: expected a number from 0 to 1"),
        (FRACTION, "nan", "nan: expected a number from 0 to 1"),
        (FRACTION, "half", "half: expected a number from 0 to 1"),
        (ABOVE_ZERO, "0", "0: expected a number above 0"),
        (ABOVE_ZERO, "inf", "inf: expected a number above 0"),
        (whole(1, 10**8), "0", "0: expected a whole number from 1 to 100000000"),
        (Range(0.5, 10**6), "0", "0: expected a number from 0.5 to 1000000"),
        (Range(0, 1, open_low=True, open_high=True), "1", "1: expected a number between 0 and 1"),
        (Range(0, 1, open_high=True), "1", "1: expected a number from 0 to 1 but not 1"),
    ],
)
def test_others_say_what_was_expected(convert, text, expected):
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        convert(text)
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("numbers", "notation", "inside", "outside"),
    [
        (Range(0), ">= 0", (0, 5), (-0.1, math.inf, math.nan)),
        (Range(0, open_low=True), "> 0", (1e-9,), (0,)),
        (Range(0, 1), "[0, 1]", (0, 0.5, 1), (1.01,)),
        (Range(0, 1, open_low=True), "(0, 1]", (1,), (0,)),
        (Range(0, 1, open_high=True), "[0, 1)", (0,), (1,)),
        (Range(0, 1, also=-1), "-1 or [0, 1]", (-1, 0, 1), (-0.5,)),
        (whole(1), ">= 1", (1, 2), (0, 1.5)),
        (Range(high=3, open_high=True), "< 3", (-9,), (3,)),
        (Range(), "-", (-1, 0), (math.inf,)),
    ],
)
def test_a_range_holds_its_numbers_and_is_written_as_in_mathematics(numbers, notation, inside, outside):
    assert str(numbers) == notation
    assert all(number in numbers for number in inside)
    assert not any(number in numbers for number in outside)
