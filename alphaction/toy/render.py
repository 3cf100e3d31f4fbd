"""Drawing scenes: random backgrounds, a hand-held camera, figures with outlines, sensor noise.

Frames are drawn at twice their size and averaged, so that slow movements are smooth. Nothing here depends on the class:
colors and backgrounds come from a video's own random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from alphaction.toy.figure import HEAD_RADIUS, HIP_HALF, LIMB_RADIUS, SHOULDER_HALF, Skeleton
from alphaction.toy.scene import Scene, Snapshot, Thing

SUPERSAMPLE = 2
SUBPIXEL_BITS = 4
SHAKE, DRIFT = 0.006, 0.014
NOISE_TILES = 6
OUTLINE = (24, 22, 28)
Color = tuple[int, int, int]


@dataclass(frozen=True)
class Camera:
    """A hand-held camera: a slow drift and a light shake, as sums of two waves for x and y."""

    amplitudes: np.ndarray
    rates: np.ndarray
    phases: np.ndarray

    @classmethod
    def random(cls, rng: np.random.Generator) -> Camera:
        """Return a camera with random drift and shake."""
        amplitudes = np.array([[DRIFT], [SHAKE]]) * rng.uniform(0.3, 1.0, size=(2, 2))
        rates = np.array([[0.08], [0.9]]) * rng.uniform(0.7, 1.3, size=(2, 2))
        return cls(amplitudes, rates, rng.random((2, 2)))

    def offset(self, time: float, height: int) -> np.ndarray:
        """Return the shift (x, y) of the scene at ``time`` in pixels of the frame, in steps that can be drawn."""
        shift = (self.amplitudes * np.sin(2 * np.pi * (self.rates * time + self.phases))).sum(0)
        return np.round(shift * height * SUPERSAMPLE) / SUPERSAMPLE


def make_background(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random backdrop [height, width, 3], uint8: a gradient with cloudy texture and patches."""
    base = rng.uniform(70, 200, size=3)
    slope = np.linspace(-1, 1, height)[:, None, None] * rng.uniform(-25, 25, size=3)
    clouds = rng.normal(0, 9, size=(7, 10, 3)).astype(np.float32)
    fine = rng.normal(0, 5, size=(height // 12, width // 12, 3)).astype(np.float32)
    texture = sum(cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC) for layer in (clouds, fine))
    picture = base + slope + texture
    picture = np.ascontiguousarray(np.clip(picture, 0, 255).astype(np.uint8))
    for _ in range(int(rng.integers(3, 8))):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        w, h = rng.uniform(0.04, 0.2, size=2) * height
        color = np.clip(base + rng.normal(0, 22, size=3), 0, 255)
        cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), color.tolist(), cv2.FILLED)
    return picture


class Painter:
    """Draws lines, circles and polygons with subpixel places on one picture.

    Args:
        picture: uint8 [height, width, 3], drawn on in place.
        scale: pixels to one frame unit.
        shift: pixels added to every place, xy.
    """

    def __init__(self, picture: np.ndarray, scale: float, shift: np.ndarray) -> None:
        self.picture, self.scale = picture, scale
        self.fixed_scale, self.fixed_shift = scale * 2**SUBPIXEL_BITS, shift * 2**SUBPIXEL_BITS

    def _fixed(self, points: np.ndarray) -> np.ndarray:
        return np.rint(points * self.fixed_scale + self.fixed_shift).astype(np.int32)

    def line(self, points: np.ndarray, radius: float, color: Color) -> None:
        """Draw a limb through ``points`` [n, 2] with round ends; ``radius`` in frame units."""
        thickness = max(1, round(2 * radius * self.scale))
        cv2.polylines(self.picture, [self._fixed(points)], False, color, thickness, cv2.LINE_AA, SUBPIXEL_BITS)

    def disc(self, center: np.ndarray, radius: float, color: Color) -> None:
        """Draw a filled circle."""
        fixed = self._fixed(center)
        size = round(radius * self.scale * 2**SUBPIXEL_BITS)
        cv2.circle(self.picture, (int(fixed[0]), int(fixed[1])), size, color, cv2.FILLED, cv2.LINE_AA, SUBPIXEL_BITS)

    def polygon(self, points: np.ndarray, color: Color) -> None:
        """Draw a filled convex polygon."""
        cv2.fillConvexPoly(self.picture, self._fixed(points), color, cv2.LINE_AA, SUBPIXEL_BITS)

    def box(self, box: np.ndarray, color: Color) -> None:
        """Draw a filled rectangle x1, y1, x2, y2."""
        x1, y1, x2, y2 = box
        self.polygon(np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]]), color)


def draw_limb(painter: Painter, joints: np.ndarray, color: Color, height: float) -> None:
    """Draw one arm or leg with its outline."""
    painter.line(joints, LIMB_RADIUS * height, OUTLINE)
    painter.line(joints, LIMB_RADIUS * 0.62 * height, color)


