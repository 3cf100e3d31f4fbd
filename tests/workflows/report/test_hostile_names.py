"""Names of classes, videos and datasets come from files of strangers: on the page they are text, and bounded."""

from __future__ import annotations

import json

import pytest
from workflows.report.conftest import write_run
from workflows.report.made_up import made_up
from workflows.report.reading import PageText

from alphaction.data.annotations import ActionClass, AnnotationTable, LabelMap
from alphaction.data.keyframes import Keyframe
from alphaction.utils.messages import visible
from alphaction.workflows.report import evaluations
from alphaction.workflows.report.texts import brief

NAMES = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onclick='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "</style><style>body{display:none}",
    "打电话/听 & <b>讲</b>",
    "\u202egnorts\u202c a\x1b[31m\x00b",
    "w" * 900,
    "a long name of many words " * 30,
    "]]>--><!--",
]
VIDEO = '../</td><script>alert("video")</script>'


@pytest.fixture
def hostile(tmp_path, small_toy_folder, monkeypatch):
    """A run whose results, analysis and metrics hold those names."""
    folder = write_run(tmp_path / "a<b>&\"'run", small_toy_folder)
    path = folder / "inference" / "toy_val" / "result.json"
    result = json.loads(path.read_text())
    result |= {
        "per_class": dict.fromkeys(NAMES, 0.5),
        "class_groups": dict.fromkeys(NAMES, "<i>group"),
        "ground_truth": dict.fromkeys(NAMES, 7),
        "hints": [f'Class "{name}" is rare.' for name in NAMES],
    }
    path.write_text(json.dumps(result))
    with (folder / "metrics.jsonl").open("a") as file:
        line = {"iteration": 40, "loss_<script>alert(2)</script>": 1.0, "toy_val/mAP/<svg onload=alert(3)>": 0.5}
        file.write(json.dumps(line) + "\n")
        for at, value in ((20, 0.1), (40, 0.9)):
            file.write(json.dumps({"iteration": at, **{f"toy_val/AP/{name}": value for name in NAMES}}) + "\n")
    keyframes = [Keyframe(VIDEO, 3), Keyframe("val_000", 1)]
    monkeypatch.setattr(evaluations, "analyze", lambda *args, **more: made_up(NAMES, keyframes, examples=20))
    return folder


def test_names_are_text_and_nothing_else(hostile, page):
    html = page(hostile)
    found = PageText(html)
    assert found.open == []
    assert len(found.scripts) == 1
    assert len(found.all("style")) == 1
    assert "alert" not in found.scripts[0]
    for tag, attributes in found.tags:
        assert tag not in ("iframe", "object", "b", "i")
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "img":
            assert attributes["src"].startswith("data:image/jpeg;base64,")
    # They are legible as they are, but for what is not seen, and what is too long.
    for name in NAMES:
        assert " ".join(brief(name).split()) in found.text
    assert visible(VIDEO) in found.text
    assert not set("\u202e\x1b\x00") & set(html)
    assert "w" * 400 not in html


def test_text_is_shortened_in_the_middle():
    assert brief("short", 10) == "short"
    assert brief("0123456789abcdef", 10) == "012345…def"
    assert brief("\u202eabc") == "\\u202eabc"


def test_names_of_a_dataset_reach_the_page_the_same_way(tmp_path, small_toy_folder, page, monkeypatch):
    folder = write_run(tmp_path / "run", small_toy_folder)
    from alphaction.workflows.report import facts

    opened = facts.open_tables

    def renamed(spec, **options):
        tables = opened(spec, **options)
        label_map = LabelMap(tuple(ActionClass(i, name, "movement") for i, name in enumerate(NAMES, 1)))
        annotations = AnnotationTable.from_columns([VIDEO], [1], [[0.1, 0.1, 0.4, 0.9]], [1])
        return type(tables)(spec.name, label_map, annotations, tables.source)

    monkeypatch.setattr(facts, "open_tables", renamed)
    (folder / "inference" / "toy_val" / "result.json").unlink()
    found = PageText(page(folder))
    assert len(found.scripts) == 1
    assert NAMES[0] in found.text
