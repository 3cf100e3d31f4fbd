"""Loading weights: which tensor of a file belongs to which tensor of the model.

Files of other projects whose networks have a place here come with our names (:mod:`alphaction.checkpoint.foreign`).
Names are matched by the first of these rules under which any tensor fits, so that rules never mix:

1. Exact names, after wrapper prefixes that all names of the file share (``module.``, ``model.``) are taken off.
2. Caffe2 blob names, for I3D backbones (see :mod:`alphaction.checkpoint.caffe2`), if any of the backbone fits.
3. One change of prefix for the whole file, found from the longest common endings of the names: Kinetics weights often
   lack ``backbone.`` or have another word in its place. It must bring more than half of the file's tensors to tensors
   of the same shape, and more than any other change; if two changes do equally well, none is taken.

A tensor whose name agrees but whose shape does not (a classifier for other classes) is skipped and reported. With
``--no-head`` everything in ``roi_heads.action`` keeps its initial values: IA structure, MLP and classifier.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.checkpoint.caffe2 import caffe2_name
from alphaction.checkpoint.foreign.converted import forbids_commerce
from alphaction.checkpoint.label_maps import compare_label_maps
from alphaction.checkpoint.load_report import LoadReport, ShapeMismatch, is_counter
from alphaction.checkpoint.weight_file import WeightFile, read_weight_file
from alphaction.checkpoint.weight_settings import check_settings, mismatches, recipe_note
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, listed

logger = logging.getLogger(__name__)

HEAD_PREFIX = "roi_heads.action."
CLASSIFIER = "roi_heads.action.predictor.cls_score.weight"

Pairs = dict[str, str]  # name in the model -> name in the file


def load_weights(
    model: nn.Module,
    path: str | Path,
    *,
    no_head: bool = False,
    label_map: Mapping | None = None,
    cfg: CfgNode | None = None,
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

    Raises:
        UserError: if the file cannot be read, nothing in it fits, or it was trained with other settings.
    """
    report = _load(model, path, no_head, label_map, cfg)
    _log(report)
    return report


def _load(
    model: nn.Module,
    path: str | Path,
    no_head: bool,
    label_map: Mapping | None,
    cfg: CfgNode | None,
    *,
    needs_classifier: bool = False,
) -> LoadReport:
    file = read_weight_file(path)
    target = unwrap_model(model).state_dict()
    warnings = [] if cfg is None else _compare_settings(file, cfg, target, no_head, needs_classifier)
    report = match_weights(target, file.weights, (HEAD_PREFIX,) if no_head else (), source=str(path))
    with torch.no_grad():
        for name, source_name in report.loaded.items():
            target[name].copy_(file.weights[source_name])
    report.warnings.extend([*warnings, *_warnings(file, report, label_map)])
    logger.debug(report.details())  # into the log's file, also where the weights are refused
    return report


def _compare_settings(
    file: WeightFile, cfg: CfgNode, target: Mapping[str, Tensor], no_head: bool, needs_classifier: bool
) -> list[str]:
    """Return warnings about settings that differ, and log what was found out about the file."""
    held, ours = file.weights.get(CLASSIFIER), target.get(CLASSIFIER)
    fits = held is not None and ours is not None and held.shape == ours.shape
    takes_classifier = not no_head and held is not None and (fits or needs_classifier)
    warnings = check_settings(file, cfg, takes_classifier=takes_classifier, head_may_be_new=not needs_classifier)
    if file.what:
        logger.info("%s: %s", file.path, file.what)
    for decision in file.decisions:
        logger.info("%s: %s", file.path, decision)
    if forbids_commerce(file.license):
        warnings.append(
            f"{file.path}: license {file.license}: no commercial use of these weights, nor of what is trained from them"
        )
    if note := recipe_note(file, cfg):
        logger.info(note)
    if held is None or takes_classifier or no_head or ours is None or len(held) != len(ours):
        return warnings
    lines = mismatches(file, cfg, takes_classifier=True)
    return [
        *warnings,
        f"{file.path}: its classifier is for as many classes, but for another head, so that it is not taken: "
        f"{listed(lines, 3, '; ')}",
    ]


