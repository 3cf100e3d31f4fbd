"""No reader can be forgotten: whatever is registered, and whatever module parses files of strangers, has a target."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from fuzz.judge import try_input
from fuzz.other_targets import label_map_seeds
from fuzz.targets import TARGETS

from alphaction.checkpoint.foreign.sources import load_sources
from alphaction.data.formats import class_names
from alphaction.data.formats.known_formats import FORMATS

READERS = {
    "annotations": "annotations",
    "ground_truth": "ground truth",
    "boxes": "boxes",
    "detections": "detections",
}
PARSERS = re.compile(
    r"json\.loads?|yaml\.(safe_)?(load|parse|compose)|load_yaml|parse_json|torch\.load|pickle\.(loads?|Unpickler)"
    r"|ast\.(literal_eval|parse)|csv\.reader|ElementTree\.(fromstring|parse|XMLParser)|ParserCreate|np\.loadtxt"
    r"|text_format\.\w+|tomllib\.\w+"
)
PARSED_BY = {
    "checkpoint/exported_file.py": "exported network",
    "checkpoint/file_content.py": "weights/alphaction",
    "checkpoint/foreign/config_text.py": "weights/pyslowfast",
    "checkpoint/foreign/python_text.py": "weights/mmaction2",
    "checkpoint/foreign/videomae.py": "weights/videomae",
    "checkpoint/run_folder.py": "weights of a run",
    "checkpoint/safe_pickle.py": "weights/pyslowfast",
    "checkpoint/safetensors_file.py": "weights/alphaction",
    "config/catalog_file.py": "catalog",
    "config/changes.py": "config",
    "config/values.py": "overrides",
    "config/yaml_file.py": "config",
    "data/formats/class_names.py": "label map",
    "data/formats/csv_layout.py": "annotations/ava",
    "data/formats/cvat_xml.py": "annotations/cvat",
    "data/formats/file_content.py": "annotations/coco",
    "data/formats/number_text.py": "detections/mot",
    "data/formats/pbtxt.py": "label map",
    "data/row_places.py": "ground truth/ava",
    "engine/metrics_file.py": "record/metrics",
    "engine/run_lock.py": "record/lock",
    "utils/output_folder.py": "record/dataset",
    "utils/plain_yaml.py": "config",
    "utils/values.py": "annotations/via",
    "workflows/detect/detector_weights.py": "weights of a detector",
    "workflows/detect/onnx_model/model.py": "names of an ONNX file",
    "workflows/detect/partial_detections.py": "record/unfinished boxes",
    "workflows/export/runners.py": "exported network",
    "workflows/predict/record.py": "record/video",
}
"""Module that parses what may come from strangers -> the target that reaches it."""
BETWEEN_PROCESSES = {
    "data/handover.py",
    "data/worker_pool.py",
    "engine/attempt.py",
    "engine/watch.py",
    "workflows/predict/work.py",
}
"""Modules that parse what processes of one run tell each other."""


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_every_reader_of_a_format_has_a_target(each):
    expected = {f"{title}/{each.name}" for reader, title in READERS.items() if getattr(each, reader)}
    assert expected <= TARGETS.keys()
    readers = {name for name, kind in type(each).__annotations__.items() if "RowTable" in kind or "Reader" in kind}
    assert readers <= READERS.keys(), "a new way to read a format needs targets: annotation_targets.py"


def test_every_project_of_weights_has_a_target():
    assert {f"weights/{name}" for name in load_sources()} <= TARGETS.keys()


def test_every_form_of_a_label_map_has_a_seed():
    texts = [seed.content().decode() for seed in label_map_seeds()]
    patterns = {name: value for name, value in vars(class_names).items() if isinstance(value, re.Pattern)}
    unmet = [
        name
        for name, pattern in patterns.items()
        if not any(pattern.search(line) for text in texts for line in (text, *text.splitlines()))
    ]
    assert not unmet
    suffixes = {Path(seed.name).suffix for seed in label_map_seeds()}
    assert {".pbtxt", ".txt", ".json", ".yaml"} <= suffixes


def test_every_module_that_parses_has_a_target(repo_root):
    package = repo_root / "alphaction"
    parsing = set()
    for path in sorted(package.rglob("*.py")):
        names = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
        ]
        if any(PARSERS.fullmatch(ast.unparse(name)) for name in names):
            parsing.add(path.relative_to(package).as_posix())
    assert not parsing - PARSED_BY.keys() - BETWEEN_PROCESSES, (
        "add a target that reaches the parser, and name it in PARSED_BY"
    )
    assert set(PARSED_BY.values()) <= TARGETS.keys()


@pytest.mark.parametrize("name", [name for name in TARGETS if not name.startswith("weights/")])
def test_honest_files_are_read(name, tmp_path):
    target = TARGETS[name]
    for seed in target.seeds():
        verdict = try_input(target, tmp_path / "in_put", seed.name, seed.content(), seed.beside)
        assert not verdict.is_finding, verdict.text
