"""Code blocks of the Markdown pages, and why some of them are not run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What may stand in `<!-- not run: ... -->` above a block: its first words.
REASONS = (
    "needs the AVA movies",
    "needs the pretrained weights",
    "needs a network",
    "needs the environment of the demo",
    "needs GPUs",
    "takes minutes",
    "needs Slurm",
    "needs an editor",
    "runs the tests",
    "another test runs it",
    "runs until it is stopped",
    "ends with an error on purpose",
)
_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]*?) -->\n\n?)?"
    r"(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: path from the clone's folder.
        line: line of its first command.
        language: word behind the fence.
        text: its lines.
        reason: why it is not run, or None.
    """

    page: str
    line: int
    language: str
    text: str
    reason: str | None

    @property
    def is_run(self) -> bool:
        """Whether it holds commands that run offline."""
        return self.language in ("bash", "python") and not self.reason

    @property
    def needs_shared(self) -> bool:
        """Whether it reads ../shared, which the pages say is not part of the repository."""
        return "pets" in self.text or "../shared" in self.text


def pages(root: Path) -> list[Path]:
    """Return all pages for users, the start page first."""
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]


def blocks(root: Path, page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    content = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(content):
        line = content.count("\n", 0, match.start("text")) + 1
        name = str(page.relative_to(root))
        yield Block(name, line, match["language"], match["text"], match["reason"])


def commands_only(text: str) -> str:
    """Return a block's text as a script that stops at the first command that fails."""
    return f"set -euo pipefail\n{text}"
