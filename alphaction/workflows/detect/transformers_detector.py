"""Boxes of persons (or of every class) by a detector of transformers: RT-DETR, RF-DETR, D-FINE, DETR and others.

Axes: H and W rows and columns of a frame.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alphaction.utils.device import choose_device
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.files import missing_file
from alphaction.utils.imports import BROKEN, missing_optional
from alphaction.utils.limits import MOST_CLASSES
from alphaction.workflows.detect.detected_boxes import Classes, DetectedBoxes, Wanted, check_frame, find_person
from alphaction.workflows.detect.detector_flags import DETECT_PERSONS, DetectorFlags

_NO_CONVERSION = "DISABLE_SAFETENSORS_CONVERSION"


class TransformersDetector:
    """Finds persons with a model and an image processor of transformers.

    Args:
        model: made by ``AutoModelForObjectDetection``.
        processor: made by ``AutoImageProcessor``.
        wanted: which boxes are kept.
        source: the model's name, for messages.
        person_class: name or label of the class that is a person; None: "person".
        device: where the model runs.

    Raises:
        UserError: none of the model's classes is a person.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        wanted: Wanted,
        *,
        source: object = "the model",
        person_class: str | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        names = class_names(model.config.id2label)
        self._classes = Classes(names, find_person(names, person_class, wanted, source))
        self._model, self._processor, self._wanted = model.to(device).eval(), processor, wanted
        self._device = torch.device(device)

    @classmethod
    def from_pretrained(
        cls,
        name: str,
        wanted: Wanted,
        *,
        person_class: str | None = None,
        device: torch.device | str = "auto",
        flags: DetectorFlags = DETECT_PERSONS,
    ) -> TransformersDetector:
        """Return a detector with the model in a folder, in the cache, or on the Hugging Face Hub.

        No code of the model is run, and only weights in the format safetensors are read.

        Raises:
            UserError: transformers is missing, or the model is not there, cannot be fetched or is no detector.
        """
        place = find_model(name)
        target = choose_device(device, flags.device)
        try:
            from transformers import AutoImageProcessor, AutoModelForObjectDetection
        except BROKEN as error:
            raise missing_optional("transformers", f"--hf-model {name}", error) from error
        try:
            with _nothing_converted():
                processor = AutoImageProcessor.from_pretrained(str(place), trust_remote_code=False)
                model = AutoModelForObjectDetection.from_pretrained(
                    str(place), trust_remote_code=False, use_safetensors=True
                )
        except ImportError as error:
            raise UserError(f"--hf-model {name} needs another package: {' '.join(str(error).split())}") from error
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise CheckpointError(_why_not(name, place, error, flags)) from error
        return cls(model, processor, wanted, source=f"--hf-model {name}", person_class=person_class, device=target)

    @torch.inference_mode()
    def detect(self, frames: Sequence[np.ndarray]) -> list[DetectedBoxes]:
        """Return the boxes of each frame; one batch, so give as many frames as fit into memory.

        Args:
            frames: uint8 [H, W, 3] RGB; sizes may differ.
        """
        if not frames:
            return []
        for frame in frames:
            check_frame(frame)
        inputs = self._processor(images=list(frames), return_tensors="pt", input_data_format="channels_last")
        outputs = self._model(**inputs.to(self._device))
        sizes = [frame.shape[:2] for frame in frames]
        # Scores above, not at, the threshold are given.
        found = self._processor.post_process_object_detection(
            outputs, threshold=max(self._wanted.score - 1e-6, 0.0), target_sizes=sizes
        )
        return [self._select(boxes, *size) for boxes, size in zip(found, sizes, strict=True)]

    def _select(self, found: Mapping[str, torch.Tensor], height: int, width: int) -> DetectedBoxes:
        """Return the wanted boxes of a frame of that size."""
        boxes = found["boxes"].cpu().double() / torch.tensor([width, height] * 2, dtype=torch.float64)
        return self._classes.select(boxes, found["scores"], found["labels"], self._wanted)


def find_model(name: str) -> Path | str:
    """Return the folder of a model, or its name on the Hugging Face Hub.

    Raises:
        UserError: it looks like a folder, and there is none; or the folder holds no model.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise UserError(
                f"--hf-model {name}: the folder holds no config.json. Name one that save_pretrained() wrote, with "
                "config.json, model.safetensors and preprocessor_config.json."
            )
        return folder
    if folder.exists() or folder.is_absolute() or name.startswith(("~", ".")) or name.count("/") > 1:
        raise CheckpointError(f"--hf-model: {missing_file(folder, folders=True)}")
    return name


def class_names(id2label: Mapping[Any, str]) -> list[str]:
    """Return the name of each label; numbers that have none are "N/A"."""
    by_label = {int(label): str(name) for label, name in id2label.items()}
    if max(by_label, default=0) > MOST_CLASSES:
        raise UserError(f"--hf-model: its label {max(by_label):,} is beyond the {MOST_CLASSES:,} that are read.")
    return [by_label.get(label, "N/A") for label in range(max(by_label, default=-1) + 1)]


def _why_not(name: str, place: Path | str, error: Exception, flags: DetectorFlags) -> str:
    """Return why a model was not loaded and what to do."""
    reason = " ".join(str(error).split())[:300]
    if "trust_remote_code" in str(error):
        return (
            f"--hf-model {name}: the model brings code of its own, which is not run. Choose one of transformers' own "
            f"networks: rt_detr, rt_detr_v2, d_fine, rf_detr, detr, ... {flags.instead}"
        )
    if "safetensors" in str(error):
        return (
            f"--hf-model {name}: there is no model.safetensors, and weights in other formats are not read ({reason}). "
            "Load it in Python and write it anew: save_pretrained(FOLDER)."
        )
    if isinstance(place, Path):
        return f"--hf-model {name}: transformers cannot load it as a detector ({reason})."
    return (
        f"--hf-model {name}: there is no such folder, and the model cannot be fetched from the Hugging Face Hub "
        f"({reason}). On a machine with network, fetch config.json, preprocessor_config.json and model.safetensors of\n"
        f"  https://huggingface.co/{name}\n"
        f"put them into a folder, and name that: --hf-model FOLDER. {flags.instead}"
    )


@contextmanager
def _nothing_converted() -> Iterator[None]:
    """Keep transformers from asking a service of the Hub to convert weights that are no safetensors."""
    before = os.environ.get(_NO_CONVERSION)
    os.environ[_NO_CONVERSION] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_NO_CONVERSION]
        else:
            os.environ[_NO_CONVERSION] = before
