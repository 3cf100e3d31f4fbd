"""Numbers read as arrays of words are those that ``float`` reads, to the last bit."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from alphaction.data.formats.decimal_cells import MARGIN, parse_decimals

_UNIT = np.random.default_rng(0).random(3000).tolist()


def parse(texts: Sequence[str]) -> tuple[np.ndarray, list[int]]:
    data = np.frombuffer(bytes(MARGIN) + ",".join(texts).encode() + bytes(2), dtype=np.uint8)
    ends = MARGIN + np.cumsum([len(text.encode()) + 1 for text in texts]) - 1
    values, odd = parse_decimals(data, ends - [len(text.encode()) for text in texts], ends)
    return values, odd.tolist()


@pytest.mark.parametrize(
    ("form", "share"),
    [
        (lambda x: f"{x:.6f}", 1),
        (lambda x: f"{x**8:.9g}", 1),
        (lambda x: f"-{3000 * x:.2f}", 1),
        (lambda x: str(int(1e6 * x)), 1),
        (lambda x: f"+{x:e}", 1),
        (lambda x: f"{x:.18f}", 1),
        (lambda x: f"{10 * x:.18f}", 1),  # 19 digits
        (repr, 1),
        (lambda x: repr(x**20), 0.99),
        (lambda x: f"-{x**8!r}", 1),
        (lambda x: f"{x**4:.17g}", 1),
        (lambda x: f"{x**4:.18e}", 1),
        (lambda x: f"-{100 * x:.18e}", 1),
        (lambda x: repr(3000 * x), 1),
        (lambda x: f"{x * 1e-90:.16E}", 1),
        (lambda x: f"{int(9e13 * (x + 0.1))}.00{int(100 * x)}", 1),  # 14 digits, and almost nothing behind the point
    ],
)
def test_each_number_is_the_nearest(form, share):
    texts = [form(x) for x in _UNIT]
    values, odd = parse(texts)
    assert len(odd) <= (1 - share) * len(texts)
    read = np.setdiff1d(np.arange(len(texts)), odd)
    expected = np.array([float(text) for text in texts])
    np.testing.assert_array_equal(values.view(np.int64)[read], expected.view(np.int64)[read])


def test_numbers_half_way_between_two_floats():
    rng = np.random.default_rng(1)
    middle = [(2 * int(m) + 1) * 5**k for m, k in zip(rng.integers(2**52, 2**53, 2000), [1, 2] * 1000, strict=True)]
    texts = [f"{value + step}e-{power}" for value in middle for step in (-1, 0, 1) for power in ("01", "17")]
    texts = [text for text in texts if len(text) <= MARGIN]
    values, odd = parse(texts)
    assert len(odd) < len(texts)
    for row in set(range(len(texts))) - set(odd):
        assert values[row] == float(texts[row]), texts[row]


@pytest.mark.parametrize("digits", range(15, 20))
def test_numbers_beside_the_middle_of_two_floats(digits):
    """The middle cut to so many digits, and one more or less in the last: as near as a cell can come."""
    rng = random.Random(digits)
    texts = []
    for _ in range(1000):
        low = rng.random() ** rng.randrange(1, 12)
        middle = (Fraction(low) + Fraction(math.nextafter(low, 1))) / 2
        power = digits - 1 - math.floor(math.log10(middle))
        mantissa = int(middle * 10**power) + rng.choice([-1, 0, 1])
        first, *rest = str(mantissa)
        texts.append(f"{first}.{''.join(rest)}e{len(rest) - power:+03d}")
        texts.append(f"{'-' * rng.randrange(2)}0.{mantissa:0{power}d}" if power <= 22 else repr(low))
    values, odd = parse(texts)
    assert len(odd) < 0.01 * len(texts)
    read = np.setdiff1d(np.arange(len(texts)), odd).tolist()
    assert [values[row] for row in read] == [float(texts[row]) for row in read]


_NOT_PLAIN = ["", ".", "-", "+", "1..2", "1.2.3", "e-05", ".e-05", "--1", "0x1f", "nan", "inf", "1_000", "1e5", " 1"]
_NOT_PLAIN += ["0.5 ", "0,5", "9" * 25, "1e+23", "12345678901234567890", "0.5\x00", "٣", "1d-05", "0.5e-0x", "0.5e-100"]


@pytest.mark.parametrize("text", _NOT_PLAIN)
def test_what_is_not_plain_is_left_alone(text):
    values, odd = parse(["0.25", text, "3"])
    assert odd == [1]
    assert values[[0, 2]].tolist() == [0.25, 3.0]


def test_minus_zero_and_bare_points():
    values, odd = parse(["-0", "-0.0", "0", "5.", ".5", "-.5", "00.5", "0902"])
    assert odd == []
    assert values.tolist() == [0, 0, 0, 5, 0.5, -0.5, 0.5, 902]
    assert np.signbit(values[:3]).tolist() == [True, True, False]


def test_no_cell_at_all():
    data, none = np.zeros(MARGIN + 2, dtype=np.uint8), np.zeros(0, dtype=np.int64)
    values, odd = parse_decimals(data, none, none)
    assert len(values) == len(odd) == 0
