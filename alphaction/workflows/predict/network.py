"""A network that is ready to predict, and what it knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from yacs.config import CfgNode

from alphaction.config import validate_cfg
from alphaction.data.annotations import LabelMap
from alphaction.data.temporal import sampling_of
from alphaction.engine.setup import Runtime
from alphaction.memory.window import MemoryWindow
from alphaction.modeling import DetectionModel


@dataclass(frozen=True)
class Classes:
    """The classes of a detector, and from which score on each counts.

    Attributes:
        label_map: the classes, in the order of the scores.
        thresholds: name -> lowest score that counts.
        exclusive: groups whose classes exclude each other.
    """

    label_map: LabelMap
    thresholds: Mapping[str, float]
    exclusive: Collection[str] = ()


@dataclass(frozen=True)
class Network:
    """A network that predicts.

    Attributes:
        cfg: its config.
        model: optimized for inference.
        runtime: where it runs.
        classes: what it knows.
    """

    cfg: CfgNode
    model: DetectionModel
    runtime: Runtime
    classes: Classes

    @property
    def ahead(self) -> int:
        """How many seconds after a clip's own its memory looks at."""
        if not self.model.uses_memory:
            return 0
        window = MemoryWindow.from_config(self.cfg)
        return window.after * window.rate

    def at_stride(self, stride: float) -> Network:
        """Return the same network, which predicts every ``stride`` seconds.

        Raises:
            UserError: it cannot, or that is no number of seconds.
        """
        cfg = self.cfg.clone()
        cfg.defrost()
        cfg.merge_from_list(["TEST.STRIDE", stride])
        validate_cfg(cfg, check_files=False, splits=())
        cfg.freeze()
        return replace(self, cfg=cfg)


def clip_reach(cfg: CfgNode, fps: float) -> tuple[float, float]:
    """Return how many seconds before and after its moment a clip has frames, both 0 or more.

    Args:
        cfg: says which frames a clip has.
        fps: frames per second of the video.
    """
    slow, fast = sampling_of(cfg, training=False).slots(None)
    slots = [0, *slow, *fast]
    rate = cfg.INPUT.FPS or fps
    return -min(slots) / rate, max(slots) / rate
