"""docs/CONFIG.md, generated from the declarations of the keys.

Run ``python -m alphaction.config.document > docs/CONFIG.md`` after every change of a key, a rule or a registered name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alphaction.config.keys import DECLARED, Key, Section
from alphaction.config.validate import RULES, load_registered

_INTRODUCTION = """\
# Config keys

<!-- Generated from alphaction/config/keys/ by `python -m alphaction.config.document > docs/CONFIG.md`. -->

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


def render() -> str:
    """Return docs/CONFIG.md, which lists all registered names and all rules."""
    load_registered()
    parts = [_INTRODUCTION]
    outside = [entry for entry in DECLARED if isinstance(entry, Key) and "." not in entry.path]
    for section in DECLARED:
        if isinstance(section, Section):
            parts.append(f"{'#' * (section.path.count('.') + 2)} {section.path}\n\n{section.meaning}\n")
            keys = [key for key in DECLARED if isinstance(key, Key) and key.path.rpartition(".")[0] == section.path]
            if keys:
                parts.append(_table(keys))
    parts.append("## Keys outside of sections\n")
    parts.append(_table(outside))
    rules = "\n".join(f"- {rule.text}" for rule in RULES)
    parts.append(
        f"## Rules across keys\n\nChecked before a run starts; all violations are reported at once.\n\n{rules}\n"
    )
    return "\n".join(parts)


def _table(keys: Iterable[Key]) -> str:
    lines = ["| Key | Type | Default | Unit | Range | Meaning |", "|---|---|---|---|---|---|"]
    for key in keys:
        name = key.path.rpartition(".")[2]
        cells = (f"`{name}`", key.kind, f"`{_shown(key.default)}`", key.unit, key.accepts, key.meaning)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return '""' if value == "" else str(value)


if __name__ == "__main__":
    print(render(), end="")
