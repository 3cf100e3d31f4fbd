"""The pictures that a training shows: its first clips as the network sees them, and keyframes at each evaluation.

They are drawn in the main process. Nothing random is drawn for them and no clip is loaded for them, so that the
training is the same, to the last bit, as without; and no failure to draw or to write one ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np

from alphaction.config.class_groups import MOVEMENT
from alphaction.data.dataset import ActionDataset
from alphaction.data.joined_dataset import JoinedDataset
from alphaction.data.loader import ClipLoader
from alphaction.data.sample import ClipBatch
from alphaction.engine.classes import exclusive_groups
from alphaction.engine.clip_sheet import SeenClip, clip_sheet, seen_clips
from alphaction.engine.keyframe_sheet import KeyframeSheet
from alphaction.engine.label_counts import label_counts_picture, label_counts_table
from alphaction.engine.plot_services import ShownRun, opened_plots, services_of
from alphaction.engine.plots import Plots
from alphaction.engine.prepared_run import PreparedRun
from alphaction.engine.run_config import RunConfig
from alphaction.engine.setup import Runtime
from alphaction.evaluation import Predictions
from alphaction.utils.atomic import replacing
from alphaction.utils.drawing import png_bytes
from alphaction.utils.logging import get_logger, report_unwritten
from alphaction.utils.messages import one_line
from alphaction.utils.progress import doing

CLIPS_FILE = "train_clips.png"
KEYFRAMES_FILE = "validation_{:07d}.png"
_NUM_CLIPS = 4
_MOST_BATCHES = 4  # in which they are looked for


class RunPictures:
    """Draws the pictures of one run.

    Args:
        folder: OUTPUT_DIR.
        plots: where they are shown as well.
        iteration: returns the iterations done.
        exclusive: groups of which only the best class of a person is shown.
    """

    def __init__(
        self, folder: Path, plots: Plots, iteration: Callable[[], int], exclusive: Collection[str] = (MOVEMENT,)
    ) -> None:
        self._folder = folder
        self._plots = plots
        self._iteration = iteration
        self._exclusive = exclusive
        self._keyframes: KeyframeSheet | None = None

    def show_labels(self, train_sets: Sequence[ActionDataset], test_sets: Sequence[ActionDataset]) -> None:
        """Show how many labels each class has; nothing if the run is shown nowhere."""
        if self._plots:
            with drawing("the numbers of labels"):
                self._plots.picture(0, "data/labels", label_counts_picture(train_sets, test_sets))
                self._plots.text(0, "data/label_counts", label_counts_table(train_sets, test_sets))

    def watching(self, loader: ClipLoader, dataset: ActionDataset | JoinedDataset) -> Iterable[ClipBatch]:
        """Return the batches of ``loader``, whose first clips become a picture on the way unless there is one.

        A run that is continued keeps the picture of its start.
        """
        if self._iteration() > 0 and (self._folder / CLIPS_FILE).is_file():
            return loader
        return _Watched(loader, lambda clips: self._show_clips(clips, dataset))

    def show_keyframes(self, evaluated: Sequence[tuple[ActionDataset, Predictions]]) -> None:
        """Write a sheet of keyframes with what was predicted beside what is annotated: the same ones each time."""
        doing("drawing validation keyframes", limited=False)
        with drawing("the sheet of validation keyframes"):
            if self._keyframes is None:
                self._keyframes = KeyframeSheet([dataset for dataset, _ in evaluated], self._exclusive)
            image = self._keyframes.draw([predictions for _, predictions in evaluated])
            # There will be many of them.
            self._show(KEYFRAMES_FILE.format(self._iteration()), "validation", image, few_colors=True)

    def _show_clips(self, clips: Sequence[SeenClip], dataset: ActionDataset | JoinedDataset) -> None:
        with drawing("the sheet of training clips"):
            self._show(CLIPS_FILE, "train_clips", clip_sheet(clips, dataset))

    def _show(self, name: str, tag: str, image: np.ndarray, *, few_colors: bool = False) -> None:
        path = self._folder / name
        try:
            with replacing(path) as part:
                part.write_bytes(png_bytes(image, few_colors=few_colors))
        except OSError as error:  # a full disk, as for the log
            report_unwritten(path, error)
        self._plots.picture(self._iteration(), tag, image)


@contextmanager
def showing(run: RunConfig, prepared: PreparedRun, runtime: Runtime) -> Iterator[tuple[Plots, RunPictures]]:
    """Show a run, until it ends, where its flags want it; the processes that are not the main one show nothing.

    Raises:
        ResourceError: if the event file cannot be made.
    """
    folder, names = Path(run.cfg.OUTPUT_DIR), services_of(run.args)
    shown = ShownRun(folder, run.cfg, prepared.start_iteration)
    new = prepared.start_iteration == 0 or shown.is_new_to(names)
    datasets = [dataset.name for dataset in prepared.test_sets]
    with opened_plots(names, shown, datasets) if runtime.is_main else nullcontext(Plots()) as plots:
        # The schedule counts the iterations, also those of earlier starts.
        exclusive = exclusive_groups(run.cfg, prepared.train_set.label_map)
        pictures = RunPictures(folder, plots, lambda: prepared.scheduler.last_epoch, exclusive)
        if new:
            pictures.show_labels(prepared.train_set.datasets, prepared.test_sets)
        yield plots, pictures


class _Watched:
    """Passes the batches of a loader on, and shows some of their clips once, before the network has them."""

    def __init__(self, loader: ClipLoader, show: Callable[[Sequence[SeenClip]], None]) -> None:
        self._loader = loader
        self._show = show

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[ClipBatch]:
        last = min(_MOST_BATCHES, len(self._loader))
        clips: list[SeenClip] = []
        for number, batch in enumerate(self._loader, start=1):
            if number <= last and len(clips) < _NUM_CLIPS:
                with drawing("the sheet of training clips"):
                    clips += seen_clips(batch, _NUM_CLIPS - len(clips))
                if clips and (number == last or len(clips) == _NUM_CLIPS):
                    self._show(clips)
            yield batch


@contextmanager
def drawing(what: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into a warning: a picture is worth no training."""
    try:
        yield
    except Exception as error:
        get_logger().warning("%s is not drawn: %s", what, one_line(str(error)) or type(error).__name__)
        get_logger().debug("why it is not drawn", exc_info=True)
