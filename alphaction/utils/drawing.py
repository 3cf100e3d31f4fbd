"""Pictures to look at: boxes with readable labels on frames, sheets of many pictures, PNG files.

All pictures are uint8 RGB arrays [height, width, 3].
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from alphaction.utils.atomic import replacing
from alphaction.utils.errors import UserError
from alphaction.utils.lettering import put_text, text_size

FONT_SCALE = 0.42
PADDING = 3
MIN_SIDE = 480
LARGE_SIDE = 600
TEXT_COLOR, TITLE_BACKGROUND = (255, 255, 255), (32, 32, 36)
PALETTE = ((200, 60, 40), (30, 110, 200), (30, 130, 60), (150, 60, 170), (190, 110, 0), (0, 125, 135), (110, 90, 60))
Color = tuple[int, int, int]
_LABEL_SHARE, _LABEL_WIDTH = 0.55, 180


def put_lines(
    image: np.ndarray, lines: Sequence[str], x: int, y: int, background: Color, scale: float = FONT_SCALE
) -> None:
    """Write lines of text on a filled block whose top left corner is (x, y), in place."""
    width, height = block_size(lines, scale)
    cv2.rectangle(image, (x, y), (x + width - 1, y + height - 1), background, cv2.FILLED)
    step = height // max(len(lines), 1)
    for index, line in enumerate(lines):
        depth = text_size(line, scale)[2]
        base = y + (index + 1) * step - depth + 1
        put_text(image, line, (x + PADDING, base), scale, TEXT_COLOR)


def text_scale(image: np.ndarray) -> float:
    """Return the font scale for a picture: letters are larger on large pictures, which are shown smaller."""
    return FONT_SCALE * max(1.0, min(image.shape[:2]) / LARGE_SIDE)


def block_size(lines: Sequence[str], scale: float = FONT_SCALE) -> tuple[int, int]:
    """Return width and height in pixels of the block that :func:`put_lines` fills."""
    if not lines:
        return 0, 0
    sizes = [text_size(line, scale) for line in lines]
    step = max(height + depth for _, height, depth in sizes) + 1
    return max(width for width, _, _ in sizes) + 2 * PADDING, step * len(lines)


def free_place(
    size: tuple[int, int],
    box: Sequence[int],
    image_size: tuple[int, int],
    taken: Sequence[Sequence[int]],
    boxes: Sequence[Sequence[int]] = (),
) -> tuple[int, int]:
    """Return where a block of text goes: at its box, inside the picture, clear of ``taken`` if possible.

    It also keeps away from ``boxes``, which it covers only if there is no other place. Sizes are (width, height),
    rectangles x1, y1, x2, y2, all in pixels.
    """
    width, height = size
    x1, y1, x2, y2 = box
    lefts = (x1, x2 - width + 1)
    tries = [(x, y) for y in (y1 - height, y2 + 1) for x in lefts]
    tries += [(x2 + 2, y1), (x1 - width - 1, y1)]
    tries += [(x, y) for y in (y1 + 2, y2 - height - 1) for x in lefts]

    def clamp(x: int, y: int) -> tuple[int, int]:
        return max(0, min(x, image_size[0] - width)), max(0, min(y, image_size[1] - height))

    def covered(place: tuple[int, int], rectangles: Sequence[Sequence[int]]) -> int:
        x, y = place
        return sum(
            max(0, min(x + width, right) - max(x, left)) * max(0, min(y + height, bottom) - max(y, top))
            for left, top, right, bottom in rectangles
        )

    # min() takes the first of equals, so the order of the tries is the order of preference.
    return min((clamp(*place) for place in tries), key=lambda place: (covered(place, taken), covered(place, boxes)))


def fitted_text(text: str, width: int, scale: float = FONT_SCALE) -> str:
    """Return a line of text that is at most ``width`` pixels wide on its block: longer ones lose their middle."""
    if block_size([text], scale)[0] <= width:
        return text
    kept = len(text) - 1
    while kept > 1:
        shorter = f"{text[: kept - kept // 3]}...{text[len(text) - kept // 3 :]}"
        if block_size([shorter], scale)[0] <= width:
            return shorter
        kept = min(kept - 1, kept * 9 // 10)
    return text[:1]


def fitted_label(text: str, image: np.ndarray) -> str:
    """Return the label of a box so short that it leaves the picture something to show."""
    return fitted_text(text, max(round(_LABEL_SHARE * image.shape[1]), _LABEL_WIDTH), text_scale(image))


def fit_into(frame: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the frame scaled, up or down, to the largest size in ``width`` x ``height`` pixels; a copy."""
    rows, columns = frame.shape[:2]
    factor = min(width / columns, height / rows)
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(np.ascontiguousarray(frame), size, interpolation=method))


