"""``python -m tests.fuzz``: mutated files for every reader; see :mod:`fuzz.campaign`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from fuzz.campaign import main

if __name__ == "__main__":
    sys.exit(main())
