"""The images of COCO JSON as tools write it: pictures of a video's frames, some of them of no use.

They are named after frames (see :mod:`alphaction.data.formats.frame_moments`) unless they name ``movie`` and
``timestamp``. Of Roboflow's, several of one name are copies that augmentation made.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from alphaction.data.formats.annotation_file import AnnotationFile
from alphaction.data.formats.coco_images import SIDE, Moments, images_at, read_images
from alphaction.data.formats.coco_rows import locate_images
from alphaction.data.formats.frame_clock import FAR, MOVED, NOT_NEAREST
from alphaction.data.formats.frame_moments import NO_FRAME_NAME, Moment, read_frame_names
from alphaction.data.formats.frame_names import original_name
from alphaction.data.formats.json_records import Records
from alphaction.data.formats.rows import TakenFor
from alphaction.data.keyframes import ImageIds, encode, exact_times, normalize_image_id

_CVATS_FRAME = re.compile(r"frame_\d{6,}\.png", re.IGNORECASE)
COPIES = "images that augmentation made copies of, so that none is known to be the frame, left out"


@dataclass(frozen=True)
class Pictures:
    """The images of a file.

    Attributes:
        found: those that stand for a second, as keyframes.
        records: the same, as records.
        left_out: id of another image -> why it stands for none.
        moved: ids of images that stand for a second far from their own time.
        notes: how their names were read.
        taken_for: the video of names that name none; None: all name one.
        of_frames: whether names say numbers of frames.
    """

    found: ImageIds
    records: Records
    left_out: Mapping[int | str, str] = field(default_factory=dict)
    moved: frozenset[int | str] = frozenset()
    notes: tuple[str, ...] = ()
    taken_for: TakenFor | None = None
    of_frames: bool = False

    def boxes(self, annotations: Records, counts: Counter[str]) -> Records:
        """Return the annotations of images that stand for a second; the others are counted by reason."""
        none = len(self.found.keyframes)

        def locate(image_ids: Sequence[int | str]) -> np.ndarray:
            position = self.found.locate(image_ids)
            known = np.array([normalize_image_id(image_id) in self.left_out for image_id in image_ids], dtype=bool)
            return np.where(known, none, position)

        position = locate_images(annotations, locate, len(self.found) + len(self.left_out))
        position, annotations = position[~annotations.bad], annotations.take(~annotations.bad)
        for image_id, place in zip(annotations.ids("image_id"), position.tolist(), strict=True):
            if place == none:
                reason = self.left_out[normalize_image_id(image_id)]
                counts[reason if reason == NOT_NEAREST else "boxes of such images"] += 1
            elif normalize_image_id(image_id) in self.moved:
                counts[MOVED] += 1
        return annotations.take(position < none)


def read_pictures(file: AnnotationFile, images: Records, annotations: Records, counts: Counter[str]) -> Pictures:
    """Return the images of a file: which stand for which second of which video.

    Frames of a video that CVAT took apart count from 0, and all of them are listed. Pictures that were uploaded to it
    may be called the same; then the first one is mostly number 1, and they may have a frame rate of their own.

    Raises:
        UserError: names the first image that is of no known video, of another shape than its video, or has the id of
            another one.
    """
    if images.has("movie").all() and images.has("timestamp").all():
        return Pictures(read_images(images), images)
    written = images.texts("file_name", 'Or give "movie" and "timestamp" for every image.')
    said = [value["extra"]["name"].text("") for value in images.values()]
    names = [before if before and original_name(name) else name for name, before in zip(written, said, strict=True)]
    before = [_name_before(name, own) for name, own in zip(written, said, strict=True)]
    several = Counter(filter(None, before))
    copies = np.array([several[name] > 1 for name in before], dtype=bool)
    if copies.all():
        raise images.rows.error(
            0,
            f'"{written[0]}" is one of {several[before[0]]} images that were called {before[0]}, and so it is for all '
            "others: copies that augmentation made, none of which need be the frame. Export a version without "
            "augmentation.",
        )
    image_ids = images.ids("id")
    single = np.flatnonzero(~copies)
    from_roboflow = any(map(original_name, written))  # which is where pictures of any origin are put together
    annotated = {str(value["image_id"].identifier("")) for value in annotations.values()}
    from_cvat = _is_of_cvat(file.data, names, annotations)
    moments = read_frame_names(
        file,
        [names[i] for i in single],
        lambda index: images.rows.place(int(single[index])),
        strangers="leave out" if from_roboflow else "refuse",
        copies=[names[i] for i in np.flatnonzero(copies)],
        boxed=[str(image_ids[i]) in annotated for i in single],
        all_listed=from_cvat,
        from_0=from_cvat and file.naming.frame_rate is None,
    )
    of_image = dict(zip(single.tolist(), moments.moments, strict=True))
    reasons = [_why_not(copied, of_image.get(row)) for row, copied in enumerate(copies.tolist())]
    ids = [normalize_image_id(image_id) for image_id in image_ids]
    images.refuse_repeated("image id", ids, "Were two files joined? Give each image its own id.")
    use = np.array([not reason for reason in reasons], dtype=bool)
    counts[COPIES] = reasons.count(COPIES)
    if moments.unread:
        counts[f"{NO_FRAME_NAME} (the first: {moments.unread[0]})"] = len(moments.unread)
    if not file.said.ranks:  # not even one that another file leaves out
        raise file.error(
            "",
            f"none of the {len(images)} images is at a keyframe, a multiple of --keyframe-interval "
            f"{file.keyframe_interval:g} s: the first is {names[0]}. {' '.join(moments.notes)}",
        )
    kept = images.take(use)
    used = [of_image[row] for row in np.flatnonzero(use).tolist()]
    videos: dict[str, int] = {}
    codes = encode((moment.video for moment in used), videos)
    found = images_at(kept, Moments(list(videos), codes, exact_times([moment.second for moment in used])))
    _check_shapes(file, kept, [moment.video for moment in used])
    left_out = {image_id: reason for image_id, reason in zip(ids, reasons, strict=True) if reason}
    moved = frozenset(
        ids[row]
        for row, moment in of_image.items()
        if moment is not None and moment.second is not None and abs(moment.time - moment.second) > FAR
    )
    # Roboflow divides the frames of one video at random: two such files are no two videos.
    taken_for = None if from_roboflow else moments.taken_for
    return Pictures(found, kept, left_out, moved, moments.notes, taken_for, moments.of_frames)


def _why_not(copied: bool, moment: Moment | None) -> str:
    if copied:
        return COPIES
    if moment is None:
        return NO_FRAME_NAME
    return NOT_NEAREST if moment.second is None else ""


def _is_of_cvat(data: Mapping[str, Any], names: Sequence[str], annotations: Records) -> bool:
    """Return whether CVAT wrote a file and took the video apart itself."""
    if not all(_CVATS_FRAME.fullmatch(name) for name in names):
        return False
    says_all = any("occluded" in value["attributes"] for value in annotations.values())
    return says_all or data.get("licenses") == [{"name": "", "id": 0, "url": ""}]


def _check_shapes(file: AnnotationFile, images: Records, videos: Sequence[str]) -> None:
    """Refuse Roboflow's images of another shape than their video's."""
    sizes = zip(*(images.integers(key, 0, within=SIDE).tolist() for key in ("width", "height")), strict=True)
    names = images.texts("file_name")
    for row, (video, size) in enumerate(zip(videos, sizes, strict=True)):
        if min(size) > 0 and original_name(names[row]):
            info = file.info(video)
            if not file.same_shape(video, size):
                raise images.rows.error(
                    row,
                    f"the image has {size[0]} x {size[1]} pixels, but the video {video} has {info.width} x "
                    f"{info.height}. Roboflow stretched it or padded it, and the file does not say which. Export a "
                    "version without the preprocessing step Resize.",
                )


def _name_before(written: str, said: str) -> str:
    """Return what one of Roboflow's images was called before, the same for all copies of one; "": it is not theirs.

    Args:
        written: its name.
        said: its name before, where the file says that; else "".
    """
    original = original_name(written)
    if not original:
        return ""
    folder = written.replace("\\", "/").rpartition("/")[0]
    return said or f"{folder}/{original}".lstrip("/")
