"""Convert weights of another project into a file of this one, with the settings that they need, and write its config.

The project is recognized by the file's own layout and names. Each decision is printed. No code from the file is run.
"""

from __future__ import annotations

import argparse
import shlex

from alphaction.utils.errors import run_command
from alphaction.utils.messages import visible
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.convert.convert_options import ConvertOptions
from alphaction.workflows.convert.convert_weights import (
    Conversion,
    convert_weights,
    license_lines,
    write_conversion,
)
from alphaction.workflows.convert.written_config import is_of_ava

EXAMPLE = """examples:
  python tools/convert_weights.py --input SLOWFAST_32x2_R101_50_50.pkl --output r101.pth --config-out r101.yaml
  python tools/convert_weights.py --input detector.pyth --output detector.pth --config-out detector.yaml \\
      MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED True

KEY VALUE pairs say what the file does not; the command names what is missing. MODEL.WEIGHT takes the original files,
too, as long as nothing needs to be said about them."""


def main() -> None:
    """Parse the flags, convert, say what was found, and write."""
    args = parse_args()
    conversion = convert_weights(read_options(ConvertOptions, args), args.opts)
    print(conversion.options.input)
    print(*(f"  {visible(line)}" for line in conversion.lines), sep="\n")
    print(*license_lines(conversion.converted), sep="\n")
    print(*write_conversion(conversion), sep="\n")
    if conversion.options.config_out is not None:
        print("\nNext:", *next_commands(conversion), sep="\n  ")


def next_commands(conversion: Conversion) -> list[str]:
    """Return the command lines that come next: evaluating AVA's detectors, and finetuning on one's own videos."""
    weights, config = (shlex.quote(str(path)) for path in (conversion.options.output, conversion.options.config_out))
    finetune = f"python tools/generate_finetune_config.py --dataset-name NAME --weights {weights}"
    if is_of_ava(conversion.converted):
        return [f"python test_net.py --config-file {config}", f"{finetune}   # for your own classes"]
    return [
        f"{finetune}   # with a schedule for your videos, or without one:",
        f'python train_net.py --config-file {config} DATASETS.TRAIN "[NAME_train]" DATASETS.TEST "[NAME_val]"',
    ]


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter, keys=""
    )
    add_options(parser, ConvertOptions)
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="config keys that the file does not say")
    return parser.parse_intermixed_args()


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
