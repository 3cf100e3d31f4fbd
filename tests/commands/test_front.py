"""``alphaction``: its help, its verbs, and mistakes in them."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from importlib.util import find_spec

import pytest
from messages import says

import alphaction
from alphaction.commands.front import run
from alphaction.config.config_text import Setting, to_yaml
from alphaction.utils.command_text import as_typed, by_front, front_command, runnable_here, this_command
from alphaction.utils.requirements import REQUIREMENTS
from alphaction.utils.verbs import GROUPS, VERBS


@pytest.fixture
def front(monkeypatch, capsys):
    """Function: words -> (exit status, stdout, stderr) of ``alphaction WORDS`` in this process."""
    monkeypatch.setattr("alphaction.commands.front.end_when_interrupted", lambda: None)
    monkeypatch.setattr("alphaction.commands.front.guard_terminal", lambda: None)
    monkeypatch.setattr("alphaction.utils.errors.guard_terminal", lambda: None)

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["/venv/bin/alphaction", *words])
        with pytest.raises(SystemExit) as end:
            run()
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return call


@pytest.fixture
def typed(monkeypatch):
    """``alphaction train --seed 1`` is what runs; the command is on PATH."""
    monkeypatch.setattr("alphaction.utils.command_text.front_command", lambda: "alphaction")
    monkeypatch.setattr(sys, "argv", ["alphaction train", "--seed", "1"])


def test_every_verb_has_its_module_and_its_script(repo_root):
    for verb in VERBS.values():
        assert find_spec(verb.module), verb.name
        assert not verb.script or (repo_root / verb.script).is_file()
    assert sum(map(len, GROUPS.values())) == len(VERBS)
    modules = {path.stem for path in (repo_root / "alphaction/commands").glob("*.py")} - {"__init__", "front"}
    assert modules == {verb.module.rpartition(".")[2] for verb in VERBS.values()}
    # Those that stay scripts use what lies beside the package.
    scripts = {path.name for path in [*repo_root.glob("tools/*.py"), *repo_root.glob("*_net.py")]}
    assert scripts - {verb.script.rpartition("/")[2] for verb in VERBS.values()} == {"ablation.py", "benchmark.py"}


def test_the_help_lists_all_verbs_in_the_order_of_use(front):
    status, listed, _ = front("--help")
    assert status == 0
    found = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
    assert found == list(VERBS)
    assert max(map(len, listed.splitlines())) <= 80
    assert front("help")[1] == front("-h")[1] == listed
    status, out, err = front()
    assert (status, out, err) == (2, "", listed)
    assert front("--version") == front("version") == (0, f"alphaction {alphaction.__version__}\n", "")


def test_the_help_of_a_verb_names_it(front):
    status, text, _ = front("help", "evaluate")
    assert status == 0
    assert text.startswith("usage: alphaction evaluate [-h] --groundtruth")
    assert front("evaluate", "--help")[1] == text


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("trian", "train"),
        ("Validate", "validate"),
        ("train_net.py", "train"),
        ("tools/prepare_dataset.py", "prepare"),
        ("predict_video", "predict"),
        ("generate_finetune_confg", "config"),
        ("val", "test"),
        ("eval", "test"),
        ("resume", "train"),
        ("infer", "predict"),
        ("demo", "toy"),
    ],
)
def test_a_verb_that_is_none(front, word, meant):
    status, out, message = front(word, "--all", "toy")
    assert (status, out) == (2, "")
    says(message, f'error: there is no verb "{word}". Did you mean "alphaction {meant}"? ')
    assert message.count("\n") == 1


def test_other_mistakes(front):
    assert "Did you mean" not in front("xyzzy")[2]
    says(front("exports", "format=onnx")[2], 'Did you mean "alphaction export"?')
    assert "Did you mean" not in front("vision")[2]  # of ava-json, say
    says(front("--config-file", "a.yaml")[2], "the verb comes first (alphaction VERB --config-file)")
    says(front("evaluate", "--detection", "a.csv")[2], "unknown flag --detection", "--detections")


def test_it_starts_without_pytorch(repo_root, tmp_path):
    code = "import sys, alphaction.__main__, alphaction.commands.front, alphaction.doctor.examine\n"
    code += "print({'torch', 'numpy', 'yaml', 'cv2', 'av'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=repo_root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    # -S leaves site-packages out, -E PYTHONPATH: a Python in which nothing was installed.
    bare = [sys.executable, "-S", "-E", "-m", "alphaction"]
    options = {"cwd": repo_root, "capture_output": True, "text": True, "check": False}
    assert subprocess.run([*bare, "--help"], **options).returncode == 0
    done = subprocess.run([*bare, "train", "--help"], **options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        f"error: the packages torch, torchvision, yacs and {len(REQUIREMENTS) - 3} more are not installed for "
    )
    assert done.stderr.count("\n") == 1
    done = subprocess.run([*bare, "doctor"], **options)
    assert (done.returncode, done.stderr) == (1, "")
    says(
        done.stdout, "problem  torch  ", "pip install 'torch>=2.6' torchvision yacs", f"{len(REQUIREMENTS)} problems, "
    )


@pytest.fixture
def script(front, monkeypatch, capsys, repo_root):
    """Function: path of a script, words -> (exit status, stdout, stderr) of it in this process."""
    monkeypatch.setattr("alphaction.utils.requirements.end_when_interrupted", lambda: None)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def call(path, *words):
        monkeypatch.setattr(sys, "argv", [str(repo_root / path), *words])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(repo_root / path), run_name="__main__")
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return call


def test_scripts_and_verbs_do_the_same(front, script, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    flags = ("--dataset-name", "nowhere_train", "--output-dir", "x")
    done = script("tools/visualize_dataset.py", *flags)
    assert done[0] == 2
    assert done == front("look", *flags)
    assert script("train_net.py", "--help")[1].startswith("usage: train_net.py [-h]")
    shown = front("train", "--help")[1]
    assert shown.startswith("usage: alphaction train [-h]")
    assert as_typed(shown) == shown.replace("python train_net.py", f"{front_command()} train").replace(
        "8 train_net.py", "8 -m alphaction train"
    )


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("python tools/validate_dataset.py --all toy", "alphaction validate --all toy"),
        ("torchrun --nproc_per_node=2 test_net.py --x a", "torchrun --nproc_per_node=2 -m alphaction test --x a"),
        ("bash tools/finetune_quickstart.sh a.yaml --cpu", "alphaction launch a.yaml --cpu"),
        ("of train_net.py and tools/finetune_quickstart.sh.", "of alphaction train and alphaction launch."),
        ("(detect_persons.py: --score)", "(alphaction detect: --score)"),
        ("python tools/csv2COCO.py", "alphaction ava-json"),
        ("train_net.py's flags", "alphaction train's flags"),
        # What lies elsewhere, is another file, or has no verb.
        *((name, name) for name in ("/clone/train_net.py", "my_train_net.py", "train_net.pyc", "train_net.py/x")),
        *((name, name) for name in ("report.py.mp4", "C:\\run\\report.py", 'class "tools/report.py"', "'report.py'")),
        ("python tools/benchmark.py step", "python tools/benchmark.py step"),
    ],
)  # fmt: skip
def test_commands_are_named_as_they_can_be_typed(typed, monkeypatch, written, shown):
    assert as_typed(written) == shown
    assert runnable_here(written).endswith(shown)
    monkeypatch.setattr(sys, "argv", ["train_net.py"])
    assert as_typed(written) == written
    # An installed wheel has no scripts.
    monkeypatch.setattr("alphaction.utils.command_text.has_clone", lambda: False)
    assert as_typed(written) == shown


def test_what_was_typed_stays(typed, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["alphaction report", "--run", "r", "--output", "my report.py", "a=tools/report.py"]
    )
    shown = as_typed("wrote my report.py from tools/report.py; python tools/report.py again, or train_net.py")
    assert shown == "wrote my report.py from tools/report.py; alphaction report again, or alphaction train"
    assert as_typed(this_command()).endswith("alphaction report --run r --output 'my report.py' a=tools/report.py")


def test_comments_in_configs_name_what_was_typed(typed):
    text = to_yaml([Setting("SOLVER.MAX_ITER", 3, "tools/validate_dataset.py: tools/report.pyx")], ["By train_net.py."])
    assert text.startswith("# By alphaction train.\n")
    assert "  MAX_ITER: 3  # alphaction validate: tools/report.pyx\n" in text


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_gone(subprocess_env, repo_root, words, unbuffered):
    reading, writing = os.pipe()
    os.close(reading)
    env = {**subprocess_env, "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-m", "alphaction", *words]
    done = subprocess.run(command, cwd=repo_root, env=env, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("words", [["doctor"], ["train", "--config-file", "tiny/toy.yaml"]])
def test_a_folder_that_is_gone(repo_root, tmp_path, words):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = "import os, runpy, sys; os.rmdir(os.getcwd()); runpy.run_module('alphaction', run_name='__main__')"
    env = {**os.environ, "PYTHONPATH": str(repo_root)}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=gone, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the current folder does not exist any more. Go to one that does (cd).\n"


def test_the_command_that_goes_on(typed, monkeypatch):
    for name in ("TORCHELASTIC_RUN_ID", "WORLD_SIZE", "ALPHACTION_STARTED_BY"):
        monkeypatch.delenv(name, raising=False)
    assert by_front()
    assert this_command() == "alphaction train --seed 1"
    assert this_command(["--resume"]) == "alphaction train --resume"
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    words = "-m torch.distributed.run --standalone --nproc_per_node=2 -m alphaction train --seed 1"
    assert this_command().endswith(words)


def test_a_package_that_does_not_load(front, monkeypatch):
    def broken(name):
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr("alphaction.commands.front.import_module", broken)
    status, _, message = front("train")
    assert status == 2
    says(message, "libGL.so.1", "pip install --force-reinstall --no-deps opencv", "alphaction doctor")
    assert os.environ["TORCH_CPP_LOG_LEVEL"] == "ERROR"
