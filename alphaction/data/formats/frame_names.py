"""What names and numbers of frames mean in files that speak of pictures of a video, not of the video itself.

Here a name is taken apart; which known video and which second that is, see
:mod:`alphaction.data.formats.frame_moments`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from alphaction.data.formats.action_attributes import plain
from alphaction.data.video.file import VIDEO_SUFFIXES
from alphaction.data.video.names import UPLOAD_PREFIX, path_in
from alphaction.utils.errors import DataError
from alphaction.utils.limits import LONGEST_NAME

_ENDINGS = "jpe?g|png|bmp|webp|tiff?|gif|avif|heic|ppm|pgm"
_IMAGE_ENDING = re.compile(rf"\.(?:{_ENDINGS})$", re.IGNORECASE)
# Roboflow: frame_1619.jpg becomes frame_1619_jpg.rf.HASH.jpg.
_ROBOFLOW = re.compile(r"\.rf\.[0-9A-Za-z_-]{6,}$")
_WRITTEN_OUT_ENDING = re.compile(rf"[_-](?:{_ENDINGS})$", re.IGNORECASE)
_WRITTEN_OUT_VIDEO = re.compile(
    rf"[_. -](?:{'|'.join(suffix.lstrip('.') for suffix in VIDEO_SUFFIXES)})$", re.IGNORECASE
)
_TIME = re.compile(r"^(?P<video>.+)#t=(?P<time>\d{1,15}(?:\.\d+)?)$")  # video.mp4#t=2.5
# "a_sec_3", "a_3_sec", "a_00-00-03", "vlcsnap-00h00m03s120"
_LIKE_A_TIME = re.compile(
    r"(?:(?:^|[\W_])(?:secs?|seconds?|time|timestamp|ms|msecs?|milliseconds?)[\W_]?\d+"
    r"|(?<!\d)(?<!\d[\W_])\d{1,2}(?P<mark>[-_.:])\d\d(?P=mark)\d\d(?:[.,_]\d{1,3})?|\d+h\d+m\d+s\d*)$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^(?P<head>.*?)(?P<number>(?<![0-9])[0-9]{1,9})\)?$", re.DOTALL)
_FRAME_WORD = re.compile(r"^(?:(?P<before>.*)[\W_])?(?:key)?(?:frames?|frm?|f|img|image)$", re.IGNORECASE | re.DOTALL)
# Words before a number, and folders, that name no video.
_NO_VIDEO = {
    "", "frame", "frames", "keyframe", "keyframes", "img", "imgs", "image", "images", "picture", "pictures", "pic",
    "pics", "photo", "photos", "screenshot", "snapshot", "shot", "thumb", "scene", "f", "fr", "frm", "out", "output",
    "ezgif", "ezgifframe", "vlcsnap", "train", "val", "valid", "validation", "test", "default", "data", "dataset",
    "annotations", "objtraindata", "objvaliddata", "jpegimages", "jpg", "jpeg", "png", "rgb", "img1", "subset",
    "upload", "uploads", "extracted", "labels",
}  # fmt: skip
_PROJECT_FOLDER = re.compile(r"(?:^|/)uploads?/\d+$")  # Label Studio's, by the project's number
_PADDED = 5  # digits with leading zeros: no video is so long that its seconds are written like this
_MARKS = " \t._-~#@+("
_FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class FrameNaming:
    """What the user says of video and frames where a file does not.

    Attributes:
        video_name: the one video that a file without names belongs to; None: not said.
        frame_rate: frames of the file's numbering per second; None: the video's own rate.
        first_frame: number of the first frame; None: 0 if a frame 0 occurs, else 1.
        pattern: how names are spelled, with ``{video}`` and ``{frame}``; None: common spellings are recognized.
    """

    video_name: str | None = None
    frame_rate: float | None = None
    first_frame: int | None = None
    pattern: str | None = None

    @property
    def says_frames(self) -> bool:
        """Whether the user speaks of frames, so that a bare number is none of seconds."""
        return self.frame_rate is not None or self.first_frame is not None or self.pattern is not None


class FrameName(NamedTuple):
    """What a picture's name says.

    Attributes:
        videos: what may name the video, the likeliest first; (): nothing does.
        unnamed: the name holds no word that could be a video's: it may belong to the only one.
        number: of the frame; or seconds where ``unit`` says so.
        unit: "frame"; "second"; or "either": a bare number in a folder, as in "video/0902.jpg".
        likely: the likeliest name of the video where none is known; "": none.
        is_time: the end looks like a time ("sec_3", "00-00-03"), so that ``number`` is no frame unless the first of
            ``videos`` is a video.
        word: what stands before the number and is no video's name: "frame".
    """

    videos: tuple[str, ...]
    unnamed: bool
    number: float
    unit: Literal["frame", "second", "either"]
    likely: str = ""
    word: str = ""
    is_time: bool = False


def original_name(name: str) -> str:
    """Return the name that a picture had before it came to Roboflow, without folders; "": it was not there."""
    base = _IMAGE_ENDING.sub("", path_in(name).replace("\\", "/").rpartition("/")[2])
    return _ROBOFLOW.sub("", base) if _ROBOFLOW.search(base) else ""


def _parts(name: str) -> tuple[str, str]:
    """Return folders and name of a picture, without endings and without what Roboflow added."""
    folders, _, base = path_in(name).replace("\\", "/").strip("/").rpartition("/")
    base = _IMAGE_ENDING.sub("", base)
    base = _ROBOFLOW.sub("", base)
    base = _IMAGE_ENDING.sub("", base)
    return folders.removeprefix("./"), _WRITTEN_OUT_ENDING.sub("", base)


def parse_frame_name(name: str) -> FrameName | None:
    """Return what a name in a common spelling says, or None.

    Known are ``frame_000000``, ``000061``, ``video_000061``, ``video-61``, ``video_frame_61``, ``video.mp4_000061``,
    ``video_mp4-61`` (Roboflow's own), ``video/frame_000061``, ``video/000061`` and ``video.mp4#t=2.5`` (seconds), each
    with any ending, and in any folder.
    """
    if len(name) > LONGEST_NAME:
        return None
    folders, base = _parts(name)
    inner = folders.rpartition("/")[2]
    outer = tuple(dict.fromkeys(part for part in (folders, *reversed(folders.split("/"))) if part))
    if found := _TIME.match(base):
        return FrameName((found["video"], *outer), False, float(found["time"]), "second")
    if folders and re.fullmatch(r"\d{1,15}\.\d+", base):  # "video/902.0"
        return FrameName(outer, False, float(base), "second")
    found = _NUMBERED.match(base)
    if found is None:
        return None
    heads, shortest = [], ""
    for stem in dict.fromkeys((base, UPLOAD_PREFIX.sub("", base))):
        head = _NUMBERED.match(stem)["head"].rstrip(_MARKS)
        word = _FRAME_WORD.match(head)
        shortest = (word["before"] or "").rstrip(_MARKS) if word else head
        heads += [head, _WRITTEN_OUT_VIDEO.sub("", head), shortest, _WRITTEN_OUT_VIDEO.sub("", shortest)]
    heads = [text for text in dict.fromkeys(heads) if text]
    speaks = plain(shortest) not in _NO_VIDEO
    in_folder = plain(inner) not in _NO_VIDEO and not _PROJECT_FOLDER.search(folders)
    either = not heads and in_folder and not (len(found["number"]) >= _PADDED and found["number"][0] == "0")
    likely = _WRITTEN_OUT_VIDEO.sub("", shortest) if speaks else inner if in_folder else ""
    unit = "either" if either else "frame"
    kind = plain(head.removeprefix(word["before"] or "") if word else "" if speaks else head)
    is_time = _LIKE_A_TIME.search(base) is not None
    heads = heads or [""] * is_time
    unnamed = not speaks and not in_folder
    return FrameName((*heads, *outer), unnamed, int(found["number"]), unit, likely, kind, is_time)


class FramePattern:
    """How the user says that names are spelled: ``{video}_{frame}``.

    The pattern is compared with a name without folder and ending, or with its last folders where the pattern has a
    slash; ``*`` stands for any text.

    Raises:
        DataError: the pattern has no ``{frame}``, or other fields.
    """

    def __init__(self, pattern: str) -> None:
        self.text = pattern
        fields = [field.partition(":")[0].strip() for field in _FIELD.findall(pattern)]
        problem = ""
        if fields.count("frame") != 1:
            problem = "{frame} must stand in it once, where a name has the frame's number"
        elif fields.count("video") > 1 or set(fields) - {"video", "frame"}:
            problem = "its fields are {video}, once or not at all, and {frame}"
        if problem:
            raise DataError(
                f'--frames "{pattern}": {problem}. For example "{{video}}_{{frame}}" for kitchen_000061.jpg.'
            )
        self._names_video = "video" in fields
        self._plain = _IMAGE_ENDING.sub("", pattern.replace("\\", "/")).strip("/")

    def parse(self, name: str) -> Iterator[FrameName]:
        """Yield what a name may say by this pattern, the longest video's name first; nothing where it does not fit."""
        if len(name) > LONGEST_NAME:
            return
        folders, base = _parts(name)
        depth = self._plain.count("/")
        text = "/".join([*[part for part in folders.split("/") if part][-depth:], base]) if depth else base
        for length in range(len(text), 0, -1) if self._names_video else (0,):
            found = self._with_video(length).fullmatch(text)
            if found:
                videos = (found["video"],) if self._names_video else ()
                yield FrameName(videos, not videos, int(found["frame"]), "frame", "".join(videos))

    def _with_video(self, length: int) -> re.Pattern[str]:
        """Return the expression in which the video's name has so many characters."""
        if length not in self._expressions:
            parts = _FIELD.split(self._plain)
            for index, part in enumerate(parts):
                if index % 2 == 0:
                    parts[index] = re.escape(part).replace(r"\*", ".*?")
                else:
                    parts[index] = f"(?P<video>.{{{length}}})" if part.startswith("video") else r"(?P<frame>[0-9]{1,9})"
            self._expressions[length] = re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
        return self._expressions[length]

    @cached_property
    def _expressions(self) -> dict[int, re.Pattern[str]]:
        return {}


def no_frame_name(names: Collection[str]) -> str:
    """Return what to say where names, of which there is one at least, are in no known spelling."""
    return (
        f'"{next(iter(names))}" does not say video and frame. Expected a spelling such as video_000061.jpg, '
        "video/frame_000061.jpg, frame_000061.jpg (of one video), or video/0902.jpg (a second); or say how names are "
        'spelled: --frames "{video}_{frame}".'
    )
