"""Drawing a planned video: bodies from far to near, before a background and amid other things, by a moving camera."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from alphaction.toy.people.acts import way
from alphaction.toy.people.backdrop import MARGIN, backdrop, noise
from alphaction.toy.people.body import JOINT, joints_of
from alphaction.toy.people.camera import Sway, View, sway_of
from alphaction.toy.people.channels import INDEX
from alphaction.toy.people.lens import Lens
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
        points: joints in the picture of a camera that stands still, pixels [T, J, 2].
        unit: pixels to a body height at the hips, [T].
        heights: of the joints over the ground where the person stands, body heights [T, J].
        shadow: corners of the shadow on the ground, pixels [T, n, 2].
    """

    role: Role
    parts: list[Part]
    depth: np.ndarray
    facing: np.ndarray
    points: np.ndarray
    unit: np.ndarray
    heights: np.ndarray
    shadow: np.ndarray

    def box_at(self, moment: int) -> np.ndarray:
        """Return x1, y1, x2, y2 in pixels around the body."""
        return _around([part for part in self.parts if part.body], moment)

    def things_at(self, moment: int) -> list[np.ndarray]:
        """Return the boxes of what is held."""
        return [_around([part], moment) for part in self.parts if not part.body and part.shown[moment]]


def _around(parts: Sequence[Part], moment: int) -> np.ndarray:
    corners = np.concatenate([part.layers[0].corners[moment] for part in parts])
    return np.concatenate([corners.min(0), corners.max(0)])


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
    ground = at.copy()
    ground[:, [0, 2]] += joints[:, JOINT["pelvis"]][:, [0, 2]]
    ring = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    spread = rng.uniform(0.1, 0.22) * np.stack([np.cos(ring), np.zeros(12), np.sin(ring)], axis=-1)
    shadow, _ = view.project(ground[:, None] + spread)
    return Figure(
        role,
        parts,
        depth[:, JOINT["pelvis"]],
        rows[:, INDEX["yaw"]] - bearing,
        points,
        scale[:, JOINT["pelvis"]],
        joints[..., 1],
        shadow,
    )


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
        self.view, self.fps = view, fps
        # A slow shutter shows two moments at once.
        self.moments = 2 if rng.random() < 0.2 else 1
        count = round(video.seconds * fps)
        times = np.arange(count * self.moments) / (fps * self.moments)
        self.count = count
        angle = rng.uniform(-np.pi, 0)
        light = np.array([np.cos(angle), np.sin(angle)])
        self.figures = [_figure(role, view, times, light, rng) for role in video.roles]
        size = (view.width, view.height)
        first = self.figures[0].points[:, JOINT["chest"]] if video.follows else None
        self.sway = Sway.none(len(times)) if video.plain else sway_of(times, size, first, rng)
        behind, front = rng.choice(4, p=[0.55, 0.2, 0.15, 0.1]), rng.choice(3, p=[0.75, 0.17, 0.08])
        behind, front = (0, 0) if video.plain else (int(behind), int(front))
        self.behind = list(_passing(view, times, behind, rng, front=False))
        self.front = list(_passing(view, times, front, rng, front=True))
        for part in [*self.behind, *self.front, *(part for figure in self.figures for part in figure.parts)]:
            for layer in part.layers:
                layer.fix(self.sway.apply(layer.corners, size))
        lowest = min(view.project(np.array([f.role.place[0], 0.0, f.role.place[1]]))[0][1] for f in self.figures)
        self.backdrop = backdrop(view.width, view.height, view.horizon, lowest, rng, plain=video.plain)
        self.shadows = self._shadows(rng) if rng.random() < 0.6 else []
        self.cloth = [
            rng.uniform(0, 0.5) * (noise(48, 64, 6, rng) + 0.7 * noise(48, 64, 18, rng)) for _ in self.figures
        ]
        self.lens = Lens(size, times[:: self.moments], rng)

    def _shadows(self, rng: np.random.Generator) -> list[Layer]:
        """Return the shadows on the ground, darker than the background where they are first."""
        dark, found = rng.uniform(0.35, 0.8), []
        height, width = self.backdrop.shape[:2]
        for figure in self.figures:
            x, y = figure.shadow[0].mean(0) + np.array([self.view.width, self.view.height]) * MARGIN
            below = self.backdrop[int(np.clip(y, 0, height - 1)), int(np.clip(x, 0, width - 1))]
            layer = Layer(figure.shadow, tuple(float(dark * c) for c in below), hull=True)
            layer.fix(self.sway.apply(layer.corners, (self.view.width, self.view.height)))
            found.append(layer)
        return found

    def _draw(self, moment: int) -> np.ndarray:
        """Return the picture of a moment, uint8 [height, width, 3]."""
        width, height = self.view.width, self.view.height
        zoom, shift = self.sway.zoom[moment], self.sway.shift[moment]
        middle = np.array([width, height]) / 2
        # Where in the background a pixel of the frame comes from.
        origin = middle - (middle + shift - 0.5) / zoom + np.array([MARGIN * width, MARGIN * height]).round() - 0.5
        matrix = np.array([[1 / zoom, 0, origin[0]], [0, 1 / zoom, origin[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        canvas = cv2.warpAffine(self.backdrop, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT)
        for part in self.behind:
            part.layers[0].draw(canvas, moment)
        for shadow in self.shadows:
            shadow.draw(canvas, moment)
        for number in sorted(range(len(self.figures)), key=lambda i: -self.figures[i].depth[moment]):
            self._draw_figure(canvas, number, moment)
        for part in self.front:
            part.layers[0].draw(canvas, moment)
        return canvas

    def _draw_figure(self, canvas: np.ndarray, number: int, moment: int) -> None:
        """Draw a person; folds and patterns of the clothes move with the body."""
        figure, (height, width) = self.figures[number], canvas.shape[:2]
        x1, y1, x2, y2 = np.round(figure.box_at(moment)).astype(int)
        (top, left), (bottom, right) = np.clip([y1, x1], 0, [height, width]), np.clip([y2, x2], 0, [height, width])
        shown = slice(top, bottom), slice(left, right)
        before = canvas[shown].copy()
        for part in sorted(figure.parts, key=lambda part: -part.depth[moment]):
            if part.shown[moment]:
                for layer in part.layers:
                    layer.draw(canvas, moment)
        if not before.size or max(x2 - x1, y2 - y1) > 4 * height:
            return
        folds = cv2.resize(self.cloth[number], (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)
        folds = folds[top - y1 : bottom - y1, left - x1 : right - x1]
        region = canvas[shown]
        factor = np.where((region != before).any(-1), 1 + folds, np.float32(1))
        canvas[shown] = np.clip(region * factor[..., None], 0, 255)

    def frame(self, index: int) -> np.ndarray:
        """Return a frame, uint8 RGB [height, width, 3]."""
        pictures = [self._draw(self.moments * index + k) for k in range(self.moments)]
        picture = pictures[0] if len(pictures) == 1 else cv2.addWeighted(pictures[0], 0.5, pictures[1], 0.5, 0)
        return self.lens(picture, index)

    def frames(self) -> Iterator[np.ndarray]:
        """Yield all frames in order."""
        for index in range(self.count):
            yield self.frame(index)

    def at(self, second: float) -> int:
        """Return the moment of the frame at a time, by which figures are asked."""
        return min(round(second * self.fps), self.count - 1) * self.moments
