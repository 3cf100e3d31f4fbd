"""One live prediction: opens the source, loads the network, runs the loop, and says how it went."""

from __future__ import annotations

import re
import time
from contextlib import closing
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config import validate_cfg
from alphaction.data.annotations import BoxTable
from alphaction.data.transforms import ResizeRule
from alphaction.data.video.addresses import without_password
from alphaction.engine.out_of_memory import naming_what_helps, prediction_advice
from alphaction.evaluation.tubes.events import EventCollector
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted
from alphaction.workflows.detect.detected_boxes import Detector
from alphaction.workflows.live.actions import Actions
from alphaction.workflows.live.happenings import Happenings
from alphaction.workflows.live.live_options import LiveOptions
from alphaction.workflows.live.loop import LiveLoop, Tally
from alphaction.workflows.live.moments import InTurn, LatestWins, MomentSchedule
from alphaction.workflows.live.persons import DetectorFinder, FileFinder, Finder
from alphaction.workflows.live.scene import Scene
from alphaction.workflows.live.source import LiveSource, is_live_address, open_live
from alphaction.workflows.live.stages import Stages
from alphaction.workflows.live.stop import Stop
from alphaction.workflows.live.written import Written
from alphaction.workflows.predict.box_files import read_box_files
from alphaction.workflows.predict.clip import Clip, open_clip
from alphaction.workflows.predict.load_model import adopt_classes
from alphaction.workflows.predict.network import clip_reach
from alphaction.workflows.predict.person_boxes import BoxFiles
from alphaction.workflows.predict.predictor import Predictor
from alphaction.workflows.predict.progress import duration
from alphaction.workflows.predict.rendering import frame_scale
from alphaction.workflows.predict.tracking.flow_tracker import FlowTracker
from alphaction.workflows.predict.tracking.smoothing import ExponentialSmoother
from alphaction.workflows.predict.tubes import exclusive_positions
from alphaction.workflows.predict.video_options import VideoOptions

# Between two lines about how it goes, in seconds.
_EVERY = 30.0
# Seconds of frames that are kept besides those of a clip: until the network takes the moment and has read it.
_SPARE = 2.0
# Seconds that a moment may wait for the network at most, where the stride is longer.
_LONGEST_WAIT = 10.0
# Frames per second that are expected of a source until it has told its own.
_USUAL_RATE = 25.0
# Moments for which actions are still drawn if no later one tells more.
_DRAWN_MOMENTS = 3


