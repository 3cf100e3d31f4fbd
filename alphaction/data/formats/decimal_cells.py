"""Many cells of decimal numbers at once -> float64, to the last bit as ``float`` reads each.

Eight characters are one word of 64 bits, so that a few operations on numpy arrays of words read all cells of a column.
What is not written as ``[+-]digits[.digits][e+dd]``, or too long for exact arithmetic, is left to the caller.

Sizes in shapes: n cells.
"""

from __future__ import annotations

import numpy as np

MARGIN = 24
"""How many bytes must lie before the first cell: the longest one that is read here."""
WORD = 8
"""Bytes of a word."""
_POWERS = np.array([10**k % 2**64 for k in range(MARGIN)], dtype=np.uint64)
_NINES = np.array([9 * 10**k % 2**64 for k in range(MARGIN)], dtype=np.uint64)
_EXACT_POWER = 22  # 10**22 is the largest power of ten that is a float64
_EXACT_MANTISSA = 2**53
# Powers of ten as sums of two float64: they are off by less than 2**-106 of them.
_LONG_POWER = 121
_HIGH = np.array([float(10**k) for k in range(_LONG_POWER + 1)])
_LOW = np.array([float(10**k - int(float(10**k))) for k in range(_LONG_POWER + 1)])
_SPLIT = float(2**27 + 1)  # Veltkamp's, for exact products
_HIGH_UPPER = _HIGH * _SPLIT - (_HIGH * _SPLIT - _HIGH)
_HIGH_LOWER = _HIGH - _HIGH_UPPER
_ERROR = 2.0**-90  # relative; that of a quotient of two floats is below 2**-100
_MOST_BEFORE_POINT = 14  # digits; so many and the point are still told apart by one division of floats
_MOST_DECIMALS = 22
_DIGITS = 19  # of any number that is read, but for zeros in front: below 2**64
_LARGEST_TOP = 999  # in front of 16 further digits


def _bytes(byte: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes([byte] * WORD), "little"))


