"""Detections on every annotated keyframe of a dataset, in batches; an interrupted run continues where it stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from alphaction.data.annotations import BoxTable, Keyframe, write_box_csv
from alphaction.data.video.clip_source import ClipSource
from alphaction.utils.atomic import replacing
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import counted, first_lines
from alphaction.workflows.detect.detected_boxes import DetectedBoxes, Detector, VideoDetector
from alphaction.workflows.detect.detector_options import MOTION
from alphaction.workflows.detect.moving_regions import LOWEST
from alphaction.workflows.detect.partial_detections import PartialDetections

logger = logging.getLogger(__name__)


def detect_dataset(
    make_detector: Callable[[], Detector],
    source: ClipSource,
    keyframes: Sequence[Keyframe],
    output: Path,
    *,
    batch_size: int = 4,
    options: Mapping[str, str | float | int | bool] | None = None,
) -> BoxTable:
    """Detect on the frame of each keyframe and write ``output``, a csv that ``read_boxes`` reads.

    Finished batches are kept in ``output.partial`` until the end. A frame that cannot be read does not stop the rest,
    but the run then ends in an error that lists such frames, and a new run tries only these again.

    Args:
        make_detector: called once, and only if a frame is left to look at.
        source: where the frames come from.
        keyframes: what to look at.
        output: the csv file (gzip if the name ends in .gz); replaced if it exists.
        batch_size: frames at a time.
        options: what the boxes depend on, recorded to keep runs apart.

    Raises:
        UserError: frames could not be read, not one box was found, or the unfinished run in ``output.partial`` had
            other options.
    """
    partial = PartialDetections(output, options or {})
    left = [keyframe for keyframe in keyframes if keyframe not in partial.found]
    if len(left) < len(keyframes):
        logger.info("%s: %d of %d keyframes are done", partial.path, len(keyframes) - len(left), len(keyframes))
    problems: list[str] = []
    if left:
        detector = make_detector()
        if isinstance(detector, VideoDetector):
            found = _one_by_one(detector, source, left, problems)
        else:
            found = ((batch, detector.detect(frames)) for batch, frames in _batches(source, left, batch_size, problems))
        with tqdm(total=len(keyframes), initial=len(keyframes) - len(left), unit="frame", disable=None) as bar:
            for batch, boxes in found:
                partial.add(batch, boxes)
                bar.update(len(batch))
    if problems:
        shown = first_lines([f"{number}. {text}" for number, text in enumerate(problems, start=1)])
        raise DataError(
            "\n  ".join([f"{len(problems)} of {counted(len(keyframes), 'keyframe')} could not be read:", *shown])
            + f"\nThe others are kept in {partial.path}. Repair the videos, or remove those keyframes from the "
            "annotations, and start the same command again."
        )
    table = partial.table(keyframes, str(output))
    if len(table):
        with replacing(output) as new:
            write_box_csv(new, table)
    partial.remove()
    if not len(table):
        score = (options or {}).get("score")
        found, lower = (f" that scores {score:g} or more", "Lower --score. ") if score else ("", "")
        raise DataError(
            f"the detector found nothing{found} on {counted(len(keyframes), 'keyframe')}; {output} was not written. "
            f"{lower}{small_persons(options or {})}, and check the weights and the videos."
        )
    return table


def small_persons(options: Mapping[str, object]) -> str:
    """Return what shows small persons to a detector of these recorded options: "Raise --short-side for ..."."""
    if "onnx" in options:
        return "Raise --onnx-size for small persons, if the file leaves the size free"
    if options.get("detector") == MOTION:
        return f"Regions lower than {LOWEST:g} of the frame's height are left out, and so is who stands"
    if "hf_model" in options:
        return "Take a model of larger frames for small persons"
    return "Raise --short-side for small persons"


def _one_by_one(
    detector: VideoDetector, source: ClipSource, keyframes: Sequence[Keyframe], problems: list[str]
) -> Iterator[tuple[list[Keyframe], list[DetectedBoxes]]]:
    """Yield keyframes and their boxes; what cannot be read is left out and added to ``problems``."""
    for keyframe in keyframes:
        try:
            boxes = detector.detect_at(source, keyframe.video, keyframe.second)
        except UserError as error:
            problems.append(_problem(keyframe, error))
            continue
        yield [keyframe], [boxes]


def _problem(keyframe: Keyframe, error: UserError) -> str:
    return f"{keyframe.video} second {keyframe.second}: {error}"


def _batches(
    source: ClipSource, keyframes: Sequence[Keyframe], batch_size: int, problems: list[str]
) -> Iterator[tuple[list[Keyframe], list[np.ndarray]]]:
    """Yield batches of keyframes and their frames, uint8 [H, W, 3] RGB; the next one is decoded meanwhile.

    What cannot be read is left out and added to ``problems``.
    """

    def load(batch: Sequence[Keyframe]) -> tuple[list[Keyframe], list[np.ndarray], list[str]]:
        read: list[Keyframe] = []
        frames: list[np.ndarray] = []
        failed: list[str] = []
        for keyframe in batch:
            try:
                frames.append(source.read(keyframe.video, keyframe.second, [0], fps=0.0)[0])
                read.append(keyframe)
            except UserError as error:
                failed.append(_problem(keyframe, error))
        return read, frames, failed

    starts = range(0, len(keyframes), batch_size)
    with ThreadPoolExecutor(1) as pool:  # one thread only: open videos are not shared between threads
        upcoming = pool.submit(load, keyframes[:batch_size])
        for start in starts:
            read, frames, failed = upcoming.result()
            following = start + batch_size
            if following < len(keyframes):
                upcoming = pool.submit(load, keyframes[following : following + batch_size])
            problems += failed
            if read:
                yield read, frames
