"""Predicts the actions in videos and writes each with every person's box, id and actions on each frame."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from yacs.config import CfgNode

from alphaction.config import validate_cfg
from alphaction.data.annotations import NO_CLASS, AnnotationTable, BoxTable, LabelMap, write_ava_csv
from alphaction.data.dataset import ActionDataset, wants_objects
from alphaction.data.loader import build_test_loader
from alphaction.data.sample import Keyframe
from alphaction.data.tables import DatasetTables
from alphaction.engine.inference import predict_dataset
from alphaction.engine.out_of_memory import naming_what_helps, prediction_advice
from alphaction.engine.setup import Runtime, processes_from_environment, set_up_runtime
from alphaction.evaluation import Predictions, write_detections
from alphaction.memory import MemoryPool
from alphaction.modeling.detector import ActionDetector
from alphaction.utils.atomic import replacing
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted, first_lines, listed, problem_list
from alphaction.workflows.detect.choose_detector import make_detector
from alphaction.workflows.detect.detector_flags import PREDICT_VIDEO
from alphaction.workflows.predict.clip import Clip, open_clip
from alphaction.workflows.predict.load_model import adopt_classes, load_model
from alphaction.workflows.predict.person_boxes import Detector, boxes_from_detector, boxes_from_file
from alphaction.workflows.predict.rendering import FrameRenderer, frame_scale
from alphaction.workflows.predict.tracker import IouTracker, Track
from alphaction.workflows.predict.video_options import VideoFailure, VideoOptions, VideoResult
from alphaction.workflows.predict.writing import write_clip


@dataclass(frozen=True)
class _Job:
    """One video that can be predicted: its part, its boxes (None: to be found), and its name in the results."""

    options: VideoOptions
    clip: Clip
    scale: int
    persons: BoxTable | None
    objects: BoxTable | None
    name: str

    @classmethod
    def of(cls, cfg: CfgNode, options: VideoOptions) -> _Job:
        """Open the video and read its boxes; what is wrong with either is a :class:`UserError`."""
        clip = open_clip(options)
        scale = frame_scale(options.scale, *clip.size)
        return cls(options, clip, scale, *_read_boxes(cfg, clip, options))


def predict_video(
    cfg: CfgNode,
    weights: Path,
    options: VideoOptions,
    detector: Detector | None = None,
    config_file: Path | None = None,
) -> VideoResult:
    """Predict one video, see :func:`predict_videos`.

    Raises:
        UserError: if options, config, weights, video or boxes are wrong.
    """
    (result,) = predict_videos(cfg, weights, [options], detector, config_file)
    return result


def predict_videos(
    cfg: CfgNode,
    weights: Path,
    videos: Sequence[VideoOptions],
    detector: Detector | None = None,
    config_file: Path | None = None,
) -> Iterator[VideoResult | VideoFailure]:
    """Predict the actions in videos and write each with boxes, ids and class names; on one process, CPU or GPU.

    Of several videos, one that cannot be predicted does not stop the others. Videos whose results go to the same csv
    share it.

    Args:
        cfg: the config that the weights were trained with; changed and frozen.
        weights: checkpoint, complete for the model.
        videos: what to predict and where to write it.
        detector: used instead of torchvision's.
        config_file: where ``cfg`` comes from, for messages.

    Yields:
        what became of each video: first those that cannot even be opened, then the others in their order.

    Raises:
        UserError: if config or weights are wrong, or the only video, or all of them.
    """
    if processes_from_environment()[1] > 1:
        raise UserError("a video is predicted by one process: run this command without torchrun")
    jobs, failures = [], []
    for options in videos:
        try:
            options.check({"the weights": weights})
            jobs.append(_Job.of(cfg, options))
        except UserError as error:
            if len(videos) == 1:
                raise
            failures.append(VideoFailure.of(options.video, error))
    if not jobs:
        reasons = dict.fromkeys(map(str, failures))
        raise DataError(problem_list(f"not one of {len(videos)} videos can be predicted:", first_lines([*reasons])))
    yield from failures
    label_map = adopt_classes(cfg, weights, config_file)
    validate_cfg(cfg, check_files=False, splits=())
    cfg.freeze()
    with naming_what_helps("loading the model", prediction_advice(cfg)):
        predictor = _Predictor(cfg, weights, label_map, config_file, detector)
    if any(job.persons is None for job in jobs):
        predictor.make_detector(jobs[0].options)
    for job in jobs:
        try:
            with naming_what_helps(f"predicting {job.options.video}", prediction_advice(cfg)):
                result = predictor.run(job)
        except UserError as error:
            if len(videos) == 1:
                raise
            yield VideoFailure.of(job.options.video, error)
        else:
            yield result


class _Predictor:
    """A model, and a detector where one is needed, for any number of videos."""

    def __init__(
        self, cfg: CfgNode, weights: Path, label_map: LabelMap, config_file: Path | None, detector: Detector | None
    ) -> None:
        self._cfg, self._label_map, self._detector = cfg, label_map, detector
        self._runtime = set_up_runtime(cfg, seed=0, local_rank=0)
        self._model = load_model(cfg, weights, label_map, self._runtime, config_file)
        self._tables: dict[Path, list[bytes]] = {}

    def make_detector(self, options: VideoOptions) -> None:
        """Load the detector that the options name, unless one was given."""
        if self._detector is None:
            detecting = replace(
                options.detecting(),
                device=str(self._runtime.device),
                score=self._cfg.TEST.BOX_THRESH,
                every_class=wants_objects(self._cfg) and options.object_boxes is None,
            )
            self._detector = make_detector(detecting, PREDICT_VIDEO)

    def run(self, job: _Job) -> VideoResult:
        """Predict one video and write what its options ask for."""
        cfg, clip, options = self._cfg, job.clip, job.options
        persons, objects = job.persons, job.objects
        if persons is None:
            persons, found = boxes_from_detector(self._detector, clip.source, clip.path, clip.seconds)
            objects = found if objects is None and len(found) else objects
        if _any_above(persons, cfg.TEST.BOX_THRESH, clip):
            if options.detections is not None:
                _note_uncovered(persons, cfg.TEST.BOX_THRESH, clip, options)
            predictions = _predict(cfg, self._model, clip, self._label_map, persons, objects, self._runtime)
        else:
            predictions = Predictions.from_clips([], [], [], self._label_map.ids)
        tracks, ids = follow_persons(predictions, clip.size[0] / clip.size[1])
        renderer = FrameRenderer(
            tracks,
            predictions.scores,
            self._label_map,
            min_score=options.min_score,
            max_classes=options.max_classes,
            one_movement=cfg.MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT,
            scale=job.scale,
        )
        size, sound = write_clip(clip, options.output, renderer.draw)
        if options.csv is not None:
            named = [Keyframe(job.name, keyframe.second) for keyframe in predictions.keyframes]
            scores = replace(predictions, keyframes=named)
            self._add_rows(options.csv, lambda path: write_detections(path, scores, cfg.TEST.ACTION_THRESH))
        if options.tracks is not None:
            table = _track_table(predictions, ids, job.name)
            self._add_rows(options.tracks, lambda path: write_ava_csv(path, table))
        return VideoResult(
            options.output,
            len(clip.times),
            clip.fps,
            size,
            job.scale,
            len(predictions.keyframes),
            len(tracks),
            len(clip.seconds),
            sound,
        )

    def _add_rows(self, path: Path, write: Callable[[Path], None]) -> None:
        """Write a table of rows without a header, below those of the videos before."""
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / path.name)
            parts = self._tables.setdefault(path, [])
            parts.append((Path(folder) / path.name).read_bytes())  # gzip files may be joined as well
        with replacing(path) as part:
            part.write_bytes(b"".join(parts))


def follow_persons(predictions: Predictions, aspect: float) -> tuple[list[Track], list[int]]:
    """Return the persons of one video and the person id of each box; tracks point to rows of ``predictions``.

    Args:
        predictions: of one video, its keyframes in the order of their seconds.
        aspect: width of the frame divided by its height.
    """
    tracker = IouTracker(aspect)
    ids: list[int] = []
    for index, keyframe in enumerate(predictions.keyframes):
        ids += tracker.update(keyframe.second, predictions.boxes[predictions.keyframe_index == index])
    return tracker.tracks, ids


def _read_boxes(cfg: CfgNode, clip: Clip, options: VideoOptions) -> tuple[BoxTable | None, BoxTable | None, str]:
    """Return the boxes of persons and objects in the files (None: no file), and the video's name for the results."""
    persons, objects, name = None, None, clip.path.stem
    if options.detections is not None:
        persons, name = boxes_from_file(options.detections, clip.path, clip.seconds, clip.size, clip.video_end)
    if options.object_boxes is not None and wants_objects(cfg):
        objects, _ = boxes_from_file(
            options.object_boxes, clip.path, clip.seconds, clip.size, clip.video_end, objects=True
        )
    elif options.object_boxes is not None:
        get_logger().warning("--object-boxes is ignored: the model of this config does not use objects")
    return persons, objects, name


