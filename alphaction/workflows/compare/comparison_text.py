"""A comparison as text: a table of differences, and what they come to in a sentence."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from alphaction.evaluation.comparison import Comparison, Difference
from alphaction.evaluation.result import FEW_VIDEOS
from alphaction.utils.messages import counted, listed, text_table
from alphaction.workflows.compare.compare_runs import Compared

_WIDTH = 120
_MOST_TIMES = 100
_HEADINGS = ("", "A", "B", "B - A", "95% interval", "B better", "")
_MARK = "*"
_CANNOT_TELL = (
    f"whether that is more than noise cannot be told. Validate on {FEW_VIDEOS} videos or more, or on the folds of a "
    "cross-validation (tools/generate_finetune_config.py --folds)."
)


def comparison_text(compared: Compared) -> str:
    """Return the text of a comparison."""
    found = compared.comparison
    lines = [
        f"A  {_side(compared.a, found.spread[0])}",
        f"B  {_side(compared.b, found.spread[1])}",
        f"on {compared.dataset}: {counted(found.labels, 'label')} in {counted(found.videos, 'video')}; "
        f"{counted(found.resamples, 'resample')} of the videos",
        "",
        *text_table([_HEADINGS, *map(_row, (found.mean, *found.groups, *found.classes))]),
        "",
        *_wrapped(verdict(found)),
        "",
        *(line for text in (*_remarks(found), *compared.notes) for line in _wrapped(text, "- ", "  ")),
    ]
    return "\n".join(lines)


def verdict(found: Comparison) -> str:
    """Return in a sentence or two whether the difference of the mAP is more than noise."""
    row = found.mean
    who, points = ("B" if row.difference > 0 else "A"), 100 * abs(row.difference)
    of = f"{points:.1f} points of mAP ({max(row.a, row.b):.4f} against {min(row.a, row.b):.4f})"
    if row.interval is None:
        return f"{who} is higher by {of}, but all labels are in one video: {_CANNOT_TELL}"
    # Of the lead of the one that is higher.
    low, high = sorted(100 * end * (1 if row.difference >= 0 else -1) for end in row.interval)
    if not row.difference:
        same = "in every resample, too" if low == high == 0 else f"with an interval of {low:+.1f} to {high:+.1f} points"
        return f"There is no difference in mAP, {same}."
    if found.videos < FEW_VIDEOS:
        return f"{who} is higher by {of}, but there are {found.videos} videos only: {_CANNOT_TELL}"
    if row.beyond_noise:
        over = "" if min(found.trainings) > 1 else ", as far as the choice of the validation videos goes"
        lead = f"the interval of its lead is {low:.1f} to {high:.1f} points"
        return f"{who} is better by {of}, more than noise{over}: {lead}."
    lead = f"the interval of its lead, {low:+.1f} to {high:+.1f} points, includes 0"
    return f"The difference can be noise: {who} is higher by {of}, and {lead}. {_more(found)}"


def _more(found: Comparison) -> str:
    """Return how much more validation data a difference of this size would need."""
    times = found.more_needed
    if times is None:
        return ""
    if times > _MOST_TIMES:
        return f"Such a small difference would need more than {_MOST_TIMES} times the validation data to be told."
    if times <= 1:
        return "A little more validation data, or a few more trainings of each, may tell."
    several = " and trainings" if max(found.trainings) > 1 else ""
    return (
        f"To tell a difference of this size takes about {times:.1f} times the validation data{several}: some "
        f"{round(found.videos * times)} videos with {round(found.labels * times)} labels, where there are "
        f"{found.videos} with {found.labels}."
    )


def _side(paths: Sequence[Path], spread: float | None) -> str:
    if spread is None:
        return str(paths[0])
    return f"{listed(paths, 4)} (mean of {len(paths)} trainings, whose mAP has a standard deviation of {spread:.4f})"


def _row(row: Difference) -> tuple[str, ...]:
    name, values = _name(row), (f"{row.a:.4f}", f"{row.b:.4f}", f"{row.difference:+.4f}")
    if row.interval is None:
        return (name, *values, "in one video", "", "")
    low, high = row.interval
    return (name, *values, f"{low:+.4f} to {high:+.4f}", f"{row.better:.0%}", _MARK if row.beyond_noise else "")


def _name(row: Difference) -> str:
    return row.name.partition("/")[2] if row.name.startswith("AP/") else row.name.replace("/", " ")


def _remarks(found: Comparison) -> Iterator[str]:
    """Yield what the intervals hold, and what they do not."""
    rows = (found.mean, *found.groups, *found.classes)
    if found.mean.interval is None:
        return
    if any(row.beyond_noise for row in rows):
        by_chance = max(1, round(len(found.classes) * (1 - found.level)))
        many = f" Of {counted(len(found.classes), 'class', 'classes')} about {by_chance} would be by chance."
        yield f"{_MARK} marks what is more than noise.{many if len(found.classes) > 5 else ''}"
    few = [_name(row) for row in rows if row.without_zero and row.videos < FEW_VIDEOS <= found.videos]
    if few:
        subject, verb = ("interval", "leaves") if len(few) == 1 else ("intervals", "leave")
        yield (
            f"The {subject} of {listed(few)} {verb} out 0, too, but the labels are in fewer than {FEW_VIDEOS} videos, "
            "which is too little for a mark."
        )
    single = [name for name, number in zip("AB", found.trainings, strict=True) if number == 1]
    if len(single) == 2:
        yield (
            "The interval is about the choice of the validation videos only, and tells these two networks apart, not "
            "what they were trained with: another seed gives another network. Name several trainings of each side "
            "(--a A1 A2 A3 --b B1 B2 B3) to have that in the interval, too."
        )
    elif single:
        yield (
            f"{single[0]} is one training: the interval holds the choice of the validation videos and the seeds of the "
            "other side, but not what another seed of this one would change."
        )
    else:
        yield "The interval holds the choice of the validation videos and the seeds of both sides."


def _wrapped(text: str, first: str = "", others: str = "") -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )
