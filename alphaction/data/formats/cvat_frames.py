"""How CVAT counts frames: of the video in the export of a task or a job, across tasks in that of a project.

In the export of a task or a job, ``frame`` counts frames of the video from 0, also where the task has a start frame or
a frame step. A project counts across its tasks: within a subset, in the order of the file, the frames of a task begin
after ``start_frame + step * size`` of each task before it, whether that one has annotations or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from alphaction.data.formats.cvat_tasks import AS_VIDEO, Offsets, Task, Tasks
from alphaction.data.formats.cvat_xml import Element, integer
from alphaction.data.formats.rows import RowBuilder
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted

_DEFAULT = "default"


def count_frames(tasks: Tasks, elements: Sequence[tuple[Element, Sequence[int]]], rows: RowBuilder) -> Tasks:
    """Return the tasks with what their frames are counted from, which the frames in use must prove.

    A project counts across tasks (see this module). Files that others wrote after CVAT's may count otherwise: another
    way is taken, and noted, where it is the only one by which each task shows all of its frames. Frames of a single
    task are those of its video, unless the task shows none but the first ones: only then they are counted within it.

    Args:
        elements: tracks or images of tasks, with the frames that they have.

    Raises:
        UserError: the frames fit no way of counting, or two.
    """
    used: dict[str, list[tuple[int, str]]] = {}
    for index, (element, numbers) in enumerate(elements):
        place = f"track {element.get('id', index)}" if element.tag == "track" else f'image "{element.get("name", "")}"'
        used.setdefault(tasks.of(element, place).id, []).extend((number, place) for number in numbers)
    if any(task.kind == "project" for task in tasks.tasks.values()):
        subsets = {tasks.of(element, "").id: element.get("subset") or "" for element, _ in elements}
        return replace(tasks, offsets=_project_offsets(tasks, used, subsets, rows))
    for task in tasks.tasks.values():
        numbers = [number for number, _ in used.get(task.id, [])]
        on_grid = all(number >= task.start and (number - task.start) % task.step == 0 for number in numbers)
        # The start frame of a job is that of its part; its frames are the video's in every version of CVAT.
        if on_grid or task.kind != "task":
            _note_beyond(task, numbers, rows)
            continue
        if max(numbers) < task.size:
            rows.count("tasks whose frames are counted from their own first frame")
            return replace(tasks, relative=True)
        number, place = next(
            each for each in used[task.id] if each[0] < task.start or (each[0] - task.start) % task.step
        )
        raise tasks.file.error(
            f"{place}, frame {number}",
            f"the task shows one frame in {task.step} of its video from frame {task.start} on, and this is none of "
            f"them; counted within the task there are only {task.size}. {AS_VIDEO}",
        )
    return tasks


def _note_beyond(task: Task, numbers: Sequence[int], rows: RowBuilder) -> None:
    """Note boxes before or after the frames that a task or a job says are its own; they are kept."""
    last = task.end - task.step
    beyond = [number for number in numbers if task.size and not task.start <= number <= last]
    if beyond:
        are = counted(len(beyond), "box is", "boxes are")
        rows.notes.append(
            f"{are} in frames outside of {task.start} to {last}, which the file says are those of the {task.kind} (the "
            f"first: frame {beyond[0]}); kept"
        )


def _project_offsets(
    tasks: Tasks, used: Mapping[str, Sequence[tuple[int, str]]], subsets: Mapping[str, str], rows: RowBuilder
) -> Offsets:
    """Return what the frames of each task are counted from, by the way of counting that fits all of them."""
    found = list(tasks.tasks.values())
    if len(found) == 1 and not found[0].size:
        return {}
    unsized = next((task for task in found if not task.size), None)
    if unsized is not None:
        raise tasks.file.error(
            f"task {unsized.id}",
            "it has no <size>, so that nobody can tell which frames are those of the tasks after it, as a project "
            f"counts across its tasks. {AS_VIDEO}",
        )
    usual, unusual = _divisions(found, subsets)
    by_id = sorted(usual[0], key=lambda task: integer(task.id))
    ways = [("", _offsets(tasks_in_subsets)) for tasks_in_subsets in usual]
    ways += [("with a subset of their own for the first tasks", _offsets(division)) for division in unusual]
    ways += [("in the order of their ids", _offsets(by_id)), ("for each task by itself", dict.fromkeys(tasks.tasks, 0))]
    fits: dict[tuple[int, ...], tuple[str, dict[str, int]]] = {}
    for way, offsets in ways:
        if way and any(not other for other, _ in fits.values()):
            break  # CVAT's own way explains the file
        if all(
            tasks.tasks[task_id].shows(number - offsets[task_id])
            for task_id, numbers in used.items()
            for number, _ in numbers
        ):
            fits.setdefault(tuple(offsets[task_id] for task_id in used), (way, offsets))
    if len(fits) == 1:
        [(way, offsets)] = fits.values()
        if way:
            rows.notes.append(f"frames are counted {way}, and not as CVAT counts those of a project: no other way fits")
        return offsets
    if fits:
        raise tasks.file.error(
            "",
            f"the frames of its tasks fit {len(fits)} ways of counting them across the project, as its subsets leave "
            "open which tasks are counted together. In CVAT give every task a subset, or export each task by itself.",
        )
    raise _misfit(tasks, used, ways[0][1])


def _misfit(tasks: Tasks, used: Mapping[str, Sequence[tuple[int, str]]], offsets: Offsets) -> UserError:
    """Return the error for frames that CVAT's way of counting does not explain."""
    task, number, place = next(
        (tasks.tasks[task_id], number, place)
        for task_id, numbers in used.items()
        for number, place in numbers
        if not tasks.tasks[task_id].shows(number - offsets[task_id])
    )
    first = offsets[task.id] + task.start
    shown = f"{first} to {first + task.step * (task.size - 1)}" + (f", one in {task.step}" if task.step > 1 else "")
    return tasks.file.error(
        f"{place}, frame {number}",
        f'task {task.id} ("{task.source or task.name}") has the frames {shown} in this project. Was a task taken out '
        f"of the file, or its size changed? {AS_VIDEO}",
    )


def _divisions(found: Sequence[Task], subsets: Mapping[str, str]) -> tuple[list[list[Task]], list[list[Task]]]:
    """Return the tasks in their subsets, in every way that tracks and images leave open: usual ones, and others.

    CVAT writes "default" for a task without a subset. Where another subset has that very name, the tasks without one,
    which come first, are counted by themselves; only their tracks say so, as they name the subset "default_1" then.
    """
    found = [replace(task, subset=task.subset or subsets.get(task.id) or _DEFAULT) for task in found]
    unnamed = [index for index, task in enumerate(found) if task.subset == _DEFAULT]
    said = [subsets.get(found[index].id, "") for index in unnamed]
    apart = [k for k, subset in enumerate(said) if subset.startswith(f"{_DEFAULT}_")]
    last = next((k for k, subset in enumerate(said) if subset == _DEFAULT), len(unnamed))
    first = max(apart, default=-1) + 1
    counts = range(first, max(first, last) + 1)
    divisions = []
    for count in counts:
        own = set(unnamed[:count])
        divisions.append([replace(task, subset="") if k in own else task for k, task in enumerate(found)])
    return (divisions, []) if apart else (divisions[:1], divisions[1:])


def _offsets(found: Sequence[Task]) -> dict[str, int]:
    """Return for each task the sum of the ends of those before it in its subset."""
    sums: dict[str, int] = {}
    offsets = {}
    for task in found:
        offsets[task.id] = sums.get(task.subset, 0)
        sums[task.subset] = offsets[task.id] + task.end
    return offsets