def enlarge(frame: np.ndarray, min_side: int = MIN_SIDE) -> np.ndarray:
    """Return a copy, scaled up by a whole factor so that the shorter side has at least ``min_side`` pixels."""
    factor = max(1, -(-min_side // min(frame.shape[:2])))
    size = (frame.shape[1] * factor, frame.shape[0] * factor)
    return cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC) if factor > 1 else np.ascontiguousarray(frame).copy()


def draw_detections(
    frame: np.ndarray,
    boxes: np.ndarray,
    labels: Sequence[Sequence[str]],
    scores: Sequence[Sequence[float]] | None = None,
    color: Color | Sequence[Color] | None = None,
    min_side: int = MIN_SIDE,
    thickness: int = 2,
) -> np.ndarray:
    """Draw boxes and their class names on a copy of a frame.

    Args:
        frame: uint8 RGB [height, width, 3]; small frames are scaled up so that the text can be read.
        boxes: [n, 4], x1, y1, x2, y2 as fractions of the frame.
        labels: the lines of text of each box; a box without lines gets its outline only.
        scores: a score in [0, 1] for each line of each box, written behind it as a percentage.
        color: RGB color of all boxes, or one for each; by default the boxes take turns through a palette.
        min_side: the shorter side of the picture has at least this many pixels; 0 keeps the frame's size.
        thickness: of the boxes' outlines, in pixels; more on pictures with large letters (:func:`text_scale`).

    Returns:
        A new uint8 RGB picture.

    Raises:
        ValueError: if the numbers of boxes, labels, scores or colors differ.
    """
    image = enlarge(frame, min_side)
    height, width = image.shape[:2]
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    colors = box_colors(color, len(boxes))
    scores = [None] * len(boxes) if scores is None else scores
    if not len(boxes) == len(labels) == len(scores) == len(colors):
        counts = f"{len(boxes)} boxes, {len(labels)} lists of labels, {len(scores)} of scores, {len(colors)} colors"
        raise ValueError(f"every box needs its labels, scores and color, got {counts}")
    corners = np.round(boxes * [width, height, width, height]).astype(int)
    corners = np.minimum(np.maximum(corners, 0), [width - 1, height - 1, width - 1, height - 1])
    font_scale = text_scale(image)
    line_width = round(thickness * font_scale / FONT_SCALE)
    for (x1, y1, x2, y2), edge in zip(corners.tolist(), colors, strict=True):
        cv2.rectangle(image, (x1, y1), (x2, y2), edge, line_width, cv2.LINE_AA)
    taken: list[tuple[int, int, int, int]] = []
    for corner, names, values, edge in zip(corners.tolist(), labels, scores, colors, strict=True):
        if not names:
            continue
        lines = list(names) if values is None else [f"{n} {v:.0%}" for n, v in zip(names, values, strict=True)]
        size = block_size(lines, font_scale)
        x, y = free_place(size, corner, (width, height), taken, corners.tolist())
        put_lines(image, lines, x, y, edge, font_scale)
        taken.append((x, y, x + size[0], y + size[1]))
    return image


def box_colors(color: Color | Sequence[Color] | None, count: int) -> list[Color]:
    """Return one color for each of ``count`` boxes."""
    if color is None:
        return [PALETTE[index % len(PALETTE)] for index in range(count)]
    if len(color) == 3 and not isinstance(color[0], Sequence):
        return [tuple(color)] * count
    return [tuple(one) for one in color]


def contact_sheet(
    images: Sequence[np.ndarray], columns: int, titles: Sequence[str] | None = None, gap: int = 4
) -> np.ndarray:
    """Return one picture of many, row by row, each with its title above it.

    Args:
        images: uint8 RGB pictures; smaller ones are centered in cells of the largest size.
        columns: pictures in a row.
        titles: one for each picture; an empty one leaves its space blank. A title too long for its cell is cut.
        gap: pixels between the pictures.

    Raises:
        ValueError: if there are no pictures, no columns, or another number of titles.
    """
    if not images or columns < 1 or (titles is not None and len(titles) != len(images)):
        count = "no" if titles is None else len(titles)
        raise ValueError(f"got {len(images)} pictures, {count} titles, {columns} columns")
    height, width = (max(image.shape[axis] for image in images) for axis in (0, 1))
    bar = block_size(["Ag"])[1] + 2 if titles is not None else 0
    rows = -(-len(images) // columns)
    shape = (rows * (height + bar + gap) + gap, columns * (width + gap) + gap, 3)
    sheet = np.full(shape, TITLE_BACKGROUND, dtype=np.uint8)
    for index, image in enumerate(images):
        top = gap + index // columns * (height + bar + gap)
        left = gap + index % columns * (width + gap)
        if titles is not None and titles[index]:
            put_lines(sheet[top : top + bar, left : left + width], [titles[index]], 0, 0, TITLE_BACKGROUND)
        y = top + bar + (height - image.shape[0]) // 2
        x = left + (width - image.shape[1]) // 2
        sheet[y : y + image.shape[0], x : x + image.shape[1]] = image
    return sheet


def png_bytes(image: np.ndarray, *, few_colors: bool = False) -> bytes:
    """Return an RGB picture as a PNG file.

    Args:
        image: uint8 [height, width, 3].
        few_colors: only 256 of them, which makes a sheet of photos a fifth of its size, and still good to look at.
    """
    if few_colors:
        file = io.BytesIO()
        Image.fromarray(image).quantize(256, Image.Quantize.FASTOCTREE).save(file, "PNG")
        return file.getvalue()
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def jpeg_bytes(image: np.ndarray, quality: int) -> bytes:
    """Return an RGB picture, uint8 [height, width, 3], as a JPEG file of a quality from 0 to 100."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def write_png(path: str | Path, image: np.ndarray) -> None:
    """Write an RGB picture as PNG; folders are made.

    Raises:
        UserError: if the file cannot be written.
    """
    path = Path(path)
    data = png_bytes(image)
    try:
        with replacing(path) as part:
            part.write_bytes(data)
    except OSError as error:
        raise UserError(f"cannot write the picture {path}: {error.strerror or error}") from error
