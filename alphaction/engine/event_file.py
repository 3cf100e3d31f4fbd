"""Scalars for TensorBoard, written at once and without a thread that could die of a full disk."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from alphaction.utils.append_file import AppendFile

_NUMBERS = itertools.count()


class EventFile:
    """A new event file in a folder.

    Args:
        folder: made if absent.
        first_step: points of older files from this step on are hidden: the run was set back to before it.

    Raises:
        OSError: if the file cannot be made.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_NUMBERS)}"
        self.file = AppendFile(folder / name)
        self._records = RecordWriter(self.file)
        self._add(Event(wall_time=time.time(), step=first_step, file_version="brain.Event:2"))
        self._add(Event(wall_time=time.time(), step=first_step, session_log=SessionLog(status=SessionLog.START)))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Write one point for each value."""
        points = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._add(Event(wall_time=time.time(), step=step, summary=Summary(value=points)))

    def _add(self, event: Event) -> None:
        self._records.write(event.SerializeToString())
