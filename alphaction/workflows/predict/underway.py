"""One video on its way through a pipeline."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field

from alphaction.data.annotations import BoxTable
from alphaction.data.dataset import ActionDataset
from alphaction.utils.errors import UserError
from alphaction.workflows.predict.classified import Classified
from alphaction.workflows.predict.clip import Clip
from alphaction.workflows.predict.crew import Ticket
from alphaction.workflows.predict.person_boxes import FoundBoxes
from alphaction.workflows.predict.video_options import VideoFailure, VideoOptions, VideoResult


@dataclass(eq=False)
class VideoUnderway:
    """One video on its way.

    Attributes:
        number: in the order of this process.
        options: what to predict.
        clip: its part, once it is open.
        scale: by which frames are enlarged.
        persons, objects: boxes, once they are known; None for objects: there are none.
        name: in the results.
        found: what a detector has found so far; None: no detector is needed.
        undetected: batches of frames that the detector has still to see.
        tickets: its pieces of work that are not taken yet.
        dataset: its clips; None: nobody is there.
        batches: of its clips, that are not classified yet.
        ready: its clips are known.
        classified: its predictions, when they are made.
        part: removes what is written unless that is complete.
        seconds: stage -> seconds of CPU.
        outcome: what became of it.
        error: why it has failed.
    """

    number: int
    options: VideoOptions
    clip: Clip | None = None
    scale: int = 1
    persons: BoxTable | None = None
    objects: BoxTable | None = None
    name: str = ""
    found: FoundBoxes | None = None
    undetected: int = 0
    tickets: list[Ticket] = field(default_factory=list)
    dataset: ActionDataset | None = None
    batches: deque[Ticket] = field(default_factory=deque)
    ready: bool = False
    classified: Classified | None = None
    part: ExitStack = field(default_factory=ExitStack)
    seconds: dict[str, float] = field(default_factory=dict)
    outcome: VideoResult | VideoFailure | None = None
    error: UserError | None = None

    @property
    def waits(self) -> int:
        """How much of it is still to be detected and classified: batches, or seconds of the video."""
        if self.outcome is not None or self.classified is not None or self.clip is None:
            return 0
        return len(self.batches) if self.ready else len(self.clip.seconds)

    def spend(self, seconds: dict[str, float]) -> None:
        """Count seconds of CPU by stage."""
        for stage, spent in seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent

    def abandon(self, error: BaseException) -> None:
        """Delete what was written of it, unless that is complete."""
        self.part.__exit__(type(error), error, error.__traceback__)
