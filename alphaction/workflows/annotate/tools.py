"""The annotation tools that predictions are written for, and what to click in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alphaction.data.formats.action_attributes import NO_VALUE, means_person, plain


def _means_nothing(name: str) -> bool:
    """Return whether an attribute of that value says nothing."""
    return plain(name) in NO_VALUE


def _means_no_action(name: str) -> bool:
    """Return whether a label says nothing, or only that somebody is there."""
    return _means_nothing(name) or means_person(name)


@dataclass(frozen=True)
class Tool:
    """A tool.

    Attributes:
        title: as messages name it.
        pictures: whether it is given pictures of the keyframes, so that the videos are needed.
        steps: what to do in it, from the files to the corrected export.
        export: what the export is called there, for the command that reads it.
        unsayable: whether a class of that name would be read as no action.
    """

    title: str
    pictures: bool
    steps: Sequence[str]
    export: str
    unsayable: Callable[[str], bool]


TOOLS: dict[str, Tool] = {
    "cvat": Tool(
        "CVAT",
        False,
        (
            "Make a task for each video: paste labels.json into the tab Raw of its labels, and upload the video.",
            'In its menu: Upload annotations, format "CVAT 1.1", the .xml of that video.',
            "Right-click the button Next frame, choose the search for frames with objects, and go on from one to the "
            "next.",
            "On each: move the boxes, choose the actions, and tick confirmed on every box. Press O on a box that is no "
            "person; draw a missing person with Shape, not Track.",
            'Export each task as "CVAT for video 1.1".',
        ),
        "EXPORT.zip ...",
        _means_nothing,
    ),
    "via": Tool(
        "VIA 3",
        False,
        (
            "Open VIA 3 (the video annotator), load via_project.json, and choose the videos that it asks for.",
            "Go to the boxes by the marks on the timeline, which are at the times of the keyframes.",
            "At each: move the boxes, tick the actions, and tick confirmed on every box. Delete boxes that are no "
            "persons, and draw those that are missing.",
            "Save the project.",
        ),
        "PROJECT.json",
        _means_nothing,
    ),
    "labelstudio": Tool(
        "Label Studio",
        False,
        (
            "Make a project: paste labeling_interface.xml into Labeling Setup, Custom template, and import tasks.json.",
            "Let it serve the videos: as Local files storage of their folder, or give --url for another address.",
            'Switch on "Use predictions to prelabel tasks" in Settings, Annotation, and open the tasks in their order. '
            "Each asks about one frame, which a click on a region goes to.",
            "Correct boxes and choices there, delete regions that are no persons, draw missing ones on that frame with "
            "its interpolation switched off, and press Submit: that confirms the frame.",
            "Export as JSON.",
        ),
        "EXPORT.json",
        _means_nothing,
    ),
    "coco": Tool(
        "any tool that reads COCO",
        True,
        (
            "Import annotations.json with the pictures in images.",
            "Correct boxes and categories. A person with two actions has two boxes, one on the other: move both.",
            "Set the attribute confirmed to true on every box that is right. In a tool that drops attributes, delete "
            "the pictures that you have not looked at: all that is left counts.",
            "Export as COCO JSON, with pictures under their names.",
        ),
        "EXPORT.json",
        means_person,
    ),
    "fiftyone": Tool(
        "FiftyOne",
        True,
        (
            'dataset = fiftyone.Dataset.from_dir("FOLDER", fiftyone.types.FiftyOneDataset), and launch_app(dataset).',
            "Correct labels and boxes of the field persons, in the app or through dataset.annotate().",
            'Tag each sample that is right "confirmed" (or single labels).',
            'dataset.export("CORRECTED", fiftyone.types.FiftyOneDataset, export_media=False).',
        ),
        "CORRECTED/samples.json",
        _means_no_action,
    ),
}
