"""The arms of the generated recipe are what the generator writes."""

from __future__ import annotations

import pytest

from alphaction.config import load_cfg
from alphaction.config.tree import get_value, leaf_keys
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.generate import generate_config
from benchmarks.ablation.arms import ARMS
from benchmarks.ablation.plan import CONFIG, IRRELEVANT

# What the dataset's files decide, the machine, or the size of the dataset, which is tiny here.
OTHERS = {
    *IRRELEVANT,
    "MODEL.DEVICE",
    "DATASETS.TRAIN",
    "DATASETS.TEST",
    "MODEL.IA_STRUCTURE.LENGTH",
    "SOLVER.VIDEOS_PER_BATCH",
    "SOLVER.MAX_ITER",
    "SOLVER.STEPS",  # not used by a cosine
    "SOLVER.BASE_LR",
    "SOLVER.EVAL_PERIOD",
    "SOLVER.CHECKPOINT_PERIOD",
    "SOLVER.WARMUP_ITERS",
}


@pytest.mark.parametrize("name", ["serial", "dense", "parallel"])
def test_the_recipes_arms_are_what_is_generated(folder, name):
    structure = {"dense": "denseserial"}.get(name, name)
    options = FinetuneOptions(
        "toy", backbone="tiny", use_ia=True, ia_structure=structure, catalog=(str(folder / "dataset.yaml"),)
    )
    made = generate_config(options).cfg
    arm = next(arm for arm in ARMS if arm.name == f"recipe_{name}")
    ours = load_cfg(CONFIG, [text for pair in arm.overrides for text in pair])
    different = {key for key in leaf_keys(ours) if get_value(ours, key) != get_value(made, key)} - OTHERS
    assert {key for key in different if "CLASSES" not in key} == set()
