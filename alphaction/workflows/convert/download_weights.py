"""The list of public weights, and what becomes of those that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.licenses import forbids_commerce
from alphaction.utils.messages import counted, problem_list, suggest, text_table
from alphaction.utils.options import option
from alphaction.zoo import PublicWeights, cached_file, find_weights, get_weights, list_weights
from alphaction.zoo.document import megabytes

_KINDS = ("backbone", "detector", "persons")


@dataclass(frozen=True)
class DownloadOptions:
    """What is asked of tools/download_weights.py; the fields are its flags."""

    list: bool = option(False, help="show what there is, and which files are here already; downloads nothing")
    backbone: str | None = option(None, metavar="B", help="show only weights of that --backbone of the generator")
    kind: str | None = option(
        None,
        choices=_KINDS,
        help="show only backbones (no action head), action detectors, or detectors of persons",
    )
    verify: bool = option(False, help="read files that are here already as a whole, and compare their SHA-256")


def check_flags(options: DownloadOptions, names: Sequence[str]) -> None:
    """Raise a :class:`UserError` for flags that do not go together."""
    if options.list and names:
        raise UserError(f"--list downloads nothing: leave it out, or the names ({', '.join(names)}).")
    if not options.list and (options.backbone or options.kind):
        flag = "--backbone" if options.backbone else "--kind"
        raise UserError(f"{flag} selects what --list shows: add --list, or name the weights to download.")
    if not options.list and not names:
        raise UserError("name the weights to download, or show what there is with --list.")


def weights_table(options: DownloadOptions) -> str:
    """Return the list of weights as text, two lines for each, at most 100 columns wide.

    Raises:
        UserError: for a backbone that has no weights.
    """
    entries = list_weights(options.backbone, options.kind)
    if not entries:
        shown = list_weights(options.backbone)
        raise UserError(
            f"no {options.kind} is of the backbone {options.backbone}. "
            f"{suggest(options.kind, {entry.kind for entry in shown})}"
        )
    rows = [("name", "published figure", "license", "size", "here")]
    rows += [
        (entry.name, entry.figure or "-", _strictest(entry.license), megabytes(entry.size), _here(entry))
        for entry in entries
    ]
    heading, *lines = text_table(rows, left=5)
    parts = [heading]
    for entry, line in zip(entries, lines, strict=True):
        use = "" if entry.commercial else " NO COMMERCIAL USE."
        parts += [line, f"    {entry.what}.{use}"]
    return "\n".join(
        [
            *parts,
            "",
            f"{counted(len(entries), 'entry', 'entries')}. Figures are those of the projects; none was measured here. "
            'Size "-": not published.',
            "here: yes; no: it is downloaded; browser: only a browser gets it, its name as argument says where.",
        ]
    )


def download_weights(names: Sequence[str], *, verify: bool = False) -> None:
    """Get every named file, saying where each lies; all names are checked before the first download.

    Raises:
        UserError: for unknown names, and, after all others are here, for files that cannot be had or are not right.
    """
    entries = [find_weights(name) for name in dict.fromkeys(names)]
    problems = []
    for entry in entries:
        if cached_file(entry).is_file():
            print(entry.license_line)
        try:
            path = get_weights(entry, verify=verify, say=lambda text: print(text, flush=True))
        except UserError as error:
            if len(entries) == 1:
                raise
            problems.append(str(error))
            continue
        print(f"{entry.name}: {path}")
        if entry.kind != "persons":
            print(f"  use it as MODEL.WEIGHT zoo:{entry.name}")
    if problems:
        raise CheckpointError(problem_list(f"{len(problems)} of {len(entries)} files could not be had:", problems))


def _strictest(license_name: str) -> str:
    """Return the one of several licenses that limits the use; a line has no room for all."""
    names = license_name.split(" AND ")
    return next((name for name in names if forbids_commerce(name)), license_name)


def _here(entry: PublicWeights) -> str:
    if cached_file(entry).is_file():
        return "yes"
    return "no" if entry.url else "browser"
