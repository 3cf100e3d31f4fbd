"""Stands in for ``python`` where the pages' commands are tested: the same programs on less data and fewer steps.

Usage: shortened.py PYTHON ARGUMENTS...; flags that make the program behind ARGUMENTS quick are added, and everything
else is passed on as the page has it.
"""

from __future__ import annotations

import os
import sys

SMALL_RUN = (
    "SOLVER.MAX_ITER 2 SOLVER.WARMUP_ITERS 1 SOLVER.STEPS (1,) SOLVER.CHECKPOINT_PERIOD 2 SOLVER.EVAL_PERIOD 100 "
    "SOLVER.VIDEOS_PER_BATCH 2 SOLVER.LOG_PERIOD 1 TEST.VIDEOS_PER_BATCH 2 DATALOADER.NUM_WORKERS 0 "
    "INPUT.MIN_SIZE_TRAIN 64 INPUT.MAX_SIZE_TRAIN 96 INPUT.MIN_SIZE_TEST 64 INPUT.MAX_SIZE_TEST 96"
).split()
SMALL_TOY = "--num-train 6 --num-val 2 --seconds 6".split()
# Later flags of a kind win. The page itself, which the folder of the test shares, stays as it is.
SMALL_STUDY = "--arms baseline,M --seeds 0 --jobs 2 --report output/ablation/ablation.md".split()


def shortened(arguments: list[str]) -> list[str]:
    """Return the arguments of ``python`` with what makes the program behind them quick."""
    program = next((argument for argument in arguments if argument.endswith(".py")), "")
    if arguments[:2] == ["-m", "alphaction.workflows.finetune.launch"]:
        if "--dry-run" in arguments:
            return arguments
        return [*arguments, *([] if "--" in arguments else ["--"]), *SMALL_RUN]
    if program.endswith("predict_video.py"):
        after = arguments.index(program) + 1  # before the KEY VALUE pairs, and flags of the page win
        short = [] if "--tubes" in arguments else ["--end", "3"]  # tubes go on to an annotator, who needs several
        return [*arguments[:after], *short, *arguments[after:], *SMALL_RUN]
    if program.endswith(("train_net.py", "test_net.py")):
        # What the page about exports trains: half of the network is exported in half of the time.
        half = "config_files/tiny/base.yaml" in arguments
        return [*arguments, *SMALL_RUN, *(["MODEL.BACKBONE.SLOWFAST.FAST.ACTIVE", "False"] if half else [])]
    if program.endswith("tools/benchmark.py"):
        return [*arguments, *(["--rows", "20000"] if "evaluate" in arguments else []), "--repetitions", "1"]
    if program.endswith("make_toy_dataset.py"):
        # The shortest that the world "interactions" can do is twice the lag of its classes.
        return [*arguments, *SMALL_TOY, *(["--seconds", "8"] if "interactions" in arguments else [])]
    if program.endswith("process_ava_videos.py"):
        return [*arguments, "--end", "3"]
    if program.endswith("tools/ablation.py"):
        return [*arguments, *SMALL_STUDY, *SMALL_RUN]
    return arguments


if __name__ == "__main__":
    os.execv(sys.argv[1], [sys.argv[1], *shortened(sys.argv[2:])])
