"""A run in MLflow."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from alphaction.engine.plot_services import ShownRun
from alphaction.engine.plots import JpegPicture
from alphaction.utils.logging import get_logger

_EXPERIMENT = "alphaction"
_MOST_AT_ONCE = 100  # parameters of a call
_LONGEST_VALUE = 500
_LONGEST_NAME = 240
_ODD = re.compile(r"[^\w.\- :/]")


class MlflowWriter:
    """Logs to one run, which a resumed training continues: metrics and parameters; pictures and texts as artifacts.

    The server is ``MLFLOW_TRACKING_URI``, the experiment ``MLFLOW_EXPERIMENT_NAME``, or "alphaction".
    """

    title = "MLflow"

    def __init__(self, run: ShownRun) -> None:
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param

        self._metric = Metric
        self._client = MlflowClient()
        self._names = MetricNames()
        known = run.kept_id("mlflow")
        if known is not None and self._continues(known):
            self._run_id = known
        else:
            name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
            experiment = self._client.get_experiment_by_name(name)
            number = self._client.create_experiment(name) if experiment is None else experiment.experiment_id
            self._run_id = run.keep_id("mlflow", self._client.create_run(number, run_name=run.name).info.run_id)
            values = [Param(key, value[:_LONGEST_VALUE]) for key, value in _flat(run.settings())]
            for start in range(0, len(values), _MOST_AT_ONCE):
                self._client.log_batch(self._run_id, params=values[start : start + _MOST_AT_ONCE])
        get_logger().info("%s: run %s in %s", self.title, self._run_id, self._client.tracking_uri)

    @staticmethod
    def problem() -> str | None:
        """Return why nothing can be sent from here, None if it can or nobody knows yet."""
        from mlflow import MlflowClient

        try:
            MlflowClient()
        except Exception as error:  # Its errors have many classes; the last line of one tells what is wrong.
            reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            return f"MLFLOW_TRACKING_URI does not work: {reason}"
        return None

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """See :class:`PlotWriter`; databases take no NaN, which is a gap then."""
        now = int(1000 * time.time())
        points = [
            self._metric(self._names.of(tag), value, now, step) for tag, value in values.items() if math.isfinite(value)
        ]
        self._client.log_batch(self._run_id, metrics=points)

    def picture(self, step: int, tag: str, picture: JpegPicture) -> None:
        """See :class:`PlotWriter`."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"{step:07d}.jpg"
            path.write_bytes(picture.data)
            self._client.log_artifact(self._run_id, str(path), self._names.of(tag))

    def text(self, step: int, tag: str, markdown: str) -> None:
        """See :class:`PlotWriter`."""
        self._client.log_text(self._run_id, markdown, f"{self._names.of(tag)}/{step:07d}.md")

    def close(self, failed: bool) -> None:
        """See :class:`PlotWriter`."""
        self._client.set_terminated(self._run_id, "FAILED" if failed else "FINISHED")

    def _continues(self, known: str) -> bool:
        """Return whether the server has the run, which is going on from now."""
        try:
            self._client.update_run(known, status="RUNNING")
        except Exception:  # deleted, or of another server
            return False
        return True


class MetricNames:
    """Names that MLflow accepts for tags of any kind: letters, digits, spaces and some signs, each another one.

    They may be paths of files, so that "val/mAP" leaves no room for "val/mAP/person": only the group keeps its slash.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def of(self, tag: str) -> str:
        """Return the name of a tag, always the same for the same one."""
        if tag not in self._names:
            group, slash, rest = _ODD.sub("_", tag)[:_LONGEST_NAME].partition("/")
            plain = f"{group}{slash}{rest.replace('/', '.')}"
            taken = set(self._names.values())
            names = (plain if number == 1 else f"{plain} {number}" for number in range(1, len(taken) + 2))
            self._names[tag] = next(name for name in names if name not in taken)
        return self._names[tag]


def _flat(settings: Mapping[str, object], begin: str = "") -> list[tuple[str, str]]:
    """Return the settings as "A.B" and text; empty values are left out."""
    found = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{begin}{key}.")
        elif str(value):
            found.append((_ODD.sub("_", f"{begin}{key}")[:_LONGEST_NAME], str(value)))
    return found
