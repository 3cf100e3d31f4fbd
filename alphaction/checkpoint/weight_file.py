"""Weight files of every known kind, read without ever running code from the file.

Kinds: this project's checkpoints; files that ``tools/convert_weights.py`` wrote; files of other projects whose networks
are supported (see :mod:`alphaction.checkpoint.foreign`), which are converted in memory; other PyTorch files, with
or without a wrapper such as ``{"model": ...}`` or ``module.``; Caffe2 ``.pkl`` files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from alphaction.checkpoint.caffe2 import i3d_name
from alphaction.checkpoint.file_content import read_content
from alphaction.checkpoint.foreign.alphaction import own_license
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile, Question, Setting
from alphaction.checkpoint.foreign.recognize import convert_file, convert_own
from alphaction.checkpoint.foreign.wrapped_network import unwrap_network
from alphaction.checkpoint.label_maps import is_label_map
from alphaction.checkpoint.recorded_settings import is_recorded, read_settings
from alphaction.checkpoint.tensors import (
    AVERAGED_KEYS,
    STATE_KEYS,
    averaged_note,
    check_values,
    find_state,
    plain_extras,
)
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import listed


@dataclass(frozen=True)
class WeightFile:
    """What a weight file holds.

    Attributes:
        path: the file.
        weights: tensor of each name, on the CPU; wrapper prefixes that all names share are taken off, and those of
            another project have our names.
        label_map: {"ids", "names", "groups"} of the classes that it was trained for, or None.
        iteration: training iteration that it was written at, or None.
        foreign: classes of other projects that were found in the file and left out.
        source: the project that the weights are of, a name of :data:`alphaction.checkpoint.foreign.sources.SOURCES`;
            "" where it was not recognized, or is this one.
        what: the network in words; "" where nothing says it.
        settings: config key -> what the weights were trained with; empty where nothing says it.
        recipe: config key -> how else they were trained: advice.
        questions: config key -> a setting that nobody has told.
        decisions: what was found out or left out when the file was converted, one sentence each.
        license: of the weights; "" if unknown.
    """

    path: Path
    weights: dict[str, Tensor]
    label_map: dict | None = None
    iteration: int | None = None
    foreign: tuple[str, ...] = ()
    source: str = ""
    what: str = ""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    questions: Mapping[str, Question] = field(default_factory=dict)
    decisions: tuple[str, ...] = ()
    license: str = ""


def read_weight_file(path: str | Path, *, with_run: bool = False) -> WeightFile:
    """Read the weights of a file of any known kind; those of another project are converted.

    Args:
        path: the file.
        with_run: give a checkpoint of a run of ours the settings of the config that it carries; a run that loads it
            may have others.

    Raises:
        CheckpointError: if the file is missing, damaged, of another kind, holds no tensors, or is of a network that has
            no place here.
    """
    file, content, foreign = read_tensors(Path(path))
    label_map = content.get("label_map") if isinstance(content, Mapping) else None
    iteration = content.get("iteration") if isinstance(content, Mapping) else None
    common = {
        "path": file.path,
        "label_map": dict(label_map) if is_label_map(label_map) else None,
        "iteration": iteration if type(iteration) is int else None,
        "foreign": tuple(sorted(foreign)),
    }
    if is_recorded(file.extras):
        return WeightFile(weights=dict(file.tensors), **common, **read_settings(file.path, file.extras))
    converted = (convert_own(file) if with_run else None) or convert_file(file)
    if converted is None:
        common |= {"decisions": file.left_out, "license": own_license(file.extras)}
        return WeightFile(weights=dict(file.tensors), **common, settings=_i3d_settings(file))
    check_values(file.path, converted.weights)
    return WeightFile(**common, **_fields(converted) | {"decisions": (*file.left_out, *converted.decisions)})


def read_tensors(path: Path) -> tuple[ForeignFile, object, set[str]]:
    """Return the tensors of a file as it names them, everything in it, and the classes that stand-ins replace in it.

    Raises:
        CheckpointError: as :func:`read_weight_file`, but for networks that are not supported; and for several networks.
    """
    content, foreign = read_content(path)
    tensors, container = find_state(path, content)
    if not tensors:
        raise CheckpointError(_no_tensors(path, content, foreign))
    extras = plain_extras(content, container)
    file = ForeignFile(path, tensors, extras, container, averaged_note(content, container))
    return file if is_recorded(extras) else unwrap_network(file), content, foreign


def _i3d_settings(file: ForeignFile) -> dict[str, Setting]:
    """Return the network of Caffe2's I3D, whose blobs are matched by their own names."""
    body = i3d_name(file.tensors)
    return {} if body is None else {"MODEL.BACKBONE.CONV_BODY": Setting(body, "network", "its Caffe2 blobs are I3D's")}


def _fields(converted: Converted) -> dict[str, Any]:
    names = ("source", "what", "weights", "settings", "recipe", "questions", "decisions", "license")
    return {name: getattr(converted, name) for name in names}


def _no_tensors(path: Path, content: object, foreign: set[str]) -> str:
    if isinstance(content, Mapping) and "exported" in content:
        return (
            f"{path}: a network that was exported as {content['exported']}. It predicts (tools/predict_video.py); "
            "training, test_net.py and conversion need the checkpoint that it was made from."
        )
    keys = [str(key) for key in content] if isinstance(content, Mapping) else []
    found = f"its keys are {listed(keys, 8)}" if keys else f"it holds a {type(content).__name__}"
    remedy = (
        f" Objects of {listed(sorted(foreign), 4)} are not read. If it is a whole pickled model, save "
        "model.state_dict() of it instead."
        if foreign
        else ""
    )
    return f"{path}: no tensors under {', '.join((*STATE_KEYS, *AVERAGED_KEYS))} or at the top; {found}.{remedy}"
