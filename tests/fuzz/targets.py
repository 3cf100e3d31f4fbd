"""All targets by name. A reader that is registered and has no target fails ``test_targets.py``."""

from __future__ import annotations

from fuzz.annotation_targets import annotation_targets
from fuzz.other_targets import other_targets
from fuzz.target import Target
from fuzz.weight_targets import weight_targets

TARGETS: dict[str, Target] = {
    target.name: target for target in (*annotation_targets(), *other_targets(), *weight_targets())
}
