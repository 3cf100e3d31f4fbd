"""What a person chooses about a config, checked before anything is read or computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alphaction.config import load_cfg
from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest

BACKBONES = ("resnet50", "resnet101", "tiny")
# What the command line calls a structure -> MODEL.IA_STRUCTURE.STRUCTURE.
IA_STRUCTURES = {"parallel": "parallel", "serial": "serial", "denseserial": "dense"}
MAX_ITERATIONS = 100_000_000
# Bounds far beyond any run: a slip of the keyboard is found before it becomes a config.
_WHOLE_NUMBERS = {
    "num_classes": (1, 1_000_000),
    "num_gpus": (0, 4096),
    "batch_size": (1, 1_000_000),
    "max_iter": (1, MAX_ITERATIONS),
}
_NUMBERS = {"lr": 100, "epochs": 1_000_000}
DEFAULT_DATASET = "ava_video_train_v2.2"


@dataclass(frozen=True)
class FinetuneOptions:
    """The choices behind a config; None leaves one to the rules.

    Attributes:
        dataset_name: "pets" for both splits, "pets_train", or one of AVA's names.
        val_dataset: dataset to evaluate on; None: the validation split that belongs to ``dataset_name``.
        num_classes: must agree with the label map of the dataset.
        backbone: one of ``BACKBONES``.
        use_ia: whether the head has an Interaction Aggregation structure.
        ia_structure: one of ``IA_STRUCTURES``; None: serial.
        num_gpus: GPUs of the run; 0: the CPU.
        batch_size: clips of an optimizer step, over all GPUs.
        lr: learning rate for that batch.
        max_iter: optimizer steps.
        epochs: passes over the training clips, instead of ``max_iter``.
        weights: checkpoint to start from; "": random weights.
        output_dir: OUTPUT_DIR of the config.
        data_dir: DATASETS.DATA_DIR.
        catalog: DATASETS.CATALOG.
    """

    dataset_name: str | None = None
    val_dataset: str | None = None
    num_classes: int | None = None
    backbone: str = "resnet50"
    use_ia: bool = False
    ia_structure: str | None = None
    num_gpus: int = 0
    batch_size: int | None = None
    lr: float | None = None
    max_iter: int | None = None
    epochs: float | None = None
    weights: str | None = None
    output_dir: str | None = None
    data_dir: str = "data"
    catalog: tuple[str, ...] = ()

    @property
    def structure(self) -> str:
        """The IA structure, one of ``IA_STRUCTURES``, whether it is used or not."""
        return self.ia_structure or "serial"

    @property
    def processes(self) -> int:
        """Training processes: one per GPU, one on the CPU."""
        return max(1, self.num_gpus)

    @property
    def tiny(self) -> bool:
        """Whether the network is the one for laptops, which starts from random weights."""
        return self.backbone == "tiny"

    def check(self) -> None:
        """Raise a :class:`UserError` that lists every value that cannot be, by its flag."""
        problems = [
            f"--{name.replace('_', '-')} is empty: give a name, or leave the flag out"
            for name in ("dataset_name", "val_dataset", "output_dir")
            if getattr(self, name) is not None and not getattr(self, name).strip()
        ]
        if self.backbone not in BACKBONES:
            problems.append(f'--backbone "{self.backbone}" is not available. {suggest(self.backbone, BACKBONES)}')
        if self.structure not in IA_STRUCTURES:
            known = suggest(self.structure, IA_STRUCTURES)
            problems.append(f'--ia-structure "{self.structure}" is not available. {known}')
        for name, (low, high) in _WHOLE_NUMBERS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                wanted = f"{low} or more" if value < low else f"{high} at most"
                problems.append(f"--{name.replace('_', '-')} {value}: expected {wanted}")
        for name, high in _NUMBERS.items():
            value = getattr(self, name)
            if value is not None and not 0 < value <= high:  # not a number, too
                wanted = f"{high} at most" if value > high else "a number above 0"
                problems.append(f"--{name} {value:g}: expected {wanted}")
        if self.epochs is not None and self.max_iter is not None:
            problems.append("--epochs and --max-iter both set the length of the run: give one of them")
        problems += self._batch_problems()
        if problems:
            raise UserError("\n  - ".join(["the options do not fit:", *problems]) if problems[1:] else problems[0])

    def _batch_problems(self) -> list[str]:
        batch = self.batch_size
        gpus = _WHOLE_NUMBERS["num_gpus"]
        if batch is None or batch < 1 or not gpus[0] <= self.num_gpus <= gpus[1] or batch % self.processes == 0:
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
    cfg = load_cfg(None, overrides)
    for key in overrides[::2]:
        if key not in ("DATASETS.DATA_DIR", "DATASETS.CATALOG"):
            raise UserError(
                f"{key}: only DATASETS.DATA_DIR and DATASETS.CATALOG can be given here, to find the dataset. Change "
                "other keys in the config that is written, or give them to the training."
            )
    return {"data_dir": cfg.DATASETS.DATA_DIR, "catalog": tuple(cfg.DATASETS.CATALOG)}


def default_output(options: FinetuneOptions) -> Path:
    """Return where the config goes if nobody says: a name made of the dataset and the network."""
    return Path("config_files") / f"{experiment_name(options)}.yaml"


def experiment_name(options: FinetuneOptions) -> str:
    """Return a name for files and folders, such as "pets_resnet50_serial"."""
    dataset = (options.dataset_name or DEFAULT_DATASET).removesuffix("_train")
    dataset = "ava" if dataset.startswith("ava_video_") else dataset
    structure = options.structure if options.use_ia else "baseline"
    return f"{dataset}_{options.backbone}_{structure}"
