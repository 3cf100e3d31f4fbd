"""A real browser without a window, for tests of pages; they skip where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without what a browser asks its maker's servers for.
ARGUMENTS = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --disable-dev-shm-usage"
).split()


@contextmanager
def started_browser() -> Iterator[Any]:
    """Yield a browser of playwright: a Chromium of the system, or the one that playwright has installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    with playwright.sync_playwright() as started:
        try:
            browser = started.chromium.launch(executable_path=program, args=ARGUMENTS)
        except playwright.Error as error:
            pytest.skip(f"no Chromium that starts ({program or 'none on PATH'}): {str(error).splitlines()[0]}")
        try:
            yield browser
        finally:
            browser.close()
