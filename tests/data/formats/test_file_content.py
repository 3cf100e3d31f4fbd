"""Files that hold no text, or text that cannot be written again."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest

from alphaction.data.formats.file_content import FileContent
from alphaction.utils.errors import UserError


def workbook() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", r"is not a text file, but a PNG image\. Check the path\."),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "but a JPEG image"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", r"but a video\."),
        (workbook(), r'but an Excel workbook\. In Excel choose "Save as", "CSV UTF-8"'),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "but an Excel workbook"),
        (pickle.dumps({"v": [1, 2]}), "but a pickle of Python. Write what it holds as csv"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + b" " * 90 + b"\0\1IM", "but a MATLAB or HDF5 file. Write"),
        (b"PAR1\x15\x04\x15\x10", "but a Parquet table. Write"),
        (b"PNG\r\n\x1a\n\0\0\0\rIHDR", r"is not a text file \(it holds zero bytes: check the path\)"),
        ("v,1,0,0,1,1,1\n".encode("utf-16-le"), r"\(it looks like UTF-16: save it as UTF-8\)"),
    ],
)
def test_what_is_no_text_is_named(tmp_path, data, message):
    path = tmp_path / "annotations.json"
    path.write_bytes(data)
    with pytest.raises(UserError, match=message):
        FileContent.read(path, "annotations")


@pytest.mark.parametrize("text", ["MATLAB_clip,1", "PAR1,1", "GIF8,1"])
def test_videos_may_be_named_like_that(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert FileContent.read(path, "annotations").text == text


def test_half_a_character_in_json():
    whole = FileContent(Path("a.json"), "annotations", r'["\ud83d\ude00", "\\ud800"]')
    assert whole.data == ["\U0001f600", r"\ud800"]
    for text in (r'[{"label": ["wave\ud800"]}]', r'[{"wave\ud800": 1}]'):
        with pytest.raises(UserError, match=r"the text 'wave\\ud800' holds .* half of a character"):
            _ = FileContent(Path("a.json"), "annotations", text).data
    with pytest.raises(UserError, match=r"the text '\\x00' holds a zero byte"):
        _ = FileContent(Path("a.json"), "annotations", r'["\u0000"]').data
