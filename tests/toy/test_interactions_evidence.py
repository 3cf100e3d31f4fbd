"""What the clips of the world "interactions" can tell: exactly what they are meant to, before and after encoding.

Two videos that differ in one coin are compared: whatever that coin decides may show in its cause, and nowhere else.
Axes of frames: T frames, H and W rows and columns, 3 channels (RGB).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from alphaction.config import load_cfg
from alphaction.data.temporal import TemporalSampling
from alphaction.data.video.encoder import write_video
from alphaction.data.video.whole_movies import MovieSource
from alphaction.toy.drawing import SceneDrawing
from alphaction.toy.interactions_world import (
    AMID_WAVES,
    BALL_BOUNCES,
    JUMPS,
    LAG,
    OTHER_JUMPS,
    STANDS,
    WAVES,
    Cast,
    Coins,
    InteractionsWorld,
    make_scene,
)
from alphaction.toy.render import Renderer
from alphaction.toy.scene import BLEND_SECONDS
from alphaction.toy.writer import Counts, Tables, add_rows

SECONDS = 2 * LAG + 1
OPTIONS = replace(InteractionsWorld.defaults, seconds=SECONDS)
IDS = {toy_class.name: toy_class.id for toy_class in InteractionsWorld.classes}
# A codec's square of pixels, which it may treat as a whole.
BLOCK = 16


@dataclass(frozen=True)
class Film:
    """A video as it was drawn and as the dataset reads it.

    Attributes:
        labels: class names of each person (0 or 1) at each second.
        drawn: uint8 [T, H, W, 3], all frames before encoding.
        clips: uint8 [SECONDS, slots, H, W, 3], the clip of every second after encoding.
        persons, objects: rows of the detection files for each second.
        columns: for each second, the columns (first, end) that persons 0 and 1 and the ball reach while its coins show.
    """

    labels: list[dict[int, set[str]]]
    drawn: np.ndarray
    clips: np.ndarray
    persons: list[list[str]]
    objects: list[list[str]]
    columns: list[list[tuple[int, int]]]


@pytest.fixture(scope="module")
def clip_slots(repo_root) -> tuple[list[int], float]:
    """All slots that a clip of the world's config may read, and its frames per second."""
    inputs = load_cfg(repo_root / "config_files" / "tiny" / "interactions.yaml").INPUT
    sampling = TemporalSampling(inputs.FRAME_NUM, inputs.FRAME_SAMPLE_RATE, inputs.TAU, inputs.ALPHA)
    starts = (None, *range(inputs.TAU))
    return sorted({slot for start in starts for slot in chain(*sampling.slots(start))}), inputs.FPS


@pytest.fixture(scope="module")
def film(clip_slots, tmp_path_factory) -> Callable[[Coins], Film]:
    """Make the video of some coins; everything else is the same in all of them."""
    slots, fps = clip_slots
    cast = Cast.random(OPTIONS.width / OPTIONS.height, np.random.default_rng(7))
    folder: Path = tmp_path_factory.mktemp("videos")

    def make(coins: Coins) -> Film:
        scene = make_scene(cast, coins)
        drawing = SceneDrawing(scene, OPTIONS, np.random.default_rng(8))
        renderer = drawing.renderer
        drawn = np.stack(list(renderer.frames(SECONDS, OPTIONS.fps)))
        name = f"video_{len(list(folder.iterdir()))}"
        write_video(
            folder / f"{name}.mp4", drawn, OPTIONS.fps, independent_seconds=InteractionsWorld.independent_seconds
        )
        source = MovieSource(folder)
        tables = [Tables() for _ in range(SECONDS)]
        for second, rows in enumerate(tables):
            exact = InteractionsWorld.exact_detections
            add_rows(rows, "video", second, drawing, IDS, np.random.default_rng(9), exact, Counts())
        return Film(
            [{person: set(names) for person, names in scene.labels(second).items()} for second in range(SECONDS)],
            drawn,
            np.stack([source.read(name, second, slots, fps) for second in range(SECONDS)]),
            [rows.persons for rows in tables],
            [rows.objects for rows in tables],
            [reached_columns(renderer, second) for second in range(SECONDS)],
        )

    return make


def reached_columns(renderer: Renderer, second: int) -> list[tuple[int, int]]:
    """Return the columns (first, end) that persons 0 and 1 and the ball touch about a second, rounded outwards."""
    boxes = []
    scene = renderer.scene
    # A coin shows for half a second to either side, and in the blend of two poses.
    reach = 0.5 + BLEND_SECONDS / 2
    for time in np.arange(max(second - reach, 0.0), second + reach, 1 / 48):
        of_time = [person.skeleton.box() for person in scene.snapshot(time)] + [scene.props[0].box(time)]
        boxes.append([renderer.to_unit(box, time)[::2] * renderer.width for box in of_time])
    low, high = np.min(boxes, axis=0)[:, 0], np.max(boxes, axis=0)[:, 1]
    # The outline is smooth: it reaches up to a pixel further.
    return [(int(first), int(end)) for first, end in zip(np.floor(low) - 1, np.ceil(high) + 1, strict=True)]


@pytest.fixture(scope="module")
def coins() -> Coins:
    return Coins.toss(SECONDS, np.random.default_rng(4))


@pytest.fixture(scope="module")
def usual(film, coins) -> Film:
    return film(coins)


