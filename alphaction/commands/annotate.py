"""Write predictions in the format of an annotation tool, so that a person corrects them instead of drawing anew.

With --budget only the keyframes that the network is least sure of. tools/prepare_dataset.py reads the corrected export:
what is confirmed there becomes labels, what is only predicted is kept apart.
"""

from __future__ import annotations

import argparse

from alphaction.utils.errors import run_command
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.annotate.annotate_options import AnnotateOptions
from alphaction.workflows.annotate.export_annotations import export_annotations

EXAMPLE = """examples:
  python tools/export_annotations.py --from street.json --to cvat --output to_correct
  python tools/export_annotations.py --from recordings.json --to labelstudio --budget 200 --output to_correct
  python tools/export_annotations.py --from scores.csv --label-map actions.pbtxt --videos recordings --to coco \\
      --output to_correct"""


def main() -> None:
    """Parse the flags and write the folder."""
    parser = CommandParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, AnnotateOptions)
    export_annotations(read_options(AnnotateOptions, parser.parse_args()))


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