def draw_thing(painter: Painter, thing: Thing, box: np.ndarray) -> None:
    """Draw an object that fills ``box``."""
    center, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    rim = 0.2 * half.min()
    if thing.kind == "ball":
        painter.disc(center, half[0], OUTLINE)
        painter.disc(center, half[0] - rim, thing.color)
    else:
        painter.box(box, OUTLINE)
        painter.box(np.concatenate([box[:2] + rim, box[2:] - rim]), thing.color)


def draw_torso(painter: Painter, joints: Skeleton, color: Color) -> None:
    """Draw the trunk between shoulders and hip."""
    height = joints.height
    for grow, shade in ((0.028 * height, OUTLINE), (0.0, color)):
        top, bottom = SHOULDER_HALF * height + grow, HIP_HALF * 1.35 * height + grow
        up, down = 0.01 * height + grow, 0.05 * height + grow
        (x, y), (hip_x, hip_y) = joints.neck, joints.hip
        y, hip_y = y - up, hip_y + down
        corners = [(x - top, y), (x + top, y), (hip_x + bottom, hip_y), (hip_x - bottom, hip_y)]
        painter.polygon(np.array(corners), shade)


def draw_person(painter: Painter, person: Snapshot) -> None:
    """Draw a figure, seen from the front, with what he carries."""
    joints, look = person.skeleton, person.look
    height = joints.height
    for leg in joints.legs:
        draw_limb(painter, leg, look.trousers, height)
    draw_torso(painter, joints, look.shirt)
    painter.disc(joints.head, HEAD_RADIUS * height, OUTLINE)
    painter.disc(joints.head, HEAD_RADIUS * 0.76 * height, look.skin)
    for side in (-1, 1):
        painter.disc(joints.head + np.array([side * 0.03, -0.01]) * height, 0.013 * height, OUTLINE)
    for arm in joints.arms:
        draw_limb(painter, arm, look.shirt, height)
    if person.thing is not None and person.thing_box is not None:
        draw_thing(painter, person.thing, person.thing_box)
    for arm in joints.arms:
        painter.disc(arm[2], LIMB_RADIUS * 0.95 * height, OUTLINE)
        painter.disc(arm[2], LIMB_RADIUS * 0.7 * height, look.skin)


class Renderer:
    """Draws one scene's frames.

    Args:
        scene: what to draw.
        width, height: frame size in pixels.
        rng: source of the background, camera and noise.
    """

    def __init__(self, scene: Scene, width: int, height: int, rng: np.random.Generator) -> None:
        self.scene, self.width, self.height, self.rng = scene, width, height, rng
        self.camera = Camera.random(rng)
        # Room for the largest shift of the camera on every side.
        self.border = int(np.ceil((SHAKE + DRIFT) * height)) + 1
        size = [SUPERSAMPLE * (length + 2 * self.border) for length in (width, height)]
        self.background = make_background(*size, rng)
        strength = rng.uniform(1.5, 4.0)
        self.noise = rng.normal(0, strength, size=(NOISE_TILES, height, width, 1)).astype(np.float32)

    def frame(self, time: float) -> np.ndarray:
        """Return the frame at ``time``: uint8 RGB [height, width, 3]."""
        offset = self.camera.offset(time, self.height)
        x, y = np.round((self.border - offset) * SUPERSAMPLE).astype(int)
        canvas = self.background[y : y + SUPERSAMPLE * self.height, x : x + SUPERSAMPLE * self.width].copy()
        # A pixel's center is a whole number for OpenCV and half of one for boxes.
        painter = Painter(canvas, SUPERSAMPLE * self.height, SUPERSAMPLE * offset - 0.5)
        for prop in self.scene.props:
            draw_thing(painter, prop.thing, prop.box(time))
        for person in self.scene.snapshot(time):
            draw_person(painter, person)
        small = cv2.resize(canvas, (self.width, self.height), interpolation=cv2.INTER_AREA)
        tile = self.noise[int(self.rng.integers(NOISE_TILES))]
        noise = np.roll(tile, tuple(self.rng.integers(0, 64, size=2)), axis=(0, 1))
        return np.clip(small + noise, 0, 255).astype(np.uint8)

    def frames(self, seconds: int, fps: float) -> Iterator[np.ndarray]:
        """Yield the frames of a video of that length."""
        for index in range(round(seconds * fps)):
            yield self.frame(index / fps)

    def to_unit(self, box: np.ndarray, time: float) -> np.ndarray:
        """Return a box of the scene (frame units) as it shows at ``time``: fractions of width and height, clipped."""
        shift = np.tile(self.camera.offset(time, self.height), 2)
        return np.clip((box * self.height + shift) / np.tile([self.width, self.height], 2), 0.0, 1.0)
