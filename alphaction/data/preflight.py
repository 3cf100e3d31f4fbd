"""Checks every video of a dataset once, before training starts instead of hours into it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alphaction.data.video.clip_source import ClipSource
from alphaction.data.video.file import VideoInfo
from alphaction.utils.cores import available_cores
from alphaction.utils.errors import UserError

if TYPE_CHECKING:
    from yacs.config import CfgNode

    from alphaction.data.dataset import ActionDataset
    from alphaction.data.joined_dataset import JoinedDataset

_SHOWN_PROBLEMS = 10
_MAX_THREADS = 8


@dataclass(frozen=True)
class DatasetReport:
    """What the check found.

    Attributes:
        videos: what each video's file says about itself.
        keyframes: number of clips whose second was checked.
        fps: frames per second of the timeline, 0: each video's own rate.
    """

    videos: dict[str, VideoInfo]
    keyframes: int
    fps: float

    def __str__(self) -> str:
        infos = list(self.videos.values())
        sizes = sorted({f"{info.width}x{info.height}" for info in infos})
        rates = sorted({round(info.fps, 2) for info in infos})
        seconds = sum(info.duration or 0.0 for info in infos)
        shown = ", ".join(sizes[:4]) + (f", ... ({len(sizes)} sizes)" if len(sizes) > 4 else "")
        speed = " to ".join(f"{rate:g}" for rate in sorted({rates[0], rates[-1]}))
        line = f"{len(infos)} videos checked ({shown}; {speed} frames/s; {seconds:.0f} s), {self.keyframes} keyframes"
        if rates[0] < 0.9 * self.fps:
            line += (
                f"; the timeline has INPUT.FPS {self.fps:g}, so frames of slower videos repeat (INPUT.FPS 0 takes each "
                "video's own rate)"
            )
        return line


def check_dataset(cfg: CfgNode, dataset: ActionDataset | JoinedDataset) -> DatasetReport:
    """Check that every video exists, opens and decodes at some keyframes, and that all of these lie inside it.

    Args:
        cfg: the whole config.
        dataset: training or test clips.

    Raises:
        UserError: one error that lists the problems (up to ten), each with file, keyframes and remedy.
    """
    work: list[tuple[ClipSource, str, list[int]]] = []
    for part in dataset.datasets:
        seconds: dict[str, list[int]] = {}
        for video, second in part.keyframes:
            seconds.setdefault(video, []).append(second)
        work += [(part.source, video, of_video) for video, of_video in seconds.items()]

    # Decoding releases the GIL, and on network file systems most of the time is waiting.
    threads = max(1, min(_MAX_THREADS, available_cores(), len(work)))
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda item: item[0].problems(item[1], item[2]), work))
    problems = [problem for of_video in found for problem in of_video]
    if problems:
        listed = "\n".join(f"  {number}. {problem}" for number, problem in enumerate(problems[:_SHOWN_PROBLEMS], 1))
        more = len(problems) - _SHOWN_PROBLEMS
        rest = f"\n  ... and {more} more" if more > 0 else ""
        affected = sum(1 for of_video in found if of_video)
        sources = ", ".join(dict.fromkeys(part.annotations.source for part in dataset.datasets))
        raise UserError(
            f'dataset "{dataset.name}" (annotations: {sources}): {affected} of {len(work)} videos have problems:\n'
            f"{listed}{rest}"
        )
    infos = {video: source.probe(video) for source, video, _ in work}
    return DatasetReport(infos, len(dataset), cfg.INPUT.FPS)
