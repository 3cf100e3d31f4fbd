"""Which splits a dataset has that is named in Python, by its name or its file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.paths_catalog import CATALOG_FILE, known_datasets, registered_by, splits_of
from alphaction.config.yaml_file import YAML_SUFFIXES, read_yaml_mapping
from alphaction.utils.errors import UserError
from alphaction.utils.files import missing_file
from alphaction.utils.messages import listed, suggest


def trained_splits(
    cfg: CfgNode, dataset: str | os.PathLike | Sequence[str], val: str | Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Return the names to train on and those to evaluate on.

    Args:
        cfg: gets the file of a dataset that is named by it.
        dataset: name, or file or folder, of a dataset; or names of splits.
        val: names of splits; None: the validation split of the dataset.

    Raises:
        UserError: a dataset is not known, or which split to evaluate on.
    """
    if not isinstance(dataset, str | os.PathLike):
        if not isinstance(dataset, Sequence) or not dataset:
            raise _no_dataset(dataset)
        train = [name for each in dataset for name in _splits(cfg, each)]
    else:
        splits = _splits(cfg, dataset)
        train = [name for name in splits if name.endswith("_train")] or (splits if len(splits) == 1 else [])
        if not train:
            raise UserError(
                f"{os.fspath(dataset)}: no split is called train: {', '.join(splits)}. Name what to train on: "
                f'train(["{splits[0]}"], val="{splits[-1]}")'
            )
    if val is not None:
        if not isinstance(val, str | os.PathLike | Sequence) or not val:
            raise UserError(f"val={val!r}: expected the name of a split to evaluate on, or a list of names")
        names = [val] if isinstance(val, str | os.PathLike) else val
        return train, [name for each in names for name in _splits(cfg, each)]
    others = [_validation(_splits(cfg, name.removesuffix("_train"))) for name in train if name.endswith("_train")]
    if not all(others) or not others:
        raise UserError(f'{listed(train)}: nothing says what to evaluate on. Name it: val="NAME_val".')
    return train, [str(name) for name in dict.fromkeys(others)]


def evaluated_splits(cfg: CfgNode, dataset: str | os.PathLike) -> list[str]:
    """Return the name, alone in a list, of the split to evaluate on; ``cfg`` gets the file of a dataset.

    Raises:
        UserError: the dataset is not known, or has no such split.
    """
    if isinstance(dataset, list | tuple):
        raise UserError(f"{dataset!r:.80}: one dataset is evaluated at a time. Call evaluate() for each.")
    splits = _splits(cfg, dataset)
    name = splits[0] if len(splits) == 1 else _validation(splits)
    if name is None:
        raise UserError(f"{os.fspath(dataset)}: which split? It has {', '.join(splits)}.")
    return [name]


def _validation(splits: Sequence[str]) -> str | None:
    """Return the split to evaluate on: "val", else "test", else the only one besides "train"."""
    for ending in ("_val", "_test"):
        if found := [name for name in splits if name.endswith(ending)]:
            return found[0]
    others = [name for name in splits if not name.endswith("_train")]
    return others[0] if len(others) == 1 else None


def _register(cfg: CfgNode, file: Path, name: str) -> None:
    """Let the config find a dataset in ``file``, and nowhere else if others have its name."""
    cfg.DATASETS.CATALOG = [str(file)]
    if any(len(registered_by(cfg, split)) > 1 for split in splits_of(cfg, name)):
        cfg.DATASETS.DATA_DIR = str(file.parent)


def _no_dataset(given: object) -> UserError:
    return UserError(f"{given!r} is not a dataset: expected its name, its {CATALOG_FILE}, or names of its splits")


def _splits(cfg: CfgNode, dataset: str | os.PathLike) -> list[str]:
    """Return the splits of a dataset, or the one split that is named."""
    if not isinstance(dataset, str | os.PathLike) or not os.fspath(dataset):
        raise _no_dataset(dataset)
    given = os.fspath(dataset)
    path = Path(given).expanduser()
    file = path / CATALOG_FILE if path.is_dir() else path
    if file.is_file() and file.suffix.lower() in YAML_SUFFIXES:
        content = read_yaml_mapping(file, "dataset file")
        given = str(content.get("name"))
        _register(cfg, file, given)
    elif path.suffix.lower() in YAML_SUFFIXES or isinstance(dataset, os.PathLike):
        hint = missing_file(file, YAML_SUFFIXES)
        raise UserError(f"the dataset {hint} Expected its {CATALOG_FILE}, or the folder that holds it.")
    # A run of another folder, or machine, may have named files that are not here.
    cfg.DATASETS.CATALOG = [path for path in cfg.DATASETS.CATALOG if Path(path).expanduser().exists()]
    known = known_datasets(cfg)
    if given in known:
        return [given]
    if splits := splits_of(cfg, given):
        return splits
    names = sorted({name.rpartition("_")[0] for name in known})
    raise UserError(
        f'dataset "{given}" is not known. {suggest(given, [*names, *known])} Datasets are looked for in '
        f'"{cfg.DATASETS.DATA_DIR}" (data_dir=); a {CATALOG_FILE} elsewhere is named by its path.'
    )
