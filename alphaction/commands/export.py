"""Export a checkpoint as a file that other programs run: ONNX, TorchScript or torch.export.

The file takes uint8 frames and boxes and gives scores: backbone, ROIAlign, action head and IA structure, with the
memory as an input. Numbers of clips, persons and objects and the size of the frames are free. It is compared with the
checkpoint at three shapes before it appears, and carries the config, the classes, their thresholds and what else a
prediction needs: tools/predict_video.py runs from it as from the checkpoint.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from alphaction.checkpoint.exported_file import read_exported
from alphaction.config import validate_cfg
from alphaction.engine.setup import processes_from_environment, set_up_alone
from alphaction.engine.test import test_weights
from alphaction.utils.config_files import add_carried_config_flag, find_config
from alphaction.utils.errors import CheckpointError, UserError, run_command
from alphaction.utils.logging import logged_run
from alphaction.utils.options import CommandParser, add_options, read_options
from alphaction.workflows.export.export_model import Exported, Trained, check_exported, export_model
from alphaction.workflows.export.export_options import ExportOptions
from alphaction.workflows.predict.load_model import adopt_classes, load_model
from alphaction.workflows.predict.weights_config import config_for

EXAMPLE = """examples:
  python tools/export_model.py --output toy.onnx MODEL.WEIGHT output/tiny_toy/model_final.pth
  python tools/export_model.py --format torch_export --output toy.pt2 MODEL.WEIGHT output/tiny_toy/model_final.pth
  python tools/export_model.py --check toy.onnx MODEL.WEIGHT output/tiny_toy/model_final.pth
  python tools/predict_video.py --video street.mp4 --detector --output street_actions.mp4 MODEL.WEIGHT toy.onnx"""


def main() -> None:
    """Parse the flags, then export or check."""
    parser = CommandParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter, keys=""
    )
    add_carried_config_flag(parser)
    add_options(parser, ExportOptions)
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="config keys to override")
    args = parser.parse_intermixed_args()
    options = read_options(ExportOptions, args)
    options.check_flags()
    if processes_from_environment()[1] > 1:
        raise UserError("a checkpoint is exported by one process: run this command without torchrun")
    config_file = None if args.config_file is None else find_config(args.config_file)
    with logged_run(None, True):
        for done in export_checkpoint(options, config_file, args.opts):
            print(done)


def export_checkpoint(options: ExportOptions, config_file: Path | None, overrides: list[str]) -> list[Exported]:
    """Export, or check what was exported.

    Args:
        options: the flags.
        config_file: --config-file; None: the weights carry their config.
        overrides: KEY VALUE pairs.

    Raises:
        UserError: a flag, the config or the weights are wrong, or the format cannot hold the network.
    """
    kind = None if options.output is None else options.chosen_format()
    if options.output is not None:
        options.check_output(options.output)
    cfg, config_file = config_for(config_file, overrides)
    cfg.MODEL.WEIGHT = os.path.expanduser(cfg.MODEL.WEIGHT)
    weights = test_weights(cfg, overrides)
    if read_exported(weights) is not None:
        raise CheckpointError(f"{weights}: is exported already. Give the checkpoint that it was made from.")
    label_map = adopt_classes(cfg, weights, config_file)
    cfg.MODEL.WEIGHT = ""
    text = cfg.dump()
    cfg.MODEL.DEVICE = "cpu"
    validate_cfg(cfg, check_files=False, splits=())
    cfg.freeze()
    model = load_model(cfg, weights, label_map, set_up_alone(cfg, 0, 0), config_file)
    trained = Trained(cfg, text, weights, label_map, model)
    if options.check is not None:
        return check_exported(trained, options.check)
    for _, _, path in trained.graphs(options.output):
        options.check_output(path)
    return export_model(trained, options.output, kind)


def run() -> None:
    """Run the command line of this process."""
    run_command(main)
