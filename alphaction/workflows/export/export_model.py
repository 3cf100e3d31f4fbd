"""From a detector to a file that other programs run, and the check that both compute the same."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from yacs.config import CfgNode

from alphaction.checkpoint.exported_file import ACTIONS, WHOLE, ExportedFile, read_exported
from alphaction.config.pathways import frame_counts
from alphaction.data.annotations import LabelMap
from alphaction.modeling import DetectionModel
from alphaction.utils.atomic import replacing
from alphaction.utils.errors import CheckpointError
from alphaction.utils.files import missing_file
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted, titled_list
from alphaction.workflows.export.graph import ActionGraph, DetectionGraph
from alphaction.workflows.export.metadata import describe, differences, part_facts, sha256_of
from alphaction.workflows.export.parity import Parity, check_parity, compared_sizes
from alphaction.workflows.export.runners import open_runner
from alphaction.workflows.export.runtime import actions_path
from alphaction.workflows.export.write import require_format, write_graph

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Trained:
    """What is exported.

    Attributes:
        cfg: the config, with the classes of the weights.
        config_text: YAML of the config, as a prediction needs it.
        weights: the checkpoint.
        label_map: its classes.
        model: with its weights, optimized for inference, on the CPU.
    """

    cfg: CfgNode
    config_text: str
    weights: Path
    label_map: LabelMap
    model: DetectionModel

    def graphs(self, path: Path) -> Iterator[tuple[str, DetectionGraph | ActionGraph, Path]]:
        """Yield part, graph and file of each part that an export to ``path`` has."""
        yield WHOLE, DetectionGraph(self.model, frame_counts(self.cfg)), path
        if self.model.uses_memory:
            yield ACTIONS, ActionGraph(self.model), actions_path(path)

    def facts(self) -> dict[str, Any]:
        """Return what every file of an export says."""
        return describe(self.cfg, self.weights, self.label_map, self.config_text)


@dataclass(frozen=True)
class Exported:
    """One file that agrees with its checkpoint.

    Attributes:
        path: the file.
        what: the network in words.
        parity: how well they agree.
    """

    path: Path
    what: str
    parity: Parity

    def __str__(self) -> str:
        size = self.path.stat().st_size / 1e6
        return f"{self.path}: {self.what}, {size:.1f} MB; {self.parity}"


def export_model(trained: Trained, path: Path, kind: str) -> list[Exported]:
    """Write a detector as a file, two if it has a memory, after a check that they compute the same.

    Files appear when all of them are written and checked; what is there before stays until then.

    Args:
        trained: the detector.
        path: of the file.
        kind: the format.

    Raises:
        UserError: the format cannot hold this network, or a package is missing.
        CheckpointError: what was written does not compute the same.
    """
    cfg, model = trained.cfg, trained.model
    size = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    require_format(kind, cfg.MODEL.BACKBONE.CONV_BODY, size)
    shared, export_id = trained.facts(), secrets.token_hex(8)
    done = []
    with ExitStack() as files:
        for part, graph, place in trained.graphs(path):
            unfinished = files.enter_context(replacing(place))
            get_logger().info("exporting %s as %s, which takes a while", place, kind)
            write_graph(graph, unfinished, kind, part_facts(shared, part, export_id, graph))
            done.append((place, _checked(read_exported(unfinished), graph, cfg, str(place))))
    return [Exported(place, _what(trained), parity) for place, parity in done]


def check_exported(trained: Trained, path: Path) -> list[Exported]:
    """Compare an exported file, and that beside it if there is a memory, with its checkpoint.

    Raises:
        CheckpointError: a file is missing, says something else than the checkpoint, or computes something else.
    """
    expected = trained.facts()
    done = []
    for part, graph, place in trained.graphs(path):
        file = read_exported(place)
        if file is None:
            known = place.is_file()
            raise CheckpointError(f"{place}: not an exported network." if known else f"--check: {missing_file(place)}")
        if lines := _other_facts(file, part, graph, expected):
            raise CheckpointError(
                titled_list(f"{place} was not exported from {trained.weights} with this config:", lines)
            )
        if file.made_from_sha256 != sha256_of(trained.weights):
            get_logger().warning(
                "%s was exported from another file, %s; its numbers are compared all the same", place, file.made_from
            )
        done.append(Exported(place, _what(trained), _checked(file, graph, trained.cfg, str(place))))
    return done


def _other_facts(
    file: ExportedFile, part: str, graph: DetectionGraph | ActionGraph, expected: dict[str, Any]
) -> list[str]:
    if file.part != part:
        return [f"it is the part {file.part}, expected {part}"]
    lines = differences(file.facts, expected)
    wanted = part_facts(expected, part, "", graph)
    lines += [
        f"its {side} are {', '.join(_port(port) for port in file.facts[side])}; expected "
        f"{', '.join(_port(port) for port in wanted[side])}"
        for side in ("inputs", "outputs")
        if [_port(port) for port in file.facts[side]] != [_port(port) for port in wanted[side]]
    ]
    return lines


def _port(port: dict[str, Any]) -> str:
    return f"{port['name']} {port['dtype']} [{', '.join(map(str, port['axes']))}]"


def _checked(file: ExportedFile, graph: DetectionGraph | ActionGraph, cfg: CfgNode, name: str) -> Parity:
    return check_parity(graph, open_runner(file, _CPU), compared_sizes(cfg), name)


def _what(trained: Trained) -> str:
    ia = trained.cfg.MODEL.IA_STRUCTURE
    structure = f" with {ia.STRUCTURE} IA structure" if ia.ACTIVE else ""
    return (
        f"{trained.cfg.MODEL.BACKBONE.CONV_BODY}{structure}, "
        f"{counted(trained.label_map.num_classes, 'class', 'classes')}"
    )
