"""The configs that come with AlphAction: ``config_files/`` of a clone, which an installed wheel has in the package."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

from alphaction.utils.messages import nearest

FOLDER = "config_files"
_PACKAGE = Path(__file__).resolve().parents[1]
_BASE = "base.yaml"


def config_folder() -> Path:
    """Return the folder of the configs that come with AlphAction."""
    beside = _PACKAGE.parent / FOLDER
    return beside if (_PACKAGE.parent / "setup.py").is_file() and beside.is_dir() else _PACKAGE / FOLDER


def add_carried_config_flag(parser: ArgumentParser) -> None:
    """Add ``--config-file`` to a command that runs without it, as weights carry the config they were trained with."""
    parser.add_argument(
        "--config-file",
        metavar="F",
        help="YAML file that the weights were trained with (default: the config that MODEL.WEIGHT carries)",
    )


def find_config(name: str | Path) -> Path:
    """Return the config file ``name``: that path if it is there, else the one of that name that comes with AlphAction.

    Args:
        name: a path; or the name of one that comes along, "tiny/toy.yaml" or "config_files/tiny/toy.yaml".
    """
    path = Path(name).expanduser()
    if path.is_absolute() or path.is_file() or ".." in path.parts:
        return path
    inside = path.relative_to(FOLDER) if path.parts[:1] == (FOLDER,) else path
    found = config_folder() / inside
    return found if inside.suffix and found.is_file() else path


def nearest_config(path: Path) -> str:
    """Return the name of the config that comes with AlphAction and may be meant by ``path``; "" if none is like it."""
    names = [name for name, _ in list_configs()]
    inside = path.relative_to(FOLDER) if path.parts[:1] == (FOLDER,) else path
    same = [name for name in names if name.rpartition("/")[2] == path.name]
    return (same[0] if same else nearest(inside.as_posix(), names, 0.8)) or ""


def list_configs() -> Iterator[tuple[str, str]]:
    """Yield name and first sentence of each config that comes with AlphAction and is an experiment."""
    folder = config_folder()
    for path in sorted(folder.rglob("*.yaml"), key=lambda path: (len(path.parts), path.name)):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        if path.name != _BASE and not path.stem.endswith("_dataset"):
            yield path.relative_to(folder).as_posix(), first.lstrip("# ").partition(". ")[0].rstrip(".")
