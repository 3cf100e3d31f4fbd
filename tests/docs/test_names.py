"""Every config key, flag and file that a page names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.blocks import pages
from docs.command_lines import DOCTOR, QUICKSTART, flags_of, named_flags, programs
from yacs.config import CfgNode

from alphaction.config import get_cfg

ROOT = Path(__file__).resolve().parents[2]
PAGES = pages(ROOT)
# Options of other programs: pip, torchrun, tensorboard, sbatch, ffmpeg, pytest, git, Docker, mkdocs, trtexec, and of
# tests/fuzz.
FOREIGN_FLAGS = {
    "--nproc_per_node", "--nnodes", "--node_rank", "--standalone", "--logdir", "--nodes", "--gpus-per-node",
    "--upgrade", "--index-url", "--master_port", "--local-rank", "--local_rank", "--time", "--partition",
    "--max-restarts", "--shm-size", "--ipc", "--requeue", "--signal", "--inputs", "--processes", "--target",
    "--minutes", "--count", "--mem", "--no-requeue", "--array", "--cpus-per-task", "--wrap", "--rdzv_endpoint",
    "--no-deps", "--strict", "--fp16", "--save", "--min", "--opt", "--max",
}  # fmt: skip
ROOTS = ("alphaction", "benchmarks", "config_files", "docs", "tests", "tools")
# Variables of the environment and constants of other programs that look like config keys.
OTHER_NAMES = re.compile(
    r"^(NCCL|TORCH|CUDA|OMP|MASTER|SLURM|WORLD|LOCAL|VIRTUAL|PYTORCH|ALPHACTION|PYTHON|GLOO|WANDB|MLFLOW)_?"
)


def keys(node: CfgNode, prefix: str = "") -> set[str]:
    """Return the full names of all keys and sections of a config."""
    found = set()
    for name, value in node.items():
        found.add(prefix + name)
        if isinstance(value, CfgNode):
            found |= keys(value, f"{prefix}{name}.")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_config_keys_exist(page):
    known, leaves = keys(get_cfg()), {name.rpartition(".")[2] for name in keys(get_cfg())}
    text = page.read_text(encoding="utf-8")
    full = set(re.findall(r"\b(?:MODEL|INPUT|DATASETS|DATALOADER|SOLVER|TEST)(?:\.[A-Z0-9_]+)+", text))
    assert sorted(full - known) == []
    quoted = {name for name in re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`", text) if not OTHER_NAMES.match(name)}
    types = {"PERSON_MOVEMENT", "OBJECT_MANIPULATION", "PERSON_INTERACTION"}
    constants = {name for name in quoted if f"{name} =" in _sources()}
    assert sorted(quoted - leaves - types - constants) == []


def _sources() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "alphaction").rglob("*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_flags_are_those_of_their_program(page):
    named = sorted(set(named_flags(ROOT, page.read_text(encoding="utf-8"))))
    assert [f"{program} {flag}" for program, flag in named if flag not in flags_of(ROOT, program)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_flags_exist(page):
    text = re.sub(
        r"<!--.*?-->|^\|?[\s|:-]*-{3,}[\s|:-]*$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M
    )
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9_-]*", text))
    assert sorted(named - FOREIGN_FLAGS.union(*(flags_of(ROOT, program) for program in programs(ROOT)))) == []


def test_a_flag_of_another_program_is_found():
    page = """Add `--dry-run`, or `--csv FILE` of `tools/predict_video.py`, to `train_net.py --seed 1`.

| `tools/detect_persons.py` | boxes | `--score` |

```bash
for n in 1 2; do python test_net.py --nothing $n -- --x; done | tools/finetune_quickstart.sh a.yaml \\
    --demo --resum  # --hidden
python -m alphaction doctor --jso && torchrun -m alphaction train --plan
```
"""
    assert set(named_flags(ROOT, page)) == {
        ("tools/predict_video.py", "--csv"),
        ("train_net.py", "--seed"),
        ("tools/detect_persons.py", "--score"),
        ("test_net.py", "--nothing"),
        (QUICKSTART, "--demo"),
        (QUICKSTART, "--resum"),
        (DOCTOR, "--jso"),
        ("train_net.py", "--plan"),
    }
    assert "--json" in flags_of(ROOT, DOCTOR)
    assert "--seed" in flags_of(ROOT, "train_net.py") - flags_of(ROOT, "tools/predict_video.py")
    assert {"--demo", "--resume"} <= flags_of(ROOT, QUICKSTART)
    assert "--resum" not in flags_of(ROOT, QUICKSTART)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_exist(page):
    text = page.read_text(encoding="utf-8")
    links = {link for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) if not link.startswith("http")}
    missing = [link for link in links if not (page.parent / link).exists()]
    named = re.findall(rf"(?<![\w./-])((?:{'|'.join(ROOTS)})/[\w./-]*\w\.(?:py|sh|sbatch|yaml|md|pbtxt))", text)
    missing += [name for name in named if not (ROOT / name).exists()]
    assert sorted(set(missing)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_anchors_exist(page):
    for link, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        target = page if not link else page.parent / link
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in anchors, f"{page.name}: {link}#{anchor}"
