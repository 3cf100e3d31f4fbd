"""A model, and a detector where one is needed, for any number of videos."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from yacs.config import CfgNode

from alphaction.data.annotations import NO_CLASS, AnnotationTable, BoxTable, LabelMap
from alphaction.data.dataset import ActionDataset, wants_objects
from alphaction.data.sample import ClipBatch
from alphaction.data.tables import DatasetTables
from alphaction.data.video.clip_source import ClipSource
from alphaction.engine.classes import exclusive_groups
from alphaction.engine.compiling import compile_backbone, require_compiler
from alphaction.engine.inference import predict_dataset
from alphaction.engine.setup import set_up_alone
from alphaction.evaluation import Predictions
from alphaction.evaluation.tubes.events import lasts_until
from alphaction.memory import MemoryPool
from alphaction.utils.errors import UserError
from alphaction.utils.logging import get_logger
from alphaction.workflows.detect.choose_detector import make_detector
from alphaction.workflows.detect.detected_boxes import Detector
from alphaction.workflows.detect.detector_flags import PREDICT_VIDEO
from alphaction.workflows.export.runtime import ExportedNetwork
from alphaction.workflows.predict.box_files import any_above, note_uncovered
from alphaction.workflows.predict.classified import Classified
from alphaction.workflows.predict.clip import Clip
from alphaction.workflows.predict.load_model import load_model
from alphaction.workflows.predict.network import Classes, Network
from alphaction.workflows.predict.rendering import FrameRenderer
from alphaction.workflows.predict.shares import local_rank, this_process
from alphaction.workflows.predict.shown_scores import ShownScores
from alphaction.workflows.predict.tracker import IouTracker, Track, longest_miss
from alphaction.workflows.predict.tubes import scores_of_boxes
from alphaction.workflows.predict.video_options import VideoOptions


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
        if compiled and isinstance(self._model, ExportedNetwork):
            raise UserError(f"--compile: {weights} is exported, and its backbone no longer one that torch compiles")
        if compiled:
            compile_backbone(self._model)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._runtime.device

    @property
    def network(self) -> Network:
        """The network, for what predicts a video while it runs."""
        return Network(self._cfg, self._model, self._runtime, self._classes)

    @property
    def _classes(self) -> Classes:
        thresholds = dict(zip(self._label_map.names, self.shown.values.tolist(), strict=True))
        return Classes(self._label_map, thresholds, exclusive_groups(self._cfg, self._label_map))

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
        if not any_above(persons, cfg.TEST.BOX_THRESH, clip):
            return None
        if options.detections is not None:
            note_uncovered(persons, cfg.TEST.BOX_THRESH, clip, options)
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

    def classify(
        self, clip: Clip, dataset: ActionDataset | None, batches: Iterable[ClipBatch], smooth: float = 0.0
    ) -> Classified:
        """Return the scores of every person, keyframe by keyframe, and who is who.

        Args:
            clip: the part of a video.
            dataset: its clips; None: nobody is there.
            batches: all clips, each once.
            smooth: time constant in seconds by which shown scores are evened out.
        """
        if dataset is None:
            predictions = Predictions.from_clips([], [], [], self._label_map.ids)
        else:
            pool = MemoryPool.from_config(self._cfg) if self._model.uses_memory else None
            predictions = predict_dataset(
                self._model, dataset, batches, self._runtime, pool=pool, amp=self._cfg.SOLVER.AMP
            )
        tracks, ids = follow_persons(predictions, clip.size[0] / clip.size[1], clip.stride, clip.end)
        box_scores = scores_of_boxes(predictions, dataset.tables.person_boxes if dataset is not None else None)
        return Classified(predictions, tracks, ids, clip, self._classes, box_scores, smooth)

    def renderer(self, classified: Classified, options: VideoOptions, scale: int) -> FrameRenderer:
        """Return what draws the predictions."""
        return FrameRenderer(
            classified.tracks,
            classified.shown.scores,
            self._label_map,
            min_score=self.shown.values,
            max_classes=options.max_classes,
            exclusive=exclusive_groups(self._cfg, self._label_map),
            scale=scale,
            margin=classified.clip.stride / 2,
        )


def clips_of_persons(
    cfg: CfgNode, label_map: LabelMap, video: str, source: ClipSource, persons: BoxTable, objects: BoxTable | None
) -> ActionDataset:
    """Return the clips at the moments at which persons are.

    Args:
        cfg: the config.
        label_map: the classes of the model.
        video: its name in ``source`` and in the tables.
        source: the frames.
        persons: boxes, one or more of which scores TEST.BOX_THRESH.
        objects: boxes; those of moments without a person do not matter. None: there are none.
    """
    seconds = persons.keyframes.seconds[persons.keyframe_of_box()]
    # The dataset takes its keyframes from annotations: these have boxes and no labels.
    unlabeled = AnnotationTable.from_columns(
        [video] * len(seconds), seconds, persons.boxes, np.full(len(seconds), NO_CLASS), source=persons.source
    )
    objects = objects if objects is not None and np.isin(objects.keyframes.seconds, seconds).any() else None
    return ActionDataset.from_tables(cfg, DatasetTables(video, label_map, unlabeled, source, persons, objects))


def follow_persons(
    predictions: Predictions, aspect: float, stride: float = 1.0, end: float | None = None
) -> tuple[list[Track], list[int]]:
    """Return the persons of one video and the person id of each box; tracks point to rows of ``predictions``.

    Args:
        predictions: of one video, its keyframes in the order of their seconds.
        aspect: width of the frame divided by its height.
        stride: seconds from one keyframe to the next.
        end: of the part of the video that is predicted, in seconds; None: not known.
    """
    tracker = IouTracker(aspect, max_missed=longest_miss(stride))
    ids: list[int] = []
    for index, keyframe in enumerate(predictions.keyframes):
        ids += tracker.update(keyframe.second, predictions.boxes[predictions.keyframe_index == index])
    for track in tracker.tracks:
        track.end = lasts_until(track.seconds[-1], stride, end)
    return tracker.tracks, ids
