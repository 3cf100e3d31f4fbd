"""Results as video samples of the package FiftyOne, to be looked at in its app."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alphaction.api.results import Person, Prediction
from alphaction.utils.errors import UserError
from alphaction.utils.imports import require_optional

if TYPE_CHECKING:
    import fiftyone


def to_fiftyone(
    results: Iterable[Prediction],
    *,
    field: str = "actions",
    threshold: float | Mapping[str, float] | None = None,
) -> list[fiftyone.Sample]:
    """Return a video sample for each video, with detections on the frames at which actions were predicted.

    Each action of a person that reaches its threshold is a detection: ``label``, ``confidence``, ``bounding_box`` (x,
    y, width, height as fractions of the frame), ``index`` (the number of the person) and ``box_score``. A person
    without such an action has one of the best class, so that everybody is there.

    Args:
        results: of :meth:`ActionDetector.predict`, of video files.
        field: of the frames, that holds the detections.
        threshold: see :meth:`Person.actions`.

    Raises:
        UserError: FiftyOne is not installed, or results are of frames, which no sample can show.
    """
    fiftyone = require_optional("fiftyone", "to_fiftyone()")

    samples: dict[str, fiftyone.Sample] = {}
    for result in results:
        if result.video not in samples:
            path = Path(result.video)
            if not path.is_file():
                raise UserError(
                    f"to_fiftyone(): {result.video} is not a file. FiftyOne shows videos: predict a file, or write the "
                    "frames to one."
                )
            samples[result.video] = fiftyone.Sample(filepath=str(path.resolve()))
        found = [
            fiftyone.Detection(
                label=name,
                confidence=score,
                bounding_box=_relative(person, result.size),
                index=person.id,
                box_score=person.box_score,
            )
            for person in result.persons
            for name, score in person.actions(threshold) or person.top(1)
        ]
        # Frames count from 1.
        number = round(result.second * result.fps) + 1
        samples[result.video].frames[number] = fiftyone.Frame(**{field: fiftyone.Detections(detections=found)})
    return list(samples.values())


def _relative(person: Person, size: tuple[int, int]) -> list[float]:
    """Return x, y, width, height as fractions of the frame."""
    (x1, y1, x2, y2), (width, height) = person.box, size
    return [x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height]
