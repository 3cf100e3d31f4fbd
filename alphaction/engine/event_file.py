"""Scalars, pictures and texts for TensorBoard, written at once and without a thread that could die of a full disk."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.summary.writer.record_writer import RecordWriter

from alphaction.engine.plots import JpegPicture
from alphaction.utils.append_file import AppendFile

_NUMBERS = itertools.count()
_RGB = 3


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

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write one point for each value, by its tag."""
        self._write(step, [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])

    def picture(self, step: int, tag: str, picture: JpegPicture) -> None:
        """Write a picture."""
        image = Summary.Image(
            height=picture.height, width=picture.width, colorspace=_RGB, encoded_image_string=picture.data
        )
        self._write(step, [Summary.Value(tag=tag, image=image)])

    def text(self, step: int, tag: str, markdown: str) -> None:
        """Write a text, which TensorBoard shows as Markdown."""
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        content = TensorProto(dtype=DT_STRING, string_val=[markdown.encode("utf-8", "replace")], tensor_shape=shape)
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        self._write(step, [Summary.Value(tag=tag, metadata=metadata, tensor=content)])

    def close(self, failed: bool) -> None:
        """Close the file."""
        self.file.close()

    def _write(self, step: int, values: Sequence[Summary.Value]) -> None:
        self._add(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    def _add(self, event: Event) -> None:
        self._records.write(event.SerializeToString())
