"""The arms of the ablation: what is compared with what, in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alphaction.utils.errors import UserError
from alphaction.utils.messages import suggest

IA = "MODEL.IA_STRUCTURE"
BASELINE = "baseline"
SINGLES = ("P", "O", "M")
# The blocks of the structures that have all three kinds.
FULL = {"serial": "[P, O, M]", "dense": "[P, O, M]", "parallel": "[[P, O, M]]"}
# What the new options are in the published models.
UPSTREAM = {
    "MASK_ABSENT": False,
    "CENTER_FEATURES": False,
    "POSITION_INIT_STD": 0.0,
    "MEMORY_OWN_SECOND": True,
    "COSINE_SCALE": 0.0,
}
# Likewise, how blocks start.
UPSTREAM_START = {"CONV_INIT_STD": 0.01, "USE_ZERO_INIT_CONV": True}
HEAD = "MODEL.ROI_ACTION_HEAD"
TWO_LAYERS = ((f"{HEAD}.FEATURE_EXTRACTOR", "2MLPFeatureExtractor"),)
SKIP = ((f"{HEAD}.MLP_SKIP", "True"),)
# A quarter of the rate for all layers of the head, or for the IA structure alone (whose factor is 0.5 here).
SLOW_HEAD = (("SOLVER.HEAD_LR_FACTOR", "0.25"),)
SLOW_IA = (("SOLVER.IA_LR_FACTOR", "0.125"),)
# What tools/generate_finetune_config.py --backbone tiny --use-ia writes for this world, as far as it differs from
# config_files/tiny/interactions.yaml; a test compares them.
RECIPE: dict[str, str] = {
    "MODEL.WEIGHT": "zoo:slowfast_tiny_rendered",
    "SOLVER.HEAD_LR_FACTOR": "5.0",
    "MODEL.BACKBONE.SLOWFAST.FAST.ACTIVE": "True",
    f"{HEAD}.FEATURE_EXTRACTOR": "2MLPFeatureExtractor",
    f"{HEAD}.MLP_SKIP": "True",
    f"{HEAD}.DROPOUT_RATE": "0.1",
    f"{HEAD}.POOLER_RESOLUTION": "7",
    f"{HEAD}.OBJECT_LOSS_WEIGHT": "2.0",
    f"{HEAD}.PERSON_LOSS_WEIGHT": "2.0",
    f"{HEAD}.PROPOSAL_PER_CLIP": "10",
    f"{IA}.DIM_IN": "512",
    f"{IA}.MAX_PERSON": "3",
    f"{IA}.MAX_OBJECT": "5",
    f"{IA}.MAX_PER_SEC": "3",
    "INPUT.FRAME_NUM": "16",
    "INPUT.MIN_SIZE_TRAIN": "64",
    "INPUT.MAX_SIZE_TRAIN": "352",
    "INPUT.MIN_SIZE_TEST": "64",
    "INPUT.MAX_SIZE_TEST": "352",
    "SOLVER.BASE_LR": "0.0005",
    "SOLVER.IA_LR_FACTOR": "0.3",
    "SOLVER.CLIP_GRAD_NORM": "10.0",
    "SOLVER.SCHEDULER": "half_period_cosine",
    "SOLVER.MAX_ITER": "2500",
    "SOLVER.EVAL_PERIOD": "500",
    "SOLVER.CHECKPOINT_PERIOD": "500",
    "TEST.BOX_THRESH": "0.9",
    "TEST.VIDEOS_PER_BATCH": "8",
}
# The blocks that the recipe has for each structure.
RECIPE_BLOCKS = {"serial": "[P, O, M]", "dense": "[P, O, M, P, O, M]", "parallel": "[[P, O, M], [P, O, M]]"}
# Name of an arm -> seconds that its memory reaches each way.
LENGTHS = {f"length_{seconds}": seconds for seconds in (3, 4, 6, 10, 15)}
GROUPS = ("structures", "options", "layers", "recipe", "length", "penalty", "consistency")
PLAIN = "M_one_process"
# Arms that should come to the same as the plain one.
SAME = ("M_two_processes", "M_resumed")


@dataclass(frozen=True)
class Arm:
    """One way to configure the model. Arms that come to the same config are trained once.

    Attributes:
        name: of its folder, and on the command line.
        title: in tables and plots.
        group: one of :data:`GROUPS`: the table that it belongs to.
        overrides: (config key, value as on a command line).
        processes: that share each run.
        interrupted: stop each run half way, and resume it from its checkpoint.
    """

    name: str
    title: str
    group: str
    overrides: tuple[tuple[str, str], ...]
    processes: int = 1
    interrupted: bool = False


def _wired(structure: str, blocks: str, **more: object) -> tuple[tuple[str, str], ...]:
    """Return the overrides of an IA structure; ``more`` are further keys of its section."""
    values = {"ACTIVE": True, "STRUCTURE": structure, "I_BLOCK_LIST": blocks, **more}
    return tuple((f"{IA}.{key}", str(value)) for key, value in values.items())


MEMORY_ALONE = ("serial", "[M]")
ARMS: tuple[Arm, ...] = (
    Arm(BASELINE, "no structure", "structures", ((f"{IA}.ACTIVE", "False"),)),
    Arm("P", "P: persons", "structures", _wired("serial", "[P]")),
    Arm("O", "O: objects", "structures", _wired("serial", "[O]")),
    Arm("M", "M: memory", "structures", _wired(*MEMORY_ALONE)),
    *(Arm(name, f"{name} P, O, M", "structures", _wired(name, blocks)) for name, blocks in FULL.items()),
    Arm("M_configured", "M, as configured", "options", _wired(*MEMORY_ALONE)),
    Arm("M_unmasked", "M, absent slots attended to", "options", _wired(*MEMORY_ALONE, MASK_ABSENT=False)),
    Arm("M_uncentered", "M, features not centered", "options", _wired(*MEMORY_ALONE, CENTER_FEATURES=False)),
    Arm("M_zero_positions", "M, positions start at 0", "options", _wired(*MEMORY_ALONE, POSITION_INIT_STD=0.0)),
    Arm("M_own_second", "M, own second in the memory", "options", _wired(*MEMORY_ALONE, MEMORY_OWN_SECOND=True)),
    Arm("M_dot_product", "M, scores by dot product", "options", _wired(*MEMORY_ALONE, COSINE_SCALE=0.0)),
    Arm("M_upstream", "M, these five as upstream", "options", _wired(*MEMORY_ALONE, **UPSTREAM)),
    Arm("M_upstream_start", "M, blocks start as upstream's", "options", _wired(*MEMORY_ALONE, **UPSTREAM_START)),
    Arm("M_two_layers", "M, two layers before the classifier", "options", _wired(*MEMORY_ALONE) + TWO_LAYERS),
    Arm("M_layers", "M, two layers", "layers", _wired(*MEMORY_ALONE) + TWO_LAYERS),
    Arm("M_layers_skip", "M, two layers and MLP_SKIP", "layers", _wired(*MEMORY_ALONE) + TWO_LAYERS + SKIP),
    Arm("M_slow_head", "M, two layers, all rates / 4", "layers", _wired(*MEMORY_ALONE) + TWO_LAYERS + SLOW_HEAD),
    Arm("M_slow_IA", "M, two layers, the structure's rate / 4", "layers", _wired(*MEMORY_ALONE) + TWO_LAYERS + SLOW_IA),
    *(
        Arm(f"recipe_{name}", f"recipe, {name}", "recipe", _wired(name, blocks) + tuple(RECIPE.items()))
        for name, blocks in RECIPE_BLOCKS.items()
    ),
    Arm(
        "recipe_no_skip",
        "recipe, serial, without MLP_SKIP",
        "recipe",
        _wired("serial", RECIPE_BLOCKS["serial"]) + tuple({**RECIPE, f"{HEAD}.MLP_SKIP": "False"}.items()),
    ),
    Arm("serial_configured", "serial P, O, M, as configured", "options", _wired("serial", FULL["serial"])),
    Arm(
        "serial_unmasked",
        "serial P, O, M, absent slots attended to",
        "options",
        _wired("serial", FULL["serial"], MASK_ABSENT=False),
    ),
    Arm(
        "serial_uncentered",
        "serial P, O, M, features not centered",
        "options",
        _wired("serial", FULL["serial"], CENTER_FEATURES=False),
    ),
    Arm(
        "serial_dot_product",
        "serial P, O, M, scores by dot product",
        "options",
        _wired("serial", FULL["serial"], COSINE_SCALE=0.0),
    ),
    Arm(
        "serial_upstream",
        "serial P, O, M, these five as upstream",
        "options",
        _wired("serial", FULL["serial"], **UPSTREAM),
    ),
    *(
        Arm(name, f"M, {n} s before and after", "length", _wired(*MEMORY_ALONE, LENGTH=f"[{n}, {n}]"))
        for name, n in LENGTHS.items()
    ),
    Arm("penalty_on", "M, old features scaled down", "penalty", _wired(*MEMORY_ALONE, PENALTY=True)),
    Arm("penalty_off", "M, old features as stored", "penalty", _wired(*MEMORY_ALONE, PENALTY=False)),
    Arm(PLAIN, "M, one process, without a break", "consistency", _wired(*MEMORY_ALONE)),
    Arm("M_two_processes", "M, two processes", "consistency", _wired(*MEMORY_ALONE), processes=2),
    Arm("M_resumed", "M, stopped half way and resumed", "consistency", _wired(*MEMORY_ALONE), interrupted=True),
)


def choose_arms(names: Sequence[str], arms: Sequence[Arm] = ARMS) -> tuple[Arm, ...]:
    """Return the arms of these names or groups in the table's order; all for no names.

    Raises:
        UserError: for an unknown name; it lists the known ones.
    """
    known = [*(arm.name for arm in arms), *dict.fromkeys(arm.group for arm in arms)]
    for name in names:
        if name not in known:
            raise UserError(f"--arms {name}: there is no such arm or group. {suggest(name, known, limit=40)}")
    return tuple(arm for arm in arms if not names or arm.name in names or arm.group in names)
