"""From choices to a config file that loads and passes the checks of a run."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config import load_cfg, validate_cfg
from alphaction.config.config_text import to_yaml
from alphaction.config.paths_catalog import AVA_LABEL_MAP, find_dataset, known_datasets
from alphaction.data.annotations import read_label_map
from alphaction.data.augmentation import TrainingRules
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, suggest
from alphaction.workflows.finetune.dataset_statistics import DatasetStatistics, ava_statistics, read_statistics
from alphaction.workflows.finetune.finetune_options import DEFAULT_DATASET, FinetuneOptions
from alphaction.workflows.finetune.next_steps import next_commands
from alphaction.workflows.finetune.notes import notes
from alphaction.workflows.finetune.recipe import build_recipe
from alphaction.workflows.finetune.starting_weights import check_questions, head_is_new

_VAL_ENDINGS = ("_val", "_validation", "_valid", "_test")


@dataclass(frozen=True)
class GeneratedConfig:
    """A config that has been loaded and checked.

    Attributes:
        text: the YAML file.
        cfg: what it loads to.
        options: the choices behind it.
        statistics: the figures behind it.
        new_head: whether the weights hold no action head for these classes.
        notes: what the user should know, one sentence or two each.
    """

    text: str
    cfg: CfgNode
    options: FinetuneOptions
    statistics: DatasetStatistics
    new_head: bool
    notes: tuple[str, ...]

    def commands(self, path: Path) -> list[str]:
        """Return the command lines that come next, for a config written to ``path``."""
        return next_commands(path, self.cfg, self.options, self.statistics, self.new_head)


def generate_config(options: FinetuneOptions, statistics: DatasetStatistics | None = None) -> GeneratedConfig:
    """Return a config for the options.

    Args:
        options: the choices.
        statistics: of the dataset, where they have been read already.

    Raises:
        UserError: for options that do not fit, an unknown or incomplete dataset, classes that disagree, weights that
            cannot be read, or (a contradiction between options) a config that fails its checks.
    """
    options.check()
    statistics = statistics or collect_statistics(options)
    check_num_classes(options, statistics)
    settings, _ = build_recipe(options, statistics)
    text = to_yaml(settings, _header(options, statistics))
    cfg = check_text(text, options, statistics)
    new_head = head_is_new(options, statistics.label_map)
    check_questions(options, new_head)
    return GeneratedConfig(text, cfg, options, statistics, new_head, notes(options, statistics, new_head))


def collect_statistics(options: FinetuneOptions) -> DatasetStatistics:
    """Return the figures of the dataset that the options name; AVA's are the published ones, its files need not exist.

    Raises:
        UserError: for an unknown dataset, one without a validation split, or files that are missing or malformed.
    """
    cfg = options.catalog_cfg
    train, val = resolve_splits(options)
    if train.startswith("ava_video_"):
        if not val.startswith("ava_video_"):
            raise UserError(f'--val-dataset "{val}" does not go with "{train}": their classes differ.')
        return ava_statistics(train, val, read_label_map(AVA_LABEL_MAP))
    return read_statistics(find_dataset(cfg, train), find_dataset(cfg, val))


def resolve_splits(options: FinetuneOptions) -> tuple[str, str]:
    """Return the names of the training split and of the split to evaluate on.

    Raises:
        UserError: if ``dataset_name`` is unknown or names a validation split, or no validation split is known.
    """
    known = known_datasets(options.catalog_cfg)
    name = options.dataset_name or DEFAULT_DATASET
    train = name if name in known else f"{name}_train"
    if train not in known:
        bases = {each.removesuffix("_train") for each in known if each.endswith("_train")}
        raise UserError(
            f'--dataset-name: dataset "{name}" is not known. {suggest(name, [*known, *bases], limit=20)} '
            "tools/prepare_dataset.py registers your own videos; DATASETS.CATALOG PATH names a dataset.yaml elsewhere."
        )
    for ending in _VAL_ENDINGS:
        base = train.removesuffix(ending)
        if base != train and f"{base}_train" in known:
            raise UserError(
                f'--dataset-name: "{train}" is a split to evaluate on. Train on --dataset-name {base}_train '
                f"(it is evaluated on {train})."
            )
    if options.val_dataset is not None:
        check_val_dataset(options)
        return train, options.val_dataset
    if train.startswith("ava_video_train_"):
        return train, train.replace("_train_", "_val_")
    for ending in _VAL_ENDINGS:
        val = train.removesuffix("_train") + ending
        if val in known:
            return train, val
    raise UserError(
        f'dataset "{train}" has no validation split {train.removesuffix("_train")}_val. Add one to its dataset.yaml '
        f"(tools/prepare_dataset.py --val-fraction splits one annotation file), or name one with --val-dataset."
    )


def check_val_dataset(options: FinetuneOptions) -> None:
    """Raise a :class:`UserError` if --val-dataset names no dataset that is registered."""
    known = known_datasets(options.catalog_cfg)
    if options.val_dataset is not None and options.val_dataset not in known:
        raise UserError(f'--val-dataset "{options.val_dataset}" is not known. {suggest(options.val_dataset, known)}')


def check_num_classes(options: FinetuneOptions, statistics: DatasetStatistics) -> None:
    """Raise a :class:`UserError` if --num-classes is not the number in the label map."""
    held = statistics.label_map.num_classes
    if options.num_classes in (None, held):
        return
    message = (
        f"--num-classes {options.num_classes}, but {statistics.label_map.source} (the label map of "
        f"{statistics.train}) holds {held}. Leave --num-classes out to take the label map's, or correct the label map."
    )
    if options.dataset_name is None:
        own = [name for name in known_datasets(options.catalog_cfg) if not name.startswith("ava_video_")]
        message += f" Without --dataset-name the config is one for AVA; registered here: {', '.join(own) or 'none'}."
    raise UserError(message)


def check_text(text: str, options: FinetuneOptions, statistics: DatasetStatistics) -> CfgNode:
    """Return the config that ``text`` loads to, after the checks of a run.

    Raises:
        UserError: if anything is wrong with it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(text, encoding="utf-8")
        cfg = load_cfg(path)
    validate_cfg(cfg, options.processes, check_files=False)
    TrainingRules.from_config(cfg, statistics.label_map)  # pairs of class names
    return cfg


def _header(options: FinetuneOptions, statistics: DatasetStatistics) -> list[str]:
    structure = f"with a {options.structure} IA structure" if options.use_ia else "without an IA structure"
    gpus = "the CPU" if options.num_gpus == 0 else counted(options.num_gpus, "GPU")
    return [
        f"{options.backbone} {structure} on {statistics.train}, for {gpus}.",
        "Written by tools/generate_finetune_config.py. Every key is explained in docs/CONFIG.md.",
    ]
