"""AVA csv -> the COCO-like JSON with ``action_ids`` that public AVA tools exchange.

``images`` have the frame's size in pixels, the movie and the second; ``annotations`` one box each, ``bbox`` as x, y,
width, height in pixels, with the list of its action classes. :func:`alphaction.data.annotations.read_annotations` reads
it back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any

from alphaction.config.paths_catalog import AVA_LABEL_MAP
from alphaction.data.annotations import AnnotationTable, LabelMap, read_annotations, read_label_map
from alphaction.data.formats.file_content import open_for_writing, read_text
from alphaction.data.keyframes import MILLISECONDS, time_text
from alphaction.data.video.file import VIDEO_SUFFIXES
from alphaction.utils.errors import DataError, UserError
from alphaction.utils.messages import counted, listed, suggest
from alphaction.utils.options import option
from alphaction.workflows.prepare.keyframe_images import Image, Images, KeyframeImages, MovieSizes

# Movies are numbered in steps of this, so that an image's number shows movie and second.
_SECONDS_PER_MOVIE = 10_000
# Fractions of a pixel are rounded to so many digits: far below any box's precision, and 640.3200000000001 reads badly.
_DIGITS = 9
_MINIMAL_IMAGE = ("id", "width", "height", "movie", "timestamp")
_MINIMAL_ANNOTATION = ("id", "image_id", "bbox", "action_ids", "person_id")


@dataclass(frozen=True, kw_only=True)
class AvaJsonOptions:
    """What to convert, and where to; each field is the flag of the same name."""

    csv_path: Path = option(MISSING, "--csv_path", "--csv-path", metavar="CSV", help="annotations; csv or csv.gz")
    movie_list: Path | None = option(
        None,
        "--movie_list",
        "--movie-list",
        metavar="LIST",
        help="movies to include: a text file of names, one a line (a suffix such as .mkv is ignored), or a folder of "
        "movies; boxes of others are left out and counted (default: every movie of the csv)",
    )
    img_root: Path | None = option(
        None, "--img_root", "--img-root", metavar="DIR", help="keyframe images, {movie}/{second}.jpg"
    )
    movie_root: Path | None = option(
        None, "--movie_root", "--movie-root", metavar="DIR", help="folder of the movies, instead of --img_root"
    )
    json_path: Path = option(
        MISSING, "--json_path", "--json-path", metavar="JSON", help="file to write (.gz: compressed)"
    )
    min_json_path: Path | None = option(
        None,
        "--min_json_path",
        "--min-json-path",
        metavar="JSON",
        help="also write a small one: no images without boxes, only the keys that are read back",
    )
    label_map: Path = option(
        AVA_LABEL_MAP, "--label_map", "--label-map", metavar="PBTXT", help="the classes (default: AVA's 80)"
    )
    image_ids: str = option(
        "names",
        "--image_ids",
        "--image-ids",
        choices=("names", "numbers"),
        help='names: "movie/0902", which detections can be matched to without this file; numbers: the position of the '
        "movie in the list, from 1, times 10000, plus the second (default: %(default)s)",
    )


@dataclass(frozen=True)
class JsonReport:
    """What was converted; ``left_out_movies`` are in the csv, not in the movie list, ``unused_movies`` the reverse."""

    images: int
    annotations: int
    labels: int
    empty_images: int
    left_out_movies: tuple[str, ...] = ()
    left_out_boxes: int = 0
    unused_movies: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [
            f"{counted(self.images, 'image')} ({self.empty_images} without boxes), "
            f"{counted(self.annotations, 'box', 'boxes')}, {counted(self.labels, 'label')}"
        ]
        if self.left_out_movies:
            lines.append(
                f"left out: {counted(self.left_out_boxes, 'box', 'boxes')} of {listed(self.left_out_movies, 5)}, not "
                "in the movie list"
            )
        if self.unused_movies:
            lines.append(f"in the movie list without annotations: {listed(self.unused_movies, 5)}")
        return "\n".join(lines)


def convert(options: AvaJsonOptions) -> JsonReport:
    """Convert as the options say and return what was converted; see :func:`convert_ava_csv`."""
    if (options.img_root is None) == (options.movie_root is None):
        raise UserError("give one of --img_root (keyframe images) and --movie_root (the movies): the frames' sizes.")
    return convert_ava_csv(
        options.csv_path,
        options.json_path,
        label_map=read_label_map(options.label_map),
        images=KeyframeImages(options.img_root) if options.img_root else MovieSizes(options.movie_root),
        movies=read_movie_list(options.movie_list) if options.movie_list else None,
        min_json_path=options.min_json_path,
        numbered=options.image_ids == "numbers",
    )


def convert_ava_csv(
    csv_path: Path,
    json_path: Path,
    *,
    label_map: LabelMap,
    images: Images,
    movies: Sequence[str] | None = None,
    min_json_path: Path | None = None,
    numbered: bool = False,
) -> JsonReport:
    """Write AVA annotations as JSON.

    Args:
        csv_path: AVA csv (any format that :func:`read_annotations` reads).
        json_path: file to write; gzip if the name ends in .gz.
        label_map: the classes that ids are checked against.
        images: finds the pictures' sizes: :class:`KeyframeImages` or :class:`MovieSizes`.
        movies: names to include, in the order that numbers them; None: all of the csv, sorted.
        min_json_path: a second file: no white space, no images without boxes, and only the keys that are read back.
        numbered: image ids are whole numbers, (the movie's position from 1) * 10000 + second (all in thousandths if
            some second is not whole), instead of "movie/0902", which names its moment itself.

    Raises:
        UserError: a file is missing or faulty, none of the movies is annotated, or an image or movie is missing.
    """
    table = read_annotations(csv_path, label_map)
    annotated = list(table.keyframes.videos)
    included = annotated if movies is None else list(movies)
    wanted = set(included)
    keyframes = [k for k, keyframe in enumerate(table.keyframes) if keyframe.video in wanted]
    if not keyframes:
        raise DataError(
            f"{csv_path}: none of its movies ({len(annotated)}) is in the movie list. "
            f"{suggest(annotated[0], included)} The list holds one name a line, as the csv writes it; a video's "
            "suffix may follow."
        )
    found = images([table.keyframes[k] for k in keyframes])
    data = coco_json(table, keyframes, found, included, numbered=numbered)
    _write_json(json_path, data, indent=1)
    if min_json_path is not None:
        _write_json(min_json_path, minimal(data), indent=None)
    boxes, outside = len(data["annotations"]), sorted(set(annotated) - wanted)
    return JsonReport(
        images=len(keyframes),
        annotations=boxes,
        labels=sum(len(item["action_ids"]) for item in data["annotations"]),
        empty_images=sum(table.rows(k).start == table.rows(k).stop for k in keyframes),
        left_out_movies=tuple(outside),
        left_out_boxes=len(table) - boxes,
        unused_movies=tuple(sorted(wanted - set(annotated))),
    )


def coco_json(
    table: AnnotationTable,
    keyframes: Sequence[int],
    images: Sequence[Image],
    movies: Sequence[str],
    *,
    numbered: bool = False,
) -> dict[str, Any]:
    """Return the JSON content: ``images``, ``annotations`` and ``categories``.

    Args:
        table: the annotations.
        keyframes: positions in ``table.keyframes`` to include.
        images: the picture of each of these.
        movies: all movie names, in the order that numbers them.
        numbered: see :func:`convert_ava_csv`.
    """
    position = {movie: index + 1 for index, movie in enumerate(movies)}
    step = _SECONDS_PER_MOVIE
    while step <= int(table.keyframes.seconds.max()):
        step *= 10
    parts = 1 if table.keyframes.seconds.dtype.kind == "i" else MILLISECONDS
    records, annotations = [], []
    for k, image in zip(keyframes, images, strict=True):
        movie, second = table.keyframes[k]
        number = position[movie] * step * parts + round(second * parts)
        image_id = number if numbered else f"{movie}/{time_text(second)}"
        records.append(
            {
                "id": image_id,
                "width": image.width,
                "height": image.height,
                "file_name": image.file_name,
                "movie": movie,
                "timestamp": second,
            }
        )
        for row in range(*table.rows(k).indices(len(table))):
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **_annotation(table, row, image)})
    return {"images": records, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}


def _annotation(table: AnnotationTable, row: int, image: Image) -> dict[str, Any]:
    x1, y1, x2, y2 = table.boxes[row].tolist()
    width, height = (x2 - x1) * image.width, (y2 - y1) * image.height
    record = {
        "bbox": [round(value, _DIGITS) for value in (x1 * image.width, y1 * image.height, width, height)],
        "area": round(width * height, _DIGITS),
        "category_id": 1,
        "iscrowd": 0,
        "action_ids": table.labels(row).tolist(),
    }
    if table.person_ids[row] >= 0:
        record["person_id"] = int(table.person_ids[row])
    return record


def minimal(data: dict[str, Any]) -> dict[str, Any]:
    """Return the content without images that have no box, and with only the keys that are read back."""
    used = {item["image_id"] for item in data["annotations"]}
    images = [image for image in data["images"] if image["id"] in used]
    return {
        "images": [{key: image[key] for key in _MINIMAL_IMAGE} for image in images],
        "annotations": [{key: item[key] for key in _MINIMAL_ANNOTATION if key in item} for item in data["annotations"]],
        "categories": data["categories"],
    }


def read_movie_list(path: Path) -> list[str]:
    """Return movie names: the lines of a text file, or the videos and folders in a folder; suffixes are taken off.

    Raises:
        UserError: the list does not exist, is empty, or names a movie twice.
    """
    path = Path(path)
    if path.is_dir():
        entries = sorted(path.iterdir())
        lines = [entry.name for entry in entries if entry.is_dir() or entry.suffix.lower() in VIDEO_SUFFIXES]
    else:
        lines = [line.strip() for line in read_text(path, "movie list").splitlines() if line.strip()]
    names = [line[: -len(Path(line).suffix)] if Path(line).suffix.lower() in VIDEO_SUFFIXES else line for line in lines]
    if not names:
        raise DataError(f"movie list: {path} names no movie. Expected one name a line, or a folder of movies.")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"movie list: {path} names {listed(repeated, 5)} more than once. Keep one line of each.")
    return names


def _write_json(path: Path, data: dict[str, Any], indent: int | None) -> None:
    with open_for_writing(path) as file:
        json.dump(data, file, indent=indent, separators=(",", ":") if indent is None else None)
        file.write("\n")
