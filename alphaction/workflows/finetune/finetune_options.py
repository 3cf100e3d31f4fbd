"""The options that a config is generated from, checked before anything is read or computed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yacs.config import CfgNode

from alphaction.config.load import load_places
from alphaction.utils.errors import UserError
from alphaction.utils.messages import problem_list
from alphaction.utils.numbers import Range, whole
from alphaction.utils.options import check_options, option
from alphaction.workflows.finetune.networks import NETWORKS, Network
from alphaction.zoo import find_weights

BACKBONES = tuple(NETWORKS)
# What the command line calls a part of the backbone -> MODEL.BACKBONE.FREEZE.
PARTS = {"none": "none", "stem": "stem", "all-but-last-stage": "all_but_last_stage", "all": "all"}
# What the command line calls a structure -> MODEL.IA_STRUCTURE.STRUCTURE.
IA_STRUCTURES = {"parallel": "parallel", "serial": "serial", "denseserial": "dense"}
MAX_ITERATIONS = 100_000_000
DEFAULT_DATASET = "ava_video_train_v2.2"
# Bounds far beyond any run: a slip of the keyboard is found before it becomes a config.
_UP_TO_A_MILLION = whole(1, 1_000_000)
_GPUS = whole(0, 4096)
_MEMORY = whole(1, 600)


@dataclass(frozen=True)
class FinetuneOptions:
    """The choices behind a config; None leaves one to the rules.

    Attributes that are no flags:
        data_dir: DATASETS.DATA_DIR.
        catalog: DATASETS.CATALOG.
    """

    dataset_name: str | None = option(
        None, metavar="N", help="registered dataset: N for N_train and N_val, or the name of a split"
    )
    val_dataset: str | None = option(
        None, metavar="N", help="dataset to evaluate on (default: the validation split beside it)"
    )
    num_classes: int | None = option(
        None, within=_UP_TO_A_MILLION, metavar="C", help="only checked: the label map says the number of classes"
    )
    backbone: str = option(
        "resnet50",
        choices=BACKBONES,
        help="tiny trains on a CPU, from weights that come along (default: resnet50; tiny where there is no GPU and no "
        "weights)",
    )
    freeze: str = option(
        "none",
        choices=tuple(PARTS),
        help="part of the backbone that stays as loaded; with all, its features are computed once, and the head trains "
        "in minutes (default: %(default)s)",
    )
    use_ia: bool = option(False, help="with an Interaction Aggregation structure")
    ia_structure: str | None = option(None, choices=tuple(IA_STRUCTURES), help="default: serial")
    memory_seconds: int | None = option(
        None,
        within=_MEMORY,
        metavar="S",
        help="seconds before and after a clip that an IA structure remembers (default: the whole video, but 30 slots)",
    )
    num_gpus: int = option(
        0, within=_GPUS, metavar="G", help="0: the CPU (default: those of this machine, %(default)s)"
    )
    batch_size: int | None = option(
        None, within=_UP_TO_A_MILLION, metavar="B", help="clips of a step over all GPUs (default: 2 for each GPU)"
    )
    lr: float | None = option(
        None,
        within=Range(0, 100, open_low=True),
        metavar="LR",
        help="learning rate for that batch (default: the recipe's, scaled to it)",
    )
    max_iter: int | None = option(
        None, within=whole(1, MAX_ITERATIONS), metavar="I", help="iterations (default: from the size of the dataset)"
    )
    epochs: float | None = option(
        None,
        within=Range(0, 1_000_000, open_low=True),
        metavar="E",
        help="passes over the training clips, instead of --max-iter",
    )
    weights: str | None = option(
        None,
        metavar="PTH",
        help="weights to start from: a file, or a name that tools/download_weights.py --list shows (default: the "
        'pretrained backbone; "": none)',
    )
    output_dir: str | None = option(
        None, metavar="DIR", help="OUTPUT_DIR of the config (default: output/DATASET_NETWORK)"
    )
    folds: int | None = option(
        None,
        within=whole(2, 100),
        metavar="K",
        help="cross-validation: divide the videos of both splits into K folds, and write a folder (-o) with a config "
        "for each; tools/run_folds.py trains them all",
    )
    together: str | None = option(
        None,
        metavar="REGEX",
        help="with --folds: videos with the same match in their names stay in one fold, such as '^(.+)_\\d+$' for "
        "clips of one source (in brackets: what must be the same)",
    )
    data_dir: str = "data"
    catalog: tuple[str, ...] = ()

    @property
    def catalog_cfg(self) -> CfgNode:
        """The config with which datasets are looked up."""
        return load_places(("DATASETS.DATA_DIR", self.data_dir, "DATASETS.CATALOG", self.catalog))

    @property
    def structure(self) -> str:
        """The IA structure, one of ``IA_STRUCTURES``, whether it is used or not."""
        return self.ia_structure or "serial"

    @property
    def network(self) -> Network:
        """The network of ``backbone``, with the training that suits ``weights``."""
        network = NETWORKS[self.backbone]
        entry = find_weights(self.weights, default=None) if self.weights else None
        return network.without_labels() if entry is not None and entry.pretrained_without_labels else network

    @property
    def processes(self) -> int:
        """Training processes: one per GPU, one on the CPU."""
        return max(1, self.num_gpus)

    @property
    def tiny(self) -> bool:
        """Whether the network is the one for laptops, whose weights come with the package."""
        return self.backbone == "tiny"

    def check(self) -> None:
        """Raise a :class:`UserError` that lists every value that cannot be, by its flag."""
        problems = [
            f"--{name.replace('_', '-')} is empty: give a name, or leave the flag out"
            for name in ("dataset_name", "val_dataset", "output_dir")
            if getattr(self, name) is not None and not getattr(self, name).strip()
        ]
        problems += check_options(self)
        if self.freeze != "none" and self.backbone in NETWORKS and self.network.training is None:
            problems.append(
                f"--freeze {self.freeze}: --backbone {self.backbone} has a recipe for training all of it. Take another "
                "backbone, or add MODEL.BACKBONE.FREEZE to the config"
            )
        if self.memory_seconds is not None and not self.use_ia:
            problems.append(
                f"--memory-seconds {self.memory_seconds} is about the memory of an IA structure: add --use-ia, or "
                "leave it out"
            )
        if self.epochs is not None and self.max_iter is not None:
            problems.append("--epochs and --max-iter both set the length of the run: give one of them")
        problems += [*self._batch_problems(), *self._fold_problems()]
        if problems:
            raise UserError(problem_list("the options do not fit:", problems))

    def _fold_problems(self) -> list[str]:
        if self.folds is not None and self.output_dir is not None:
            return ["--output-dir is of one training: with --folds each has its folder in that of the folds (-o)"]
        if self.together is None:
            return []
        if self.folds is None:
            return ["--together is for --folds: give both"]
        try:
            re.compile(self.together)
        except re.error as error:
            return [f'--together "{self.together}" is no regular expression ({error})']
        return []

    def _batch_problems(self) -> list[str]:
        batch = self.batch_size
        if batch is None or batch < 1 or self.num_gpus not in _GPUS or batch % self.processes == 0:
            return []
        nearest = max(1, round(batch / self.processes)) * self.processes
        return [
            f"--batch-size {batch} does not split evenly over --num-gpus {self.num_gpus}: it counts the clips of all "
            f"GPUs together. Nearest: --batch-size {nearest}"
        ]


def where_datasets_are(overrides: Sequence[str]) -> dict[str, str | tuple[str, ...]]:
    """Return the options ``data_dir`` and ``catalog`` from config keys and values in turn, as other tools take them.

    Raises:
        UserError: for any key but DATASETS.DATA_DIR and DATASETS.CATALOG, or a value of a wrong type.
    """
    cfg = load_places(overrides)
    return {"data_dir": cfg.DATASETS.DATA_DIR, "catalog": tuple(cfg.DATASETS.CATALOG)}


def default_output(options: FinetuneOptions) -> Path:
    """Return the default path of the config, made of the dataset and the network; beside the folder of its runs."""
    return Path("output") / f"{experiment_name(options)}.yaml"


def experiment_name(options: FinetuneOptions) -> str:
    """Return a name for files and folders, such as "pets_resnet50_serial" or "pets_vit_s_baseline_frozen".

    A run in the folder of another one would continue that one, so that a frozen backbone has a name of its own.
    """
    dataset = (options.dataset_name or DEFAULT_DATASET).removesuffix("_train")
    dataset = "ava" if dataset.startswith("ava_video_") else dataset
    structure = options.structure if options.use_ia else "baseline"
    frozen = {"none": "", "all": "_frozen"}.get(options.freeze, f"_frozen_{PARTS[options.freeze]}")
    return f"{dataset}_{options.backbone}_{structure}{frozen}"
