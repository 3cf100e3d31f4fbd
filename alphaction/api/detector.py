"""The detector of actions, as notebooks and other programs use it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from yacs.config import CfgNode

from alphaction.api.data_names import evaluated_splits
from alphaction.api.live_footage import is_live
from alphaction.api.loading import find_checkpoint, load_network, read_config
from alphaction.api.overrides import apply_values, config_values
from alphaction.api.people import BoxUnits, find_detector
from alphaction.api.predicting import PeopleOf, check_people, footages_of, results_of
from alphaction.api.results import Prediction
from alphaction.api.training import TrainingResult, train_detector, training_device
from alphaction.api.wording import python_words
from alphaction.config import validate_cfg
from alphaction.data.annotations import BoxTable, LabelMap
from alphaction.engine.datasets import open_test_datasets
from alphaction.engine.evaluate import RESULT_FILE, evaluate_dataset
from alphaction.evaluation import AvaResult
from alphaction.utils.errors import UserError
from alphaction.utils.files import check_writable
from alphaction.utils.messages import counted, listed
from alphaction.workflows.detect.detected_boxes import Detector, VideoDetector
from alphaction.workflows.predict.network import Network

Boxes = str | os.PathLike | BoxTable | Mapping[int, Any]
_SHOWN_CLASSES = 6


class ActionDetector:
    """Detects what people do in videos. Made by :meth:`from_checkpoint`, or untrained by :meth:`from_config`.

    Examples:
        >>> detector = ActionDetector.from_checkpoint("output/mine")
        >>> for result in detector.predict("street.mp4"):
        ...     for person in result.persons:
        ...         print(result.second, person.id, person.top(3))

    Mistakes are a ``alphaction.utils.errors.UserError``, whose message says what was expected.
    """

    def __init__(self, cfg: CfgNode, network: Network | None = None, path: Path | None = None) -> None:
        if not isinstance(cfg, CfgNode):
            raise UserError(
                f"a detector is loaded by ActionDetector.from_checkpoint({cfg!r}), or made by from_config()"
            )
        self._cfg, self._network, self._path = cfg, network, path
        self._found: tuple[tuple[Any, ...], Detector] | None = None

    @classmethod
    def from_checkpoint(
        cls,
        path_or_name: str | os.PathLike,
        *,
        config: str | os.PathLike | CfgNode | None = None,
        device: str | torch.device | None = None,
        keys: Mapping[str, Any] | None = None,
        **overrides: Any,
    ) -> ActionDetector:
        """Load weights, ready to predict.

        Args:
            path_or_name: a checkpoint of a run; the run's folder, whose best checkpoint is taken, else the last;
                converted weights; or public ones that classify actions, "zoo:NAME".
            config: the config of the weights, where they do not carry it: a file, or a config.
            device: "cpu", "cuda" or "cuda:1"; None: the GPU if there is one.
            keys: config keys and their values, {"TEST.BOX_THRESH": 0.3}.
            **overrides: the same as TEST__BOX_THRESH=0.3.

        Raises:
            UserError: there are no such weights, their config is not known, or something in it is wrong.
        """
        with python_words():
            values = config_values(overrides, keys, ("config", "device", "keys"))
            path = find_checkpoint(path_or_name)
            network = load_network(path, config, device, values)
        return cls(network.cfg, network, path)

    @classmethod
    def from_config(
        cls,
        config: str | os.PathLike | CfgNode,
        *,
        device: str | torch.device | None = None,
        keys: Mapping[str, Any] | None = None,
        **overrides: Any,
    ) -> ActionDetector:
        """Return a detector that is not trained yet: :meth:`train` starts from what MODEL.WEIGHT of the config names.

        Args:
            config: a file, one that comes along ("tiny/base.yaml"), or a config.
            device: "cpu" or "cuda", where it is trained; None: MODEL.DEVICE of the config, which is the GPU if there
                is one.
            keys, overrides: see :meth:`from_checkpoint`.

        Raises:
            UserError: something in the config is wrong.
        """
        with python_words():
            cfg = read_config(config)
            apply_values(cfg, config_values(overrides, keys, ("device", "keys")))
            if device is not None:
                cfg.MODEL.DEVICE = training_device(device)
            validate_cfg(cfg, check_files=False, splits=())
        cfg.freeze()
        return cls(cfg)

    @property
    def is_trained(self) -> bool:
        """Whether there are weights to predict with."""
        return self._network is not None

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the scores; none before the training."""
        return () if self._network is None else self._network.classes.label_map.names

    @property
    def label_map(self) -> LabelMap:
        """The classes with ids and groups."""
        return self._trained("label_map").classes.label_map

    @property
    def thresholds(self) -> dict[str, float]:
        """Class name -> lowest score that counts: the checkpoint's, else 0.3 for all."""
        return dict(self._trained("thresholds").classes.thresholds)

    @property
    def cfg(self) -> CfgNode:
        """A copy of the config, frozen."""
        return self._cfg.clone()

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._trained("device").runtime.device

    @property
    def path(self) -> Path | None:
        """The file of the weights; None before the training."""
        return self._path

    def predict(
        self,
        video: Any,
        boxes: Boxes | None = None,
        stream: bool = True,
        *,
        fps: float | None = None,
        start: float = 0.0,
        end: float | None = None,
        stride: float | None = None,
        box_units: BoxUnits = "pixels",
        objects: Boxes | None = None,
        detector: str | os.PathLike | Detector | None = None,
        detector_weights: str | os.PathLike | None = None,
        name: str = "frames",
        reconnect: float = 30.0,
    ) -> Iterator[Prediction] | list[Prediction]:
        """Return what people do at each second of a video, or at other moments that are ``stride`` apart.

        Nothing is kept that is not needed any more, so a stream may go on for ever: of a file there are the frames of a
        few clips in memory, of an iterator those of one clip, of a live video those of some seconds. A network without
        memory yields each second as soon as its clip is read. One with a memory keeps the features of the persons
        around that second. If it also looks at those of the seconds ahead (MODEL.IA_STRUCTURE.LENGTH), its results come
        so much later; in a live video it sees nobody there.

        Args:
            video: a file; a folder, list (.txt), pattern or sequence of files; frames, uint8 RGB (OpenCV's are BGR:
                frame[..., ::-1]): an array or tensor [T, H, W, 3], or an iterable of frames; or what is live: the
                number of a camera, an address ("rtsp://..."), or OpenCV's VideoCapture of either. Of a live video, the
                latest second whose clip is complete is predicted whenever a result is asked for.
            boxes: persons at each whole second: a file (csv or JSON: docs/DATA.md), a table, or a dict second -> array
                [n, 4] of x1, y1, x2, y2, or [n, 5] with a score; None: a detector finds them.
            stream: yield results as they come; False: return them all in a list, which what is live has no end for.
            fps: frames per second of frames; videos have their own.
            start: second of the videos to start at.
            end: second to stop at; None: the end.
            stride: seconds from one result to the next, counted from the start of the video; None: TEST.STRIDE of the
                config, which is 1.
            box_units: of arrays of boxes: "pixels" of the frame, or "fractions" (0 to 1) of it.
            objects: boxes of objects, for networks that use them; None: the detector's, if any.
            detector: None for torchvision's Faster R-CNN; another network of torchvision; an ONNX file; the folder of a
                model of transformers; "motion", which proposes what moves before a fixed camera (where frames come one
                by one, from the moments before, and at the first seven not at all); or an object whose
                ``detect(frames)`` returns DetectedBoxes.
            detector_weights: file of torchvision's weights; None: COCO's, downloaded if they are not here.
            name: what results and boxes call frames.
            reconnect: seconds for which a camera or an address that was lost is opened again; 0: its end is the end.

        Returns:
            results in the order of the videos and their seconds; seconds without a person have none in ``persons``.

        Raises:
            UserError: an argument, a video or the boxes are wrong. All but faults inside of a video are told at once.
        """
        network = self._trained("predict()")
        with python_words():
            network = network if stride is None else network.at_stride(stride)
            if not stream and is_live(video):
                raise UserError(
                    "stream=False: a live video has no end at which all results could be returned. Take them as they "
                    "come: for result in detector.predict(...), and break when it is enough"
                )
            first, others = footages_of(video, fps, start, end, name, reconnect, network.cfg)
            check_people(1 + len(others), boxes, objects, detector, detector_weights, box_units)
            found = None if boxes is not None else self._detector(detector, detector_weights, objects is not None)
            people = PeopleOf(network.cfg, boxes, objects, box_units, found)
            results = results_of(network, first, others, start, end, people)
        return results if stream else list(results)

    def __call__(self, video: Any, *args: Any, **how: Any) -> Iterator[Prediction] | list[Prediction]:
        """Predict: the same as :meth:`predict`."""
        return self.predict(video, *args, **how)

    def train(
        self,
        dataset: str | os.PathLike | Sequence[str],
        *,
        val: str | Sequence[str] | None = None,
        resume: bool = False,
        seed: int = 0,
        new_head: bool = False,
        tensorboard: bool = False,
        report: bool = True,
        keys: Mapping[str, Any] | None = None,
        **overrides: Any,
    ) -> TrainingResult:
        """Train a new detector from this one's weights, as train_net.py does, in this process. This one stays as it is.

        Ctrl-C, or a notebook's stop button, saves a checkpoint and raises KeyboardInterrupt; the same call with
        ``resume=True`` goes on from there.

        Args:
            dataset: a prepared dataset ("pets", of which "pets_train" is trained on and "pets_val" evaluated), its
                dataset.yaml or folder, or the names of what to train on.
            val: names of what to evaluate on; None: the dataset's validation split.
            resume: go on with the run in the output folder, with its own schedule.
            seed: of the run.
            new_head: start with a new action head, for classes of another kind.
            tensorboard: write TensorBoard files.
            report: make ``report.html`` at the end.
            keys: config keys and their values, {"SOLVER.BASE_LR": 0.01}.
            **overrides: the same as SOLVER__BASE_LR=0.01; and for short max_iter (with which the schedule's steps,
                warm-up and periods are scaled), lr, batch_size (clips), workers, output_dir ("output/DATASET") and
                data_dir ("data").

        Returns:
            the best checkpoint as a detector, and how it was found.

        Raises:
            UserError: something in the config, the data or the weights is wrong.
            KeyboardInterrupt: when it was interrupted.
        """
        if self._network is not None:
            training_device(self.device)
        also = ("val", "resume", "seed", "new_head", "tensorboard", "report", "keys")
        with python_words():
            values = config_values(overrides, keys, also)
            flags = {"resume": resume, "seed": seed, "no_head": new_head, "use_tfboard": tensorboard}
            label_map = None if self._network is None else self._network.classes.label_map
            run = train_detector(self._cfg, self._path, label_map, dataset, val, values, flags, report=report)
        device = self._network.runtime.device if self._network is not None else None
        return run.loaded(lambda path: ActionDetector.from_checkpoint(path, device=device))

    def evaluate(
        self,
        dataset: str | os.PathLike,
        *,
        output_dir: str | os.PathLike | None = None,
        keys: Mapping[str, Any] | None = None,
        **overrides: Any,
    ) -> AvaResult:
        """Return the mean AP on a dataset, as test_net.py computes it; printed, it is a table.

        Args:
            dataset: a prepared dataset ("pets", whose validation split is taken), one of its splits ("pets_val"), or
                its dataset.yaml or folder.
            output_dir: where detections and result are written, in ``inference/DATASET``; None: nowhere.
            keys: config keys and their values.
            **overrides: the same as TEST__BOX_THRESH=0.3.

        Raises:
            UserError: the dataset is not known, cannot be read or has other classes.
        """
        network = self._trained("evaluate()")
        with python_words(), tempfile.TemporaryDirectory() as scratch:
            values = config_values(overrides, keys, ("output_dir", "keys"))
            cfg = network.cfg.clone()
            cfg.defrost()
            apply_values(cfg, values)
            cfg.OUTPUT_DIR = str(scratch if output_dir is None else Path(output_dir).expanduser())
            check_writable("output_dir=", Path(cfg.OUTPUT_DIR) / RESULT_FILE)
            names = evaluated_splits(cfg, dataset)
            cfg.DATASETS.TEST = names
            validate_cfg(cfg, check_files=False, splits=("TEST",))
            cfg.freeze()
            (opened,) = open_test_datasets(cfg, network.classes.label_map)
            return evaluate_dataset(cfg, network.model, opened, network.runtime)

    def __repr__(self) -> str:
        if self._network is None:
            body = self._cfg.MODEL.BACKBONE.CONV_BODY
            return f"ActionDetector(not trained, {body}, starts from {self._cfg.MODEL.WEIGHT or 'random weights'})"
        names = listed(self.classes, _SHOWN_CLASSES)
        number = counted(len(self.classes), "class", "classes")
        body = self._cfg.MODEL.BACKBONE.CONV_BODY
        return f"ActionDetector({str(self._path)!r}, {body} on {self.device}, {number}: {names})"

    def _trained(self, what: str) -> Network:
        if self._network is None:
            raise UserError(
                f"{what}: this detector is not trained yet. Call train(), whose result has the trained one as "
                ".detector, or load one: ActionDetector.from_checkpoint(PATH)."
            )
        return self._network

    def _detector(self, detector: Any, weights: str | os.PathLike | None, objects_given: bool) -> Detector:
        """Return what finds persons; the last one that was loaded is kept, unless it remembers frames of a video."""
        network = self._trained("predict()")
        wanted = (detector, weights, objects_given)
        if self._found is None or self._found[0] != wanted:
            self._found = None  # before the next one is loaded
            found = find_detector(detector, weights, network.cfg, network.runtime.device, objects_given=objects_given)
            if isinstance(found, VideoDetector):
                return found
            self._found = (wanted, found)
        return self._found[1]
