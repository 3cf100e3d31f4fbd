"""The page stays small, whatever the run."""

from __future__ import annotations

import json
import time

from workflows.report.made_up import made_up
from workflows.report.reading import PageText

from alphaction.data.keyframes import Keyframe
from alphaction.workflows.report import evaluations

CLASSES = [f"class {number:02d} (a person)" for number in range(80)]


def test_eighty_classes_and_a_long_training(run, page, monkeypatch):
    keyframes = [Keyframe(f"video_{number:03d}", 902) for number in range(200)]
    made = made_up(CLASSES, keyframes, examples=60, points=20_000)
    monkeypatch.setattr(evaluations, "analyze", lambda *args, **more: made)
    path = run / "inference" / "toy_val" / "result.json"
    result = json.loads(path.read_text())
    result |= {key: dict.fromkeys(CLASSES, value) for key, value in
               (("per_class", 0.5), ("class_groups", "person"), ("ground_truth", 900))}  # fmt: skip
    path.write_text(json.dumps(result))
    names = [f"loss_{number}" for number in range(3)]
    with (run / "metrics.jsonl").open("w") as file:
        for iteration in range(1, 5001):
            file.write(json.dumps({"iteration": iteration, "lr": 0.1, **dict.fromkeys(names, 1.0)}) + "\n")
    start = time.monotonic()
    html = page(run, examples=40)
    assert time.monotonic() - start < 60
    assert len(html) < 2_500_000
    found = PageText(html)
    assert sum(tag == "svg" for tag, _ in found.tags) == 2 * len(CLASSES) + 3
    assert "60 others left out" in found.text  # of the matrix
    cells = [attributes for attributes in found.all("td") if "--share" in (attributes.get("style") or "")]
    assert len(cells) == 21 * 21
    assert len(found.all("article")) == len(CLASSES) + 40 + 40 + 1
    # The curves are folded away: they would make a very long page.
    assert "open" not in found.all("details")[0]
