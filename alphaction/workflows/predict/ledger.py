"""Which videos of a list are done, and who predicts which: by files beside the results, so that any process can see it.

Each video has a folder (``record.py``) whose lock, that of ``engine/run_lock.py``, is held by who predicts it. So any
number of processes on any machines share a list, a start after an interruption does what is missing, and one that was
killed leaves nothing that keeps others from its videos.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from alphaction.engine.run_lock import BEAT_SECONDS, RunLock, read_lock, take_lock
from alphaction.utils.atomic import remove_parts, replacing, write_text_atomically
from alphaction.utils.errors import UserError
from alphaction.utils.files import check_writable, refuse_existing
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted, listed, problem_list
from alphaction.workflows.predict.record import (
    BEGUN,
    DONE,
    FAILED,
    FOLDER,
    Record,
    differences,
    read_record,
    save_settings,
    video_identity,
    write_record,
)
from alphaction.workflows.predict.shares import ends_together, in_turn, launch_name, this_process
from alphaction.workflows.predict.tables import TABLES, tables_of
from alphaction.workflows.predict.video_options import VideoOptions

# What is written there before it is a result. The names of two results may begin alike, these folders are one's own.
_VIDEO = "video"
# Who shows no sign of life for two beats may be gone.
_DOUBTFUL = 2 * BEAT_SECONDS
# The tables of all videos are written anew when this share of the time has been spent on other things.
_REST = 20


@dataclass(frozen=True)
class Overview:
    """How far all processes are: numbers of videos, seconds of video, and bytes of their files.

    Attributes:
        done: videos that are done.
        failed: videos that could not be predicted.
        seconds: of the videos that are done.
        bytes_done: of the files of those that are done or failed.
        bytes_all: of all files.
    """

    done: int
    failed: int
    seconds: float
    bytes_done: int
    bytes_all: int


class Ledger:
    """The videos of a list whose results go to one folder.

    Args:
        jobs: all videos, with equal options but for video and output.
        settings: what decides on results, as ``settings_of`` returns it.

    Raises:
        UserError: there are results of other settings, or a table that is not of this folder, and no --force.
    """

    def __init__(self, jobs: Sequence[VideoOptions], settings: Mapping[str, str]) -> None:
        self.jobs = list(jobs)
        self.folder = jobs[0].output.parent / FOLDER
        self._settings = dict(settings)
        self._force = jobs[0].force
        self._tables = tables_of(jobs[0])
        self._held: dict[Path, RunLock] = {}
        self._settled: set[Path] = set()
        self._began = time.time()
        self._beaten = self._assembled = time.monotonic()
        self._assembly = 0.0
        self._launch = launch_name()
        self._index, self._count = this_process()
        check_writable("--output", self.jobs[0].output)
        self._refuse_other_tables()
        self._name = save_settings(self.folder, settings)
        if not self._force:
            self._refuse_other_results()
        for path in self._tables.values():
            write_text_atomically(self._mark(path), f"{path.resolve()}\n")

    def place(self, job: VideoOptions) -> Path:
        """Return the folder of what is known of a video."""
        return self.folder / job.output.name

    def is_done(self, job: VideoOptions) -> bool:
        """Return whether there is a result of these settings, which --force does not ask to replace."""
        return self._counts(job, read_record(self.place(job)), DONE)

    def claims(self) -> Iterator[VideoOptions | None]:
        """Yield the videos that this process is to predict, each held for it until it is done, failed or released.

        None: others hold what is left, which may have to be done yet, should they turn out to be gone.
        """
        left = in_turn(self.jobs, self._index, self._count)
        while left:
            held = []
            for job in left:
                if self._is_settled(job):
                    continue
                if self._claim(job):
                    yield replace(job, force=True)
                elif not self._is_settled(job):
                    held.append(job)
            left = [job for job in held if ends_together() or self._is_doubtful(job)]
            if left:
                yield None
        if held_by_others := [job for job in self.jobs if job.output not in self._held and self._is_begun(job)]:
            get_logger().info(
                "%s (%s) left to other processes, which predict them now",
                f"{counted(len(held_by_others), 'video')} {'is' if len(held_by_others) == 1 else 'are'}",
                listed([job.video.name for job in held_by_others], 3),
            )

    def writing(self, job: VideoOptions) -> AbstractContextManager[Path]:
        """Return the context in which a video is written: it yields the file to write, which then is the result."""
        return replacing(job.output, beside=self.place(job) / _VIDEO)

    def done(self, job: VideoOptions, seconds: float) -> None:
        """Note that the results of a video are there, its rows included, and let it go."""
        self._settle(job, DONE, seconds)
        self.assemble(at_once=False)

    def failed(self, job: VideoOptions) -> None:
        """Note that a video cannot be predicted, and let it go; another start tries again."""
        self._settle(job, FAILED, 0.0)

    def release(self) -> None:
        """Let all videos go, whatever became of them."""
        for lock in self._held.values():
            lock.release()
        self._held.clear()

    def beat(self) -> None:
        """Show the others, now and then, that this process lives."""
        if time.monotonic() - self._beaten < BEAT_SECONDS:
            return
        self._beaten = time.monotonic()
        for lock in self._held.values():
            with suppress(OSError):
                if lock.is_held():
                    os.utime(lock.path)

    def assemble(self, at_once: bool = True) -> None:
        """Write the tables of all videos that are done, by whichever process; in the order of the list.

        Args:
            at_once: even if that was done a short time ago.
        """
        now = time.monotonic()
        if not self._tables or not (at_once or now - self._assembled >= _REST * self._assembly):
            return
        rows: list[VideoOptions] | None = None
        # Another process may have finished a video meanwhile, and put a table in place that this one has replaced.
        while rows is None or len(rows) != len(self._with_rows()):
            rows = self._with_rows()
            for table, path in self._tables.items():
                table.join(path, ((self.place(job) / table.part).read_bytes() for job in rows))
        self._assembled = time.monotonic()
        self._assembly = self._assembled - now

    def overview(self) -> Overview:
        """Return how far all processes are."""
        done = failed = bytes_done = bytes_all = 0
        seconds = 0.0
        for job in self.jobs:
            with suppress(OSError):
                size = job.video.stat().st_size
                bytes_all += size
                record = read_record(self.place(job))
                if self._counts(job, record, DONE):
                    done, seconds, bytes_done = done + 1, seconds + record.seconds, bytes_done + size
                elif self._counts(job, record, FAILED):
                    failed, bytes_done = failed + 1, bytes_done + size
        return Overview(done, failed, seconds, bytes_done, bytes_all)

    def _counts(self, job: VideoOptions, record: Record | None, state: str) -> bool:
        """Return whether a record says ``state`` of this video with these settings, and need not be made anew."""
        if record is None or (record.state, record.settings) != (state, self._name):
            return False
        if record.video != video_identity(job.video):
            return False
        # Where what was before does not count, it matters whether it is of a process that runs beside this one.
        beside = job.output in self._settled or record.written >= self._began
        if state == FAILED:
            return beside
        beside |= self._launch != "" and record.launch == self._launch
        # A start that wants another table than those before makes its part.
        complete = all((self.place(job) / table.part).exists() for table in self._tables)
        return job.output.exists() and complete and (beside or not self._force)

    def _is_settled(self, job: VideoOptions) -> bool:
        record = read_record(self.place(job))
        return self._counts(job, record, DONE) or self._counts(job, record, FAILED)

    def _is_begun(self, job: VideoOptions) -> bool:
        record = read_record(self.place(job))
        return record is not None and record.state == BEGUN and not self._is_settled(job)

    def _is_doubtful(self, job: VideoOptions) -> bool:
        """Return whether who holds a video may be gone: it is free as soon as that is sure."""
        holder = read_lock(self.place(job))
        return holder is None or not holder.is_alive or holder.age > _DOUBTFUL

    def _claim(self, job: VideoOptions) -> bool:
        place = self.place(job)
        place.mkdir(parents=True, exist_ok=True)
        holder = read_lock(place)
        if holder is not None and holder.is_alive:
            return False
        try:
            lock = take_lock(place)
        except UserError:
            return False  # another one was quicker
        if self._is_settled(job):
            lock.release()
            return False
        if not self._force and (problem := self._other_result(job)):
            lock.release()
            raise UserError(problem_list(f"--output {self.folder.parent}:", [problem]))
        self._held[job.output] = lock
        remove_parts(place, [_VIDEO, *(table.part for table in TABLES)])  # what one that was killed has left
        self._write(job, BEGUN, 0.0)
        return True

    def _settle(self, job: VideoOptions, state: str, seconds: float) -> None:
        lock = self._held.pop(job.output)
        self._settled.add(job.output)
        # One that was suspended for long may have lost the video to another process, whose result is the same.
        if lock.is_held():
            self._write(job, state, seconds)
        lock.release()

    def _write(self, job: VideoOptions, state: str, seconds: float) -> None:
        record = Record(state, self._name, video_identity(job.video), self._launch, seconds)
        write_record(self.place(job), record)

    def _other_result(self, job: VideoOptions) -> str:
        """Return why what is there for a video is no result of this start, "" if it is one, or there is none."""
        if not job.output.exists():
            return ""
        record = read_record(self.place(job))
        if record is None:
            return f"{job.output} exists, and no record says what made it"
        if record.settings != self._name:
            changed = differences(self.folder, record.settings, self._settings)
            return f"{job.output} was made with other settings ({'; '.join(changed[:4]) or 'they are not known'})"
        if record.video != video_identity(job.video):
            return f"{job.output} was made from another video ({record.video})"
        return ""

    def _refuse_other_results(self) -> None:
        problems = [problem for job in self.jobs if (problem := self._other_result(job))]
        if problems:
            shown = problems[:3] + [f"{counted(len(problems) - 3, 'more result')}"] * (len(problems) > 3)
            raise UserError(
                problem_list(f"--output {self.folder.parent} holds results that this command would not make:", shown)
                + "\nName another folder, or delete these videos and start again, or make all anew with --force."
            )

    def _refuse_other_tables(self) -> None:
        for table, path in self._tables.items():
            refuse_existing(table.flag, path, self._force or self._mark(path).exists())

    def _mark(self, path: Path) -> Path:
        """Return the file that says that a table is of this folder, so that it may be written anew."""
        return self.folder / f"table-{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}.txt"

    def _with_rows(self) -> list[VideoOptions]:
        return [job for job in self.jobs if self.is_done(job)]
