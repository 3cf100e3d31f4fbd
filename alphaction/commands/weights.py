"""Download public weights into torch.hub's cache folder, or list what there is, with figures and licenses.

A download that was cut goes on where it stopped. A file is checked against the hash in its name, where it has one, and
recorded; from then on it must stay the same. The names also work as MODEL.WEIGHT zoo:NAME, which downloads by itself.
TORCH_HOME moves the folder, and https_proxy sets a proxy.
"""

from __future__ import annotations

import argparse

from alphaction.utils.errors import run_command
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.convert.download_weights import (
    DownloadOptions,
    check_flags,
    download_weights,
    weights_table,
)

EXAMPLE = """examples:
  python tools/download_weights.py --list
  python tools/download_weights.py --list --backbone vit_b
  python tools/download_weights.py slowfast_r50_8x8_k400 mvitv2_s_k400
  python tools/download_weights.py mvitv2_s_k400 --verify"""


def main() -> None:
    """Parse the flags, and list or download."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="weights to download, with or without zoo: in front")
    add_options(parser, DownloadOptions)
    args = parser.parse_intermixed_args()
    options = read_options(DownloadOptions, args)
    check_flags(options, args.names)
    if options.list:
        print(weights_table(options))
    else:
        download_weights(args.names, verify=options.verify)


def run() -> None:
    """Run the command line of this process."""
    run_command(main, goes_on=True)
