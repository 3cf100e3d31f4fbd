"""Label Studio's annotations of videos: tracks of boxes, answers to them, and temporal segments.

Results of type ``videorectangle`` are tracks: ``value.sequence`` holds boxes in percent of the frame with a ``frame``
counted from 1, and ``enabled``, whether the track continues after that frame. ``timelinelabels`` are stretches of
frames. Choices, taxonomies and texts "per region" are further results that share the region's id. Numbers are written
in full. The forms of a file are in :mod:`alphaction.data.formats.labelstudio_tasks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from alphaction.data.formats.action_attributes import NUMBER, AttributeUse, means_person, person_id
from alphaction.data.formats.action_rule import ActionRule
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.file_content import FileContent
from alphaction.data.formats.format import Format
from alphaction.data.formats.frame_facts import FRAME_RATE
from alphaction.data.formats.labelstudio_pictures import add_pictures
from alphaction.data.formats.labelstudio_results import Regions, answer_of, kind_of, own_labels
from alphaction.data.formats.labelstudio_tasks import Task, is_labelstudio, tasks_of
from alphaction.data.formats.labelstudio_video import (
    TOOL_RATE,
    entries_of,
    frame_rate,
    knots_of,
    length_of,
    on_asked_frame,
    segments_of,
)
from alphaction.data.formats.rows import RowBuilder, RowTable, TakenFor
from alphaction.data.formats.track_sampling import add_track
from alphaction.data.formats.unnamed_video import Named, known_videos, video_of_unnamed
from alphaction.utils.messages import listed
from alphaction.utils.values import quoted


def read_labelstudio(file: AnnotationFile) -> RowTable:
    """Read annotations of Label Studio in any of their forms.

    Frame 1 is the first frame; for the frame rate see :func:`alphaction.data.formats.labelstudio_video.frame_rate`. A
    box whose last entry is enabled stays until the end. Of several annotations of a task, the ground truth counts, else
    the one changed last (counted). Skipped annotations are left out (counted), and so are predictions; those of
    tools/export_annotations.py in a task without annotation are unconfirmed boxes instead. The person id is a
    per-region number named like "person_id", else the place of the region in its task. Which labels and choices are
    actions: see :mod:`alphaction.data.formats.action_rule`.
    """
    tasks = tasks_of(file.content)
    reader = _Reader(file, file.rule(), file.rule())
    rows = reader.rows
    pictures = []
    chosen: list[tuple[Task, Regions]] = []
    for task in tasks:
        for what, amount in task.counts.items():
            rows.count(what, amount)
        used = task.chosen or task.predicted
        if task.chosen is None:
            rows.count("tasks without annotation")
        if used is None:
            continue
        _note_choice(task, rows)
        regions = Regions(used.results)
        regions.count(rows)
        chosen.append((task, regions))
    if file.naming.video_name is None:
        known_videos(file, _named(file, chosen))
    for task, regions in chosen:
        if regions.tracks or regions.times:
            reader.add_video(task, regions)
        if regions.pictures:
            pictures.append((task, regions))
    add_pictures(file, pictures, reader.rule, rows)
    if not any(task.annotations for task in tasks):
        rows.notes.append(
            "no task has an annotation: in Label Studio submit annotations, then choose Export, format JSON"
        )
    unjoined = dict.fromkeys(name for task in tasks for name in task.unjoined)
    if unjoined:
        rows.notes.append(
            f"the answers {listed(unjoined)} are left out, as a JSON-MIN export does not say to which box they belong: "
            "if they are actions, choose Export, format JSON"
        )
    rows.notes += dict.fromkeys(each.note for each in reader.taken)
    return replace(file.table(rows, reader.rule), taken_for=next(iter(reader.taken), None))


@dataclass
class _Reader:
    """Adds the tasks of a file to its rows.

    Attributes:
        quiet: the rule once more, whose counts are nobody's.
        persons: video -> person ids in use.
        taken: for unnamed videos.
    """

    file: AnnotationFile
    rule: ActionRule
    quiet: ActionRule
    rows: RowBuilder = field(default_factory=RowBuilder)
    persons: dict[str, set[int]] = field(default_factory=dict)
    taken: list[TakenFor] = field(default_factory=list)

    def add_video(self, task: Task, regions: Regions) -> None:
        """Add the tracks and the temporal segments of a task."""
        rows, rule = self.rows, self.rule
        video = self._video(task)
        info = self.file.info(video)
        self.file.said.used.add(FRAME_RATE)
        fps, said_by = frame_rate(task, list(regions.tracks.values()), info, self.file.naming.frame_rate)
        _note_rate(fps, said_by, info.fps, rows)
        for result, region in regions.times:
            if region not in regions.tracks:
                rows.count("answers to temporal segments left out", len(regions.answers.get(region, ())))
            labels = [label for label in own_labels(result) if not means_person(label)]
            rows.segments += segments_of(result, labels, video, fps, _place(task, region), rows)
        persons = self.persons.setdefault(video, set())
        for region, track in regions.tracks.items():
            own = regions.answers.get(region, {})
            person = person_id(own)
            if person is None:
                person = max(persons, default=-1) + 1
            persons.add(person)
            labels = regions.labels(region)
            total = length_of(track, fps, info)
            add_track(
                rows,
                video,
                on_asked_frame(task, list(knots_of(track, info, own, rows)), total, fps, rows),
                partial(rule.actions, labels),
                says=partial(self.quiet.actions, labels),
                fps=fps,
                interval=self.file.keyframe_interval,
                person=person,
                merge_key=rule.merge_key(person, labels),
                place=_place(task, region),
                last_frame=None if total is None else total - 1,
                unconfirmed=lambda answers: task.chosen is None,
            )

    def _video(self, task: Task) -> str:
        """Return the known video of a task: what its data name, else what the user says."""
        videos = self.file.videos
        named, texts = _names_of(task)
        found = {video for text in named for video in videos.find(text)}
        found = found or {video for text in texts for video in videos.find(text)}
        if len(found) == 1:
            return found.pop()
        if not found and (self.file.naming.video_name is not None or not (texts or task.upload)):
            own = video_of_unnamed(self.file, task.place)  # such as one annotation without its task
            self.taken.append(own._replace(named=next(iter(named or texts), "")))
            return self.taken[-1].video
        return videos.match(*named, task.upload, *texts, place=task.place)


def _place(task: Task, region: str) -> str:
    return f"{task.place}, region {quoted(region)}"


def _names_of(task: Task) -> tuple[list[str], list[str]]:
    """Return the name of a task's video, where it has a key of its own, and all texts that may be one."""
    data = {key: _source(text) for key, text in task.texts.items() if text}
    return [data["video"]] if "video" in data else [], list(data.values())


