"""Checkpoints of a run, and weights from elsewhere: reading them without running their code, matching their names."""

from alphaction.checkpoint.caffe2 import caffe2_name
from alphaction.checkpoint.checkpointer import Checkpointer, MemoryLoad, Resumed
from alphaction.checkpoint.label_maps import compare_label_maps
from alphaction.checkpoint.load_report import LoadReport
from alphaction.checkpoint.matching import load_trained_weights, load_weights
from alphaction.checkpoint.name_rules import match_weights
from alphaction.checkpoint.run_folder import FINAL_CHECKPOINT, LAST_CHECKPOINT, checkpoint_name
from alphaction.checkpoint.start import (
    StartPoint,
    find_start,
    find_test_weights,
    read_recorded_config,
    recorded_config_text,
)
from alphaction.checkpoint.thresholds import (
    Thresholds,
    classes_and_iteration,
    read_thresholds,
    store_thresholds,
    stored_thresholds,
)
from alphaction.checkpoint.weight_file import WeightFile, read_weight_file
from alphaction.checkpoint.weights_beside import AVERAGED_WEIGHTS, BEST_WEIGHTS, BestResult

__all__ = [
    "AVERAGED_WEIGHTS",
    "BEST_WEIGHTS",
    "FINAL_CHECKPOINT",
    "LAST_CHECKPOINT",
    "BestResult",
    "Checkpointer",
    "LoadReport",
    "MemoryLoad",
    "Resumed",
    "StartPoint",
    "Thresholds",
    "WeightFile",
    "caffe2_name",
    "checkpoint_name",
    "classes_and_iteration",
    "compare_label_maps",
    "find_start",
    "find_test_weights",
    "load_trained_weights",
    "load_weights",
    "match_weights",
    "read_recorded_config",
    "read_thresholds",
    "read_weight_file",
    "recorded_config_text",
    "store_thresholds",
    "stored_thresholds",
]
