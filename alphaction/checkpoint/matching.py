"""Loading weights: a file's tensors go where :mod:`alphaction.checkpoint.name_rules` puts them.

A tensor whose name agrees but whose shape does not (a classifier for other classes) is skipped and reported. With
``--no-head`` everything in ``roi_heads.action`` keeps its initial values: IA structure, MLP and classifier.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.checkpoint.label_maps import compare_label_maps
from alphaction.checkpoint.load_report import LoadReport
from alphaction.checkpoint.name_rules import HEAD_PREFIX, match_weights
from alphaction.checkpoint.weight_file import WeightFile, read_weight_file
from alphaction.checkpoint.weight_settings import check_settings, mismatches, recipe_note
from alphaction.utils.errors import CheckpointError
from alphaction.utils.licenses import forbids_commerce
from alphaction.utils.messages import counted, listed

logger = logging.getLogger(__name__)

CLASSIFIER = f"{HEAD_PREFIX}predictor.cls_score.weight"


def load_weights(
    model: nn.Module,
    path: str | Path,
    *,
    no_head: bool = False,
    label_map: Mapping | None = None,
    cfg: CfgNode | None = None,
    license_told: bool = False,
) -> LoadReport:
    """Copy the weights of a file into ``model``; log which tensors were loaded.

    Args:
        model: the detector, also inside DistributedDataParallel or torch.compile.
        path: a weight file of any kind that :func:`read_weight_file` knows.
        no_head: leave everything in ``roi_heads.action`` as it is.
        label_map: the dataset's {"ids", "names", "groups"}; a file whose classes differ, but whose classifier fits, is
            reported in ``LoadReport.warnings``.
        cfg: the config that the model was built from; the settings that the weights were trained with must agree with
            it. None: they are not compared.
        license_told: the license of the weights has been logged already.

    Raises:
        CheckpointError: if the file cannot be read, nothing in it fits, or it was trained with other settings.
    """
    report = _load(model, path, no_head, label_map, cfg, license_told=license_told)
    _log(report)
    return report


def _load(
    model: nn.Module,
    path: str | Path,
    no_head: bool,
    label_map: Mapping | None,
    cfg: CfgNode | None,
    *,
    license_told: bool,
    needs_classifier: bool = False,
) -> LoadReport:
    file = read_weight_file(path)
    target = unwrap_model(model).state_dict()
    warnings = []
    if cfg is not None:
        warnings += _compare_settings(file, cfg, target, no_head, needs_classifier)
        warnings += _tell(file, cfg, license_told)
    report = match_weights(target, file.weights, (HEAD_PREFIX,) if no_head else (), source=str(path))
    with torch.no_grad():
        for name, source_name in report.loaded.items():
            target[name].copy_(file.weights[source_name])
    report.license = file.license
    report.warnings.extend([*warnings, *_warnings(file, report, label_map)])
    logger.debug(report.details())  # into the log's file, also where the weights are refused
    return report


def _compare_settings(
    file: WeightFile, cfg: CfgNode, target: Mapping[str, Tensor], no_head: bool, needs_classifier: bool
) -> list[str]:
    """Return warnings about settings that differ."""
    held, ours = file.weights.get(CLASSIFIER), target.get(CLASSIFIER)
    fits = held is not None and ours is not None and held.shape == ours.shape
    takes_classifier = not no_head and held is not None and (fits or needs_classifier)
    warnings = check_settings(file, cfg, takes_classifier=takes_classifier, head_may_be_new=not needs_classifier)
    if held is None or takes_classifier or no_head or ours is None or held.shape[:1] != ours.shape[:1]:
        return warnings
    lines = mismatches(file, cfg, takes_classifier=True)
    return [
        *warnings,
        f"{file.path}: its classifier is for as many classes, but for another head, so that it is not taken: "
        f"{listed(lines, 3, '; ')}",
    ]


def _tell(file: WeightFile, cfg: CfgNode, license_told: bool) -> list[str]:
    """Log what was found out about a file; return the warning of a license that forbids commercial use."""
    free = not forbids_commerce(file.license)
    if file.what:
        told = f"; license {file.license}" if file.license and free and not license_told else ""
        logger.info("%s: %s%s", file.path, file.what, told)
    for decision in file.decisions:
        logger.info("%s: %s", file.path, decision)
    if note := recipe_note(file, cfg):
        logger.info(note)
    if free or license_told:
        return []
    return [
        f"{file.path}: license {file.license}: no commercial use of these weights, nor of what is trained from them"
    ]


def _log(report: LoadReport) -> None:
    logger.info(report.summary())
    for warning in report.warnings:
        logger.warning(warning)


def load_trained_weights(
    model: nn.Module,
    path: str | Path,
    label_map: Mapping,
    *,
    cfg: CfgNode | None = None,
    license_told: bool = False,
) -> None:
    """Load the weights of a file that must fill the whole model, as evaluation and prediction need.

    Args:
        model, path, label_map, cfg, license_told: as in :func:`load_weights`.

    Raises:
        CheckpointError: as :func:`load_weights`, and if a tensor of the model is not in the file, one of the file's
            action head is not in the model, or the classes differ.
    """
    report = _load(model, path, False, label_map, cfg, license_told=license_told, needs_classifier=True)
    if not report.complete:
        first = [*report.missing, *(entry.name for entry in report.mismatched)][0]
        raise CheckpointError(
            f"{path}: {counted(len(report.missing), 'tensor of the model is', 'tensors of the model are')} missing "
            f"in it and {len(report.mismatched)} have another shape, first {first}. The results would be random "
            "numbers: use the config and the label map that the weights were trained with (the run's config.yaml)."
        )
    # An IA structure, or its running center, that the model lacks: the classifier was trained on what it adds.
    if unplaced := [name for name in report.unused if name.startswith(HEAD_PREFIX)]:
        raise CheckpointError(
            f"{path}: the model has no place for {counted(len(unplaced), 'tensor')} of its action head, first "
            f"{unplaced[0]}. The scores would be wrong: use the config that the weights were trained with (the run's "
            "config.yaml)."
        )
    if report.other_classes:
        raise CheckpointError(f"{path}: {report.other_classes}. Use the label map that it was trained with.")
    _log(report)


def unwrap_model(model: nn.Module) -> nn.Module:
    """Return the module inside DistributedDataParallel, DataParallel and torch.compile."""
    while True:
        if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model._orig_mod
        else:
            return model


def _warnings(file: WeightFile, report: LoadReport, label_map: Mapping | None) -> list[str]:
    warnings = []
    if file.foreign:
        warnings.append(
            f"{file.path}: objects of {listed(file.foreign)} are not read (code from a file is never run); its "
            "tensors are."
        )
    outside_head = [name for name in report.loaded if not name.startswith(HEAD_PREFIX)]
    left = [*report.missing, *(mismatch.name for mismatch in report.mismatched)]
    left = [name for name in left if not name.startswith(HEAD_PREFIX)]
    if len(left) > len(outside_head):
        warnings.append(
            f"{file.path}: only {len(outside_head)} of {len(outside_head) + len(left)} backbone tensors were loaded; "
            f"the others start at random. Is MODEL.BACKBONE.CONV_BODY the one that the weights were trained with?"
        )
    if CLASSIFIER in report.loaded and (difference := compare_label_maps(file.label_map, label_map)):
        report.other_classes = difference
        warnings.append(
            f"{file.path}: {difference}. The classifier was loaded because its shape fits, but its outputs stand for "
            "the checkpoint's classes. Train a new head (train_net.py --no-head), or use the checkpoint's label map."
        )
    return warnings
