"""Text in any script on pictures, with Pillow's letters or a system's."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from PIL import ImageFont

from alphaction.utils import lettering


def drawn(text: str) -> np.ndarray:
    image = np.zeros((24, 160, 3), dtype=np.uint8)
    lettering.put_text(image, text, (2, 16), 0.42, (255, 255, 255))
    return image


@pytest.fixture
def system_fonts(monkeypatch):
    """As on a machine that has no fonts but those that the test names."""

    def use(*fonts: str) -> None:
        monkeypatch.setattr(lettering, "_SYSTEM_FONTS", fonts)
        lettering._font_for.cache_clear()

    yield use
    lettering._font_for.cache_clear()


@pytest.fixture
def system_font() -> str:
    for name in ("DejaVuSans.ttf", "arial.ttf"):
        try:
            ImageFont.truetype(name, 10)
        except OSError:
            continue
        return name
    pytest.skip("no font with Cyrillic letters here")


def assert_legible(words: list[str]) -> None:
    """Each word looks unlike the others and unlike question marks, and keeps to its width."""
    pictures = [drawn(word) for word in words]
    for index, (word, picture) in enumerate(zip(words, pictures, strict=True)):
        assert picture.max() > 150
        assert not np.array_equal(picture, drawn("?" * len(word)))
        assert not any(np.array_equal(picture, other) for other in pictures[:index])
        width, height, depth = lettering.text_size(word, 0.42)
        rows, columns = np.nonzero(picture.max(axis=2))
        assert columns.max() <= 2 + width + 1
        assert rows.min() >= 16 - height - 2
        assert rows.max() <= 16 + depth + 3


def test_plain_latin_needs_no_font_of_the_system(system_fonts):
    system_fonts()
    assert_legible(["walk left", "walk right", "#3 (a person) 90%"])


def test_a_system_font_has_the_other_letters(system_fonts, system_font):
    system_fonts("no_such_font.ttf", system_font)
    assert_legible(["Über", "uber", "идти", "идут"])
    assert lettering.legible_name("идти", 3) == "идти"


def test_lines_of_one_size_have_one_height(system_fonts):
    system_fonts()
    heights = {lettering.text_size(text, 0.42)[1:] for text in ("ace", "walk", "jog (fast)", "")}
    assert len(heights) == 1
    assert 12 <= sum(heights.pop()) <= 16


def test_text_is_cut_at_the_picture_and_colors_the_rest_nowhere():
    image = np.zeros((24, 30, 3), dtype=np.uint8)
    lettering.put_text(image, "a long line", (-3, 16), 0.42, (250, 0, 0))
    lettering.put_text(image, "gone", (40, 16), 0.42, (250, 0, 0))
    assert image[..., 0].max() > 150
    assert image[..., 1:].max() == 0
    assert image[:2].max() == image[20:].max() == 0


def test_without_a_font_accents_are_dropped_and_ids_shown(system_fonts):
    system_fonts()
    np.testing.assert_array_equal(drawn("Straße, naïf"), drawn("Strasse, naif"))
    names = [lettering.legible_name(name, 7) for name in ("walk", "über", "идти", "歩く")]
    assert names == ["walk", "über", "class 7", "class 7"]
    np.testing.assert_array_equal(drawn("Küche_идти 90%"), drawn("Kuche_? 90%"))


def test_spellings_of_an_accent_and_broken_names_are_drawn_alike():
    np.testing.assert_array_equal(drawn(unicodedata.normalize("NFD", "Küche")), drawn("Küche"))
    np.testing.assert_array_equal(drawn("a\udce4b"), drawn("a?b"))
