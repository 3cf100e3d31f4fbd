"""docs/CONFIG.md, generated from the comments of defaults.py.

Run ``python -m alphaction.config.document > docs/CONFIG.md`` after every change of a key, a comment or a check.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

from alphaction.config.defaults import get_cfg
from alphaction.config.ranges import get_value
from alphaction.config.validate import CHECKS
from alphaction.config.values import describe_type

_ASSIGNMENT = re.compile(r"_C\.([\w.]+) = ")
_INTRODUCTION = """\
# Config keys

<!-- Generated from alphaction/config/defaults.py by `python -m alphaction.config.document > docs/CONFIG.md`. -->

A config is the defaults below, changed by a YAML file (`--config-file`), and then by `KEY VALUE` pairs of the command
line:

```bash
python train_net.py --config-file config_files/tiny/toy.yaml SOLVER.BASE_LR 0.001 OUTPUT_DIR output/try1
```

- A file may build on others: `_BASE_: other.yaml` or a list of files, relative to the file itself. They are applied
  first, in order.
- An unknown key, a key given twice or a value of the wrong type stops the program with its line and the nearest valid
  key.
- Lists may be written as YAML, as `(50000, 70000)` or as `[a, b]`; one element alone stands for a list of one. An
  integer is taken where a number is expected, and `1e-7` is a number. On a command line put lists in quotes:
  `DATASETS.TRAIN "[pets_train]"`.
- Paths are relative to the folder that the program runs in.

The unit is that of the value; `-` means that there is none. A range holds for every element of a list.
"""


@dataclass(frozen=True)
class KeyDoc:
    """What the comment of one key says.

    Attributes:
        key: dotted path.
        unit: unit of the value, "-" for none.
        range: what is accepted, "-" for anything of the type.
        meaning: one or two sentences.
    """

    key: str
    unit: str
    range: str
    meaning: str


def read_comments() -> tuple[dict[str, str], dict[str, KeyDoc]]:
    """Return ({section: description}, {key: its comment}) as defaults.py has them, in order.

    Raises:
        ValueError: if a key's comment has not three parts; names the key.
    """
    source = Path(__file__).with_name("defaults.py").read_text(encoding="utf-8")
    sections: dict[str, str] = {}
    keys: dict[str, KeyDoc] = {}
    comment: list[str] = []
    for line in source.splitlines():
        if line.startswith("#:"):
            comment.append(line[2:].strip())
        elif match := _ASSIGNMENT.match(line):
            key, text = match[1], " ".join(comment)
            if line.endswith("= CfgNode()"):
                sections[key] = text
            else:
                parts = [part.strip() for part in text.split(" | ", 2)]
                if len(parts) != 3:
                    raise ValueError(f'the comment of {key} must read "unit | range | meaning", not "{text}"')
                keys[key] = KeyDoc(key, *parts)
            comment = []
        else:
            comment = []
    return sections, keys


def render() -> str:
    """Return docs/CONFIG.md."""
    cfg = get_cfg()
    sections, keys = read_comments()
    parts = [_INTRODUCTION]
    for section, description in sections.items():
        parts.append(f"{'#' * (section.count('.') + 2)} {section}\n\n{description}\n")
        parts.append(_table(cfg, [doc for key, doc in keys.items() if key.rpartition(".")[0] == section]))
    parts.append("## Keys outside of sections\n")
    parts.append(_table(cfg, [doc for key, doc in keys.items() if "." not in key]))
    rules = "\n".join(f"- {rule}" for rule in _rules())
    parts.append(
        f"## Rules across keys\n\nChecked before a run starts; all violations are reported at once.\n\n{rules}\n"
    )
    return "\n".join(part for part in parts if part)


def _table(cfg: CfgNode, docs: list[KeyDoc]) -> str:
    if not docs:
        return ""
    lines = ["| Key | Type | Default | Unit | Range | Meaning |", "|---|---|---|---|---|---|"]
    for doc in docs:
        value = get_value(cfg, doc.key)
        name, kind = doc.key.rpartition(".")[2], describe_type(value, doc.key)
        cells = (f"`{name}`", kind, f"`{_shown(value)}`", doc.unit, doc.range, doc.meaning)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return '""' if value == "" else str(value)


def _rules() -> Iterator[str]:
    for check in CHECKS:
        yield (check.__doc__ or "").splitlines()[0]


if __name__ == "__main__":
    print(render(), end="")
