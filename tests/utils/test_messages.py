"""The phrases of messages."""

from __future__ import annotations

from alphaction.utils.messages import counted, first_lines, listed, nearest, problem_list, suggest, text_table, visible


def test_numbers_with_their_nouns():
    assert [counted(n, "box", "boxes") for n in (0, 1, 2)] == ["0 boxes", "1 box", "2 boxes"]
    assert counted(1, "video") == "1 video"


def test_a_long_list_ends_with_the_number_of_the_others():
    assert listed([]) == ""
    assert listed("abc", 3) == "a, b, c"
    assert listed(range(6), 3) == "0, 1, 2 and 3 more"


def test_the_first_lines_and_how_many_more():
    assert first_lines(["a", "b"], 2) == ["a", "b"]
    assert first_lines(["a", "b", "c"], 1, "videos") == ["a", "... and 2 more videos"]


def test_suggestion_names_the_nearest_and_lists_all():
    assert suggest("resnet5", ["resnet50", "tiny"]) == 'Did you mean "resnet50"? Known: resnet50, tiny.'
    assert suggest("zzz", ["resnet50"]) == "Known: resnet50."
    assert suggest("x", []) == "Known: none."
    assert suggest("x", [str(i) for i in range(30)]).endswith(" and 18 more.")
    assert nearest("RESNET5", ["resnet50", "tiny"]) == "resnet50"
    assert nearest("zzz", ["resnet50"]) is None


def test_a_single_problem_stands_alone():
    assert problem_list("2 problems:", ["a", "b"]) == "2 problems:\n  - a\n  - b"
    assert problem_list("2 problems:", ["a"]) == "a"


def test_a_table_is_aligned():
    rows = [("class", "train", "val"), ("walk", 120, 7), ("run", 3, 11)]
    assert text_table(rows, indent="  ") == ["  class  train  val", "  walk     120    7", "  run        3   11"]
    assert text_table([("a", ""), ("bb", "c")], left=2) == ["a", "bb  c"]
    # In columns of a terminal, in which a Chinese character takes two and an accent none.
    assert text_table([("站着", 1), ("stand", 2), ("e\u0301", 3)]) == ["站着   1", "stand  2", "e\u0301      3"]


def test_control_characters_are_shown_instead_of_obeyed():
    assert visible("a\x1b[31mb\x07\x9b2J\r\x7f") == r"a\x1b[31mb\x07\x9b2J\x0d\x7f"
    assert visible("Übung\tläuft\n") == "Übung\tläuft\n"
