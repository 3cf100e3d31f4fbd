"""metrics.jsonl of a run that is continued."""

from __future__ import annotations

import json

import pytest

from alphaction.engine.metrics_file import EARLIER_FILE, cut_back, iterations_evaluated

LINES = ['{"iteration": 2, "loss": 1.5, "lr": 0.1}', '{"iteration": 4, "loss": 1.0, "lr": 0.1}']
EVALUATED = '{"iteration": 4, "toy_val/mAP": 0.25}'


@pytest.mark.parametrize(
    "after",
    [
        "",
        '{"iteration": 5, "loss": 0.5}\n',
        '{"iteration": 6, "lo',
        '{"iteration": 5, "loss": 0.5}\n{"iteration"',
        '{"iteration": "3"}\n{"iteration": true}\n[4]\n4\nnull\n{"loss": 1}\n\n',
        "\x00\x00\x00",
        "[" * 100_000,
        '{"iteration": ' + "9" * 5000 + "}\n",
    ],
    ids=["whole", "later", "torn", "both", "others", "zeros", "nested", "digits"],
)
def test_lines_after_the_checkpoint_and_torn_ones_go(tmp_path, after):
    path = tmp_path / "metrics.jsonl"
    kept = "\n".join([*LINES, EVALUATED]) + "\n"
    path.write_text(kept + after)
    assert cut_back(tmp_path, 4) == [json.loads(line) for line in (*LINES, EVALUATED)]
    assert path.read_text() == kept
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.jsonl"]
    assert iterations_evaluated(cut_back(tmp_path, 4)) == {4}


def test_a_last_line_without_its_end_is_kept_if_it_is_whole(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("\n".join(LINES))
    assert len(cut_back(tmp_path, 4)) == 2
    assert path.read_text() == "\n".join(LINES) + "\n"


def test_bytes_that_are_no_text_go(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(LINES[0].encode() + b"\n\xff\xfe{\n")
    assert len(cut_back(tmp_path, 4)) == 1
    assert path.read_text() == LINES[0] + "\n"


def test_a_new_run_leaves_the_lines_of_the_one_before(tmp_path):
    assert cut_back(tmp_path, 0) == []
    (tmp_path / "metrics.jsonl").write_text(LINES[0] + "\n")
    assert cut_back(tmp_path, 0) == []
    assert not (tmp_path / "metrics.jsonl").exists()
    assert (tmp_path / EARLIER_FILE).read_text() == LINES[0] + "\n"
