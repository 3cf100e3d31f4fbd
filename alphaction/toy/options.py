"""What a person can choose about a toy dataset, and the limits of each choice."""

from __future__ import annotations

from dataclasses import dataclass

from alphaction.utils.errors import UserError

MAX_HEIGHT = 1080
MIN_FPS, MAX_FPS = 8.0, 60.0


@dataclass(frozen=True)
class Limits:
    """What a world can do with: the least height in pixels, width / height, and the length in seconds."""

    min_height: int = 96
    min_aspect: float = 1.25
    max_aspect: float = 3.0
    min_seconds: int = 3
    max_seconds: int = 600


@dataclass(frozen=True)
class ToyOptions:
    """Everything that decides the contents of a toy dataset: equal options give equal annotations and frames.

    Attributes:
        world: name of the kind of scenes, see :mod:`alphaction.toy.world`.
        num_train, num_val: videos of each split.
        seconds: length of every video; each has a keyframe at seconds 0, 1, ... ``seconds - 1``.
        fps: frames per second.
        width, height: frame size in pixels, even numbers.
        seed: start of all random choices.
    """

    world: str = "actions"
    num_train: int = 80
    num_val: int = 16
    seconds: int = 12
    fps: float = 12.0
    width: int = 160
    height: int = 120
    seed: int = 0

    def check(self, limits: Limits) -> None:
        """Raise a :class:`UserError` that lists every value out of its limits, with the limits."""
        problems = []

        def check_range(flag: str, value: float, low: float, high: float, why: str = "") -> None:
            if not low <= value <= high:
                problems.append(f"--{flag} {value:g}: expected {low:g} to {high:g}{why}")

        check_range("num-train", self.num_train, 1, 100_000)
        check_range("num-val", self.num_val, 1, 100_000)
        check_range("seconds", self.seconds, limits.min_seconds, limits.max_seconds, f" for --world {self.world}")
        check_range("fps", self.fps, MIN_FPS, MAX_FPS, " (slower video loses the quick movements)")
        check_range("height", self.height, limits.min_height, MAX_HEIGHT, " (smaller figures cannot be told apart)")
        low, high = (int(self.height * limits.min_aspect + 1) // 2 * 2, int(self.height * limits.max_aspect) // 2 * 2)
        check_range("width", self.width, low, high, f" for --height {self.height} (the figures of this world must fit)")
        problems += [
            f"--{flag} {value}: expected an even number (video codecs halve the color planes), such as {value + 1}"
            for flag, value in (("width", self.width), ("height", self.height))
            if value % 2
        ]
        if not 0 <= self.seed < 2**63:
            problems.append(f"--seed {self.seed}: expected 0 to 2**63 - 1")
        if problems:
            raise UserError("the options of the toy dataset do not fit:\n  " + "\n  ".join(problems))