def _log(report: LoadReport) -> None:
    logger.info(report.summary())
    for warning in report.warnings:
        logger.warning(warning)


def load_trained_weights(model: nn.Module, path: str | Path, label_map: Mapping, *, cfg: CfgNode | None = None) -> None:
    """Load the weights of a file that must fill the whole model, as evaluation and prediction need.

    Args:
        model, path, label_map, cfg: as in :func:`load_weights`.

    Raises:
        UserError: as :func:`load_weights`, and if a tensor of the model is not in the file, one of the file's action
            head is not in the model, or the classes differ.
    """
    report = _load(model, path, False, label_map, cfg, needs_classifier=True)
    if not report.complete:
        first = [*report.missing, *(entry.name for entry in report.mismatched)][0]
        raise UserError(
            f"{path}: {counted(len(report.missing), 'tensor of the model is', 'tensors of the model are')} missing "
            f"in it and {len(report.mismatched)} have another shape, first {first}. The results would be random "
            "numbers: use the config and the label map that the weights were trained with (the run's config.yaml)."
        )
    # An IA structure, or its running center, that the model lacks: the classifier was trained on what it adds.
    if unplaced := [name for name in report.unused if name.startswith(HEAD_PREFIX)]:
        raise UserError(
            f"{path}: the model has no place for {counted(len(unplaced), 'tensor')} of its action head, first "
            f"{unplaced[0]}. The scores would be wrong: use the config that the weights were trained with (the run's "
            "config.yaml)."
        )
    if report.other_classes:
        raise UserError(f"{path}: {report.other_classes}. Use the label map that it was trained with.")
    _log(report)


def match_weights(
    model_state: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    skip_prefixes: tuple[str, ...] = (),
    source: str = "the weight file",
) -> LoadReport:
    """Pair the tensors of a file with those of a model. Nothing is copied.

    Args:
        model_state: ``state_dict()`` of the model.
        weights: tensors of the file by name.
        skip_prefixes: tensors of the model whose names start with one of these keep their initial values.
        source: name of the file in messages.

    Raises:
        UserError: if nothing fits; the message shows names of both sides and the likely cause.
    """
    targets = [name for name in model_state if not name.startswith(skip_prefixes)]
    pairs, rule = _pair(targets, model_state, weights)
    mismatched = [
        ShapeMismatch(name, found, tuple(model_state[name].shape), tuple(weights[found].shape))
        for name, found in pairs.items()
        if model_state[name].shape != weights[found].shape
    ]
    differing = {mismatch.name for mismatch in mismatched}
    used = set(pairs.values())
    # What --no-head leaves out on purpose does not count as unused.
    unused = [name for name in weights if name not in used and not name.startswith(skip_prefixes)]
    report = LoadReport(
        source=source,
        rule=rule,
        loaded={name: found for name, found in pairs.items() if name not in differing},
        missing=[name for name in targets if name not in pairs and not is_counter(name)],
        unused=[name for name in unused if not is_counter(name)],
        mismatched=mismatched,
        skipped=[name for name in model_state if name.startswith(skip_prefixes)],
        counters=sum(is_counter(name) and name not in pairs for name in targets) + sum(map(is_counter, unused)),
    )
    if all(is_counter(name) for name in report.loaded):
        raise UserError(_nothing_fits(report, targets, weights))
    return report


def unwrap_model(model: nn.Module) -> nn.Module:
    """Return the module inside DistributedDataParallel, DataParallel and torch.compile."""
    while True:
        if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model._orig_mod
        else:
            return model


