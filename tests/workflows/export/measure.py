"""The table of docs/EXPORT.md: ``PYTHONPATH=.:tests python -m workflows.export.measure [NETWORK ...]``.

A cell takes 10 to 40 seconds of CPU, so that the tests hold the cheap ones only.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from workflows.export.small_networks import FAMILIES, small_cfg, small_graph

from alphaction.checkpoint.exported_file import SUFFIXES, read_exported
from alphaction.utils.errors import UserError
from alphaction.workflows.export.graph import ActionGraph, DetectionGraph
from alphaction.workflows.export.metadata import part_facts
from alphaction.workflows.export.parity import Parity, check_parity, compared_sizes
from alphaction.workflows.export.runners import open_runner
from alphaction.workflows.export.write import require_format, write_graph

_SAID = {
    "version": 1,
    "made_from": {"name": "w.pth", "sha256": "0"},
    "config": "{}",
    "label_map": {"ids": [], "names": [], "groups": []},
}


def compared(graph: DetectionGraph | ActionGraph, cfg, path: Path, kind: str) -> Parity:
    """Export a graph, and compare the file with it."""
    write_graph(graph, path, kind, part_facts(_SAID, "whole", "a1", graph))
    return check_parity(graph, open_runner(read_exported(path), torch.device("cpu")), compared_sizes(cfg), path.name)


def measured(body: str, kind: str, folder: Path) -> str:
    """Return a cell: the largest difference of a score, or why there is none."""
    cfg = small_cfg(body)
    try:
        require_format(kind, body, 0)
        return f"{compared(small_graph(cfg), cfg, folder / 'net', kind).largest['scores']:.1e}"
    except UserError as error:
        return f"refused: {error}"


def main() -> None:
    """Print one line for each network and format."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=list(FAMILIES.values()))
    parser.add_argument("--format", choices=tuple(SUFFIXES), nargs="+", default=list(SUFFIXES))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for body in args.networks:
            for kind in args.format:
                print(body, kind, measured(body, kind, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
