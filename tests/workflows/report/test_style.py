"""Texts of the page are legible in light and in dark mode: a contrast of 4.5 to 1, as WCAG AA asks for."""

from __future__ import annotations

import re
from importlib import resources

import pytest

STYLE = resources.files("alphaction.workflows.report").joinpath("templates/style.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--(\w+): ([^;]+);", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.S)[:2]
)
TEXTS = ("ink", "muted", "accent", "t2", "c4", "c5")


def rgb(color: str) -> list[float]:
    if color.startswith("#"):
        return [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return [float(value) for value in color.split()]


def luminance(color: list[float]) -> float:
    parts = [value / 255 for value in color]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: list[float], other: list[float]) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_texts(theme):
    for name in TEXTS:
        assert contrast(rgb(theme[name]), rgb(theme["panel"])) >= 4.5, name
    for ground in ("bg", "hover", "notice"):
        for name in ("ink", "muted", "accent"):
            assert contrast(rgb(theme[name]), rgb(theme[ground])) >= 4.5, (name, ground)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("color", ["heat", "right"])
def test_numbers_in_the_darkest_cells_of_the_matrix(theme, color):
    share = float(theme["most"])
    ground = [share * a + (1 - share) * b for a, b in zip(rgb(theme[color]), rgb(theme["panel"]), strict=True)]
    assert contrast(rgb(theme["ink"]), ground) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_lines_of_charts(theme):
    for number in range(1, 7):
        assert contrast(rgb(theme[f"c{number}"]), rgb(theme["panel"])) >= 3
