"""tools/benchmark.py: its parts, its flags, and each part on the smallest input."""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
from messages import refused, says

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "benchmark.py"


def load_tool():
    spec = importlib.util.spec_from_file_location("benchmark_tool", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = load_tool()
QUICK = [name for name in TOOL.PARTS if hasattr(import_module(f"benchmarks.speed.{name}"), "SMALLEST")]


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Function: arguments -> None; runs the tool in this process and folder ``tmp_path``."""
    threads = torch.get_num_threads()
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", ["benchmark.py", *map(str, arguments)])
        TOOL.main()

    yield call
    torch.set_num_threads(threads)


def refusal(call, capsys) -> str:
    """Return what a command says as it ends with status 2: one message, and nothing before it."""
    with pytest.raises(SystemExit) as caught:
        call()
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("error: ") == 1
    return captured.err


def test_without_a_part_the_parts_are_listed(run, capsys):
    message = refusal(run, capsys)
    for name in TOOL.PARTS:
        says(message, f"  {name} ", import_module(f"benchmarks.speed.{name}").__doc__.split("\n")[0])


def test_an_unknown_part_names_the_nearest(run, capsys):
    says(refusal(lambda: run("gpus"), capsys), '"gpus"', 'Did you mean "gpu"?')
    says(refusal(lambda: run("--json", "f.json", "gpu"), capsys), "the part comes first")


@pytest.mark.parametrize("arguments", [["--help"], ["gpu", "--help"]])
def test_help(run, capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 0
    says(capsys.readouterr().out, "--json" if arguments[0] == "gpu" else "gpu  ", "examples:")


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (["--repetitions", "0"], ["--repetitions: 0: "]),
        (["--threads", "many"], ["--threads: many: "]),
        (["--repetition", "3"], ["unknown flag --repetition", "--repetitions"]),
    ],
)
def test_bad_flags_give_one_message(run, capsys, flags, parts):
    says(refusal(lambda: run("gpu", *flags), capsys), *parts)


def test_a_file_that_cannot_be_written_is_found_first(run):
    refused(lambda: run("gpu", "--json", "."), "--json .", "folder")


def test_videos_of_a_size_that_cannot_be_encoded_are_refused(run):
    refused(lambda: run("videos", "--height", 47), "--height 47", "even")


def test_files_that_are_not_there_or_no_videos_are_named_as_they_were_given(run, tmp_path):
    refused(lambda: run("evaluate", "--ground-truth", "truth.csv"), "--ground-truth truth.csv does not exist")
    (tmp_path / "text.mp4").write_text("text")
    message = refused(lambda: run("data", "--video", "text.mp4"), "text.mp4: it does not open as a video")
    assert "/movie/" not in message


@pytest.mark.parametrize("part", ["step", "infer"])
def test_frames_that_are_too_small_for_a_network_are_refused(run, capsys, part):
    says(refusal(lambda: run(part, "--rows", 3), capsys), "--rows: 3: ", "32 or more")


def test_every_part_says_what_it_measures_in_a_line():
    assert sorted(set(TOOL.PARTS)) == sorted(TOOL.PARTS)
    for name in TOOL.PARTS:
        first = import_module(f"benchmarks.speed.{name}").__doc__.split("\n")[0]
        assert first.endswith("."), name
        assert len(first) <= 110, name


@pytest.mark.parametrize("part", QUICK)
def test_the_smallest_run_of_each_part(run, part, tmp_path, capsys):
    """Its tables and its file hold the same cases, of which the first is what the others are compared with."""
    run(
        part,
        *import_module(f"benchmarks.speed.{part}").SMALLEST,
        "--repetitions",
        1,
        "--threads",
        1,
        "--json",
        "f.json",
    )
    printed = capsys.readouterr().out
    assert logging.getLogger("alphaction").level == logging.NOTSET  # A part is as quiet as it likes, for itself.
    content = json.loads((tmp_path / "f.json").read_text())
    assert content["part"] == part
    says(printed, content["machine"]["torch"])
    comparisons = [table for table in content["comparisons"] if "cases" in table]
    assert comparisons
    for table in comparisons:
        says(printed, table["title"], *(case["name"] for case in table["cases"]))
        assert table["cases"][0]["wall_ratio"] == pytest.approx(1, abs=1e-9)
        for case in table["cases"]:
            assert len(case["wall"]) == len(case["cpu"]) == 1
            assert case["wall"][0] > 0
