"""Predicts the actions in videos and writes each with every person's box, id and actions on each frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config import validate_cfg
from alphaction.config.validate import require_value
from alphaction.engine.out_of_memory import naming_what_helps, prediction_advice
from alphaction.utils.errors import DataError
from alphaction.utils.messages import first_lines, problem_list
from alphaction.workflows.detect.detected_boxes import Detector
from alphaction.workflows.predict.crew import Crew
from alphaction.workflows.predict.keeping import Shared, Tables
from alphaction.workflows.predict.ledger import Ledger
from alphaction.workflows.predict.load_model import adopt_classes
from alphaction.workflows.predict.pipeline import Pipeline
from alphaction.workflows.predict.predictor import Predictor
from alphaction.workflows.predict.video_options import VideoFailure, VideoOptions, VideoResult


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
    ledger: Ledger | None = None,
) -> Iterator[VideoResult | VideoFailure]:
    """Predict the actions in videos and write each with boxes, ids and class names; on the CPU or one GPU.

    DATALOADER.NUM_WORKERS processes open, read, draw and write, several videos at a time, while this one detects and
    classifies. With 0 it does one thing after the other; results are the same.

    Of several videos, one that cannot be predicted does not stop the others. Videos whose results go to the same csv
    share it, in the order of the list.

    Args:
        cfg: the config that the weights were trained with; changed and frozen.
        weights: checkpoint, complete for the model.
        videos: what to predict and where to write it.
        detector: used instead of torchvision's.
        config_file: where ``cfg`` comes from, for messages.
        ledger: of ``videos``, of which this process then predicts those that nobody else does; None: all.

    Yields:
        what became of each video, in their order.

    Raises:
        UserError: if config or weights are wrong, or the only video, or all of them.
    """
    require_value(cfg, "TEST.STRIDE")
    jobs = iter(videos) if ledger is None else ledger.claims()
    keep = Tables(cfg, videos, weights) if ledger is None else Shared(cfg, ledger, weights)
    with closing(keep), closing(Pipeline(cfg, Crew(cfg), jobs, keep)) as pipeline:
        found = pipeline.open_first()
        failures = pipeline.take_failures()
        if not found and failures and not (ledger is not None and ledger.overview().done):
            if len(videos) == 1:
                raise failures[0][1]
            times = Counter(str(error) for _, error in failures)
            # What is said of several is not theirs, but of a file of boxes, say.
            reasons = dict.fromkeys(str(error if times[str(error)] > 1 else failure) for failure, error in failures)
            if len(reasons) == 1 < len(failures):
                raise failures[0][1]
            raise DataError(
                problem_list(f"not one of {len(failures)} videos can be predicted:", first_lines([*reasons]))
            )
        yield from (failure for failure, _ in failures)
        if not found:
            return  # all others are done, or other processes do them
        label_map = adopt_classes(cfg, weights, config_file)
        validate_cfg(cfg, check_files=False, splits=())
        cfg.freeze()
        with naming_what_helps("loading the model", prediction_advice(cfg)):
            predictor = Predictor(
                cfg,
                weights,
                label_map,
                config_file,
                detector,
                min_score=videos[0].min_score,
                compiled=videos[0].compile,
            )
        if videos[0].detects:
            predictor.make_detector(videos[0])
        for outcome, error in pipeline.run(predictor):
            if error is not None and len(videos) == 1:
                raise error
            yield outcome