def _named(file: AnnotationFile, tasks: Sequence[tuple[Task, Regions]]) -> Iterator[Named]:
    """Yield what tasks of videos call these."""
    for task, regions in tasks:
        named, texts = _names_of(task)
        known = [text for text in texts if file.videos.find(text)]
        if (regions.tracks or regions.times) and (texts or task.upload):
            names = known[:1] or named or [task.upload] * bool(task.upload) or texts
            yield Named(names, task.place, sum(len(entries_of(track)) for track in regions.tracks.values()))


def _source(text: str) -> str:
    """Return the address in a ``<video src="...">``, which older templates are given; any other text as it is."""
    found = re.search(r"<(?:video|source)\b[^>]*?\bsrc\s*=\s*[\"']?([^\"'\s>]+)", text, re.IGNORECASE)
    return found[1] if found else text


def _near_relative(content: FileContent) -> str:
    head = content.text.lstrip("\ufeff").partition("\n")[0] if content.syntax == "csv" else ""
    flattened = {"annotator", "annotation_id", "lead_time"} <= {cell.strip(' "\r') for cell in re.split("[,\t]", head)}
    return "is Label Studio's csv export. Choose Export, format JSON, and pass that file." if flattened else ""


def _note_choice(task: Task, rows: RowBuilder) -> None:
    """Note which of several annotations of a task counts."""
    others = len(task.annotations) - 1
    if others < 1:
        return
    chosen = task.chosen
    why = "the ground truth" if chosen.is_truth else "changed last"
    rows.count("annotations left out as their task has another (the ground truth, or changed later)", others)
    rows.notes.append(f"{task.place} has {others + 1} annotations; kept is that of {chosen.made_by} ({why})")


def _note_rate(fps: float, said_by: str, own: float, rows: RowBuilder) -> None:
    if not said_by:
        note = (
            f"the file does not say how many frames a second it counts: read as {fps:.4g}, the video's. The tool "
            f"counts {TOOL_RATE} unless the project states another: if so, pass --frame-rate {TOOL_RATE}"
        )
        if note not in rows.notes:
            rows.notes.append(note)
    elif abs(fps / own - 1) > 1e-4:
        rows.count(f"tasks that count {fps:.6g} frames a second, as {said_by} says, in a video of {own:.6g}")


def _attributes(content: FileContent) -> AttributeUse:
    kinds: dict[str, str] = {}
    labels: set[str] = set()
    tasks = tasks_of(content)
    every = [annotation for task in tasks for annotation in task.annotations]
    for annotation in (*every, *(task.predicted for task in tasks if task.predicted is not None)):
        regions = Regions(annotation.results)
        boxes = {*regions.tracks, *(region for _, region in regions.pictures)}
        labels.update(label for region in boxes for label in regions.labels(region) or [""])
        numbers = {answer_of(result)[0] for result in annotation.results if kind_of(result) == "number"}
        for region in (region for region in regions.answers if region in boxes):
            for name in regions.answers[region]:
                kinds[name] = NUMBER if name in numbers else "select"
    return AttributeUse(kinds, labels=frozenset(labels))


LABEL_STUDIO = Format(
    "labelstudio",
    "Label Studio JSON",
    "json",
    is_labelstudio,
    _near_relative,
    tool="Label Studio",
    attributes=_attributes,
    annotations=read_labelstudio,
)
