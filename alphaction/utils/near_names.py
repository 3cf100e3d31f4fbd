"""What to write in place of a config key or a flag that another framework has, or that is misspelled."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from alphaction.utils.messages import nearest
from alphaction.utils.near_name_table import NEAR_NAMES, NearName

_BY_NAME = {name: entry for entry in NEAR_NAMES for name in entry.names}


def find_near_name(name: str) -> NearName | None:
    """Return what a name of another framework is here; None if the table does not have it.

    Args:
        name: a dotted config key, or a flag; case, dashes and all sections but the last do not count.
    """
    parts = name.strip("-").lower().replace("-", "_").split(".")
    return _BY_NAME.get(".".join(parts[-2:])) or _BY_NAME.get(parts[-1])


def unknown_key_hint(name: str) -> str | None:
    """Return what to write instead of the config key ``name`` of another framework; None if the table lacks it."""
    entry = find_near_name(name)
    if entry is None:
        return None
    return " ".join(_sentences(f"Did you mean {entry.key}?" if entry.key else "", entry))


def unknown_flag_hint(flag: str, known: Collection[str], keys: str | None = None) -> str:
    """Return what to write instead of ``flag``, "" where nothing is like it.

    Args:
        flag: as it was given, perhaps with "=value".
        known: the flags of the command, with their dashes.
        keys: what stands before config keys at the end of the command, such as "-- "; None if it takes none.
    """
    name = flag.split("=")[0].lstrip("-")
    entry = find_near_name(name)
    words = {each: each.lstrip("-").replace("-", "_") for each in known}
    given = name.lower().replace("-", "_")
    if same := [each for each in known if words[each] == given]:
        return f'Did you mean "{same[0]}"?'
    for meant, _, more in (each.partition(" ") for each in (entry.flags if entry else ())):
        if meant in known:
            return f'Did you mean "{meant}"{f" {more}" if more else ""}?'
    starts = [each for each in known if len(given) > 1 and words[each].startswith(given)]
    if starts and (entry is None or len(starts) == 1):
        quoted = [f'"{each}"' for each in sorted(starts)[:3]]
        return f"Did you mean {' or '.join(quoted)}?"
    if entry is not None:
        return " ".join(_sentences(_place(entry.key, keys) if entry.key else "", entry))
    # Without the dashes, which make all flags alike.
    near = nearest(name, [each.lstrip("-") for each in known], cutoff=0.6)
    return f'Did you mean "--{near}"?' if near else ""


def _place(key: str, keys: str | None) -> str:
    if keys is None:
        return f"That is the config key {key} of a training: it stands in its config, or at the end of its command."
    return f'That is the config key {key}: write "{keys}{key} VALUE" at the end of the command.'


def _sentences(first: str, entry: NearName) -> Iterator[str]:
    yield from filter(None, (first, entry.note))
