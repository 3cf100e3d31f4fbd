"""What a person can choose about a toy dataset, and the limits of each choice."""

from __future__ import annotations

from dataclasses import dataclass

from alphaction.utils.errors import UserError
from alphaction.utils.numbers import Range, whole
from alphaction.utils.options import check_options, option

MAX_HEIGHT = 1080


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

    Worlds are in :mod:`alphaction.toy.world`. A video has a keyframe at seconds 0, 1, ... ``seconds - 1``.
    """

    world: str = option("actions", metavar="NAME", help="kind of scenes (default: %(default)s)")
    num_train: int = option(80, within=whole(1, 100_000), metavar="N", help="training videos")
    num_val: int = option(16, within=whole(1, 100_000), metavar="N", help="validation videos")
    seconds: int = option(12, metavar="N", help="length of a video")
    # Slower video loses the quick movements.
    fps: float = option(12.0, within=Range(8, 60), metavar="N", help="frames per second")
    width: int = option(160, metavar="N", help="frame width in pixels, even")
    height: int = option(120, metavar="N", help="frame height in pixels, even; figures are 0.4 to 0.64 of it")
    seed: int = option(0, within=whole(0, 2**63 - 1), metavar="N", help="start of all random choices")

    def check(self, limits: Limits) -> None:
        """Raise a :class:`UserError` that lists every value out of its limits, with the limits."""
        problems = check_options(self)

        def check_range(flag: str, value: float, low: float, high: float, why: str = "") -> None:
            if not low <= value <= high:
                problems.append(f"--{flag} {value:g}: expected {low:g} to {high:g}{why}")

        check_range("seconds", self.seconds, limits.min_seconds, limits.max_seconds, f" for --world {self.world}")
        check_range("height", self.height, limits.min_height, MAX_HEIGHT, " (smaller figures look the same)")
        low, high = (int(self.height * limits.min_aspect + 1) // 2 * 2, int(self.height * limits.max_aspect) // 2 * 2)
        check_range("width", self.width, low, high, f" for --height {self.height} (the figures of this world must fit)")
        problems += [
            f"--{flag} {value}: expected an even number (video codecs halve the color planes), such as {value + 1}"
            for flag, value in (("width", self.width), ("height", self.height))
            if value % 2
        ]
        if problems:
            raise UserError("the options of the toy dataset do not fit:\n  " + "\n  ".join(problems))
