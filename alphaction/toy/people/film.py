"""Drawing a planned video: bodies from far to near, before a background and amid other things, by a moving camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from alphaction.toy.people.acts import way
from alphaction.toy.people.backdrop import MARGIN, backdrop
from alphaction.toy.people.body import JOINT, joints_of
from alphaction.toy.people.camera import Sway, View, sway_of
from alphaction.toy.people.channels import INDEX
from alphaction.toy.people.looks import cloth
from alphaction.toy.people.paint import Layer, Part, body_parts, discs, shaded
from alphaction.toy.people.stage import Role, Video
from alphaction.toy.people.things import THINGS

_GONE = 3.5
"""A ball that is farther from where it was held, in body heights, is out of sight."""


@dataclass
class Figure:
    """A person in all frames.

    Attributes:
        role: who it is.
        parts: of the body, and what is held.
        depth: of the whole, [T].
        facing: direction seen from the camera, radians [T]; 0 is away from it.
    """

    role: Role
    parts: list[Part]
    depth: np.ndarray
    facing: np.ndarray

    def box(self, frame: int, *, body: bool = True) -> np.ndarray | None:
        """Return x1, y1, x2, y2 in pixels around the body, or else what is held; None if that is not there."""
        corners = [p.layers[0].corners[frame] for p in self.parts if p.body is body and p.shown[frame]]
        if not corners:
            return None
        points = np.concatenate(corners)
        return np.concatenate([points.min(0), points.max(0)])


def _figure(role: Role, view: View, times: np.ndarray, light: np.ndarray, rng: np.random.Generator) -> Figure:
    rows, heading, places = way(role.acts, role.changes, times)
    wobble = rng.uniform(0, 0.02, size=3)[:, None] * np.sin(
        2 * np.pi * (rng.uniform(0.1, 0.5, (3, 1)) * times + rng.random((3, 1)))
    )
    for name, values in zip(("pitch", "roll", "twist"), wobble, strict=True):
        rows[:, INDEX[name]] += values
    rows[:, INDEX["yaw"]] += heading
    joints = joints_of(rows, role.build)
    at = places + np.array([role.place[0], 0.0, role.place[1]])
    away = joints + at[:, None]
    away[:, JOINT["thing"]] = away[:, JOINT["pelvis"]]
    points, scale = view.project(away)
    depth = view.focal / scale
    parts = list(body_parts(points, depth, scale, role.build, role.look, light))
    parts += _held(role, joints, rows[:, INDEX["yaw"]], at, view, times, rng)
    pelvis = away[:, JOINT["pelvis"]]
    bearing = np.arctan2(pelvis[:, 0], np.maximum(pelvis[:, 2], 0.2))
    return Figure(role, parts, depth[:, JOINT["pelvis"]], rows[:, INDEX["yaw"]] - bearing)


def _held(
    role: Role, joints: np.ndarray, yaw: np.ndarray, at: np.ndarray, view: View, times: np.ndarray,
    rng: np.random.Generator,
) -> Iterator[Part]:  # fmt: skip
    """Yield the things of all acts, each shown during its act."""
    ends = [*role.changes, np.inf]
    begins = [-np.inf, *role.changes]
    for act, begin, end in zip(role.acts, begins, ends, strict=True):
        if not act.thing:
            continue
        held = joints.copy()
        if act.left:
            held = _mirrored_joints(joints, yaw)
        places, radii = THINGS[act.thing].points(held, yaw, act.size)
        if act.left:
            places = _mirror(places, yaw)
        points, scale = view.project(places + at[:, None])
        color = cloth(rng)
        corners = discs(points, radii * scale)
        layers = [Layer(corners, shaded(color, 0.3), hull=True)]
        if len(radii) == 1:
            layers.append(
                Layer(discs(points - 0.25 * (radii * scale)[..., None], 0.55 * radii * scale), color, hull=True)
            )
        near = np.abs(joints[:, JOINT["thing"]]).max(1) < _GONE
        shown = (times >= begin) & (times < end) & near
        yield Part(layers, (view.focal / scale).mean(1) - 0.02, shown, body=False)


def _mirror(points: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Return points [T, k, 3] mirrored left to right in the frame of a body with heading ``yaw``."""
    side = np.stack([np.cos(yaw), np.zeros_like(yaw), -np.sin(yaw)], axis=-1)[:, None]
    return points - 2 * (points * side).sum(-1, keepdims=True) * side


