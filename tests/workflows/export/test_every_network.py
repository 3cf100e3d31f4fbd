"""Whatever is registered is exported as the table in docs/EXPORT.md says, or refused at once."""

from __future__ import annotations

import pytest
from backbone_names import BACKBONE_NAMES
from messages import refused
from workflows.export.measure import compared
from workflows.export.small_networks import FAMILIES, small_cfg, small_graph, small_model

from alphaction.modeling.registries import BACKBONES, INTERACTION_STRUCTURES
from alphaction.workflows.export import write
from alphaction.workflows.export.graph import ActionGraph
from alphaction.workflows.export.write import NOT_EXPORTED, require_format

OTHER_SETTINGS = "MASK_ABSENT True CENTER_FEATURES True COSINE_SCALE 3.0 MEMORY_OWN_SECOND False"
CHEAP = [(family, "torchscript") for family in FAMILIES] + [("ViT", "torch_export"), ("ViT", "onnx")]
"""Cells of the table that take a few seconds; measure.py has them all."""


@pytest.mark.parametrize("name", BACKBONE_NAMES)
def test_every_network_is_of_a_family(name):
    assert sum(name.startswith(family) for family in FAMILIES) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("family", "kind"), [cell for cell in CHEAP if cell not in NOT_EXPORTED])
def test_every_family(family, kind, tmp_path):
    body = FAMILIES[family]
    if body.startswith("VJEPA2"):
        pytest.importorskip("transformers")
    if kind == "onnx":
        pytest.importorskip("onnxscript")
    require_format(kind, body, 0)
    cfg = small_cfg(body)
    parity = compared(small_graph(cfg), cfg, tmp_path / "net", kind)
    assert len({tuple(sizes.items()) for sizes in parity.sizes}) == 3
    assert max(parity.largest.values()) < 1e-4


@pytest.mark.parametrize(("family", "kind"), NOT_EXPORTED)
def test_what_cannot_be_exported_is_refused_at_once(family, kind):
    body = FAMILIES[family]
    refused(lambda: require_format(kind, body, 0), f"--format {kind}", body, NOT_EXPORTED[family, kind])


@pytest.mark.parametrize("structure", INTERACTION_STRUCTURES.names())
@pytest.mark.parametrize("changes", [pytest.param("", marks=pytest.mark.slow), OTHER_SETTINGS])
def test_every_ia_structure(structure, changes, tmp_path):
    blocks = "[['P','O','M'],['P','O','M']]" if structure == "parallel" else "['P','O','M','P']"
    words = f"ACTIVE True DIM_IN 512 STRUCTURE {structure} I_BLOCK_LIST {blocks} {changes}".split()
    keys = [f"MODEL.IA_STRUCTURE.{word}" if place % 2 == 0 else word for place, word in enumerate(words)]
    cfg = small_cfg("Slowfast-Tiny", *keys)
    graph = ActionGraph(small_model(cfg))
    names = [port.name for port in graph.inputs]
    assert names == [
        *("person_features", "clip_index", "box_scores", "object_features", "object_clip_index"),
        *("memory", "memory_present"),
    ]
    assert max(compared(graph, cfg, tmp_path / "net", "torchscript").largest.values()) < 1e-4


def test_what_torch_cannot_export_is_told_by_its_first_cause(tmp_path, monkeypatch):
    def fail(*args):
        try:
            raise ValueError("\n\x1b[96mno such operator\x1b[0m: roll\nmore")
        except ValueError as error:
            raise RuntimeError("Failed. \x1b[96mNext steps:\x1b[0m report it") from error

    monkeypatch.setitem(write._WRITERS, "onnx", fail)
    graph = small_graph(small_cfg("Slowfast-Tiny"))
    message = refused(lambda: write.write_graph(graph, tmp_path / "net.onnx", "onnx", {}))
    assert "cannot export this network (ValueError: no such operator: roll). Try another format: torchscript" in message


def test_weights_beyond_an_onnx_file():
    message = refused(lambda: require_format("onnx", "ViT-Huge", 3 << 30), "3.0 GB", "2 GB", "torch_export")
    assert "\n" not in message


def test_families_are_registered():
    assert set(FAMILIES.values()) <= set(BACKBONES.names())
