#!/usr/bin/env python
"""Write a config for a registered dataset: classes, losses, input and schedule follow from its files and your GPUs.

Every value has its reason in a comment. The file is written only if it loads, passes all checks and builds its network.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from alphaction.utils.arguments import CommandParser
from alphaction.utils.errors import run_command
from alphaction.workflows.finetune.generate import generate_config
from alphaction.workflows.finetune.options import (
    BACKBONES,
    DEFAULT_DATASET,
    IA_STRUCTURES,
    FinetuneOptions,
    default_output,
    where_datasets_are,
)
from alphaction.workflows.finetune.questions import Prompter, ask_options
from alphaction.workflows.finetune.writer import check_target, write_text

EXAMPLE = f"""examples:
  python tools/generate_finetune_config.py --dataset-name toy --backbone tiny --num-gpus 0 -o output/toy.yaml
  python tools/generate_finetune_config.py --dataset-name pets --num-gpus 2 --use-ia --ia-structure serial -o pets.yaml
  python tools/generate_finetune_config.py -i

tools/prepare_dataset.py registers your own videos. Without --dataset-name the config is one for AVA
({DEFAULT_DATASET}), with the published recipe scaled to --num-gpus."""


def main() -> None:
    """Parse the flags, ask if wanted, write the config, and print what comes next."""
    args = vars(parse_args())
    output, force, interactive = args.pop("output"), args.pop("force"), args.pop("interactive")
    args |= where_datasets_are(args.pop("opts"))
    statistics = None
    if interactive:
        if args["backbone"] is None:
            args["backbone"] = "resnet50" if args["num_gpus"] else "tiny"
        options, statistics, output = ask_options(FinetuneOptions(**args), Prompter(read_line), output, force=force)
    else:
        options = FinetuneOptions(**{**args, "backbone": args["backbone"] or "resnet50"})
        output = output or default_output(options)
    check_target(output, force)
    config = generate_config(options, statistics)
    write_text(output, config.text, force)
    print(f"\nWrote {output}")
    for note in config.notes:
        print(f"note: {note}")
    print("\nNext:", *config.commands(output), sep="\n  ")


def read_line(prompt: str) -> str:
    """Return a line of input; what comes from a pipe is shown, as a terminal would have."""
    line = input(prompt)
    if not sys.stdin.isatty():
        print(line)
    return line


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    gpus = torch.cuda.device_count()
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("-o", "--output", type=Path, metavar="YAML", help="file to write (default: config_files/DATASET_NETWORK.yaml)")
    add("--dataset-name", metavar="N", help="registered dataset: N for N_train and N_val, or the name of a split")
    add("--val-dataset", metavar="N", help="dataset to evaluate on (default: the validation split beside it)")
    add("--num-classes", type=int, metavar="C", help="only checked: the label map tells the number of classes")
    add("--backbone", choices=BACKBONES, help="tiny trains on a CPU, from random weights (default: resnet50)")
    add("--use-ia", action="store_true", help="with an Interaction Aggregation structure")
    add("--ia-structure", choices=tuple(IA_STRUCTURES), help="default: serial")
    add(
        "--num-gpus",
        type=int,
        default=gpus,
        metavar="G",
        help="0: the CPU (default: those of this machine, %(default)s)",
    )
    add("--batch-size", type=int, metavar="B", help="clips of a step over all GPUs (default: 2 for each GPU)")
    add("--lr", type=float, metavar="LR", help="learning rate for that batch (default: the recipe's, scaled to it)")
    add("--max-iter", type=int, metavar="I", help="iterations (default: from the size of the dataset)")
    add("--epochs", type=float, metavar="E", help="passes over the training clips, instead of --max-iter")
    add("--weights", metavar="PTH", help='checkpoint to start from (default: the pretrained backbone; "": none)')
    add("--output-dir", metavar="DIR", help="OUTPUT_DIR of the config (default: output/DATASET_NETWORK)")
    add("--force", action="store_true", help="replace the output file if it exists")
    add("-i", "--interactive", action="store_true", help="ask for everything; flags given are the defaults")
    add("opts", nargs="*", metavar="KEY VALUE", help="DATASETS.DATA_DIR, DATASETS.CATALOG: where the dataset is")
    return parser.parse_intermixed_args()


if __name__ == "__main__":
    run_command(main)
