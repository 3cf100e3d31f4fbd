"""A model, and a detector where one is needed, for any number of videos."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from yacs.config import CfgNode

from alphaction.data.annotations import NO_CLASS, AnnotationTable, BoxTable, LabelMap, write_ava_csv
from alphaction.data.dataset import ActionDataset, wants_objects
from alphaction.data.keyframes import Keyframe
from alphaction.data.sample import ClipBatch
from alphaction.data.tables import DatasetTables
from alphaction.data.video.clip_source import ClipSource
from alphaction.engine.classes import exclusive_groups
from alphaction.engine.compiling import compile_backbone, require_compiler
from alphaction.engine.inference import predict_dataset
from alphaction.engine.setup import set_up_alone
from alphaction.evaluation import Predictions, write_detections
from alphaction.memory import MemoryPool
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted, listed
from alphaction.workflows.detect.choose_detector import make_detector
from alphaction.workflows.detect.detected_boxes import Detector
from alphaction.workflows.detect.detector_flags import PREDICT_VIDEO
from alphaction.workflows.predict.clip import Clip
from alphaction.workflows.predict.load_model import load_model
from alphaction.workflows.predict.person_boxes import BoxFiles, boxes_from_file
from alphaction.workflows.predict.rendering import FrameRenderer
from alphaction.workflows.predict.shares import local_rank, this_process
from alphaction.workflows.predict.shown_scores import ShownScores
from alphaction.workflows.predict.tracker import IouTracker, Track
from alphaction.workflows.predict.video_options import VideoOptions


@dataclass(frozen=True)
class Classified:
    """The predictions of one video.

    Attributes:
        predictions: scores of every person at every keyframe.
        tracks: the persons.
        ids: of the person of each box.
    """

    predictions: Predictions
    tracks: list[Track]
    ids: list[int]

    def write_scores(self, path: Path, name: str, min_score: float) -> None:
        """Write all scores as AVA's csv, under a name of the video."""
        named = [Keyframe(name, keyframe.second) for keyframe in self.predictions.keyframes]
        write_detections(path, replace(self.predictions, keyframes=named), min_score)

    def write_tracks(self, path: Path, name: str) -> None:
        """Write the boxes with person ids as AVA's csv without classes."""
        found = self.predictions
        seconds = [found.keyframes[index].second for index in found.keyframe_index]
        without = np.full(len(self.ids), NO_CLASS)
        ids = np.array(self.ids, dtype=np.int64)
        write_ava_csv(path, AnnotationTable.from_columns([name] * len(ids), seconds, found.boxes, without, ids))