def _pair(targets: list[str], model_state: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> tuple[Pairs, str]:
    """Return the pairs of the first rule under which any tensor fits, and that rule in words."""
    exact = {name: name for name in targets if name in weights}
    if _fitting(exact, model_state, weights):
        return exact, "exact names"
    blobs = {name: blob for name in targets if (blob := caffe2_name(name)) in weights}
    # A classifier alone may fit by chance, and would stand on a random backbone.
    if _fitting({n: b for n, b in blobs.items() if not n.startswith(HEAD_PREFIX)}, model_state, weights):
        return blobs, "Caffe2 blob names"
    change = find_prefix_change(targets, model_state, weights)
    if change is not None:
        old, new = change
        return _renamed(old, new, targets, weights), f'prefix "{old}" of the file read as "{new}"'
    return exact, "exact names"


def _fitting(pairs: Pairs, model_state: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> int:
    """Count the pairs whose shapes agree, without counters."""
    return sum(model_state[name].shape == weights[found].shape for name, found in pairs.items() if not is_counter(name))


def _renamed(old: str, new: str, targets: Iterable[str], weights: Mapping[str, Tensor]) -> Pairs:
    candidates = {name: old + name.removeprefix(new) for name in targets if name.startswith(new)}
    return {name: found for name, found in candidates.items() if found in weights}


def find_prefix_change(
    targets: list[str], model_state: Mapping[str, Tensor], weights: Mapping[str, Tensor]
) -> tuple[str, str] | None:
    """Return (prefix in the file, prefix in the model) of rule 3 at the top of this file, or None.

    Endings of a name are compared in whole dotted parts and must be at least two parts long.
    """
    prefixes_of: dict[str, list[str]] = {}
    for name in filter(_not_counter, targets):
        for prefix, ending in _endings(name):
            prefixes_of.setdefault(ending, []).append(prefix)
    votes: Counter[tuple[str, str]] = Counter()
    sources = list(filter(_not_counter, weights))
    for name in sources:
        # The longest ending that any tensor of the model shares.
        old, ending = next(((p, e) for p, e in _endings(name) if e in prefixes_of), ("", ""))
        votes.update((old, new) for new in prefixes_of.get(ending, ()))
    scores = sorted(
        (
            (_fitting(_renamed(*change, targets, weights), model_state, weights), change)
            for change, _ in votes.most_common(8)
        ),
        reverse=True,
    )
    if not scores or scores[0][0] * 2 <= len(sources):
        return None
    if len(scores) > 1 and scores[1][0] == scores[0][0]:
        return None
    return scores[0][1]


def _not_counter(name: str) -> bool:
    return not is_counter(name)


def _endings(name: str) -> Iterable[tuple[str, str]]:
    """Yield (prefix, ending) of a name, the longest ending first, endings of two parts or more."""
    parts = name.split(".")
    for cut in range(len(parts) - 1):
        prefix = ".".join(parts[:cut])
        yield (f"{prefix}." if prefix else ""), ".".join(parts[cut:])


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


def _nothing_fits(report: LoadReport, targets: list[str], weights: Mapping[str, Tensor]) -> str:
    caffe2 = any(name.endswith(("_bn_riv", "_branch2a_w")) for name in weights)
    head_only = all(name.startswith(HEAD_PREFIX) for name in weights)
    if report.mismatched:
        first = report.mismatched[0]
        cause = (
            f"{counted(len(report.mismatched), 'name agrees', 'names agree')} but no shape does ({first.name} is "
            f"{list(first.expected)} in the model and {list(first.found)} in the file): the weights are of another "
            "CONV_BODY or width."
        )
    elif not targets or (report.skipped and head_only):
        cause = "--no-head leaves out everything in roi_heads.action, and nothing else fits."
    elif caffe2:
        cause = (
            "These are Caffe2 weights, which only I3D backbones have names for; set MODEL.BACKBONE.CONV_BODY to "
            "I3D-Resnet50 or I3D-Resnet101, or use .pth weights."
        )
    else:
        cause = (
            "The weights are of another architecture or project. Check MODEL.BACKBONE.CONV_BODY and MODEL.WEIGHT, or "
            "rename the file's tensors."
        )
    return (
        f"{report.source}: none of its tensors ({len(weights)}) fits the model. {cause} Names in the file: "
        f"{_sample(weights)}. Names in the model: {_sample(targets)}."
    )


def _sample(names: Iterable[str]) -> str:
    return listed(filter(_not_counter, names), 4) or "none"
