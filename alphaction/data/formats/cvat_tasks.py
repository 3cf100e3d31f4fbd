"""The tasks of CVAT's XML: which video each one shows, and how its frames are counted (:mod:`.cvat_frames`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.cvat_xml import Element, integer, text
from alphaction.data.formats.frame_facts import FIRST_FRAME, FRAME_RATE
from alphaction.data.formats.rows import RowBuilder, TakenFor
from alphaction.data.formats.unnamed_video import OTHER_NAME, video_of_unnamed
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import listed
from alphaction.utils.values import finite_number

AS_VIDEO = 'In CVAT choose "Export task dataset", format "CVAT for video 1.1".'
Offsets = Mapping[str, int]
"""Task id -> what its frames are counted from."""


@dataclass(frozen=True)
class Task:
    """What the file says about one video.

    Attributes:
        id, source, name, subset: as written; "" where the file does not say.
        size: number of frames; 0: not said.
        start, step: the first frame of the video that it shows, and the distance to the next one.
        width, height: of the frames, in pixels; 0: not said.
        mode: "interpolation" for a video, "annotation" for images.
        kind: "task", "job" or "project" (a task of a project), "" without ``<meta>``.
    """

    id: str = ""
    source: str = ""
    name: str = ""
    subset: str = ""
    size: int = 0
    start: int = 0
    step: int = 1
    width: float = 0
    height: float = 0
    mode: str = ""
    kind: str = ""

    @property
    def end(self) -> int:
        """What CVAT adds for this task to the frames of those after it."""
        return self.start + self.step * self.size

    def shows(self, frame: int) -> bool:
        """Return whether the task shows that frame of its video."""
        number, rest = divmod(frame - self.start, self.step)
        return rest == 0 and 0 <= number and (number < self.size or not self.size)


@dataclass
class Tasks:
    """The tasks of a file.

    Attributes:
        file: the file.
        tasks: by id, in the order of the file.
        offsets: task id -> what its frames are counted from.
        relative: whether frames are counted within the only task, see :mod:`.cvat_frames`.
    """

    file: AnnotationFile
    tasks: dict[str, Task]
    offsets: Offsets = field(default_factory=dict)
    relative: bool = False
    _videos: dict[str, str] = field(default_factory=dict)
    taken_for: TakenFor | None = None

    def of(self, element: Element, place: str) -> Task:
        """Return the task of a track or image; an element that names none of several is a :class:`UserError`."""
        task = self.tasks.get(element.get("task_id") or "")
        if task is None and len(self.tasks) == 1:
            task = next(iter(self.tasks.values()))
        if task is None:
            found = f"task_id {element.get('task_id')!r}" if element.get("task_id") else "no task_id"
            known = f"the file has tasks {listed(self.tasks)}" if self.tasks else "the file lists no task"
            raise self.file.error(place, f"its video is not named ({found}; {known}). {AS_VIDEO}")
        return task

    def frame(self, task: Task, number: int, place: str) -> int:
        """Return the frame of the task's video, from 0, for a number as the file has it."""
        frame = number - self.offsets.get(task.id, 0)
        if self.relative:
            frame = task.start + number * task.step
        self.file.said.used.add(FIRST_FRAME)
        first = self.file.naming.first_frame or 0
        if frame < first:
            raise self.file.error(place, f"frame {frame} comes before --first-frame {first}.")
        return frame - first

    def video(self, task: Task, place: str, rows: RowBuilder) -> str:
        """Return the known video of a task; how one was found that the file does not name is noted."""
        if task.id not in self._videos:
            self._videos[task.id] = self._find_video(task, place, rows)
        return self._videos[task.id]

    def _find_video(self, task: Task, place: str, rows: RowBuilder) -> str:
        names = [name for name in (task.source, task.name) if name]
        if len(self.tasks) > 1 or any(self.file.videos.find(name) for name in names):
            return self.file.videos.match(*names, place=place)
        # A task of images is named as its annotator liked, and not like a video.
        may_be_other = self.file.naming.video_name is not None or (task.mode == "annotation" and not task.source)
        if names and not may_be_other:
            try:
                self.file.videos.match(*names, place=place)
            except UserError as error:
                raise DataError(f"{error} {OTHER_NAME}") from error
        said = f'of its video it says "{names[0]}"' if names else "it names no video"
        found = video_of_unnamed(self.file, names=said)
        self.taken_for = found._replace(named=names[0]) if names else found
        rows.notes.append(self.taken_for.note)
        if self.file.naming.frame_rate is None and (not task.kind or task.mode == "annotation"):
            rate = self.file.info(self.taken_for.video).fps
            rows.notes.append(
                f"frames are counted at the video's own {rate:.4g} a second (--frame-rate says otherwise)"
            )
        return self.taken_for.video

    def fps(self, video: str) -> float:
        """Return how many of the file's frames make a second."""
        self.file.said.used.add(FRAME_RATE)
        return self.file.naming.frame_rate or self.file.info(video).fps

    def size(self, task: Task, video: str) -> tuple[float, float]:
        """Return width and height of the frames in pixels: the file's, else the video's."""
        if task.width and task.height:
            return task.width, task.height
        info = self.file.info(video)
        return float(info.width), float(info.height)


def read_tasks(file: AnnotationFile, root: Element) -> Tasks:
    """Return the tasks of a file; one without ``<meta>`` is a task of which nothing is known."""
    meta = root.find("meta")
    if meta is None:
        return Tasks(file, {"": Task()})
    found = [("task", element) for element in meta.findall("task")]
    found += [("job", element) for element in meta.findall("job")]
    found += [("project", element) for element in meta.findall("project/tasks/task")]
    tasks = {}
    for kind, element in found:
        alone = meta if len(found) == 1 else None
        task = _task(file, element, alone, kind)
        tasks[task.id] = task
    if not tasks and meta.find("project") is None:
        tasks[""] = _task(file, meta, None, "")
    return Tasks(file, tasks)


def _task(file: AnnotationFile, element: Element, alone: Element | None, kind: str) -> Task:
    """Return a task; ``alone`` is the ``<meta>`` of a file with only one, where older versions put some of it."""
    step = re.search(r"step\s*=\s*(\d+)", text(element, "frame_filter"))
    size = element.find("original_size")
    size = alone.find("original_size") if size is None and alone is not None else size
    pixels = []
    for key in ("width", "height"):
        written = text(size, key)
        value = finite_number(written) if written else 0.0
        if value is None or value < 0:
            raise file.error("<original_size>", f'"{key}" is "{written}", expected a number of pixels.')
        pixels.append(value)
    start, stride = integer(text(element, "start_frame")), max(1, int(step[1])) if step else 1
    count = integer(text(element, "size"))
    if count <= 0 and text(element, "stop_frame"):
        count = max(0, (integer(text(element, "stop_frame")) - start) // stride + 1)
    return Task(
        id=text(element, "id"),
        source=text(element, "source") or text(alone, "source"),
        name=text(element, "name"),
        subset=text(element, "subset"),
        size=count,
        start=start,
        step=stride,
        width=pixels[0],
        height=pixels[1],
        mode=text(element, "mode"),
        kind=kind,
    )
