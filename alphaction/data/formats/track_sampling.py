"""When tracks are sampled: at the multiples of an interval (the grid), in the middle of each action, or both.

A keyframe has all the persons that are visible at it, so that the tracks of a video are collected first and sampled
together. What a keyframe is wanted for is a stretch of a track with the same actions: someone who walks, jumps and
walks on has three.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alphaction.data.formats.rows import RowBuilder, TracksSampled
from alphaction.data.formats.tracks import Knot, Stretch, TrackPath, frame_of
from alphaction.data.keyframes import exact_time, is_multiple
from alphaction.utils.errors import DataError
from alphaction.utils.messages import counted, listed

GRID, TRACK, BOTH = "grid", "track", "both"
KEYFRAME_CHOICES = (GRID, TRACK, BOTH)
"""Where tracks are sampled: at the multiples of an interval, in the middle of each action, or both."""
LOST = "tracks that are visible at no keyframe left out"
_LOST_WITHIN = "actions within tracks that are visible at no keyframe left out"
_LOST_IDLE = "tracks without an action that are visible at no keyframe left out"
_LISTED = 8
_FINER = (2, 5)  # parts of an interval that are offered where it loses tracks
_TOO_FINE = 0.98  # frames between two keyframes; an interval is rounded to a thousandth


@dataclass(frozen=True)
class Track:
    """A track that is to be sampled; see :func:`add_track`. ``stretches`` are set where it is visible at all."""

    video: str
    path: TrackPath
    actions: Callable[[Any], Iterable[str]]
    says: Callable[[Any], Iterable[str]]
    interval: float
    person: int
    merge_key: int
    place: str
    unconfirmed: Callable[[Any], bool]
    stretches: list[Stretch] = field(default_factory=list)

    @property
    def acts(self) -> bool:
        """Whether it shows an action at all."""
        return any(stretch.actions for stretch in self.stretches)

    def stretch_at(self, second: float) -> int:
        """Return the position of the stretch that is visible at a time at which the track is."""
        frame = frame_of(second, self.path.fps)
        i = bisect_right(self.stretches, frame, key=lambda stretch: stretch.start) - 1
        if i >= 0 and frame <= self.stretches[i].end:
            return i
        later = i + 1 < len(self.stretches) and self.stretches[i + 1].start - frame <= self.path.slack
        return i + 1 if later else max(i, 0)

    def misses(self, i: int, interval: float) -> bool:
        """Return whether a stretch is visible at no multiple of ``interval``."""
        times = self.path.grid_at(self.stretches[i], interval)
        return not any(self.stretch_at(sample.second) == i for sample in self.path.samples(times))

    def middle(self, i: int) -> int | float:
        """Return the time in the middle of a stretch."""
        if len(self.stretches) == 1 and not self.acts:
            return self.path.middle()  # gaps are no matter
        return exact_time(self.stretches[i].middle / self.path.fps)


def add_track(
    rows: RowBuilder,
    video: str,
    knots: Sequence[Knot],
    actions: Callable[[Any], Iterable[str]],
    *,
    fps: float,
    interval: float,
    person: int,
    merge_key: int,
    place: str,
    says: Callable[[Any], Iterable[str]] | None = None,
    last_frame: int | None = None,
    step: int = 1,
    unconfirmed: Callable[[Any], bool] = lambda labels: False,
) -> None:
    """Note a track in ``rows``; its boxes are added by :func:`sample_tracks`, and what is left out is counted.

    Args:
        actions: ``labels`` of a knot -> the actions from there on; called for each box.
        says: the same without counting anything; None: ``actions``.
        interval: seconds between two keyframes of the grid.
        person, merge_key: see :meth:`RowBuilder.add`.
        place: the track, for messages.
        fps, last_frame, step: see :class:`TrackPath`.
        unconfirmed: ``labels`` of a knot -> whether its box is a prediction that no person has confirmed.
    """
    repeated = len(knots) - len({knot.frame for knot in knots})
    rows.count("boxes left out, as their track has another one at that frame", repeated)
    if knots:
        path = TrackPath(knots, fps, last_frame=last_frame, step=step)
        said = says or actions
        rows.tracks.append(Track(video, path, actions, said, interval, person, merge_key, place, unconfirmed))


def sample_tracks(
    rows: RowBuilder, keyframes: str = GRID, elsewhere: Mapping[str, Collection[float]] | None = None
) -> None:
    """Add the boxes of the tracks in ``rows`` at all keyframes of their videos; what is left out is counted.

    Args:
        keyframes: one of :data:`KEYFRAME_CHOICES`.
        elsewhere: video -> times at which other files have keyframes.

    Raises:
        DataError: keyframes are closer to each other than the frames of a video.
    """
    seen = _visible_tracks(rows)
    wanted = _wanted(seen)
    by_video: dict[str, list[int]] = {}
    for number, track in enumerate(seen):
        by_video.setdefault(track.video, []).append(number)
    own = rows.times() if seen else {}
    moments = {}
    for video, numbers in by_video.items():
        times = {*own.get(video, ()), *(elsewhere or {}).get(video, ())}
        if keyframes != TRACK:
            interval = seen[numbers[0]].interval
            times = {time for time in times if not is_multiple(time, interval)}
        for number in numbers:
            times.update(_middles(seen[number], wanted[number], keyframes))
        moments[video] = sorted(times)
    lost: list[tuple[Track, int]] = []
    for track, stretches in zip(seen, wanted, strict=True):
        met = _add_samples(rows, track, keyframes, moments[track.video])
        missed = [i for i in stretches if i not in met]
        lost += [(track, i) for i in missed]
        if met:
            rows.count(_LOST_WITHIN, len(missed))
        else:
            rows.count(LOST if stretches else _LOST_IDLE)
    rows.sampled = TracksSampled(
        total=sum(map(len, wanted)),
        lost=len(lost),
        tracks=sum(map(bool, wanted)),
        lost_at={interval: sum(track.misses(i, interval) for track, i in lost) for interval in _finer_intervals(seen)},
        actions=_tally((track, i) for track, own in zip(seen, wanted, strict=True) for i in own),
        lost_actions=_tally(lost),
        moments={video: tuple(times) for video, times in moments.items()},
    )
    rows.tracks.clear()


def lost_tracks_note(sampled: Sequence[TracksSampled]) -> str:
    """Return a sentence on what of the tracks of all files is lost, and what other choices would lose; "": nothing."""
    lost, total = sum(one.lost for one in sampled), sum(one.total for one in sampled)
    if not lost:
        return ""
    usable = set.intersection(*(set(one.lost_at) for one in sampled if one.total))
    choices = {f"--keyframes {BOTH} or {TRACK}": 0} | {
        f"--keyframe-interval {interval:g}": sum(one.lost_at.get(interval, 0) for one in sampled)
        for interval in sorted(usable, reverse=True)
    }
    told = ", ".join(f"{choice} would lose {number or 'none'}" for choice, number in choices.items())
    every, gone = Counter(), Counter()
    for one in sampled:
        every.update(one.actions)
        gone.update(one.lost_actions)
    names = listed((f"{name} {number} of {every[name]}" for name, number in gone.most_common()), _LISTED)
    single = total == sum(one.tracks for one in sampled)
    what = counted(total, "track") if single else f"{counted(total, 'action')} of tracks"
    are = "is" if lost == 1 else "are"
    return f"{lost} of {what} {are} visible at no keyframe{f' ({names})' if gone else ''}; {told}"


def _visible_tracks(rows: RowBuilder) -> list[Track]:
    """Return the tracks that are visible at some frame, with their stretches; a track without an action has one."""
    seen = []
    for track in rows.tracks:
        found = track.path.stretches(track.says)
        if not found:
            rows.count("tracks that are never visible left out")
            continue
        track.stretches[:] = found
        if not track.acts:
            track.stretches[:] = [Stretch(found[0].start, found[-1].end, frozenset())]
        seen.append(track)
    return seen


def _wanted(seen: Sequence[Track]) -> list[list[int]]:
    """Return the stretches of each track that want a keyframe: those with actions, or all where no track has any."""
    nobody = not any(track.acts for track in seen)
    return [[i for i, stretch in enumerate(track.stretches) if stretch.actions or nobody] for track in seen]


def _middles(track: Track, wanted: Sequence[int], keyframes: str) -> Iterator[int | float]:
    """Yield the middles of the stretches of a track that have a keyframe of their own."""
    if keyframes != TRACK:
        _require_frames_between(track)
    if keyframes == TRACK:
        # Someone who does nothing is shown once.
        yield from (track.middle(i) for i in wanted or (() if track.acts else (0,)))
    elif keyframes == BOTH:
        yield from (track.middle(i) for i in wanted if track.misses(i, track.interval))


def _add_samples(rows: RowBuilder, track: Track, keyframes: str, moments: Sequence[int | float]) -> set[int]:
    """Add the boxes of a track at the keyframes of its video; return the stretches that are visible at one."""
    met = set()
    for second, box, labels in track.path.samples(_times(track, keyframes, moments)):
        where = f"{track.place}, second {second}"
        rows.add(
            track.video,
            second,
            box,
            track.actions(labels),
            track.person,
            place=where,
            merge_key=track.merge_key,
            unconfirmed=track.unconfirmed(labels),
        )
        met.add(track.stretch_at(second))
    return met


def _times(track: Track, keyframes: str, moments: Sequence[int | float]) -> list[int | float]:
    """Return the keyframes of its video at which a track may be visible, ascending."""
    first, end = track.path.reach
    times = set(moments[bisect_left(moments, first) : bisect_left(moments, end)])
    if keyframes != TRACK:
        times.update(track.path.grid(track.interval))
    return sorted(times)


def _tally(stretches: Iterable[tuple[Track, int]]) -> dict[str, int]:
    """Return action -> number of stretches."""
    return dict(Counter(action for track, i in stretches for action in sorted(track.stretches[i].actions)))


def _finer_intervals(tracks: Sequence[Track]) -> list[int | float]:
    """Return shorter intervals that could be chosen for all of the tracks."""
    found = []
    for parts in _FINER:
        intervals = {track.interval / parts for track in tracks}
        if all(interval * track.path.fps >= 1 for track in tracks for interval in intervals):
            found += [exact_time(interval) for interval in intervals]
    return found


def _require_frames_between(track: Track) -> None:
    if track.interval < 1 and track.interval * track.path.fps < _TOO_FINE:
        raise DataError(
            f"--keyframe-interval {track.interval:g}: {track.video} has {track.path.fps:g} frames per second, so its "
            f"keyframes cannot be less than {1 / track.path.fps:.3f} seconds apart."
        )
