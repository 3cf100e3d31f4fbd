"""The table of docs/MODEL_ZOO.md, made from the registry.

Run ``python -m alphaction.zoo.document`` after every change of an entry: it writes the table into the page, between its
two markers.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path

from alphaction.utils.atomic import write_text_atomically
from alphaction.zoo.entry import PublicWeights
from alphaction.zoo.registry import SOURCES, WEIGHTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "MODEL_ZOO.md"
BEGIN = "<!-- Generated from alphaction/zoo/ by `python -m alphaction.zoo.document`: begin -->"
END = "<!-- Generated: end -->"


def render() -> str:
    """Return the table, by projects."""
    parts = [f"{len(WEIGHTS)} files.\n"]
    for title, entries in SOURCES.values():
        parts.append(f"### {title}\n")
        parts.append(_table(entries))
        notes = dict.fromkeys(entry.license_note for entry in entries if entry.license_note)
        parts += [f"{textwrap.fill(note, 120)}\n" for note in notes]
    return "\n".join(parts)


def renewed(page: str) -> str:
    """Return the text of the page with the table of today between its markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{render()}\n{END}{after}"


def megabytes(size: int) -> str:
    """Return a size in bytes as text, "-" where it is unknown."""
    if not size:
        return "-"
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _table(entries: Iterable[PublicWeights]) -> str:
    lines = [
        "| name | network and data | `--backbone` | published figure | measured here | license | size | file |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for entry in entries:
        backbone = f"`{entry.backbone}`" if entry.backbone else "-"
        license_text = entry.license if entry.commercial else f"{entry.license}, **no commercial use**"
        where = f"[download]({entry.url})" if entry.url else f"[by browser]({entry.page})"
        where = "in the package" if entry.packaged else where
        cells = (
            f"`{entry.name}`", entry.what, backbone, entry.figure or "-", entry.measured or "no", license_text,
            megabytes(entry.size), where,
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_text_atomically(PAGE, renewed(PAGE.read_text(encoding="utf-8")))
