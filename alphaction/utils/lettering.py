"""One line of text on a picture, in any script that some font of the machine has.

Pillow brings a font with plain Latin letters. Other text is set in a font of the system, and without one in ASCII, as
far as that goes ("Über" becomes "Uber").
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Height of the letters, in pixels, at scale 1.
_PIXELS = 30
_OWN_FONT = ""  # the one that Pillow brings
# Their top and bottom decide the height of every line, so that lines of one size have one height.
_TALL_LETTERS = "(Ag|"
# Of Linux, Windows and macOS; Pillow looks for them in the system's folders. The first with all letters is taken.
_SYSTEM_FONTS = (
    *("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc"),
    *("wqy-zenhei.ttc", "wqy-microhei.ttc", "DroidSansFallbackFull.ttf", "NanumGothic.ttf", "FreeSans.ttf"),
    *("arial.ttf", "msyh.ttc", "msgothic.ttc", "malgun.ttf", "Arial Unicode.ttf", "PingFang.ttc"),
)
_NO_LETTER = "\U0010fffe"


def legible_name(name: str, number: int) -> str:
    """Return the name of class ``number`` if it can be drawn (with or without its accents), else "class 7"."""
    composed = _composed(name)
    return name if _font_for(composed) is not None or _plain(composed).isascii() else f"class {number}"


@lru_cache(maxsize=1024)
def text_size(text: str, scale: float) -> tuple[int, int, int]:
    """Return width, height above the base line, and depth below it, of a line of text in pixels."""
    text, font = _prepare(text, scale)
    _, top, right, bottom = font.getbbox(text, anchor="ls")
    _, highest, _, lowest = font.getbbox(_TALL_LETTERS, anchor="ls")
    return int(np.ceil(right)), 1 - int(min(top, highest)), int(max(bottom, lowest))


def put_text(image: np.ndarray, text: str, place: tuple[int, int], scale: float, color: tuple[int, int, int]) -> None:
    """Write a line of text on an RGB picture, in place; ``place`` is the left end of its base line.

    What does not fit into the picture is cut off.
    """
    share, height = _share(text, scale)
    left, top = place[0], place[1] - height
    # Only the rectangle of the text is touched: pictures may be as large as a video's frames.
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + share.shape[1], image.shape[1]), min(top + share.shape[0], image.shape[0])
    if x1 >= x2 or y1 >= y2:
        return
    share = share[y1 - top : y2 - top, x1 - left : x2 - left]
    covered = image[y1:y2, x1:x2]
    covered[...] = np.rint(covered + share * (np.array(color, dtype=np.float32) - covered))


# The same line is drawn on all frames of a second.
@lru_cache(maxsize=256)
def _share(text: str, scale: float) -> tuple[np.ndarray, int]:
    """Return how much of each pixel a line of text covers, float32 [rows, columns, 1], and the row of its base line."""
    width, height, depth = text_size(text, scale)
    text, font = _prepare(text, scale)
    mask = Image.new("L", (width + 1, height + depth + 1))
    ImageDraw.Draw(mask).text((0, height), text, fill=255, font=font, anchor="ls")
    return np.asarray(mask, dtype=np.float32)[..., None] / 255, height


def _prepare(text: str, scale: float) -> tuple[str, ImageFont.FreeTypeFont]:
    """Return the text as it will be drawn, and the font to draw it in."""
    text, size = _composed(text), round(_PIXELS * scale)
    name = _font_for(text)
    if name is None:
        return re.sub(r"[^\x00-\x7f]+", "?", _plain(text)), _font(_OWN_FONT, size)
    return text, _font(name, size)


def _composed(text: str) -> str:
    """Return ``text`` with letter and accent in one; a byte of a file's name that is no letter becomes "?"."""
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())


def _plain(text: str) -> str:
    """Return ``text`` without accents."""
    apart = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


@lru_cache(maxsize=4096)
def _font_for(text: str) -> str | None:
    """Return the first font that has every letter of ``text``, Pillow's own before the system's."""
    return next((name for name in (_OWN_FONT, *_SYSTEM_FONTS) if _has_letters(name, frozenset(text))), None)


@lru_cache(maxsize=4096)
def _has_letters(name: str, letters: frozenset[str]) -> bool:
    try:
        font = _font(name, 16)
    except OSError:
        return False
    missing = bytes(font.getmask(_NO_LETTER))
    return all(letter.isascii() or bytes(font.getmask(letter)) != missing for letter in letters)


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size) if name == _OWN_FONT else ImageFont.truetype(name, size)
