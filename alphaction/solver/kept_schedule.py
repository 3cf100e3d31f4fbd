"""The schedule of a run that is continued with ``--resume``.

The run keeps the schedule in its checkpoint, whatever the config holds and on any number of processes; otherwise its
iterations would stand for another number of clips. SOLVER.ACCUMULATION_STEPS is raised where a process would have to
take more clips at once than before.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

from yacs.config import CfgNode

from alphaction.config.tree import get_value
from alphaction.solver.scaling import SCALED_KEYS, processes, scale_schedule, shown
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted

SCHEDULE_KEYS = (
    *SCALED_KEYS,
    "SOLVER.SCHEDULER",
    "SOLVER.GAMMA",
    "SOLVER.LAYER_DECAY",
    "SOLVER.WARMUP_ON",
    "SOLVER.WARMUP_FACTOR",
    "SOLVER.WARMUP_METHOD",
)
_REFERENCE = "SOLVER.REFERENCE_GPUS"
_ACCUMULATION = "SOLVER.ACCUMULATION_STEPS"
_TEST_BATCH = "TEST.VIDEOS_PER_BATCH"


class RecordedSchedule:
    """The schedule that a checkpoint holds.

    Args:
        config: the run's config, section by section.
        num_processes: processes that it ran on; None if the checkpoint does not say.
    """

    def __init__(self, config: Mapping[str, Mapping[str, Any]], num_processes: int | None) -> None:
        self._config = config
        self.num_processes = num_processes or self.get(_REFERENCE) or 1

    def get(self, key: str) -> Any:
        """Return the value of a key such as "SOLVER.MAX_ITER", None if the checkpoint does not say."""
        section, name = key.split(".")
        return self._config.get(section, {}).get(name)


def keep_schedule(cfg: CfgNode, recorded: RecordedSchedule, num_processes: int, given: Collection[str]) -> str:
    """Give ``cfg`` the schedule of the run that is continued; return what was done, for the log.

    Args:
        cfg: the config, changed in place.
        recorded: the schedule in the checkpoint.
        num_processes: processes over all machines from here on.
        given: keys that the command line sets, which stay as they are in ``cfg``.

    Raises:
        UserError: if the batch does not split over the processes, or the command line names other processes for a
            schedule that is not its own.
    """
    reference = recorded.get(_REFERENCE)
    if _REFERENCE in given and reference not in (None, cfg.SOLVER.REFERENCE_GPUS):
        raise UserError(
            f"--resume: {_REFERENCE} {cfg.SOLVER.REFERENCE_GPUS} is given, but the schedule of the run is for "
            f"{processes(reference)}, and values on the command line replace its values as they are. Leave "
            f"{_REFERENCE} out."
        )
    for key in SCHEDULE_KEYS:
        if key not in given and (value := recorded.get(key)) is not None:
            cfg.merge_from_list([key, value])
    _fit_processes(cfg, recorded, num_processes, given)
    line = f"The run keeps its schedule, which is for {processes(cfg.SOLVER.REFERENCE_GPUS)}"
    return f"{line}; it continues with {num_processes}." if num_processes != cfg.SOLVER.REFERENCE_GPUS else f"{line}."


def unused_values(cfg: CfgNode, file: CfgNode, given: Collection[str]) -> Iterator[str]:
    """Yield a line if the file of the config, which may have been edited, has another schedule than the run.

    Args:
        cfg: the config with the schedule of the run.
        file: the config as its file has it; it is scaled in place.
        given: keys that the command line sets.
    """
    with suppress(UserError):  # One that cannot be scaled is shown as it is.
        scale_schedule(file, cfg.SOLVER.REFERENCE_GPUS)
    unused = {_TEST_BATCH}  # Follows the processes, and changes no result.
    if cfg.SOLVER.SCHEDULER == "half_period_cosine":
        unused |= {"SOLVER.STEPS", "SOLVER.GAMMA"}
    else:
        unused |= {"SOLVER.MIN_LR"}
    different = [
        f"{key} {shown(get_value(file, key))} (the run: {shown(get_value(cfg, key))})"
        for key in SCHEDULE_KEYS
        if key not in unused and key not in given and not _same(get_value(file, key), get_value(cfg, key))
    ]
    if different:
        yield (
            f"--resume keeps the schedule of the run. The config file has another one, which is not used: "
            f"{', '.join(different)}. To change a value of the run, give it as KEY VALUE on the command "
            "line (after -- in tools/finetune_quickstart.sh)."
        )


def _fit_processes(cfg: CfgNode, recorded: RecordedSchedule, num_processes: int, given: Collection[str]) -> None:
    """Share the batch of the run among another number of processes, none taking more clips at once."""
    before, batch = recorded.num_processes, cfg.SOLVER.VIDEOS_PER_BATCH
    if batch < 1:
        return  # The checks of the config say so.
    if batch % num_processes:
        counts = [str(count) for count in range(1, min(batch, 64) + 1) if batch % count == 0]
        raise UserError(
            f"--resume: the run's batch of {counted(batch, 'clip')} does not split evenly over "
            f"{processes(num_processes)}. Continue with {', '.join(counts)} of them, or start a new run from its "
            "weights."
        )
    if num_processes != before and _TEST_BATCH not in given:
        cfg.TEST.VIDEOS_PER_BATCH = max(1, round(cfg.TEST.VIDEOS_PER_BATCH / before)) * num_processes
    if _ACCUMULATION not in given:
        share, most = batch // num_processes, max(1, batch // (before * (recorded.get(_ACCUMULATION) or 1)))
        cfg.SOLVER.ACCUMULATION_STEPS = next(
            steps for steps in range(1, share + 1) if share % steps == 0 and share // steps <= most
        )


def _same(one: object, other: object) -> bool:
    """Compare values; a rate that was scaled there and back may differ in its last digits."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    return list(one) == list(other) if isinstance(one, list | tuple) else one == other
