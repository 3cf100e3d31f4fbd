"""torchvision's Faster R-CNN networks and their weights: from a file, torch.hub's cache, or the download site.

Nothing is downloaded but the file of COCO weights itself, and nothing in a file is run.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn
from torchvision.models.detection import (
    FasterRCNN_MobileNet_V3_Large_FPN_Weights,
    FasterRCNN_ResNet50_FPN_V2_Weights,
    FasterRCNN_ResNet50_FPN_Weights,
    fasterrcnn_mobilenet_v3_large_fpn,
    fasterrcnn_resnet50_fpn,
    fasterrcnn_resnet50_fpn_v2,
)
from torchvision.ops.misc import FrozenBatchNorm2d

from alphaction.checkpoint.file_content import read_content
from alphaction.checkpoint.tensors import check_values, find_state
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.files import require_file
from alphaction.utils.messages import counted, suggest
from alphaction.workflows.detect.detector_flags import DETECT_PERSONS, DetectorFlags
from alphaction.zoo import find_weights, get_weights

DEFAULT_MODEL = "fasterrcnn_resnet50_fpn_v2"
MODELS = {
    "fasterrcnn_resnet50_fpn_v2": (fasterrcnn_resnet50_fpn_v2, FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1),
    "fasterrcnn_resnet50_fpn": (fasterrcnn_resnet50_fpn, FasterRCNN_ResNet50_FPN_Weights.COCO_V1),
    "fasterrcnn_mobilenet_v3_large_fpn": (
        fasterrcnn_mobilenet_v3_large_fpn,
        FasterRCNN_MobileNet_V3_Large_FPN_Weights.COCO_V1,
    ),
}
_CLASS_TENSOR = "roi_heads.box_predictor.cls_score.weight"
_COUNTER = "num_batches_tracked"


def class_names(num_classes: int) -> list[str]:
    """Return the names of a detector's labels; label 0 is the background, label 1 "person".

    Args:
        num_classes: with the background. COCO's 91 have COCO's names; of another number, those after the person are
            named by their label ("class 2").
    """
    coco = FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1.meta["categories"]
    if num_classes == len(coco):
        return list(coco)
    return ["__background__", "person", *(f"class {label}" for label in range(2, num_classes))][:num_classes]


def build_model(
    name: str,
    weights: Path | None,
    *,
    score: float,
    short_side: int,
    max_per_frame: int,
    flags: DetectorFlags = DETECT_PERSONS,
) -> tuple[nn.Module, int]:
    """Return the network called ``name`` with its weights, and its number of classes (with the background).

    Args:
        weights: state dict of the network, with any number of classes; None: the COCO weights.
        score: boxes below this score may be dropped inside the network.
        short_side: frames are resized to this short side, pixels.
        max_per_frame: how many boxes of a frame are needed.
        flags: what the command calls these choices, for messages.

    Raises:
        UserError: the file is missing, no state dict, or of another network; the COCO weights cannot be fetched.
    """
    if name not in MODELS:
        raise UserError(f'detector "{name}" is not known. {suggest(name, MODELS)}')
    build, coco = MODELS[name]
    path = coco_weights(name, flags) if weights is None else Path(weights)
    state = read_state_dict(path, flags)
    num_classes = _num_classes(path, state, name)
    model = build(
        weights=None,
        weights_backbone=None,  # its default would download ImageNet weights that are overwritten anyway
        num_classes=num_classes,
        min_size=short_side,
        max_size=round(short_side * 5 / 3),  # torchvision's 800 and 1333
        box_score_thresh=max(score - 1e-6, 0.0),  # torchvision keeps scores above, not at, the threshold
        box_detections_per_img=max(100, max_per_frame),
    )
    if coco is not FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1:
        # torchvision builds these two with frozen norms where it loads trained weights, and, for COCO's, with eps 0.
        trained_norms = any(key.startswith("backbone.body.") and key.endswith(_COUNTER) for key in state)
        _freeze_norms(model.backbone.body, 1e-5 if trained_norms else 0.0)
    _load(model, path, state, name, flags)
    return model, num_classes


def coco_weights(name: str, flags: DetectorFlags = DETECT_PERSONS) -> Path:
    """Return the file of COCO weights of network ``name``: the one in torch.hub's cache, else downloaded there.

    Raises:
        UserError: it cannot be downloaded (says which file to put where), or the file is not the right one.
    """
    otherwise = f"Or save it anywhere, and pass it with {flags.weights} FILE. {flags.instead}"
    return get_weights(find_weights(name), what=f"the COCO weights of {name}", otherwise=otherwise)


def read_state_dict(path: Path, flags: DetectorFlags = DETECT_PERSONS) -> dict[str, Tensor]:
    """Return the tensors of a ``.pth`` file; also below "model" or "state_dict", and with a "module." prefix.

    Raises:
        UserError: the file is missing, is no PyTorch file of tensors, or holds no named tensors.
    """
    require_file(flags.weights, path)
    try:
        content, _ = read_content(path)
        state, _ = find_state(path, content)
        check_values(path, state)
    except CheckpointError as error:
        raise CheckpointError(
            f"weights of the detector: {error} Expected the state_dict() of a torchvision Faster R-CNN: plain tensors, "
            f"saved by torch.save. {flags.instead}"
        ) from error
    if not state:
        raise CheckpointError(
            f"weights of the detector: {path} holds {type(content).__name__} without named tensors. Expected the "
            "state_dict() of a torchvision Faster R-CNN."
        )
    return state


def _num_classes(path: Path, state: Mapping[str, Tensor], name: str) -> int:
    """Return the number of classes, with the background, that a state dict has."""
    if _CLASS_TENSOR not in state or state[_CLASS_TENSOR].ndim != 2:
        first = next(iter(state))
        raise CheckpointError(
            f"weights of the detector: {path} has no {_CLASS_TENSOR} (its first tensor is {first}), so it is not a "
            f"{name} of torchvision. Its {counted(len(state), 'tensor')} may be those of an action model or of "
            "another detector."
        )
    num_classes = state[_CLASS_TENSOR].shape[0]
    if num_classes < 2:
        raise CheckpointError(
            f"weights of the detector: {path} has {counted(num_classes, 'class', 'classes')}, expected 2 or more, the "
            "background and the person."
        )
    return num_classes


def _freeze_norms(module: nn.Module, eps: float) -> None:
    """Replace every BatchNorm2d below ``module`` by torchvision's frozen one."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, FrozenBatchNorm2d(child.num_features, eps=eps))
        else:
            _freeze_norms(child, eps)