class LivePrediction:
    """A camera, a stream or a file, from opening it to the last line about it.

    Args:
        cfg: the config that the weights were trained with; changed and frozen.
        weights: checkpoint, complete for the model.
        video: number, address or file.
        options: what this shares with the prediction of files.
        live: the rest.
        stop: takes Ctrl-C and the like.
        detector: used instead of that of the options.
        config_file: where ``cfg`` comes from, for messages.

    Raises:
        UserError: options, config, weights, video or boxes are wrong.
    """

    def __init__(
        self,
        cfg: CfgNode,
        weights: Path,
        video: str,
        options: VideoOptions,
        live: LiveOptions,
        stop: Stop,
        detector: Detector | None = None,
        config_file: Path | None = None,
    ) -> None:
        inputs = {"--config-file": config_file, "the weights": weights}
        live.check(video, options, {name: path for name, path in inputs.items() if path is not None})
        self._cfg, self._options, self._live, self._stop = cfg, options, live, stop
        is_file = not is_live_address(video)
        clip = open_clip(options, cfg.TEST.STRIDE) if is_file else None
        label_map = adopt_classes(cfg, weights, config_file)
        validate_cfg(cfg, check_files=False, splits=())
        cfg.freeze()
        boxes = None if clip is None else read_box_files(cfg, clip, options, BoxFiles())
        with naming_what_helps("loading the model", prediction_advice(cfg)):
            predictor = Predictor(
                cfg, weights, label_map, config_file, detector, min_score=options.min_score, compiled=options.compile
            )
        if options.detects:
            predictor.make_detector(options)
        # Now, and not before the network was loaded: its time begins here.
        self._source = self._open(video, _USUAL_RATE if clip is None else clip.fps)
        try:
            self._build(predictor, clip, boxes, video_name(video))
        except BaseException:
            self._source.close()
            raise
        self._next_line = time.monotonic() + _EVERY

    def _open(self, video: str, fps: float) -> LiveSource:
        """Return the source, open, with a window that holds a clip; ``fps``: frames per second that are expected."""
        spare = min(self._cfg.TEST.STRIDE, _LONGEST_WAIT) + _SPARE
        rule = ResizeRule(self._cfg.INPUT.MIN_SIZE_TEST, self._cfg.INPUT.MAX_SIZE_TEST)

        def opened(keep: float) -> LiveSource:
            # Clips are all that is read from the window: large frames are kept as small as the network takes them.
            return open_live(
                video, keep=keep, reconnect=self._live.reconnect, stored=lambda size: min(rule(size), size)
            )

        keep = sum(clip_reach(self._cfg, fps)) + spare
        source = opened(keep)
        needed = sum(clip_reach(self._cfg, source.fps)) + spare
        if needed > keep:  # of a slow video, where clips have a number of its frames
            source.close()
            source = opened(needed)
        return source

    def _build(
        self,
        predictor: Predictor,
        clip: Clip | None,
        boxes: tuple[BoxTable | None, BoxTable | None, str] | None,
        name: str,
    ) -> None:
        """Put the loop together."""
        cfg, options, source, network = self._cfg, self._options, self._source, predictor.network
        stride, classes = cfg.TEST.STRIDE, network.classes
        key = name if clip is None else clip.path.name
        self._stages = Stages()
        actions = Actions(network, key, source, self._stages)
        line = (LatestWins if source.is_live else InTurn)(actions, actions.reach)
        persons, objects, _ = boxes or (None, None, "")
        finder: Finder = (
            DetectorFinder(predictor.detector, key, self._live.detect_every, objects)
            if persons is None
            else FileFinder(persons, key, objects, cfg.TEST.BOX_THRESH)
        )
        limits = predictor.shown.values
        name = name if boxes is None else boxes[2]
        self._written = Written.open(name, key, options, self._live, classes, source, stride, cfg.TEST.ACTION_THRESH)
        self._loop = LiveLoop(
            source,
            finder,
            FlowTracker(source.size[0] / source.size[1], stride),
            line,
            MomentSchedule(stride, source.fps),
            Happenings(
                classes,
                limits,
                ExponentialSmoother(options.smooth),
                EventCollector(key, classes.label_map.names, limits, exclusive_positions(classes), stride=stride),
            ),
            Scene(frame_scale(options.scale, *source.size), options.max_classes, _DRAWN_MOMENTS * stride),
            self._written.outputs,
            self._stages,
            self._stop,
            seconds=self._live.seconds,
            tell=self._tell,
        )

    def run(self) -> None:
        """Predict until the end; what is written is complete then, also if this raises.

        Raises:
            UserError: the source was lost, a file cannot be written, or the network failed.
        """
        with closing(self._source):
            self._loop.run()

    def _tell(self, tally: Tally) -> None:
        """Say now and then how it goes."""
        now = time.monotonic()
        if now < self._next_line:
            return
        self._next_line = now + _EVERY
        get_logger().info("%s: %s", self._source.title, self._state(tally))

    def _state(self, tally: Tally) -> str:
        """Return what was done so far, and how far behind it is."""
        source, elapsed = self._source, max(self._stages.elapsed, 1e-9)
        frames = f"{counted(tally.frames, 'frame')} in {duration(elapsed)} ({tally.frames / elapsed:.3g} a second)"
        moments = f"actions at {counted(tally.moments, 'moment')}"
        if not source.is_live:  # nothing is dropped, but where there is no frame there is no moment
            skipped = f", {self._loop.skipped} skipped" if self._loop.skipped else ""
            return f"{frames}; {moments}{skipped}"
        return (
            f"{frames}, {source.dropped} dropped; {moments}, {self._loop.skipped} skipped; "
            f"lag of frames {tally.frame_lag}, of actions {tally.action_lag}"
        )

    def summary(self) -> str:
        """Return the last lines: what was done, how far behind, what it cost, and what is written."""
        source, tally = self._source, self._loop.tally
        faults = [
            f"{counted(number, noun)}"
            for number, noun in ((source.reconnects, "reconnect"), (source.corrupt, "damaged packet"))
            if number
        ]
        ended = f"; {tally.ended}" if tally.ended else ""
        lines = [
            f"{source.title}: {self._state(tally)}; {counted(tally.persons, 'person')}"
            f"{''.join(f', {fault}' for fault in faults)}{ended}"
        ]
        if tally.last > 0:
            cpu = {stage: seconds / tally.last for stage, seconds in self._stages.cpu(source.decode_seconds).items()}
            stages = ", ".join(f"{stage} {seconds:.3g}" for stage, seconds in cpu.items())
            lines.append(f"seconds of CPU for a second of video: {sum(cpu.values()):.3g} ({stages})")
        if written := self._written.told():
            lines.append(f"written: {written}")
        return "\n".join(lines)

    def how_it_ended(self) -> str:
        """Return what an interruption says: what is there of the results."""
        written = self._written.told()
        return f"What was seen until then is complete: {written}" if written else "Nothing was to be written."


def video_name(video: str) -> str:
    """Return what the results call a camera ("camera-0"), an address ("rtsp-host-8554-yard") or a file (its stem)."""
    if not is_live_address(video):
        return Path(video).stem
    if video.isdecimal():
        return f"camera-{int(video)}"
    plain = re.sub(r"(?<=://)[^/?#]*@", "", without_password(video)).partition("?")[0]
    return re.sub(r"[^\w.]+", "-", plain).strip("-")
