"""Which tensor of a weight file belongs to which tensor of the model.

Files of other projects whose networks are supported come with our names (:mod:`alphaction.checkpoint.foreign`).
Names are matched by the first of these rules under which any tensor fits, so that rules never mix:

1. Exact names, after wrapper prefixes that all names of the file share (``module.``, ``model.``) are taken off.
2. Caffe2 blob names, for I3D backbones (see :mod:`alphaction.checkpoint.caffe2`), if any of the backbone fits.
3. One change of prefix for the whole file, found from the longest common endings of the names: Kinetics weights often
   lack ``backbone.`` or have another word in its place. It must bring more than half of the file's tensors to tensors
   of the same shape, and more than any other change; if two changes do equally well, none is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from torch import Tensor

from alphaction.checkpoint.caffe2 import caffe2_name
from alphaction.checkpoint.load_report import LoadReport, ShapeMismatch, is_counter
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import counted, listed

HEAD_PREFIX = "roi_heads.action."

Pairs = dict[str, str]  # name in the model -> name in the file


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
        CheckpointError: if nothing fits; the message shows names of both sides and the likely cause.
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
        raise CheckpointError(_nothing_fits(report, targets, weights))
    return report


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
            "These are Caffe2 weights of an I3D network; set MODEL.BACKBONE.CONV_BODY to I3D-Resnet50 or "
            "I3D-Resnet101, or use other weights."
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