class Predictor:
    """See the module.

    Args:
        cfg: the config, frozen.
        weights: checkpoint, complete for the model.
        label_map: its classes.
        config_file: where ``cfg`` comes from, for messages.
        detector: used instead of that of the options.
        min_score: from which all classes are shown; None: from the thresholds in the weights.
        compiled: run the backbone compiled.

    Attributes:
        shown: from which score on each class is shown.
    """

    def __init__(
        self,
        cfg: CfgNode,
        weights: Path,
        label_map: LabelMap,
        config_file: Path | None,
        detector: Detector | None,
        *,
        min_score: float | None = None,
        compiled: bool = False,
    ) -> None:
        self.detector = detector
        self.shown = ShownScores.of(weights, label_map, min_score)
        self._cfg, self._label_map = cfg, label_map
        self._runtime = set_up_alone(cfg, 0, local_rank(), rank=this_process()[0])
        if compiled:
            require_compiler(self._runtime.device)
        self._model = load_model(cfg, weights, label_map, self._runtime, config_file)
        if compiled:
            compile_backbone(self._model)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._runtime.device

    def make_detector(self, options: VideoOptions) -> None:
        """Load the detector that the options name, unless one was given."""
        if self.detector is None:
            detecting = replace(
                options.detecting(),
                device=str(self._runtime.device),
                score=self._cfg.TEST.BOX_THRESH,
                every_class=wants_objects(self._cfg) and options.object_boxes is None,
            )
            self.detector = make_detector(detecting, PREDICT_VIDEO)

    def clips(
        self, clip: Clip, options: VideoOptions, persons: BoxTable, objects: BoxTable | None
    ) -> ActionDataset | None:
        """Return the clips of a video; None if there is nobody in it."""
        cfg = self._cfg
        if not _any_above(persons, cfg.TEST.BOX_THRESH, clip):
            return None
        if options.detections is not None:
            _note_uncovered(persons, cfg.TEST.BOX_THRESH, clip, options)
        dataset = clips_of_persons(cfg, self._label_map, clip.path.name, clip.source, persons, objects)
        objects = dataset.tables.object_boxes
        ignored = int((persons.scores < np.float32(cfg.TEST.BOX_THRESH)).sum())
        without = " (no object boxes: its O blocks see empty slots)" if wants_objects(cfg) and not objects else ""
        get_logger().info(
            "%s: %d boxes of persons at %d keyframes; %d score below TEST.BOX_THRESH %g and are not used%s",
            clip.path.name,
            len(persons) - ignored,
            len(dataset),
            ignored,
            cfg.TEST.BOX_THRESH,
            without,
        )
        return dataset

    def classify(self, clip: Clip, dataset: ActionDataset | None, batches: Iterable[ClipBatch]) -> Classified:
        """Return the scores of every person, keyframe by keyframe, and who is who.

        Args:
            clip: the part of a video.
            dataset: its clips; None: nobody is there.
            batches: all clips, each once.
        """
        if dataset is None:
            predictions = Predictions.from_clips([], [], [], self._label_map.ids)
        else:
            pool = MemoryPool.from_config(self._cfg) if self._model.uses_memory else None
            predictions = predict_dataset(
                self._model, dataset, batches, self._runtime, pool=pool, amp=self._cfg.SOLVER.AMP
            )
        return Classified(predictions, *follow_persons(predictions, clip.size[0] / clip.size[1]))

    def renderer(self, classified: Classified, options: VideoOptions, scale: int) -> FrameRenderer:
        """Return what draws the predictions."""
        return FrameRenderer(
            classified.tracks,
            classified.predictions.scores,
            self._label_map,
            min_score=self.shown.values,
            max_classes=options.max_classes,
            exclusive=exclusive_groups(self._cfg, self._label_map),
            scale=scale,
        )


def clips_of_persons(
    cfg: CfgNode, label_map: LabelMap, video: str, source: ClipSource, persons: BoxTable, objects: BoxTable | None
) -> ActionDataset:
    """Return the clips at the seconds at which persons are.

    Args:
        cfg: the config.
        label_map: the classes of the model.
        video: its name in ``source`` and in the tables.
        source: the frames.
        persons: boxes, one or more of which scores TEST.BOX_THRESH.
        objects: boxes; those of seconds without a person do not matter. None: there are none.
    """
    seconds = persons.keyframes.seconds[persons.keyframe_of_box()]
    # The dataset takes its keyframes from annotations: these have boxes and no labels.
    unlabeled = AnnotationTable.from_columns(
        [video] * len(seconds), seconds, persons.boxes, np.full(len(seconds), NO_CLASS), source=persons.source
    )
    objects = objects if objects is not None and np.isin(objects.keyframes.seconds, seconds).any() else None
    return ActionDataset.from_tables(cfg, DatasetTables(video, label_map, unlabeled, source, persons, objects))


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


def read_box_files(
    cfg: CfgNode, clip: Clip, options: VideoOptions, files: BoxFiles
) -> tuple[BoxTable | None, BoxTable | None, str]:
    """Return the boxes of persons and objects in the files (None: no file), and the video's name for the results."""
    persons, objects, name = None, None, clip.path.stem
    if options.detections is not None:
        persons, name = boxes_from_file(
            options.detections, clip.path, clip.seconds, clip.size, clip.video_end, files=files
        )
    if options.object_boxes is not None and wants_objects(cfg):
        objects, _ = boxes_from_file(
            options.object_boxes, clip.path, clip.seconds, clip.size, clip.video_end, objects=True, files=files
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
