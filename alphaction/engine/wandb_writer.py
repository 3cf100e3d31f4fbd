"""A run in Weights & Biases.

Its own synchronization with TensorBoard replaces the writers of TensorBoard and PyTorch; our event files are written
without them, and it sees none. So the same values go to ``wandb.log``.
"""

from __future__ import annotations

import html
import io
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from PIL import Image

from alphaction.engine.plot_services import ShownRun
from alphaction.engine.plots import JpegPicture
from alphaction.utils.logging import get_logger

_PROJECT = "alphaction"
_STEP = "iteration"
_SECONDS_TO_START = 90.0


class WandbWriter:
    """Logs to one run, which a resumed training continues.

    The project is ``WANDB_PROJECT``, or "alphaction"; ``WANDB_MODE=offline`` keeps all in OUTPUT_DIR/wandb for
    ``wandb sync``.
    """

    title = "Weights & Biases"

    def __init__(self, run: ShownRun) -> None:
        import wandb

        self._wandb: ModuleType = wandb
        kept = run.kept_id("wandb") or run.keep_id("wandb", uuid.uuid4().hex[:12])
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", _PROJECT),
            name=run.name,
            id=kept,
            resume="allow",
            dir=str(run.folder),
            config=run.settings(),
            settings=wandb.Settings(
                silent=True, console="off", disable_git=True, save_code=False, init_timeout=_SECONDS_TO_START
            ),
        )
        # Its own steps may never go back, as they do where a run is continued from before its end.
        self._run.define_metric(_STEP)
        self._run.define_metric("*", step_metric=_STEP)
        where = f"offline; wandb sync {Path(self._run.dir).parent}" if self._run.offline else self._run.url
        get_logger().info("%s: %s", self.title, where)

    @staticmethod
    def problem() -> str | None:
        """Return why nothing can be sent from here, None if it can or nobody knows yet."""
        import wandb

        if wandb.setup().settings.mode != "online":
            return None
        try:
            known = wandb.login(prompt=False)
        except Exception:  # It asks the server, which may be out of reach: told when the run is to begin.
            return None
        return None if known else "not logged in: wandb login, or WANDB_MODE=offline to send it later"

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """See :class:`PlotWriter`."""
        self._run.log({_STEP: step, **values})

    def picture(self, step: int, tag: str, picture: JpegPicture) -> None:
        """See :class:`PlotWriter`."""
        image = self._wandb.Image(Image.open(io.BytesIO(picture.data)), file_type="jpg")
        self._run.log({_STEP: step, tag: image})

    def text(self, step: int, tag: str, markdown: str) -> None:
        """See :class:`PlotWriter`."""
        self._run.log({_STEP: step, tag: self._wandb.Html(f"<pre>{html.escape(markdown)}</pre>")})

    def close(self, failed: bool) -> None:
        """See :class:`PlotWriter`."""
        self._run.finish(exit_code=int(failed))
