"""Messages name only flags that the command has which prints them, or that belong to a command named beside them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs.command_lines import FLAG, flags_of, programs

from alphaction.workflows.detect.detector_flags import DETECT_PERSONS, PREDICT_VIDEO

# Folder -> the commands that print its messages.
COMMANDS = {
    "workflows/detect": ("tools/detect_persons.py",),
    "workflows/detect/onnx_model": ("tools/predict_video.py",),  # whose flags detect_persons.py has as well
    "workflows/predict": ("tools/predict_video.py",),
    "workflows/prepare": ("tools/prepare_dataset.py", "tools/process_ava_videos.py", "tools/csv2COCO.py"),
    "workflows/inspect": ("tools/validate_dataset.py", "tools/visualize_dataset.py"),
    "data/formats": ("tools/prepare_dataset.py", "tools/detect_persons.py"),
}
# Run by two commands, whose flags are told to them.
SHARED = ("detector_flags.py", "detector_weights.py", "person_detector.py")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and content of every string of a file that is no docstring; the parts of an f-string are joined."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    inner |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(part.value for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.lineno, node.value


def long_flags(text: str) -> set[str]:
    return {flag for flag in FLAG.findall(text) if flag.startswith("--")}


def known_flags(root: Path, names: tuple[str, ...]) -> set[str]:
    return {flag for name in names for flag in flags_of(root, name)}


@pytest.mark.parametrize("folder", sorted(COMMANDS))
def test_messages_name_flags_of_their_command(repo_root, folder):
    wrong = []
    by_name = {name.rpartition("/")[2]: name for name in programs(repo_root)}
    for path in sorted((repo_root / "alphaction" / folder).glob("*.py")):
        if path.name in SHARED:
            continue
        for line, text in texts(path):
            beside = tuple(by_name[name] for name in re.findall(r"\w+\.(?:py|sh)", text) if name in by_name)
            known = known_flags(repo_root, COMMANDS[folder] + beside)
            wrong += [f"{path.name}:{line}: {flag} in {text!r}" for flag in sorted(long_flags(text) - known)]
    assert wrong == []


def test_shared_messages_name_the_flags_that_they_are_told(repo_root):
    for name in SHARED[1:]:
        for line, text in texts(repo_root / "alphaction/workflows/detect" / name):
            assert long_flags(text) == set(), f"{name}:{line}"
    for flags, command in ((DETECT_PERSONS, "tools/detect_persons.py"), (PREDICT_VIDEO, "tools/predict_video.py")):
        text = " ".join((flags.weights, flags.model, flags.device, flags.instead))
        assert long_flags(text) <= known_flags(repo_root, (command,))


def test_the_check_finds_a_flag_that_is_not_there(tmp_path):
    (tmp_path / "x.py").write_text('"""--doc"""\ny = f"pass {1} with " "--weights" f" FILE {2} --import"\n')
    assert [long_flags(text) for _, text in texts(tmp_path / "x.py")] == [{"--weights", "--import"}]
