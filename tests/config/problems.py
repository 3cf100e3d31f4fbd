"""What validate_cfg finds in the defaults, changed by overrides."""

from __future__ import annotations

import pytest

from alphaction.config import load_cfg, validate_cfg
from alphaction.utils.errors import UserError

HEAD, IA, BACKBONE = "MODEL.ROI_ACTION_HEAD", "MODEL.IA_STRUCTURE", "MODEL.BACKBONE"
SLOW, FAST = f"{BACKBONE}.SLOWFAST.SLOW", f"{BACKBONE}.SLOWFAST.FAST"
DATA = ("DATASETS.TRAIN", "a", "DATASETS.TEST", "b")
IA_ON = (f"{IA}.ACTIVE", True, f"{IA}.MAX_OBJECT", 5)
I3D = (f"{BACKBONE}.CONV_BODY", "I3D-Resnet50")


def check(*overrides, **kwargs) -> None:
    """Validate the defaults, with datasets, changed by ``overrides``."""
    validate_cfg(load_cfg(None, [*DATA, *overrides]), **kwargs)


def problems(*overrides, **kwargs) -> list[str]:
    """Return the problems that the check finds."""
    with pytest.raises(UserError) as caught:
        check(*overrides, **kwargs)
    title, *found = str(caught.value).split("\n  - ")
    assert title.startswith(f"{len(found)} problem")
    return found


def problem(*overrides, **kwargs) -> str:
    """Return the only problem."""
    found = problems(*overrides, **kwargs)
    assert len(found) == 1, found
    return found[0]
