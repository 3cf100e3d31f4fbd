"""Weights of another project -> a file of plain tensors with the settings that they need, and a config that uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from alphaction.checkpoint.caffe2 import i3d_name
from alphaction.checkpoint.foreign.converted import Converted, ForeignFile, Question
from alphaction.checkpoint.foreign.recognize import convert_with, find_source
from alphaction.checkpoint.foreign.sources import SOURCES, Source
from alphaction.checkpoint.label_maps import is_label_map
from alphaction.checkpoint.recorded_settings import record_settings
from alphaction.checkpoint.storage import save_atomically
from alphaction.checkpoint.tensors import check_values
from alphaction.checkpoint.weight_file import read_tensors
from alphaction.config.config_text import write_text
from alphaction.config.load import load_cfg
from alphaction.config.paths_catalog import AVA_LABEL_MAP
from alphaction.config.tree import get_value
from alphaction.data.annotations import read_label_map
from alphaction.utils.errors import CheckpointError, UserError
from alphaction.utils.licenses import forbids_commerce
from alphaction.utils.messages import counted, listed
from alphaction.workflows.convert.convert_options import AUTO, ConvertOptions
from alphaction.workflows.convert.written_config import config_text, has_classifier, is_of_ava, value_text

_SHOWN_NAMES = 4


@dataclass(frozen=True)
class Conversion:
    """Converted weights that have not been written yet.

    Attributes:
        converted: without open questions.
        label_map: {"ids", "names", "groups"} of its classes; None if they are not known.
        options: what was asked for, with the file in place of zoo:NAME.
        config: text of the config that uses them, None if none is wanted.
        lines: what to tell people, one decision each.
    """

    converted: Converted
    label_map: Mapping[str, Any] | None
    options: ConvertOptions
    config: str | None
    lines: tuple[str, ...]


def convert_weights(options: ConvertOptions, key_values: Sequence[str] = ()) -> Conversion:
    """Convert a file. Nothing is written.

    Args:
        options: the flags.
        key_values: config keys and values in turn: answers to what the file does not say.

    Raises:
        UserError: for files that cannot be had, read, converted or written, answers that contradict the file, and
            questions that stay open.
    """
    options.check()
    options = options.with_file()
    cfg = load_cfg(None, key_values)
    answers = {key: get_value(cfg, key) for key in key_values[::2]}
    file, content, foreign = read_tensors(options.input)
    source = _choose_source(options, file)
    converted = convert_with(source, file, answers)
    if converted.questions:
        raise CheckpointError(_open_questions(options.input, converted))
    check_values(file.path, converted.weights)
    held = content.get("label_map") if isinstance(content, Mapping) else None
    label_map = dict(held) if is_label_map(held) else None
    if label_map is None and is_of_ava(converted):
        label_map = read_label_map(AVA_LABEL_MAP).to_dict()
    lines = [f"Recognized: {converted.what} ({source.title}).", *file.left_out, *converted.decisions]
    if foreign:
        lines.append(f"Objects of {listed(sorted(foreign), _SHOWN_NAMES)} are not read: code from a file is never run.")
    lines += [f"{key} {value_text(setting.value)}: {setting.why}" for key, setting in converted.settings.items()]
    if has_classifier(converted):
        lines.append(_classes_line(converted, label_map))
    config = config_text(converted, options.output, options.config_out) if options.config_out else None
    return Conversion(converted, label_map, options, config, tuple(lines))


def write_conversion(conversion: Conversion) -> list[str]:
    """Write the files of a conversion, each whole or not at all, and return a line for each.

    Raises:
        UserError: if one cannot be written.
    """
    converted, options = conversion.converted, conversion.options
    content = {
        "model": {name: _plain_tensor(tensor) for name, tensor in converted.weights.items()},
        "label_map": None if conversion.label_map is None else dict(conversion.label_map),
        **record_settings(converted),
    }
    save_atomically(content, options.output)
    written = [f"Wrote {options.output}: {counted(len(converted.weights), 'tensor')}"]
    if conversion.config is not None:
        write_text(options.config_out, conversion.config, options.force, "--config-out")
        written.append(f"Wrote {options.config_out}")
    return written


def license_lines(converted: Converted) -> list[str]:
    """Return what is to be said of the license: a line, or a box where it allows no commercial use."""
    if not converted.license:
        return ["license of the weights: unknown; ask whoever made them"]
    if not forbids_commerce(converted.license):
        return [f"license of the weights: {converted.license}"]
    rule = "*" * 78
    return [
        rule,
        f"LICENSE {converted.license}: NO COMMERCIAL USE of these weights,",
        "nor of anything that is trained from them.",
        rule,
    ]


def _choose_source(options: ConvertOptions, file: ForeignFile) -> Source:
    found = find_source(file)
    if options.source != AUTO and found is not SOURCES[options.source]:
        told = f"by its names it is of {found.title} (--from {found.name})" if found else "none of its names are"
        raise UserError(
            f"--from {options.source}: {file.path} is not of {SOURCES[options.source].title}; {told}. --from auto goes "
            "by what is in the file."
        )
    if found is not None:
        return found
    if body := i3d_name(file.tensors):
        raise CheckpointError(
            f"{file.path}: Caffe2's I3D, which needs no conversion: set MODEL.WEIGHT to the file itself, with "
            f"MODEL.BACKBONE.CONV_BODY {body}."
        )
    titles = listed((f"{source.title} (--from {name})" for name, source in SOURCES.items()), 12)
    raise CheckpointError(
        f"{file.path}: not recognized as a file of {titles}. Its names begin with {listed(file.tensors, _SHOWN_NAMES)}."
    )


def _open_questions(path: Path, converted: Converted) -> str:
    lines = [f"{path}: recognized as {converted.what}, but the file does not say everything that its outputs need."]
    for key, question in converted.questions.items():
        lines.append(f"  add {_choices(key, question)} after the flags: {question.why}")
    return "\n".join(lines)


def _choices(key: str, question: Question) -> str:
    return " or ".join(f"{key} {value_text(choice)}" for choice in question.choices)


def _classes_line(converted: Converted, label_map: Mapping[str, Any] | None) -> str:
    classes = converted.settings["MODEL.ROI_ACTION_HEAD.NUM_CLASSES"].value
    if label_map is not None:
        return f"The classifier's {classes} rows are the classes {listed(label_map['names'], 3, '; ')}."
    return (
        f"The classifier's {counted(classes, 'row is a class', 'rows are classes')} without names: one group of them, "
        "in the order of the rows, which must be that of your label map."
    )


def _plain_tensor(tensor: Tensor) -> Tensor:
    """Return a contiguous copy, floating point numbers as float32."""
    return (tensor.float() if tensor.is_floating_point() else tensor).contiguous()