def _load(model: nn.Module, path: Path, state: Mapping[str, Tensor], name: str, flags: DetectorFlags) -> None:
    """Load ``state``; a tensor that is missing, left over or of another shape is an error that names the first."""
    own = {key: value for key, value in model.state_dict().items() if not key.endswith(_COUNTER)}
    given = {key: value for key, value in state.items() if not key.endswith(_COUNTER)}
    problems = [
        f"{key} is missing"
        if key not in given
        else f"{key} has shape {list(given[key].shape)}, expected {list(value.shape)}"
        for key, value in own.items()
        if key not in given or given[key].shape != value.shape
    ]
    problems += [f"{key} is not a tensor of this network" for key in given if key not in own]
    if problems:
        fitting = [other for other in MODELS if other != name]
        raise CheckpointError(
            f"weights of the detector: {path} ({_num_classes(path, state, name)} classes with the background) does not "
            f"fit {name}: {problems[0]} ({counted(len(problems), 'difference')} in {counted(len(own), 'tensor')}). "
            f"Is it another network? Try {' or '.join(f'{flags.model} {other}' for other in fitting)}."
        )
    model.load_state_dict({**state}, strict=False)


def file_identity(name: str, weights: Path | None) -> str:
    """Return the name, size in bytes and time of change of a file of weights: two runs of the same have the same.

    Of the COCO weights, which never change, the name alone.

    Raises:
        UserError: the file does not exist.
    """
    if weights is None:
        return find_weights(name).file_name
    require_file(DETECT_PERSONS.weights, weights)
    stat = os.stat(weights)
    return f"{Path(weights).name}, {stat.st_size} bytes, modified {stat.st_mtime_ns}"
