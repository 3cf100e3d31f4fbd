"""Predicts the actions in a video and writes it with every person's box, id and actions on each frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
from tqdm import tqdm
from yacs.config import CfgNode

from alphaction.checkpoint import load_trained_weights, read_weight_file
from alphaction.config import validate_cfg
from alphaction.data.annotations import NO_CLASS, AnnotationTable, BoxTable, LabelMap, write_ava_csv
from alphaction.data.dataset import ActionDataset, wants_objects
from alphaction.data.loader import build_test_loader
from alphaction.data.sample import Keyframe
from alphaction.data.tables import DatasetTables
from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.encoder import write_video
from alphaction.data.video.file import BrokenVideoError, VideoFile
from alphaction.data.video.whole_movies import MovieSource
from alphaction.engine.classes import adopt_label_map
from alphaction.engine.inference import predict_dataset
from alphaction.engine.setup import Runtime, processes_from_environment, set_up_runtime
from alphaction.evaluation import Predictions, write_detections
from alphaction.memory import MemoryPool
from alphaction.modeling.detector import ActionDetector, build_detection_model
from alphaction.utils.atomic import replacing
from alphaction.utils.errors import UserError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted
from alphaction.workflows.detect import PersonDetector
from alphaction.workflows.predict.find_label_map import find_label_map
from alphaction.workflows.predict.person_boxes import Detector, boxes_from_detector, boxes_from_file
from alphaction.workflows.predict.rendering import FrameRenderer, frame_scale
from alphaction.workflows.predict.tracker import IouTracker, Track
from alphaction.workflows.predict.video_options import OUTPUT_SUFFIXES, VideoOptions, VideoResult


@dataclass(frozen=True)
class _Clip:
    """The part of the video to predict: (width, height), frames per second, start and end; times in seconds."""

    path: Path
    source: ClipSource
    size: tuple[int, int]
    fps: float
    start: float
    end: float
    video_end: float

    @property
    def seconds(self) -> range:
        """The keyframes: whole seconds of the part, the one at or before its start included."""
        return range(math.floor(self.start), math.ceil(self.end - 1e-3))

    @property
    def times(self) -> np.ndarray:
        """Time of each frame of the output, at an even rate."""
        count = max(1, round((self.end - self.start) * self.fps))
        return self.start + np.arange(count) / self.fps


def predict_video(cfg: CfgNode, weights: Path, options: VideoOptions, detector: Detector | None = None) -> VideoResult:
    """Predict the actions in a video and write it with boxes, ids and class names; on one process, CPU or GPU.

    Args:
        cfg: the config that the weights were trained with; changed and frozen.
        weights: checkpoint, complete for the model.
        options: what to predict and where to write it.
        detector: used instead of torchvision's.

    Raises:
        UserError: if options, config, weights, video or boxes are wrong.
    """
    options.check({"the weights": weights})
    if processes_from_environment()[1] > 1:
        raise UserError("a video is predicted by one process: run this command without torchrun")
    clip = _open(options)
    scale = frame_scale(options.scale, *clip.size)
    persons, objects, name = _read_boxes(cfg, clip, options)
    file = read_weight_file(weights)
    label_map = find_label_map(cfg, file)
    if note := adopt_label_map(cfg, label_map):
        get_logger().info(note)
    validate_cfg(cfg, check_files=False, splits=())
    cfg.freeze()
    runtime = set_up_runtime(cfg, seed=0, local_rank=0)
    model = _load_model(cfg, weights, label_map, runtime)
    if persons is None:
        persons, found = _detect(cfg, clip, options, runtime, detector)
        objects = found if objects is None and len(found) else objects
    if _any_above(persons, cfg.TEST.BOX_THRESH, clip):
        predictions = _predict(cfg, model, clip, label_map, persons, objects, runtime)
    else:
        predictions = Predictions.from_clips([], [], [], label_map.ids)
    tracks, ids = follow_persons(predictions, clip.size[0] / clip.size[1])
    if options.csv is not None:
        named = [Keyframe(name, keyframe.second) for keyframe in predictions.keyframes]
        with replacing(options.csv) as part:
            write_detections(part, replace(predictions, keyframes=named), cfg.TEST.ACTION_THRESH)
    if options.tracks is not None:
        with replacing(options.tracks) as part:
            write_ava_csv(part, _track_table(predictions, ids, name))
    renderer = FrameRenderer(
        tracks,
        predictions.scores,
        label_map,
        min_score=options.min_score,
        max_classes=options.max_classes,
        one_movement=cfg.MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT,
        scale=scale,
    )
    size = _write(clip, options.output, renderer.draw)
    return VideoResult(options.output, len(clip.times), clip.fps, size, scale, len(predictions.keyframes), len(tracks))


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


def _open(options: VideoOptions) -> _Clip:
    """Return the part of the video that the options ask for, cut at the end of the video."""
    try:
        with closing(VideoFile(options.video)) as movie:
            info = movie.info()
            # The header of a truncated file promises more than there is. A day is longer than any video.
            reached = movie.end_near(86400.0 if info.duration is None else info.duration)
    except BrokenVideoError as error:
        raise UserError(f"{options.video}: {error}. Copy or download it again.") from error
    if info.duration is not None and reached + 1.0 < info.duration:
        get_logger().warning(
            "%s: ends at %.2f s, but its header promises %.2f s: the file was cut off",
            options.video,
            reached,
            info.duration,
        )
    whole = reached if info.duration is None else min(reached, info.duration)
    if options.start >= whole:
        raise UserError(f"--start {options.start:g}: {options.video} ends at {whole:.2f} s")
    end = whole if options.end is None else min(options.end, whole)
    source = MovieSource(options.video.parent)
    return _Clip(options.video, source, (info.width, info.height), info.fps, options.start, end, whole)


def _load_model(cfg: CfgNode, weights: Path, label_map: LabelMap, runtime: Runtime) -> ActionDetector:
    model = build_detection_model(cfg).to(runtime.device)
    load_trained_weights(model, weights, label_map.to_dict())
    return model.eval()


def _read_boxes(cfg: CfgNode, clip: _Clip, options: VideoOptions) -> tuple[BoxTable | None, BoxTable | None, str]:
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


def _detect(
    cfg: CfgNode, clip: _Clip, options: VideoOptions, runtime: Runtime, detector: Detector | None
) -> tuple[BoxTable, BoxTable]:
    """Return the boxes of persons and of objects that the detector finds."""
    if detector is None:
        detector = PersonDetector.from_torchvision(
            options.detector_weights,
            runtime.device,
            score=cfg.TEST.BOX_THRESH,
            every_class=wants_objects(cfg) and options.object_boxes is None,
            model=options.detector,
        )
    return boxes_from_detector(detector, clip.source, clip.path, clip.seconds)


def _any_above(persons: BoxTable, threshold: float, clip: _Clip) -> bool:
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
    clip: _Clip,
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


def _write(clip: _Clip, output: Path, draw: Callable[[np.ndarray, float], np.ndarray]) -> tuple[int, int]:
    """Decode, draw and encode frame by frame; return (width, height). ``output`` appears once it is complete."""
    size = (0, 0)

    def pictures(movie: VideoFile) -> Iterator[np.ndarray]:
        nonlocal size
        times = clip.times.tolist()
        for frame, time in zip(movie.stream(times), tqdm(times, desc="write", unit="frame", disable=None), strict=True):
            picture = draw(frame, time)
            size = (picture.shape[1], picture.shape[0])
            yield picture

    try:
        with closing(VideoFile(clip.path)) as movie, replacing(output) as part:
            write_video(part, pictures(movie), clip.fps, OUTPUT_SUFFIXES[output.suffix.lower()])
    except BrokenVideoError as error:
        raise UserError(f"{clip.path}: {error}. Copy or download it again, or stop before with --end.") from error
    except av.FFmpegError as error:
        raise UserError(f"{output}: cannot be written ({error.strerror}). Choose another file or format.") from error
    return size
