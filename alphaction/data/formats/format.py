"""What the project knows of a file format: its name, how it is recognized, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from alphaction.data.formats.action_attributes import AttributeUse
from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.file_content import FileContent, Syntax
from alphaction.data.formats.rows import Keep, RowTable
from alphaction.data.keyframes import ImageIds


@dataclass(frozen=True)
class DetectionFile:
    """A file or folder of another detector, and how it is to be read.

    Attributes:
        path: the file or folder.
        what: what it is to the user, for messages.
        box_format, normalized: how boxes are written, where the format leaves it open.
        frames: numbers in names or rows count frames, not seconds.
        images: a file with the images that the boxes refer to; None: none.
        listed: the images of the annotations.
        listed_in: the annotations' file, for messages.
        by_rule: the user names no class, so that the format's rule tells which boxes are those of persons.
    """

    path: Path
    what: str
    box_format: str = "auto"
    normalized: str = "auto"
    frames: bool = False
    images: Path | None = None
    listed: ImageIds = field(default_factory=ImageIds.empty)
    listed_in: str = ""
    by_rule: bool = True

    @cached_property
    def content(self) -> FileContent:
        """The file's content, of a path that is no folder."""
        return FileContent.read(self.path, self.what)


@dataclass(frozen=True)
class DetectionReader:
    """How the boxes of another detector are read.

    Attributes:
        read: gives the rows of the classes that the function given to it keeps, in the file's spelling and unit.
        person: the class of persons where the user names none.
        find_person: gives that class where the file itself says which it is, else "".
        outside: the likely reason for a box that lies far outside the frame.
        any_spelling: boxes may be written in any way, so that the user may have to say how.
        named_classes: classes may be names; else they are numbers.
        class_names: gives the names of numbered classes, where files beside the boxes have some.
        from_one: numbers of classes begin at 1, so that with a class 0 nobody knows which are persons.
        image_lists: boxes refer to images, which another file may list.
    """

    read: Callable[[DetectionFile, Keep], RowTable]
    person: str
    outside: str
    find_person: Callable[[DetectionFile], str] = lambda file: ""
    class_names: Callable[[DetectionFile], Mapping[int, str]] = lambda file: {}
    any_spelling: bool = False
    named_classes: bool = False
    from_one: bool = False
    image_lists: bool = False


@dataclass(frozen=True)
class Format:
    """A file format. Each module of a format declares its own; :mod:`alphaction.data.formats.known_formats` lists them.

    A reader that is None says that files of the format are not read for that purpose.

    Attributes:
        name: as command lines have it.
        title: as messages name it.
        syntax: what its files are written in; "numbers": text without words, never recognized but named by the user.
        recognizes: whether a file of that syntax has this format; asked where several formats share the syntax.
        near_relative: what is wrong with a file that looks like this format and is none, and the remedy; "": it does
            not look like it.
        tool: the annotation tool whose own format this is: labels are attributes, and boxes are always written alike.
            "": classes are ids or names, and boxes may be written in several ways.
        attributes: gives the attributes that an annotation file declares or uses, which may be actions; None: files of
            the format have none.
        annotations: reads what other programs wrote, for ``tools/prepare_dataset.py``.
        ground_truth: reads the annotations of a dataset.
        boxes: reads the boxes of a dataset; is given the images of its annotations and their file, for messages.
        detections: reads the boxes of another detector, for ``tools/detect_persons.py --import``.
    """

    name: str
    title: str
    syntax: Syntax
    recognizes: Callable[[FileContent], bool] = lambda content: True
    near_relative: Callable[[FileContent], str] = lambda content: ""
    tool: str = ""
    attributes: Callable[[FileContent], AttributeUse] | None = None
    annotations: Callable[[AnnotationFile], RowTable] | None = None
    ground_truth: Callable[[FileContent], RowTable] | None = None
    boxes: Callable[[FileContent, ImageIds | None, str], RowTable] | None = None
    detections: DetectionReader | None = None