def turned(coins: Coins, name: str, *place: int) -> Coins:
    """Return coins of which one is turned over."""
    changed = getattr(coins, name).copy()
    changed[place] ^= True
    return replace(coins, **{name: changed})


def changed_labels(first: Film, second: Film, time: int, person: int) -> set[str]:
    """Return the classes that a person has in only one of the two videos."""
    return first.labels[time][person] ^ second.labels[time][person]


def outside(frames: np.ndarray, span: tuple[int, int]) -> np.ndarray:
    """Return frames [..., H, W, 3] without the columns of a span."""
    return np.concatenate([frames[..., : span[0], :], frames[..., span[1] :, :]], axis=-2)


def joined(*spans: tuple[int, int]) -> tuple[int, int]:
    """Return the span that holds all of these."""
    return min(first for first, _ in spans), max(end for _, end in spans)


def in_blocks(span: tuple[int, int]) -> tuple[int, int]:
    """Return a span of columns rounded outwards to whole blocks of the codec."""
    return span[0] // BLOCK * BLOCK, -(-span[1] // BLOCK) * BLOCK


def assert_other_clips_equal(first: Film, second: Film, time: int) -> None:
    """Everything that the dataset reads at other seconds is the same, bit for bit."""
    others = [other for other in range(SECONDS) if other != time]
    np.testing.assert_array_equal(first.clips[others], second.clips[others])
    for rows in ("persons", "objects"):
        assert [getattr(first, rows)[other] for other in others] == [getattr(second, rows)[other] for other in others]


@pytest.mark.parametrize("second", range(SECONDS))
@pytest.mark.parametrize("distance", [1, LAG])
def test_the_memory_class_leaves_no_trace_in_its_clip(film, usual, coins, second, distance):
    """All waving so far away or farther turns over, and the label with them: clip and detections stay bit by bit."""
    turned_over = np.abs(np.arange(SECONDS) - second) >= distance
    other = film(replace(coins, waves=coins.waves ^ turned_over))
    assert [changed_labels(usual, other, second, person) for person in range(2)] == [{AMID_WAVES}] * 2
    np.testing.assert_array_equal(usual.clips[second], other.clips[second])
    assert usual.persons[second] == other.persons[second]
    assert usual.objects == other.objects


@pytest.mark.parametrize("cause", range(SECONDS))
def test_a_wave_shows_only_in_the_clip_of_its_second(film, usual, coins, cause):
    other = film(turned(coins, "waves", cause))
    assert_other_clips_equal(usual, other, cause)
    for second in set(range(SECONDS)) - {cause}:
        assert changed_labels(usual, other, second, 0) <= {AMID_WAVES}
    assert np.abs(usual.clips[cause].astype(int) - other.clips[cause]).max() > 50


@pytest.mark.parametrize("cause", range(SECONDS))
def test_the_ball_shows_only_where_it_is(film, usual, coins, cause):
    other = film(turned(coins, "bounces", cause))
    assert [changed_labels(usual, other, cause, person) for person in range(2)] == [{BALL_BOUNCES}] * 2
    assert_other_clips_equal(usual, other, cause)
    span = joined(usual.columns[cause][2], other.columns[cause][2])
    np.testing.assert_array_equal(outside(usual.drawn, span), outside(other.drawn, span))
    span = in_blocks(span)
    np.testing.assert_array_equal(outside(usual.clips, span), outside(other.clips, span))
    assert usual.persons == other.persons
    assert np.abs(usual.clips[cause].astype(int) - other.clips[cause]).max() > 50


@pytest.mark.parametrize("person", [0, 1])
@pytest.mark.parametrize("cause", range(SECONDS))
def test_the_other_person_shows_only_where_he_is(film, usual, coins, cause, person):
    other = film(turned(coins, "jumps", 1 - person, cause))
    assert changed_labels(usual, other, cause, person) == {OTHER_JUMPS}
    assert_other_clips_equal(usual, other, cause)
    span = joined(usual.columns[cause][1 - person], other.columns[cause][1 - person])
    np.testing.assert_array_equal(outside(usual.drawn, span), outside(other.drawn, span))
    span = in_blocks(span)
    np.testing.assert_array_equal(outside(usual.clips, span), outside(other.clips, span))
    # His own row: box and score.
    assert usual.persons[cause][person] == other.persons[cause][person]
    assert usual.objects == other.objects


@pytest.mark.parametrize(("name", "classes"), [("jumps", {JUMPS, STANDS}), ("waves", {WAVES})])
def test_own_classes_do_show_in_their_person(film, usual, coins, name, classes):
    """The comparison can fail: what a person does himself changes his pixels."""
    for cause in (1, LAG, SECONDS - 1):
        other = film(turned(coins, name, *([0] if name == "jumps" else []), cause))
        assert changed_labels(usual, other, cause, 0) == classes
        first, end = joined(usual.columns[cause][0], other.columns[cause][0])
        difference = np.abs(usual.clips[cause].astype(int) - other.clips[cause])[:, :, first:end]
        assert np.median(difference.max(axis=(1, 2, 3))) > 50
        assert difference.mean() > 3


def test_persons_and_ball_have_separate_blocks(usual):
    for (_, end_left), (start_right, _), (start, end) in usual.columns:
        assert in_blocks((0, end_left))[1] < in_blocks((start, end))[0]
        assert in_blocks((start, end))[1] < in_blocks((start_right, start_right))[0]
