"""One line of text on a picture, in any script that the machine has letters for.

OpenCV 5 brings letters of most scripts. OpenCV 4 has ASCII only; there, other text is set in a font of the system, and
without one in ASCII, as far as that goes ("Über" becomes "Uber").
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT = cv2.FONT_HERSHEY_SIMPLEX
_UNICODE = int(cv2.__version__.partition(".")[0]) >= 5
# Letters of this many pixels have the size of OpenCV's at scale 1.
_PIXELS = 31
# Of Linux, Windows and macOS; Pillow looks for them in the system's folders. The first with all letters is taken.
_SYSTEM_FONTS = (
    *("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc"),
    *("wqy-zenhei.ttc", "wqy-microhei.ttc", "DroidSansFallbackFull.ttf", "NanumGothic.ttf", "FreeSans.ttf"),
    *("arial.ttf", "msyh.ttc", "msgothic.ttc", "malgun.ttf", "Arial Unicode.ttf", "PingFang.ttc"),
)
_NO_LETTER = "\U0010fffe"


def legible_name(name: str, number: int) -> str:
    """Return the name of class ``number`` if it can be drawn, if need be without its accents; else "class 7"."""
    composed = _composed(name)
    drawn = _UNICODE or composed.isascii() or _font_for(composed) is not None or _plain(composed).isascii()
    return name if drawn else f"class {number}"


def text_size(text: str, scale: float) -> tuple[int, int, int]:
    """Return width, height above the base line, and depth below it, of a line of text in pixels."""
    text, font = _prepare(text, scale)
    if font is None:
        (width, height), depth = cv2.getTextSize(text, FONT, scale, 1)
        return width, height, depth
    (_, height), depth = cv2.getTextSize("Ag", FONT, scale, 1)
    _, top, right, bottom = font.getbbox(text, anchor="ls")
    return int(np.ceil(right)), max(height, -int(top)), max(depth, int(bottom))


def put_text(image: np.ndarray, text: str, place: tuple[int, int], scale: float, color: tuple[int, int, int]) -> None:
    """Write a line of text on an RGB picture, in place; ``place`` is the left end of its base line."""
    text, font = _prepare(text, scale)
    if font is None:
        # Strokes grow with the letters, but a second pixel makes letters of the usual size clot.
        cv2.putText(image, text, place, FONT, scale, color, max(1, round(scale / 0.6)), cv2.LINE_AA)
        return
    picture = Image.fromarray(np.ascontiguousarray(image))
    ImageDraw.Draw(picture).text(place, text, fill=color, font=font, anchor="ls")
    image[...] = np.asarray(picture)


def _prepare(text: str, scale: float) -> tuple[str, ImageFont.FreeTypeFont | None]:
    """Return the text as it will be drawn, and the font to draw it in; None: OpenCV's."""
    text = _composed(text)
    if text.isascii() or _UNICODE:
        return text, None
    name = _font_for(text)
    if name is None:
        return re.sub(r"[^\x00-\x7f]+", "?", _plain(text)), None
    return text, _font(name, round(_PIXELS * scale))


def _composed(text: str) -> str:
    """Return ``text`` with letter and accent in one; a byte of a file's name that is no letter becomes "?"."""
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())


def _plain(text: str) -> str:
    """Return ``text`` without accents."""
    apart = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


@lru_cache(maxsize=4096)
def _font_for(text: str) -> str | None:
    """Return the first system font that has every letter of ``text``."""
    return next((name for name in _SYSTEM_FONTS if _has_letters(name, frozenset(text))), None)


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
    return ImageFont.truetype(name, size)