def _note_uncovered(persons: BoxTable, threshold: float, clip: Clip, options: VideoOptions) -> None:
    """Warn of the seconds at which nothing is predicted: those that the file leaves out, and those of low scores."""
    of_box = persons.keyframes.seconds[persons.keyframe_of_box()]
    covered = np.unique(of_box)
    low = np.setdiff1d(covered, of_box[persons.scores >= np.float32(threshold)])
    left = len(clip.seconds) - len(covered)
    if not (left > 0 or len(low)):
        return
    shown = f" ({listed(f'{second:g}' for second in covered)})" if left > 0 else ""
    total = len(clip.seconds)
    parts = [f"{options.detections} has boxes at {len(covered)} of the {total} seconds of {clip.path.name}{shown}"]
    if len(low):
        seconds = listed(f"{second:g}" for second in low)
        parts.append(
            f"at {len(low)} of them ({seconds}) none scores TEST.BOX_THRESH {threshold:g} or more, so that there is no "
            "result: lower it at the end of the command"
        )
    if left > 0:
        parts.append(
            f"there is no result at the other{f' {left}' if left > 1 else ''}. Boxes are needed at each second, "
            "counted from 0: add rows to the file, or let --detector find the persons in its place"
        )
    get_logger().warning("%s.", "; ".join(parts))


