"""What the study is to show, judged by its numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.ablation.arms import BASELINE, FULL, LENGTHS, PLAIN, SAME, SINGLES
from benchmarks.ablation.dataset import KINDS
from benchmarks.ablation.results import Results
from benchmarks.ablation.seed_statistics import Comparison, Summary

NEAR_CHANCE = 5.0
MEMORY_GAIN = 30.0
BLOCK_GAIN = 15.0


@dataclass(frozen=True)
class Claim:
    """A statement and whether the numbers bear it out.

    Attributes:
        text: the statement.
        holds: None where a run that it needs is missing, were it of one seed only.
        figures: the numbers that decide, in a sentence.
    """

    text: str
    holds: bool | None
    figures: str

    @property
    def verdict(self) -> str:
        """The judgment in words."""
        return {True: "holds", False: "does not hold", None: "not measured yet"}[self.holds]


def judge(results: Results) -> list[Claim]:
    """Return the claims in the order of the page."""
    return [
        without_memory(results),
        with_memory(results),
        block_gain(results, "P", "person"),
        block_gain(results, "O", "object"),
        *(full_structure(results, name) for name in FULL),
        short_lengths(results),
        same_memory(results),
    ]


def without_memory(results: Results) -> Claim:
    """Whether models without an M block know nothing of the memory classes."""
    chance = results.chance("memory")
    pairs = ((name, results.complete(name, "memory"), chance) for name in (BASELINE, "P", "O"))
    text = f"Without an M block the memory classes stay within {NEAR_CHANCE:g} points of chance, with every seed"
    return _against(text, pairs, lambda gain: abs(gain) <= NEAR_CHANCE)


def with_memory(results: Results) -> Claim:
    """Whether every model with an M block has learned the memory classes."""
    chance = results.chance("memory")
    pairs = ((name, results.complete(name, "memory"), chance) for name in ("M", *FULL))
    text = f"With an M block they are at least {MEMORY_GAIN:g} points above chance, with every seed"
    return _against(text, pairs, lambda gain: gain >= MEMORY_GAIN)


def block_gain(results: Results, block: str, kind: str) -> Claim:
    """Whether one block gains on the baseline in the classes that it is for."""
    text = f"A block {block} alone gains at least {BLOCK_GAIN:g} points over no structure on the {kind} classes"
    one, base = results.complete(block, kind), results.complete(BASELINE, kind)
    if one is None or base is None:
        return Claim(text, None, _unfinished([name for name, s in ((block, one), (BASELINE, base)) if s is None]))
    gain = one.mean - base.mean
    return Claim(text, gain >= BLOCK_GAIN, f"{one.mean:.1f} against {base.mean:.1f}: {_signed(gain)}")


def full_structure(results: Results, name: str) -> Claim:
    """Whether a structure with all blocks is as good as the best single block, on every kind of classes."""
    text = f"The {name} structure is at least as good as the best single block on every kind of classes"
    found = {(arm, kind): results.complete(arm, kind) for arm in (name, *SINGLES) for kind in KINDS}
    if missing := {arm for (arm, _), summary in found.items() if summary is None}:
        return Claim(text, None, _unfinished(sorted(missing)))
    parts, holds = [], True
    for kind in KINDS:
        best = max(SINGLES, key=lambda arm: found[arm, kind].mean)
        comparison = Comparison.of(found[name, kind], found[best, kind])
        holds &= comparison.verdict != "below"
        note = f", equal within the spread of {comparison.spread:.1f}" if comparison.verdict == "equal" else ""
        parts.append(f"{kind} {_signed(comparison.margin)} to {best}{note}")
    return Claim(text, holds, "; ".join(parts))


def short_lengths(results: Results) -> Claim:
    """Whether a memory that does not reach the lag is of no use."""
    lag, chance = results.study.data.lag, results.chance("memory")
    reach = f"A memory shorter than the lag of {lag} s leaves the memory classes within"
    text = f"{reach} {NEAR_CHANCE:g} points of chance, with every seed"
    short = {arm: n for arm, n in LENGTHS.items() if n < lag}
    pairs = ((f"{n} s", results.complete(arm, "memory"), chance) for arm, n in short.items())
    return _against(text, pairs, lambda gain: abs(gain) <= NEAR_CHANCE)


def same_memory(results: Results) -> Claim:
    """Whether the memory survives a break and several processes: no change beyond what a seed changes."""
    text = (
        "Two processes, or a break and a resume, change the memory classes by no more than two spreads over seeds, "
        "with every seed"
    )
    found = {name: results.complete(name, "memory") for name in (PLAIN, *SAME)}
    if missing := [name for name, summary in found.items() if summary is None]:
        return Claim(text, None, _unfinished(missing))
    holds, parts = True, []
    for name in SAME:
        # Both have the same seeds in the same order; means alone would let opposite changes cancel out.
        changes = [one - plain for one, plain in zip(found[name].values, found[PLAIN].values, strict=True)]
        spread = Comparison.of(found[name], found[PLAIN]).spread
        holds &= all(abs(change) <= 2 * spread for change in changes)
        parts.append(f"{name} {' to '.join(_extremes(changes))} (spread {spread:.1f})")
    return Claim(text, holds, "; ".join(parts))


def _against(text: str, pairs: Iterable[tuple[str, Summary | None, float]], passes: Callable[[float], bool]) -> Claim:
    """Judge how far each (name, summary, reference) is above its reference; every seed of all must pass."""
    pairs = list(pairs)
    if missing := [name for name, summary, _ in pairs if summary is None]:
        return Claim(text, None, _unfinished(missing))
    holds = all(passes(value - reference) for _, summary, reference in pairs for value in summary.values)
    return Claim(text, holds, "; ".join(_figures(pairs)))


def _figures(pairs: Iterable[tuple[str, Summary, float]]) -> Iterator[str]:
    for name, summary, reference in pairs:
        gains = _extremes([value - reference for value in summary.values])
        yield f"{name} {summary.mean:.1f} ({' to '.join(gains)} from {reference:.1f})"


def _extremes(points: Sequence[float]) -> list[str]:
    """Return the least and the largest, or one of them if both read alike."""
    return list(dict.fromkeys(map(_signed, (min(points), max(points)))))


def _signed(points: float) -> str:
    return f"{round(points, 1) + 0.0:+.1f}"  # never "-0.0"


def _unfinished(names: Iterable[str]) -> str:
    return f"not finished: {', '.join(names)}"
