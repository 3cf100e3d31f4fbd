"""Line charts as SVG text: no package draws them, they follow the colors of the page, and a browser scales them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from alphaction.utils.messages import visible

WIDE, SMALL = (360, 220), (250, 180)
"""Width and height of charts; they are shown at about so many pixels, on a phone as well as beside others."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 10, 34
_LABEL = 14  # more at the top for the name of the y axis
_HOVERED = 60  # points of a line that say their values when pointed at


@dataclass(frozen=True)
class Series:
    """A line of a chart: its name, and points (x, y); ``color`` is the number of a color of the page, from 1."""

    name: str
    points: Sequence[tuple[float, float]]
    color: int = 1
    thin: bool = False


@dataclass(frozen=True)
class Mark:
    """A point that is pointed out, with its text."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        title: what it shows, also for those who cannot see it.
        series: the lines.
        x_label, y_label: of the axes.
        x_range, y_range: ends of the axes; None: those of the points.
        marks: points that are pointed out.
        diagonal: also draw the line from corner to corner.
        dots: draw each point, too.
        note: a sentence below it.
        words: what it tells, and what to look for, in a sentence.
        size: :data:`WIDE` or :data:`SMALL`.
    """

    title: str
    series: tuple[Series, ...]
    x_label: str = "iteration"
    y_label: str = ""
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    marks: tuple[Mark, ...] = ()
    diagonal: bool = False
    dots: bool = False
    note: str = ""
    words: str = ""
    size: tuple[int, int] = WIDE


def number(value: float, digits: int = 3) -> str:
    """Return a number as text with so many significant digits: "0.0123", "1200", "1.5e-06"."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "-"
    if abs(value) >= 10**digits:
        return f"{value:.0f}" if abs(value) < 1e7 else f"{value:.{digits - 1}e}"
    return f"{value:.{digits}g}"


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return at most about ``most`` round numbers from ``low`` to ``high``."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [(first + i) * step for i in range(count)]


def draw(chart: Chart) -> Markup:
    """Return the chart as an ``svg`` element; "" if there is nothing to draw."""
    points = [point for series in chart.series for point in series.points]
    if not points:
        return Markup("")
    place = _Place(
        chart.size,
        chart.x_range or _ends([x for x, _ in points], False),
        chart.y_range or _ends([y for _, y in points], True),
        _TOP + _LABEL if chart.y_label else _TOP,
    )
    parts = [*_axes(chart, place)]
    if chart.diagonal:
        (x1, y1), (x2, y2) = place(place.x[0], place.y[0]), place(place.x[1], place.y[1])
        parts.append(f'<path class="diagonal" d="M{x1} {y1}L{x2} {y2}"/>')
    for series in chart.series:
        parts += _line(chart, series, place)
    for mark in chart.marks:
        parts += _mark(mark, place)
    label = escape(visible(f"{chart.title}: {_spoken(chart.series)}"))
    view = f'viewBox="0 0 {place.width} {place.height}" style="max-width:{place.width * 5 // 4}px"'
    return Markup(f'<svg {view} role="img" aria-label="{label}">{"".join(parts)}</svg>')


class _Place:
    """Where values are in the drawing."""

    def __init__(self, size: tuple[int, int], x: tuple[float, float], y: tuple[float, float], top: int) -> None:
        self.width, self.height = size
        self.x, self.y, self.top = x, y, top

    def __call__(self, x: float, y: float) -> tuple[str, str]:
        across = (min(max(x, self.x[0]), self.x[1]) - self.x[0]) / (self.x[1] - self.x[0])
        up = (min(max(y, self.y[0]), self.y[1]) - self.y[0]) / (self.y[1] - self.y[0])
        left = _LEFT + across * (self.width - _LEFT - _RIGHT)
        top = self.height - _BOTTOM - up * (self.height - self.top - _BOTTOM)
        return f"{left:.1f}".removesuffix(".0"), f"{top:.1f}".removesuffix(".0")


def _ends(values: Iterable[float], from_zero: bool) -> tuple[float, float]:
    """Return the ends of an axis: that of y begins at 0, unless some value is below, and ends at round numbers."""
    values = list(values)
    low, high = min(values), max(values)
    if from_zero:
        low, high = _rounded(min(low, 0.0), max(high, 0.0))
    if high - low > 1e-12 * max(abs(low), abs(high)):
        return low, high
    return low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2


def _rounded(low: float, high: float) -> tuple[float, float]:
    """Return the next round numbers below and above."""
    marks = ticks(low, high)
    if len(marks) < 2:
        return low, high
    step = marks[1] - marks[0]
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def _axes(chart: Chart, place: _Place) -> list[str]:
    parts = []
    right, bottom = place.width - _RIGHT, place.height - _BOTTOM
    for value in ticks(*place.y):
        top = place(place.x[0], value)[1]
        parts.append(f'<path class="grid" d="M{_LEFT} {top}H{right}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{float(top) + 4:.1f}" text-anchor="end">{number(value)}')
        parts.append("</text>")
    for value in ticks(*place.x):
        left = place(value, place.y[0])[0]
        parts.append(f'<path class="grid" d="M{left} {bottom}v4"/>')
        parts.append(f'<text class="tick" x="{left}" y="{bottom + 16}" text-anchor="middle">{number(value, 6)}</text>')
    parts.append(f'<path class="axis" d="M{_LEFT} {bottom}H{right}"/>')
    parts.append(
        f'<text class="label" x="{right}" y="{place.height - 4}" text-anchor="end">{escape(chart.x_label)}</text>'
    )
    if chart.y_label:
        parts.append(f'<text class="label" x="{_LEFT - 6}" y="11" text-anchor="start">{escape(chart.y_label)}</text>')
    return parts


def _line(chart: Chart, series: Series, place: _Place) -> list[str]:
    if not series.points:
        return []
    places = [place(x, y) for x, y in series.points]
    path = "L".join(f"{x} {y}" for x, y in places)
    thin = " thin" if series.thin else ""
    parts = [f'<path class="line c{series.color}{thin}" d="M{path}"/>'] if len(places) > 1 else []
    if chart.dots or len(places) == 1:
        parts += [f'<circle class="dot c{series.color}" cx="{x}" cy="{y}" r="2.5"/>' for x, y in places]
    if not series.thin:
        step = -(-len(places) // _HOVERED)
        name = visible(series.name)
        for (x, y), (a, b) in list(zip(places, series.points, strict=True))[::step]:
            text = escape(f"{name} {number(b, 4)} at {chart.x_label} {number(a, 6)}")
            parts.append(f'<circle class="hit c{series.color}" cx="{x}" cy="{y}" r="5"><title>{text}</title></circle>')
    return parts


def _mark(mark: Mark, place: _Place) -> list[str]:
    x, y = place(mark.x, mark.y)
    anchor, shift = ("end", -7) if float(x) > place.width * 0.6 else ("start", 7)
    text, above = escape(visible(mark.text)), float(y) - 8 if float(y) > place.top + 18 else float(y) + 17
    return [
        f'<path class="guide" d="M{x} {place.height - _BOTTOM}V{y}"/>',
        f'<circle class="mark" cx="{x}" cy="{y}" r="4"><title>{text}</title></circle>',
        f'<text class="note" x="{float(x) + shift:.1f}" y="{above:.1f}" text-anchor="{anchor}">{text}</text>',
    ]


def _spoken(series: Sequence[Series]) -> str:
    """Return the ends of each line in words."""
    return "; ".join(
        f"{line.name} from {number(line.points[0][1])} to {number(line.points[-1][1])}"
        for line in series
        if line.points
    )
