"""Makes every place of the tools' files wrong in every way: PYTHONPATH=.:tests python -m fuzz.every_place [NUMBER].

NUMBER: draw so many inputs of each file (default: all). Ends with 1 if any was neither read nor refused with one
message that names the file.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from fuzz.reading import Attack
from fuzz.tool_files import FILES
from fuzz.walker import mutations

from alphaction.data.video.file import VideoInfo

INFO = VideoInfo(width=640, height=480, fps=25.0, duration=20.0, frames=500)
INFOS = {"clip_01": INFO, "clip_02": INFO}


def main() -> int:
    """Attack each file, and print what became of it."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else None
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, data in FILES.items():
            found = Attack().run(mutations(data, number), Path(folder), INFOS)
            read, refused = found.outcomes["read"], found.outcomes["refused"]
            print(f"{name}: {sum(found.outcomes.values())} inputs, {read} read, {refused} refused", flush=True)
            faults += found.faults
            print("\n".join(f"  {fault[:400]}" for fault in found.faults), end="\n" * bool(found.faults), flush=True)
    print(f"{len(faults)} faults")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
