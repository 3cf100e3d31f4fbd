"""What light, lens and sensor make of a picture: brightness, color, sharpness, noise, gray films and black bars."""

from __future__ import annotations

import cv2
import numpy as np


class Lens:
    """Changes of all frames of a video, drawn once.

    Args:
        size: width and height of the frame.
        times: of the frames in seconds, [T].
        rng: source of all choices.
    """

    def __init__(self, size: tuple[int, int], times: np.ndarray, rng: np.random.Generator) -> None:
        self.rng = rng
        width, height = size
        self.gain = np.full(len(times), rng.uniform(0.75, 1.2))
        if rng.random() < 0.2:
            flicker = np.sin(2 * np.pi * (rng.uniform(0.3, 4) * times + rng.random()))
            self.gain = self.gain * (1 + rng.uniform(0.02, 0.12) * flicker)
        self.contrast = rng.uniform(0.85, 1.5)
        self.offset = rng.uniform(-25, 20)
        self.tint = rng.uniform(0.85, 1.15, size=3).astype(np.float32)
        self.gray = bool(rng.random() < 0.1)
        self.blur = float(rng.choice([0.0, 0.5, 0.8, 1.2], p=[0.4, 0.25, 0.2, 0.15]))
        self.bars = int(height * rng.uniform(0.04, 0.14)) if rng.random() < 0.08 else 0
        strength = rng.uniform(0.3, 4.0) * rng.choice([0.5, 1.0])
        self.noise = rng.normal(0, strength, size=(height + 32, width + 32, 1)).astype(np.float32)

    def __call__(self, picture: np.ndarray, index: int) -> np.ndarray:
        """Return the frame of a drawn picture, uint8 [height, width, 3]; ``index`` counts frames."""
        if self.blur:
            picture = cv2.GaussianBlur(picture, (0, 0), self.blur)
        height, width = picture.shape[:2]
        x, y = self.rng.integers(0, 32, size=2)
        scale = np.float32(self.gain[index] * self.contrast) * self.tint
        # Contrast about a dark gray, as cameras let dark places drown.
        levels = (picture - np.float32(110)) * scale + np.float32(110 * self.gain[index] + self.offset)
        levels += self.noise[y : y + height, x : x + width]
        frame = np.clip(levels, 0, 255).astype(np.uint8)
        if self.gray:
            frame = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        if self.bars:
            frame[: self.bars] = frame[-self.bars :] = 0
        return frame
