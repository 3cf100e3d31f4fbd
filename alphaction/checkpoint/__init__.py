"""Checkpoints of a run, and weights from elsewhere: reading them without running their code, matching their names."""

from alphaction.checkpoint.caffe2 import caffe2_name
from alphaction.checkpoint.checkpointer import Checkpointer, MemoryLoad, Resumed
from alphaction.checkpoint.label_maps import compare_label_maps
from alphaction.checkpoint.load_report import LoadReport
from alphaction.checkpoint.matching import load_trained_weights, load_weights
from alphaction.checkpoint.name_rules import match_weights
from alphaction.checkpoint.run_folder import FINAL_CHECKPOINT, LAST_CHECKPOINT, checkpoint_name
from alphaction.checkpoint.start import StartPoint, find_start, find_test_weights, read_recorded_config
from alphaction.checkpoint.weight_file import WeightFile, read_weight_file

__all__ = [
    "FINAL_CHECKPOINT",
    "LAST_CHECKPOINT",
    "Checkpointer",
    "LoadReport",
    "MemoryLoad",
    "Resumed",
    "StartPoint",
    "WeightFile",
    "caffe2_name",
    "checkpoint_name",
    "compare_label_maps",
    "find_start",
    "find_test_weights",
    "load_trained_weights",
    "load_weights",
    "match_weights",
    "read_recorded_config",
    "read_weight_file",
]
