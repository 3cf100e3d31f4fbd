from __future__ import annotations

import pytest

from alphaction.utils.errors import DataError
from alphaction.utils.numbers import ABOVE_ZERO, whole
from alphaction.utils.values import (
    Value,
    finite_number,
    identifier,
    keys_shown,
    parse_integer,
    parse_json,
    quoted,
    shown,
)


def error(place: str, problem: str) -> DataError:
    return DataError(f"a.json{', ' * bool(place)}{place}: {problem}")


def value(data) -> Value:
    return Value(data, error)


@pytest.mark.parametrize(
    ("raw", "number", "integer"),
    [
        (3, 3.0, 3),
        (2.5, 2.5, None),
        ("0902", 902.0, 902),
        (" 902.0 ", 902.0, 902),
        ("1e3", 1000.0, 1000),
        (10**30, None, None),
        (2**63, None, None),
        (-(2**63), None, -(2**63)),
        (10**400, None, None),
        ("9" * 5000, None, None),
        (1e308, None, None),
        (float("inf"), None, None),
        (float("nan"), None, None),
        ("nan", None, None),
        ("²", None, None),
        ("٣", 3.0, 3),
        (True, None, None),
        (None, None, None),
        ([3], None, None),
        ({}, None, None),
        ("", None, None),
    ],
)
def test_numbers_of_any_value(raw, number, integer):
    assert finite_number(raw) == number
    assert parse_integer(raw) == integer
    assert value({"x": raw})["x"].number(None) == number
    assert value({"x": raw})["x"].whole(None) == integer


@pytest.mark.parametrize(
    ("take", "message"),
    [
        (lambda v: v["fps"].number(within=ABOVE_ZERO), 'a.json: "fps" is 0, expected a number above 0.'),
        (lambda v: v["boxes"][1]["x"].number(), "a.json, boxes[1]: \"x\" is 'left', expected a number."),
        (lambda v: v["boxes"][1].number(), "a.json, boxes[1]: {'x': 'left'} found, expected a number."),
        (lambda v: v["a b"]["c"].whole(), 'a.json, ["a b"]: "c" is missing, expected a whole number.'),
        (lambda v: v["fps"].whole(within=whole(1, 9)), 'a.json: "fps" is 0, expected a whole number from 1 to 9.'),
        (lambda v: v["boxes"].text(), "a.json: \"boxes\" is [7, {'x': 'left'}], expected a text."),
        (
            lambda v: v["boxes"].identifier(),
            "a.json: \"boxes\" is [7, {'x': 'left'}], expected a whole number or text.",
        ),
        (lambda v: v["boxes"].at("track 3")["x"].number(), 'a.json, track 3: "x" is missing, expected a number.'),
        (lambda v: v["fps"].numbers(length=4), 'a.json: "fps" is 0, expected 4 numbers.'),
    ],
)
def test_a_value_that_must_be_right_says_where_it_stands(take, message):
    with pytest.raises(DataError) as raised:
        take(value({"fps": 0, "boxes": [7, {"x": "left"}]}))
    assert str(raised.value) == message


@pytest.mark.parametrize("raw", [None, True, 3, "text", [1], {"a": 1}])
def test_going_down_never_fails(raw):
    found = value(raw)["a"][0]["b"]
    assert not found.given
    assert (found.text("none"), found.number(None), found.numbers(None), found.each()) == ("none", None, None, [])
    assert "x" not in found
    assert len(found) == 0


def test_a_value_has_no_truth_of_its_own():
    with pytest.raises(TypeError, match="ask a value what it is"):
        bool(value(0))
    given = value({"no": 0, "yes": "x", "null": None})
    assert [given[key].is_true(absent=True) for key in ("no", "yes", "null", "gone")] == [False, True, True, True]


def test_texts_lists_and_objects():
    given = value({"text": " a ", "number": 1.5, "flag": True, "list": ["1", 2, {"k": 3}], "id": "x" * 2000})
    assert [given[key].text("?") for key in ("text", "number", "flag", "list")] == ["a", "1.5", "true", "?"]
    assert [each.place for each in given["list"].each()] == ["list[0]", "list[1]", "list[2]"]
    assert [each["k"].whole() for each in given["list"].objects()] == [3]
    assert value(["1", 2.5]).numbers() == [1.0, 2.5]
    assert value([1, True]).numbers(None) is None
    assert given["id"].identifier(None) is None
    assert given.less({"id", "list"}).raw == {"text": " a ", "number": 1.5, "flag": True}
    assert given["number"].inside({"a": 1}, "b").raw == {"a": 1, "b": 1.5}


def test_what_messages_show_is_short():
    assert len(shown({"a" * 1000: ["x" * 10**6] * 1000})) < 400
    assert len(quoted("x" * 10**6)) < 130
    assert keys_shown(["a", "b"]) == "a, b"
    assert keys_shown({}) == "(none)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": ]', "a.json, line 1, column 7: not valid JSON (Expecting value)."),
        ("[" * 100_000, "a.json: JSON that no tool writes ("),
        ("9" * 400, "a.json: JSON that no tool writes (an integer of 400 digits)."),
        ("9" * 6000, "a.json: JSON that no tool writes (an integer of 6000 digits)."),
        (r'["\ud800"]', "a.json: the text '\\ud800' holds a zero byte, or half of a character."),
        (r'{"a\u0000": 1}', "a.json: the text 'a\\x00' holds a zero byte, or half of a character."),
    ],
)
def test_wrong_json(text, message):
    with pytest.raises(DataError) as raised:
        parse_json(text, error)
    assert str(raised.value).startswith(message)


def test_right_json():
    assert parse_json(r'["' + "1" * 400 + r'", "\ud83d\ude00", 1e2]', error) == ["1" * 400, "😀", 100.0]


def test_ids_beyond_64_bits_are_text_as_thousands_of_them_can_have_one_hash():
    ids = [identifier(number * (2**61 - 1)) for number in range(1, 1000)]
    assert len({hash(number) for number in ids}) > 900
    assert (identifier(2**63 - 1), identifier(2**63), identifier(-5)) == (2**63 - 1, str(2**63), -5)
