"""What a file is that is no weight file, told from its first bytes."""

from __future__ import annotations

HEAD_BYTES = 512
"""So many first bytes tell it."""


def not_weights(head: bytes) -> str | None:
    """Return what a file that starts with ``head`` is if it is certainly no weight file, else None."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        return "the file is empty; download or copy it again."
    if not head.strip(b"\0"):
        return "the file holds only zero bytes, as an interrupted copy leaves them; download or copy it again."
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<script")):
        return (
            "a web page, not weights. File hosts answer with a page when they want a confirmation or when the link has "
            "expired: open the link in a browser and save the file itself."
        )
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the weights themselves; run `git lfs pull` in its clone."
    if head.startswith(b"\x1f\x8b"):
        return "compressed with gzip; decompress it first (gunzip)."
    # Only pickles of Python 2 are text, too: of a dictionary, a list or a tuple.
    if head[:1] not in b"(}]" and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        return f'a text, not weights; it begins with "{head[:80].decode("ascii")}".'
    return None
