"""Write a config for a registered dataset: classes, losses, input and schedule follow from its files and your GPUs.

Every value has its reason in a comment. The file is written only if it loads, passes all checks and builds its network.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from alphaction.config.config_text import check_target, write_text
from alphaction.config.yaml_file import YAML_SUFFIXES
from alphaction.utils.config_files import config_folder, list_configs
from alphaction.utils.errors import UserError, run_command
from alphaction.utils.messages import counted, text_table
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.finetune.finetune_options import (
    DEFAULT_DATASET,
    FinetuneOptions,
    default_output,
    where_datasets_are,
)
from alphaction.workflows.finetune.folds.write_folds import default_folder, write_folds
from alphaction.workflows.finetune.generate import generate_config
from alphaction.workflows.finetune.networks import NETWORKS
from alphaction.workflows.finetune.questions import ask_options
from alphaction.workflows.finetune.starting_weights import default_backbone, missing_weights

EXAMPLE = f"""examples:
  python tools/generate_finetune_config.py --dataset-name toy --backbone tiny --num-gpus 0 -o output/toy.yaml
  python tools/generate_finetune_config.py --dataset-name pets --num-gpus 2 --use-ia --ia-structure serial -o pets.yaml
  python tools/generate_finetune_config.py --dataset-name pets --backbone slowfast_r50_8x8 --freeze all -o frozen.yaml
  python tools/generate_finetune_config.py --dataset-name pets --backbone tiny --folds 4 -o output/pets_folds
  python tools/generate_finetune_config.py -i

tools/prepare_dataset.py registers your own videos. Without --dataset-name the config is one for AVA
({DEFAULT_DATASET}), with the published recipe scaled to --num-gpus."""

SMALL = (
    "the network is the small one, as there is no GPU here and no "
    f"{NETWORKS['resnet50'].weights} (docs/MODEL_ZOO.md says where to get it). --backbone resnet50 takes the recipe's."
)


def main() -> None:
    """Parse the flags, ask if wanted, write the config, and print what comes next."""
    args = parse_args()
    if args.list:
        print("\n".join(text_table(list(list_configs()), left=2)))
        print(f"\nAny of these names is a --config-file. The files: {config_folder()}")
        return
    options = read_options(FinetuneOptions, args, **where_datasets_are(args.opts))
    chosen = options.backbone is None and not args.interactive
    if options.backbone is None:
        options = replace(options, backbone=default_backbone(options))
    if options.folds is not None:
        _write_folds(options, args.output, small=chosen, interactive=args.interactive, force=args.force)
        return
    statistics, output = None, args.output
    if args.interactive:
        options, statistics, output = ask_options(options, output, force=args.force)
    output = output or default_output(options)
    check_target(output, args.force)
    config = generate_config(options, statistics)
    write_text(output, config.text, args.force)
    print(f"\nWrote {output}")
    for note in [*([SMALL] if chosen and options.tiny else []), *config.notes]:
        print(f"note: {note}")
    print(f"\nNext{when(options)}:", *config.commands(output), sep="\n  ")


def _write_folds(options: FinetuneOptions, output: Path | None, *, small: bool, interactive: bool, force: bool) -> None:
    """Write the configs of a cross-validation, and print what comes next."""
    if interactive:
        raise UserError("--folds and -i do not go together: give the choices as flags.")
    folder = output or default_folder(options)
    written = write_folds(options, folder.with_suffix("") if folder.suffix in YAML_SUFFIXES else folder, force=force)
    print(f"\nWrote {counted(written.folder.folds, 'fold')} to {written.folder.path}", *written.table, sep="\n")
    for note in [*([SMALL] if small and options.tiny else []), *written.notes]:
        print(f"note: {note}")
    print(f"\nNext{when(options)}:", written.folder.command(), sep="\n  ")


def when(options: FinetuneOptions) -> str:
    """Return what the next commands still wait for: weights that are not there, GPUs that this machine lacks."""
    missing, here = missing_weights(options), torch.cuda.device_count()
    waits = [f"once {missing} is there"] if missing else []
    if options.num_gpus > here:
        waits.append(f"on a machine with {counted(options.num_gpus, 'GPU')}: PyTorch sees {here or 'none'} here")
    return "".join(f", {wait}" for wait in waits)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("-o", "--output", type=Path, metavar="YAML", help="file to write (default: output/DATASET_NETWORK.yaml)")
    add_options(parser, FinetuneOptions, defaults={"backbone": None, "num_gpus": torch.cuda.device_count()})
    add("--force", action="store_true", help="replace the output file if it exists")
    add("--list", action="store_true", help="list the configs that come with AlphAction; write none")
    add("-i", "--interactive", action="store_true", help="ask for everything; flags given are the defaults")
    add("opts", nargs="*", metavar="KEY VALUE", help="DATASETS.DATA_DIR, DATASETS.CATALOG: where the dataset is")
    return parser.parse_intermixed_args()


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
