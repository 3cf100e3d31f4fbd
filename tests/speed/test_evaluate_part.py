"""The part of the benchmark on results files: what it compares, and that all of it says the same."""

from __future__ import annotations

from alphaction.evaluation import read_detections
from benchmarks.speed import evaluate
from benchmarks.speed.evaluate import Options, run


def test_reading_evaluation_and_writing_are_compared(monkeypatch):
    sizes = []
    monkeypatch.setattr(evaluate, "read_detections", lambda path: sizes.append(path) or read_detections(path))
    monkeypatch.setattr(evaluate, "_has", lambda name: False)
    monkeypatch.setattr(evaluate, "_peak_memory", lambda *paths: 0.25)
    reading, evaluation, writing = run(Options(rows=1600), 1)
    assert reading.title.startswith("read a csv of 1,600 rows")
    assert [timing.name for timing in reading.timings] == ["read_detections"]
    assert [timing.name for timing in evaluation.timings] == ["arrays", "rows of a csv", "from the csv, in all"]
    assert evaluation.timings[2].facts == {"peak memory": "0.25 GiB"}
    assert [timing.name for timing in writing.timings] == ["one text a row", "write_detections"]
    assert len(sizes) == 3  # a warm-up, a turn, and the rows that are evaluated