def _mirrored_joints(joints: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Return the joints of the mirror image, in which right and left have changed places."""
    other = [
        JOINT[{"r_": "l_", "l_": "r_"}[name[:2]] + name[2:]] if name[:2] in ("r_", "l_") else i
        for name, i in JOINT.items()
    ]
    return _mirror(joints, yaw)[:, other]


def _passing(view: View, times: np.ndarray, count: int, rng: np.random.Generator, *, front: bool) -> Iterator[Part]:
    """Yield what else is in the picture: things that pass or tremble, or, in front, posts and benches that hide."""
    width, height, seconds = view.width, view.height, times[-1]
    for _ in range(count):
        still = front and rng.random() < 0.8
        size = height * (rng.uniform(0.04, 0.16) if front else rng.uniform(0.05, 0.35))
        shape = rng.uniform(0.4, 2.5)
        if still and rng.random() < 0.6:
            size, shape = height * rng.uniform(0.03, 0.08), rng.uniform(6, 30)  # a post
        half = np.array([size / np.sqrt(shape), size * np.sqrt(shape)]) / 2
        start = rng.uniform(0, 1, 2) * np.array([width, height])
        speed = np.zeros(2) if still else rng.normal(0, 1, 2) * np.array([0.35 * width, 0.06 * height])
        path = start + (times[:, None] - seconds / 2) * speed
        if not still and rng.random() < 0.4:
            path = path + height * rng.uniform(0.01, 0.06) * np.sin(
                2 * np.pi * (rng.uniform(0.5, 3) * times[:, None] + rng.random(2))
            )
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        if rng.random() < 0.5 and not still:
            ring = np.linspace(0, 2 * np.pi, 9, endpoint=False)
            corners = np.stack([np.cos(ring), np.sin(ring)], axis=-1) * half
        layer = Layer(path[:, None] + corners, cloth(rng))
        yield Part([layer], np.zeros(len(times)), np.ones(len(times), dtype=bool), body=False)


class Film:
    """All frames of one planned video.

    Args:
        video: the plan.
        fps: frames a second.
    """

    def __init__(self, video: Video, fps: float) -> None:
        rng = np.random.default_rng(video.seed)
        view = video.view
        self.view, self.fps, self.rng = view, fps, rng
        self.times = times = np.arange(round(video.seconds * fps)) / fps
        angle = rng.uniform(-np.pi, 0)
        light = np.array([np.cos(angle), np.sin(angle)])
        self.figures = [_figure(role, view, times, light, rng) for role in video.roles]
        first = self.figures[0].parts[0].layers[0].corners.mean(1) if video.follows else None
        self.sway: Sway = sway_of(times, (view.width, view.height), first, rng)
        self.behind = list(_passing(view, times, int(rng.choice(4, p=[0.55, 0.2, 0.15, 0.1])), rng, front=False))
        self.front = list(_passing(view, times, int(rng.choice(3, p=[0.75, 0.17, 0.08])), rng, front=True))
        for part in [*self.behind, *self.front, *(part for figure in self.figures for part in figure.parts)]:
            for layer in part.layers:
                layer.fix(self.sway.apply(layer.corners, (view.width, view.height)))
        lowest = min(view.project(np.array([f.role.place[0], 0.0, f.role.place[1]]))[0][1] for f in self.figures)
        self.backdrop = backdrop(view.width, view.height, view.horizon, lowest, rng)
        self._draw_air(rng)

    def _draw_air(self, rng: np.random.Generator) -> None:
        """Draw light, sharpness and noise of the whole video."""
        times = self.times
        self.gain = np.full(len(times), rng.uniform(0.7, 1.2))
        if rng.random() < 0.2:
            self.gain = self.gain * (
                1 + rng.uniform(0.02, 0.12) * np.sin(2 * np.pi * (rng.uniform(0.3, 4) * times + rng.random()))
            )
        self.tint = rng.uniform(0.85, 1.15, size=3)
        self.offset = rng.uniform(-20, 25)
        self.blur = float(rng.choice([0.0, 0.5, 0.8, 1.2], p=[0.4, 0.25, 0.2, 0.15]))
        strength = rng.uniform(0.5, 6.0)
        shape = (self.view.height + 32, self.view.width + 32, 1)
        self.noise = rng.normal(0, strength, size=shape).astype(np.float32)

    def frame(self, index: int) -> np.ndarray:
        """Return a frame, uint8 RGB [height, width, 3]."""
        width, height = self.view.width, self.view.height
        zoom, shift = self.sway.zoom[index], self.sway.shift[index]
        middle = np.array([width, height]) / 2
        # Where in the background a pixel of the frame comes from.
        origin = middle - (middle + shift - 0.5) / zoom + np.array([MARGIN * width, MARGIN * height]).round() - 0.5
        matrix = np.array([[1 / zoom, 0, origin[0]], [0, 1 / zoom, origin[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        canvas = cv2.warpAffine(self.backdrop, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
        for part in self.behind:
            part.layers[0].draw(canvas, index)
        for figure in sorted(self.figures, key=lambda figure: -figure.depth[index]):
            for part in sorted(figure.parts, key=lambda part: -part.depth[index]):
                if part.shown[index]:
                    for layer in part.layers:
                        layer.draw(canvas, index)
        for part in self.front:
            part.layers[0].draw(canvas, index)
        if self.blur:
            canvas = cv2.GaussianBlur(canvas, (0, 0), self.blur)
        x, y = self.rng.integers(0, 32, size=2)
        levels = canvas * (self.gain[index] * self.tint).astype(np.float32)
        levels += self.noise[y : y + height, x : x + width] + np.float32(self.offset)
        return np.clip(levels, 0, 255).astype(np.uint8)

    def frames(self) -> Iterator[np.ndarray]:
        """Yield all frames in order."""
        for index in range(len(self.times)):
            yield self.frame(index)

    def at(self, second: float) -> int:
        """Return the index of the frame at a time."""
        return min(round(second * self.fps), len(self.times) - 1)
