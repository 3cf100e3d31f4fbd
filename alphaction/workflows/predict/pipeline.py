"""Videos on their way through opening, reading, detecting, classifying and writing, several at a time.

Workers (``crew.py``) do all but detecting and classifying, which this process does with whatever is ready: while a
video is classified, the next ones are read and those before are written. What is computed, and from which batches, is
the same as with one video after the other.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from yacs.config import CfgNode

from alphaction.data.loader import build_test_loader
from alphaction.data.sample import ClipBatch
from alphaction.engine.out_of_memory import naming_what_helps, prediction_advice
from alphaction.utils.device_copy import CopyStream
from alphaction.utils.errors import FullDiskError, UserError
from alphaction.workflows.detect.detected_boxes import DetectedBoxes, Wanted
from alphaction.workflows.detect.detector_options import MOTION
from alphaction.workflows.detect.motion_detector import MotionDetector
from alphaction.workflows.predict.box_files import read_box_files
from alphaction.workflows.predict.clip import Clip
from alphaction.workflows.predict.crew import Crew, Ticket
from alphaction.workflows.predict.keeping import Keep
from alphaction.workflows.predict.person_boxes import BoxFiles, FoundBoxes, detector_batches
from alphaction.workflows.predict.predictor import Predictor
from alphaction.workflows.predict.rendering import frame_scale
from alphaction.workflows.predict.underway import VideoUnderway
from alphaction.workflows.predict.video_options import FLOW, VideoFailure, VideoOptions, VideoResult
from alphaction.workflows.predict.work import (
    CLASSIFY,
    DETECT,
    FindMoving,
    FollowPersons,
    OpenVideo,
    ReadClips,
    ReadFrames,
    Work,
    WriteVideo,
)

# While others hold what is left, seconds between two looks at whether they still do.
_LOOK = 2.0


class Pipeline:
    """The videos of one process.

    Args:
        cfg: the config.
        crew: who reads and writes.
        jobs: what to predict; None: nothing more for now.
        keep: is told what is done.
    """

    def __init__(self, cfg: CfgNode, crew: Crew, jobs: Iterator[VideoOptions | None], keep: Keep) -> None:
        self._cfg, self._crew, self._jobs, self._keep = cfg, crew, jobs, keep
        self._files = BoxFiles()
        self._line: deque[VideoUnderway] = deque()
        self._handlers: dict[Ticket, Callable[[], None]] = {}
        self._to_detect: deque[tuple[VideoUnderway, Sequence[float], Ticket]] = deque()
        self._predictor: Predictor | None = None
        self._stream: CopyStream | None = None
        self._count = 0
        self._exhausted = False
        self._obstacle: UserError | None = None  # why no more videos are predicted
        self._not_before = 0.0
        self._elsewhere = 0.0  # seconds of CPU that this process spent on other things while it classified
        self._low = 4 * crew.size * cfg.DATALOADER.PREFETCH_FACTOR
        self._most = 2 + 4 * crew.size

    def open_first(self) -> bool:
        """Go on until a video is open and the boxes in files are read; return whether there is such a video."""
        while not any(video.clip is not None and video.outcome is None for video in self._line):
            if self._exhausted and all(video.outcome is not None for video in self._line):
                if self._obstacle is not None:
                    raise self._obstacle
                return False
            self._go_on()
        return True

    def take_failures(self) -> list[tuple[VideoFailure, UserError]]:
        """Return the videos at the front of the line that have failed."""
        failures = []
        while self._line and isinstance(self._line[0].outcome, VideoFailure):
            video = self._line.popleft()
            failures.append((video.outcome, video.error))
        return failures

    def run(self, predictor: Predictor) -> Iterator[tuple[VideoResult | VideoFailure, UserError | None]]:
        """Predict all videos; yield what became of each in their order, and the error of those that have failed."""
        self._predictor = predictor
        if predictor.device.type == "cuda":
            self._stream = CopyStream(predictor.device)
        for video in self._line:
            if video.persons is not None and video.outcome is None:
                with self._may_fail(video):
                    self._prepare(video)
        while True:
            while self._line and self._line[0].outcome is not None:
                video = self._line.popleft()
                if not isinstance(video.error, FullDiskError):  # which is no fault of it, and raised below
                    yield video.outcome, video.error
            if (self._exhausted and not self._line) or isinstance(self._obstacle, FullDiskError):
                if self._obstacle is not None:
                    raise self._obstacle
                return
            video = next((video for video in self._line if not (video.outcome or video.classified)), None)
            if video is None or not video.ready:
                self._go_on()
            else:
                with self._may_fail(video):
                    self._classify(video)

    def close(self) -> None:
        """End the crew, and delete what is not complete."""
        self._crew.close()
        for video in self._line:
            video.abandon(KeyboardInterrupt())

    def _go_on(self, wait: bool = True) -> None:
        """Let more videos in, see what the workers have done, and detect on one batch of frames.

        Args:
            wait: for the workers, if there is nothing else to do.
        """
        self._keep.beat()
        self._look_ahead()
        detects = bool(self._to_detect) and self._predictor is not None
        for ticket in self._crew.advance(wait and not detects):
            if handle := self._handlers.pop(ticket, None):
                handle()
        if self._to_detect and self._predictor is not None:
            self._detect()
        elif wait and not self._line and not self._exhausted:
            time.sleep(max(self._not_before - time.monotonic(), 0.0))

    def _look_ahead(self) -> None:
        """Let another video in if those that are open will not keep the workers busy for long; one opens at a time."""
        unfinished = [video for video in self._line if video.outcome is None]
        if self._exhausted or any(video.clip is None for video in unfinished) or time.monotonic() < self._not_before:
            return
        waiting = sum(video.waits for video in unfinished)
        if unfinished and (len(unfinished) >= self._most or waiting >= max(self._low, 1)):
            return
        if unfinished and not self._crew.size:
            return
        try:
            options = next(self._jobs)
        except StopIteration:
            self._exhausted = True
            return
        except UserError as error:
            self._stop(error)
            return
        if options is None:
            self._not_before = time.monotonic() + _LOOK
            return
        video = VideoUnderway(self._count, options)
        self._count += 1
        self._line.append(video)
        with self._may_fail(video):
            self._keep.check(options)
            self._submit(video, OpenVideo(options, self._cfg.TEST.STRIDE), (0,), self._opened)

    def _submit(
        self,
        video: VideoUnderway,
        work: Work,
        urgency: tuple[int, ...],
        then: Callable[[VideoUnderway, Ticket], None] | None = None,
    ) -> Ticket:
        ticket = self._crew.submit(work, urgency)
        video.tickets.append(ticket)
        if then is not None:

            def handle() -> None:
                with self._may_fail(video):
                    then(video, ticket)

            self._handlers[ticket] = handle
        return ticket

    def _take(self, video: VideoUnderway, ticket: Ticket) -> Any:
        """Return the result of a piece of work, or raise its error; its time is the video's."""
        video.spend(ticket.report.seconds)
        video.tickets.remove(ticket)
        return self._crew.take(ticket)

    @contextmanager
    def _may_fail(self, video: VideoUnderway) -> Iterator[None]:
        """Let an error within the block be that of a video, and not of the others."""
        try:
            with naming_what_helps(f"predicting {video.options.video}", prediction_advice(self._cfg)):
                yield
        except UserError as error:
            self._crew.drop(video.tickets)
            for ticket in video.tickets:
                self._handlers.pop(ticket, None)
            self._to_detect = deque(entry for entry in self._to_detect if entry[0] is not video)
            video.abandon(error)
            video.outcome, video.error = VideoFailure.of(video.options.video, error), error
            if isinstance(error, FullDiskError):
                self._stop(error)
                return
            try:
                self._keep.failed(video.options)
            except FullDiskError as full:
                self._stop(full)

    def _stop(self, error: UserError) -> None:
        """Predict no more videos; raise ``error`` when those underway are done, or soon if they cannot be written.

        It is not raised here, where another video may be underway, of which it is not the fault.
        """
        self._exhausted = True
        self._obstacle = self._obstacle or error

    def _opened(self, video: VideoUnderway, ticket: Ticket) -> None:
        clip: Clip = self._take(video, ticket)
        video.scale = frame_scale(video.options.scale, *clip.size)
        video.persons, video.objects, video.name = read_box_files(self._cfg, clip, video.options, self._files)
        video.clip = clip
        if video.persons is not None:
            if self._predictor is not None:
                self._prepare(video)
            return
        video.found = FoundBoxes(clip.path)
        if video.options.detector == MOTION:
            self._find_moving(video)
            return
        batches = detector_batches(clip.seconds)
        video.undetected = len(batches)
        for place, seconds in enumerate(batches):

            def then(video: VideoUnderway, ticket: Ticket, seconds: Sequence[float] = seconds) -> None:
                self._to_detect.append((video, seconds, ticket))

            self._submit(video, ReadFrames(clip, seconds), (1, video.number, place), then)

    def _detect(self) -> None:
        video, seconds, ticket = self._to_detect.popleft()
        with self._may_fail(video):
            frames = self._take(video, ticket)
            began = time.process_time()
            found = self._predictor.detector.detect(frames)
            video.spend({DETECT: time.process_time() - began})
            self._add(video, seconds, found)

    def _find_moving(self, video: VideoUnderway) -> None:
        """Let workers detect what moves, which needs frames at other times, and no device."""
        detector = MotionDetector(Wanted(self._cfg.TEST.BOX_THRESH))
        groups = detector.together(video.clip.seconds)
        video.undetected = len(groups)
        for place, seconds in enumerate(groups):

            def then(video: VideoUnderway, ticket: Ticket, seconds: Sequence[float] = seconds) -> None:
                self._add(video, seconds, self._take(video, ticket))

            self._submit(video, FindMoving(video.clip, seconds, detector), (1, video.number, place), then)

    def _add(self, video: VideoUnderway, seconds: Sequence[float], found: Sequence[DetectedBoxes]) -> None:
        """Take note of what was detected; after the last of it, let the clips be read."""
        video.found.add(seconds, found)
        video.undetected -= 1
        if video.undetected:
            return
        video.persons, objects = video.found.tables()
        if video.objects is None and len(objects):
            video.objects = objects
        if self._predictor is not None:
            self._prepare(video)

    def _prepare(self, video: VideoUnderway) -> None:
        """Let the clips of a video be read."""
        video.ready = True
        video.dataset = self._predictor.clips(video.clip, video.options, video.persons, video.objects)
        if video.dataset is None:
            return
        packed = pickle.dumps(video.dataset)
        divisibility = self._cfg.DATALOADER.SIZE_DIVISIBILITY
        for place, requests in enumerate(build_test_loader(self._cfg, video.dataset).batch_sampler):
            work = ReadClips(video.clip.path, video.number, requests, packed, divisibility)
            video.batches.append(self._submit(video, work, (1, video.number, place)))

    def _classify(self, video: VideoUnderway) -> None:
        """Classify the clips of a video as they come, and let it be written."""
        began, self._elsewhere = time.process_time(), 0.0
        video.classified = self._predictor.classify(
            video.clip, video.dataset, _Batches(self, video), video.options.smooth
        )
        video.spend({CLASSIFY: time.process_time() - began - self._elsewhere})
        tracks = video.classified.tracks
        if tracks and video.options.between == FLOW:
            self._submit(video, FollowPersons(video.clip, tracks), (), self._followed)
        else:
            self._write(video)

    def _followed(self, video: VideoUnderway, ticket: Ticket) -> None:
        video.classified = replace(video.classified, tracks=self._take(video, ticket))
        self._write(video)

    def _write(self, video: VideoUnderway) -> None:
        options = video.options
        renderer = self._predictor.renderer(video.classified, options, video.scale)
        part = video.part.enter_context(self._keep.writing(options))
        work = WriteVideo(video.clip, options.output, part, renderer, progress=not self._crew.size)
        self._submit(video, work, (), self._written)

    def batches_of(self, video: VideoUnderway) -> Iterator[ClipBatch]:
        """Yield the batches of a video; meanwhile the others go on, and the next batch is copied to the device."""
        sent: deque[ClipBatch] = deque()
        while video.batches or sent:
            began = time.process_time()
            self._go_on(wait=False)
            while not sent and video.batches[0].report is None:
                self._go_on()
            while len(sent) < 2 and video.batches and video.batches[0].report is not None:
                batch = self._take(video, video.batches.popleft())
                sent.append(batch if self._stream is None else batch.sent_by(self._stream))
            self._go_on(wait=False)
            self._elsewhere += time.process_time() - began
            yield sent.popleft()

    def _written(self, video: VideoUnderway, ticket: Ticket) -> None:
        size, sound = self._take(video, ticket)
        video.part.close()
        clip, classified = video.clip, video.classified
        self._keep.done(video.options, video.name, classified, clip.end - clip.start)
        video.outcome = VideoResult(
            video.options.output,
            len(clip.times),
            clip.fps,
            size,
            video.scale,
            len(classified.predictions.keyframes),
            len(classified.tracks),
            len(clip.seconds),
            sound,
            clip.end - clip.start,
            video.seconds,
            self._predictor.shown.told,
            clip.stride,
        )


class _Batches:
    """The batches of one video, of which the number is known."""

    def __init__(self, pipeline: Pipeline, video: VideoUnderway) -> None:
        self._pipeline, self._video, self._count = pipeline, video, len(video.batches)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[ClipBatch]:
        return self._pipeline.batches_of(self._video)
