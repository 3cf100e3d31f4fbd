"""AlphAction: spatio-temporal action detection with SlowFast backbones and Interaction Aggregation.

``from alphaction import ActionDetector`` is the way in for notebooks and other programs; see :mod:`alphaction.api`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors
    from alphaction.api import ActionDetector as ActionDetector

__version__ = "1.0.0"
_API = "ActionDetector"


def __getattr__(name: str) -> Any:
    # The API needs PyTorch, which takes seconds to import and which the version, say, does not need.
    if name == _API:
        return getattr(import_module("alphaction.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), _API} - {"Any", "TYPE_CHECKING", "import_module"})