_ZEROS, _POINT, _LOW_BITS, _TOP_BITS = _bytes(ord("0")), _bytes(ord(".") ^ ord("0")), _bytes(0x7F), _bytes(0x80)
_ONE, _SEVEN, _TOP, _POINT_DIGIT = (np.uint64(number) for number in (1, 7, 56, ord(".") ^ ord("0")))
_TEN, _BYTE, _PAIR, _HALF = (np.uint64(number) for number in (10, 8, 16, 32))
# "Faster integer parsing" of eight digits in three multiplications: of pairs of digits, every other one at a time.
_EVEN_PAIRS, _UPPER, _LOWER = (np.uint64(n) for n in (0x000000FF000000FF, 0x000F424000000064, 0x0000271000000001))
_OVER_NINE = _bytes(0x7F - 9)
_AFTER_POINT = np.uint64(0x0706050403020100)  # byte of the point, the first one on top -> characters after it
# How many of a word's first, or last, bytes belong to a cell -> those bytes; the first ones are the lowest of a word.
_FIRST = np.array([(1 << 8 * k) - 1 for k in range(WORD + 1)], dtype=np.uint64)
_LAST = np.array([(2**64 - 1) ^ ((1 << 8 * (WORD - k)) - 1) for k in range(WORD + 1)], dtype=np.uint64)
# Word of a cell, the last one first, and digits of the cell -> which of its bytes belong to them.
_LAST_OF = [_LAST[np.clip(np.arange(MARGIN + 1) - WORD * word, 0, WORD)] for word in range(MARGIN // WORD)]


def records(data: np.ndarray, places: np.ndarray, width: int) -> np.ndarray:
    """Return the ``width`` bytes (a multiple of 8) of uint8 ``data`` at each place as words, uint64 [n, width / 8]."""
    windows = np.ndarray((len(data) - width + 1,), dtype=f"V{width}", buffer=data.data, strides=(1,))
    return windows[places].view("<u8").reshape(len(places), width // WORD)


def first_bytes(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the first ``lengths`` bytes from each start, at most 8, as a word, uint64 [n], and zeros behind them.

    A negative length is 0, and its start may lie anywhere.
    """
    starts = np.minimum(starts, len(data) - WORD)
    return records(data, starts, WORD)[:, 0] & _FIRST[np.clip(lengths, 0, WORD)]


def parse_decimals(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers, float64 [n], and which cells, int64 ascending, were not read (their numbers mean nothing).

    Args:
        data: uint8, with :data:`MARGIN` bytes before the first cell, and two behind the last one.
        starts: int64 [n], where each cell begins.
        ends: int64 [n], where it ends.
    """
    # Exponents are those of small scores, or everywhere ("%.18e").
    marked = np.flatnonzero((data[ends - 4] | 0x20) == ord("e"))
    power = None
    if len(marked):
        power = np.zeros(len(ends), dtype=np.int64)
        ends = ends.copy()
        power[marked], ends[marked] = _exponents(data, starts[marked], ends[marked])
    mantissa, decimals, wrong = _parse_fractions(data, starts, ends)
    power = -decimals if power is None else np.subtract(power, decimals, out=power)
    values, inexact = _scaled(mantissa, power)
    odd = np.flatnonzero(wrong)
    if len(odd):
        # Those with a sign or more than a digit before the point.
        first, last = starts[odd], ends[odd]
        negative = data[first] == ord("-")
        first = first + (negative | (data[first] == ord("+")))
        mantissa, fewer, wrong = _parse_digits(data, first, last)
        magnitudes, inexact[odd] = _scaled(mantissa, power[odd] + decimals[odd] - fewer)
        values[odd] = np.where(negative, -magnitudes, magnitudes)
        inexact[odd] |= wrong
    return values, np.flatnonzero(inexact)


def _parse_fractions(
    data: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what :func:`_parse_digits` does, of cells like ``0.25`` and ``1``; what is not like that is not read.

    It takes half as many operations for most cells of the files that are large.
    """
    decimals = ends - starts
    decimals -= 2
    wrong = data[starts + 1] != ord(".")
    first = data[starts] - np.uint8(ord("0"))
    wrong |= (first > 9) | (decimals <= 0) | (decimals > _MOST_DECIMALS)
    single = np.flatnonzero((decimals == -1) & (first <= 9))
    np.minimum(np.maximum(decimals, 0, out=decimals), _MOST_DECIMALS, out=decimals)
    most = int(decimals.max(initial=0))
    if most > _DIGITS - 1:
        wrong |= (first != 0) & (decimals > _DIGITS - 1)
    other = np.zeros(len(starts), dtype=np.uint64)
    total = first.astype(np.uint64)
    total *= _POWERS[decimals]
    for word in range(-(-most // WORD)):
        digits = records(data, ends - WORD * (word + 1), WORD)[:, 0]
        digits ^= _ZEROS
        digits &= _LAST_OF[word][decimals]
        other |= ((digits & _LOW_BITS) + _OVER_NINE) | digits
        value = _eight_digits(digits)
        total += value * _POWERS[WORD * word] if word else value
        if word == 2:
            wrong |= value > _LARGEST_TOP
    wrong |= (other & _TOP_BITS) != 0
    wrong[single] = False
    total[wrong] = 0
    return total, decimals, wrong


def _parse_digits(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the digits as a whole number, uint64 [n], how many are decimals, int64 [n], and what is not read."""
    lengths = ends - starts
    wrong = (lengths <= 0) | (lengths > MARGIN)
    total = decimals = None
    pointed = np.zeros(len(starts), dtype=bool)
    for word in range(-(-int(min(lengths.max(initial=1), MARGIN)) // WORD)):
        inside = _LAST_OF[word][np.clip(lengths, 0, MARGIN)]
        digits = (records(data, ends - WORD * (word + 1), WORD)[:, 0] ^ _ZEROS) & inside
        # The top bit of each byte that is a point; see "Bit Twiddling Hacks" on finding a zero byte.
        others = digits ^ _POINT
        points = ~(((others & _LOW_BITS) + _LOW_BITS) | others) & _TOP_BITS
        ones = points >> _SEVEN
        digits ^= ones * _POINT_DIGIT  # a point counts as a digit 0 until all are read
        wrong |= ((((digits & _LOW_BITS) + _OVER_NINE) | digits) & _TOP_BITS) != 0
        has_point = points != 0
        wrong |= has_point & (pointed | ((points & (points - _ONE)) != 0))
        after = ((ones * _AFTER_POINT) >> _TOP).astype(np.int64)
        value = _eight_digits(digits)
        if word == 0:
            total, size, decimals = value, value.astype(np.float64), after
        else:
            total += value * _POWERS[WORD * word]  # may lack a multiple of 2**64, which is subtracted with the point
            size += value * _HIGH[WORD * word]
            decimals += after + has_point * (WORD * word)
        pointed |= has_point
    before = lengths - 1 - decimals
    wrong |= pointed & ((lengths == 1) | (before > _MOST_BEFORE_POINT) | (decimals > _MOST_DECIMALS))
    total[wrong] = size[wrong] = decimals[wrong] = 0
    # before * 10**(decimals + 1) + after -> before * 10**decimals + after
    # What is before the point is a whole number and less than a tenth: rounding bears an error that floor would not.
    whole = np.where(pointed & ~wrong, np.rint(size / _HIGH[decimals + 1]), 0)
    total -= whole.astype(np.uint64) * _NINES[decimals]
    wrong |= size - whole * 9 * _HIGH[decimals] > _HIGH[_DIGITS]
    total[wrong] = 0
    return total, decimals, wrong


def _eight_digits(digits: np.ndarray) -> np.ndarray:
    """Return the numbers that words of eight digits, 0 to 9 each, stand for."""
    pairs = digits * _TEN
    pairs += digits >> _BYTE
    upper = pairs & _EVEN_PAIRS
    upper *= _UPPER
    pairs >>= _PAIR
    pairs &= _EVEN_PAIRS
    pairs *= _LOWER
    pairs += upper
    pairs >>= _HALF
    return pairs


def _exponents(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the exponents of cells that end like ``e-05``, else 0, and where what is before them ends; int64 [n]."""
    mark, sign, tens, ones = (data[ends - k] for k in (4, 3, 2, 1))
    tens, ones = tens - ord("0"), ones - ord("0")
    has = (ends - starts > 4) & ((mark | 0x20) == ord("e")) & (tens < 10) & (ones < 10)
    has &= (sign == ord("-")) | (sign == ord("+"))
    exponents = np.where(sign == ord("-"), -1, 1) * (tens.astype(np.int64) * 10 + ones)
    return np.where(has, exponents, 0), ends - 4 * has


def _scaled(mantissa: np.ndarray, power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mantissas times powers of ten, float64 [n], each rounded once, and for which that was not possible."""
    # One operation on two exact floats rounds once.
    values = mantissa.astype(np.float64)
    values /= _HIGH[np.minimum(np.maximum(-power, 0), _EXACT_POWER)]
    inexact = np.zeros(len(values), dtype=bool)
    long = np.flatnonzero((mantissa > _EXACT_MANTISSA) | (power < -_EXACT_POWER))
    if len(long):
        divisor = -power[long]
        values[long], inexact[long] = _divide(mantissa[long], np.minimum(np.maximum(divisor, 0), _LONG_POWER))
        inexact[long] |= divisor > _LONG_POWER
    large = np.flatnonzero(power > 0)
    if len(large):
        values[large] = mantissa[large].astype(np.float64) * _HIGH[np.minimum(power[large], _EXACT_POWER)]
        inexact[large] = (power[large] > _EXACT_POWER) | (mantissa[large] > _EXACT_MANTISSA)
    return values, inexact


def _divide(mantissa: np.ndarray, power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mantissas (below 2**64 - 2**10) / 10**power (up to 121), and where the rounding could go either way.

    The quotient is the sum of two floats (Dekker's double-double arithmetic), about 100 bits.
    """
    high = mantissa.astype(np.float64)
    low = (mantissa - high.astype(np.uint64)).view(np.int64).astype(np.float64)
    divisor = _HIGH[power]
    first = high / divisor
    # high - first * divisor, whose halves have exact products: what is left of it is a float.
    upper = first * _SPLIT
    upper -= upper - first
    lower = first - upper
    over, under = _HIGH_UPPER[power], _HIGH_LOWER[power]
    rest = high
    rest -= upper * over
    rest -= upper * under
    rest -= lower * over
    rest -= lower * under
    rest += low
    if power.max(initial=0) > _EXACT_POWER:
        rest -= first * _LOW[power]
    rest /= divisor
    quotient = first + rest
    rest -= quotient - first
    # Rounding is monotonous: what is a little less and what is a little more have the same nearest float.
    error = quotient * _ERROR
    close = (quotient + (rest + error)) != quotient
    close |= (quotient + (rest - error)) != quotient
    return quotient, close
