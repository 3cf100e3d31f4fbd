"""The network of a live prediction: from a moment to the scores of its persons."""

from __future__ import annotations

import numpy as np

from alphaction.engine.out_of_memory import naming_what_helps, prediction_advice
from alphaction.workflows.live.moments import Moment
from alphaction.workflows.live.source import LiveSource
from alphaction.workflows.live.stages import CLASSIFY, Stages
from alphaction.workflows.predict.network import Network, clip_reach
from alphaction.workflows.predict.online import OnlinePredictor

# Seconds that reading a clip may take, in which nothing of it may be forgotten.
_READING = 1.0


class Actions:
    """Classifies the moments of a source: a :data:`~alphaction.workflows.live.moments.Classify`.

    Args:
        network: what predicts.
        video: name of the video in tables of boxes.
        source: the frames; it knows their size once the first one is taken.
        stages: counts what it takes.

    Attributes:
        reach: seconds after a moment whose frames must be there.
    """

    def __init__(self, network: Network, video: str, source: LiveSource, stages: Stages) -> None:
        self._network, self._video, self._source, self._stages = network, video, source, stages
        self._before, self.reach = clip_reach(network.cfg, source.fps)
        self._online: OnlinePredictor | None = None

    def __call__(self, moment: Moment) -> np.ndarray | None:
        """Return the scores, float32 [n, C]; None: frames of the clip were forgotten, or never came."""
        if self._online is None:
            self._online = OnlinePredictor(self._network, self._video, self._source.window)
        if self._source.is_live and not self._source.window.covers(moment.time, self._before + _READING):
            return None
        if not moment.persons:
            return np.zeros((0, self._network.classes.label_map.num_classes), dtype=np.float32)
        advice = prediction_advice(self._network.cfg)
        with self._stages.spending(CLASSIFY), naming_what_helps(f"predicting {self._source.title}", advice):
            return self._online.classify(moment.time, moment.boxes, moment.box_scores, moment.objects)