def _any_above(persons: BoxTable, threshold: float, clip: Clip) -> bool:
    """Return whether any box of a person scores high enough; if not, warn that the frames stay plain."""
    if (persons.scores >= np.float32(threshold)).any():
        return True
    best = (
        f"{counted(len(persons), 'box', 'boxes')}, the best scores {persons.scores.max():.3f}"
        if len(persons)
        else "none"
    )
    get_logger().warning(
        "%s: no box of a person from TEST.BOX_THRESH %g on at seconds %d to %d (%s), so nothing is drawn. For boxes of "
        "lower scores write TEST.BOX_THRESH 0.1, say, at the end of the command.",
        clip.path,
        threshold,
        clip.seconds.start,
        clip.seconds.stop - 1,
        best,
    )
    return False


def _predict(
    cfg: CfgNode,
    model: ActionDetector,
    clip: Clip,
    label_map: LabelMap,
    persons: BoxTable,
    objects: BoxTable | None,
    runtime: Runtime,
) -> Predictions:
    """Return the scores of every person, keyframe by keyframe."""
    seconds = persons.keyframes.seconds[persons.keyframe_of_box()]
    # The dataset takes its keyframes from annotations: these have boxes and no labels.
    unlabeled = AnnotationTable.from_columns(
        [clip.path.name] * len(seconds), seconds, persons.boxes, np.full(len(seconds), NO_CLASS), source=persons.source
    )
    # Seconds without a person are not predicted, so their objects do not matter.
    objects = objects if objects is not None and np.isin(objects.keyframes.seconds, seconds).any() else None
    tables = DatasetTables(clip.path.name, label_map, unlabeled, clip.source, persons, objects)
    dataset = ActionDataset.from_tables(cfg, tables)
    ignored = int((persons.scores < np.float32(cfg.TEST.BOX_THRESH)).sum())
    without = " (no object boxes: its O blocks see empty slots)" if wants_objects(cfg) and not objects else ""
    get_logger().info(
        "%d boxes of persons at %d keyframes; %d score below TEST.BOX_THRESH %g and are not used%s",
        len(persons) - ignored,
        len(dataset),
        ignored,
        cfg.TEST.BOX_THRESH,
        without,
    )
    loader = build_test_loader(cfg, dataset)
    pool = MemoryPool.from_config(cfg) if model.uses_memory else None
    return predict_dataset(model, dataset, loader, runtime, pool=pool, amp=cfg.SOLVER.AMP)


def _track_table(predictions: Predictions, ids: list[int], name: str) -> AnnotationTable:
    seconds = [predictions.keyframes[index].second for index in predictions.keyframe_index]
    return AnnotationTable.from_columns(
        [name] * len(ids), seconds, predictions.boxes, np.full(len(ids), NO_CLASS), np.array(ids, dtype=np.int64)
    )
