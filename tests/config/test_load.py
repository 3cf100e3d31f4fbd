"""Loading: types, base files, overrides, and what the messages say."""

from __future__ import annotations

from pathlib import Path

import pytest
from messages import refused

from alphaction.config import get_cfg, load_cfg


def test_get_cfg_is_fresh():
    first = get_cfg()
    first.SOLVER.BASE_LR = 5.0
    first.INPUT.PIXEL_MEAN.append(1.0)
    assert get_cfg().SOLVER.BASE_LR == 0.02
    assert len(get_cfg().INPUT.PIXEL_MEAN) == 3


@pytest.mark.parametrize("config_file", [None, ""])
def test_no_file_gives_the_defaults(config_file):
    assert load_cfg(config_file) == get_cfg()


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("SOLVER.WEIGHT_DECAY", "1e-7", 1e-7),
        ("SOLVER.BASE_LR", "1", 1.0),
        ("SOLVER.BASE_LR", "'0.5'", 0.5),
        ("SOLVER.MAX_ITER", "9e4", 90000),
        ("SOLVER.STEPS", "(50000, 70000)", (50000, 70000)),
        ("SOLVER.STEPS", "[50000, 70000]", (50000, 70000)),
        ("SOLVER.STEPS", "100", (100,)),
        ("SOLVER.STEPS", "[]", ()),
        ("SOLVER.AMP", "off", "off"),
        ("SOLVER.WARMUP_ON", "off", False),
        ("SOLVER.WARMUP_ON", "Yes", True),
        ("INPUT.PIXEL_STD", "(1, 2, 3)", [1.0, 2.0, 3.0]),
        ("INPUT.FLIP_CLASS_PAIRS", "[[walk left, walk right]]", [["walk left", "walk right"]]),
        ("DATASETS.TRAIN", '("a",)', ("a",)),
        ("DATASETS.TRAIN", "[a, b]", ("a", "b")),
        ("DATASETS.TRAIN", "a", ("a",)),
        ("MODEL.IA_STRUCTURE.I_BLOCK_LIST", "[P, M]", ["P", "M"]),
        ("MODEL.IA_STRUCTURE.I_BLOCK_LIST", "[[P, M], [P, M]]", [["P", "M"], ["P", "M"]]),
        ("MODEL.IA_STRUCTURE.LENGTH", "[3, 4]", (3, 4)),
    ],
)
def test_types_from_yaml(write, key, text, value):
    names = key.split(".")
    lines = [f"{'  ' * depth}{name}:" for depth, name in enumerate(names)]
    node = load_cfg(write("exp.yaml", "\n".join(lines) + f" {text}"))
    for name in names:
        node = node[name]
    assert node == value
    assert type(node) is type(value)


@pytest.mark.parametrize(
    ("key", "given", "value"),
    [
        ("SOLVER.BASE_LR", "1e-3", 1e-3),
        ("SOLVER.BASE_LR", 1, 1.0),
        ("SOLVER.MAX_ITER", "7", 7),
        ("SOLVER.WARMUP_ON", "false", False),
        ("SOLVER.STEPS", "(5,6)", (5, 6)),
        ("SOLVER.STEPS", (5, 6), (5, 6)),
        ("DATASETS.TRAIN", "toy_train", ("toy_train",)),
        ("DATASETS.TRAIN", "[a, b]", ("a", "b")),
        ("MODEL.IA_STRUCTURE.I_BLOCK_LIST", "[[P, O], [P, O]]", [["P", "O"], ["P", "O"]]),
        ("MODEL.WEIGHT", "''", ""),
        ("OUTPUT_DIR", "2024", "2024"),
        ("INPUT.FLIP_CLASS_PAIRS", "[['l', 'r']]", [["l", "r"]]),
    ],
)
def test_types_from_the_command_line(key, given, value):
    node = load_cfg(None, [key, given])
    for name in key.split("."):
        node = node[name]
    assert node == value
    assert type(node) is type(value)


def test_later_sources_win(write):
    write("a.yaml", "SOLVER: {BASE_LR: 1, MAX_ITER: 1, GAMMA: 0.5}")
    write("sub/b.yaml", "SOLVER: {BASE_LR: 2, MAX_ITER: 2}")
    path = write("exp.yaml", "_BASE_: [a.yaml, sub/b.yaml]\nSOLVER: {MAX_ITER: 3, STEPS: []}")
    cfg = load_cfg(path, ["SOLVER.STEPS", "(7,)"])
    assert (cfg.SOLVER.GAMMA, cfg.SOLVER.BASE_LR, cfg.SOLVER.MAX_ITER, cfg.SOLVER.STEPS) == (0.5, 2.0, 3, (7,))


def test_base_of_a_base_is_relative_to_it(write):
    write("x/y/c.yaml", "OUTPUT_DIR: deepest")
    write("x/b.yaml", "_BASE_: y/c.yaml")
    assert load_cfg(write("exp.yaml", "_BASE_: x/b.yaml")).OUTPUT_DIR == "deepest"


def test_two_bases_may_share_one(write):
    write("root.yaml", "OUTPUT_DIR: root")
    write("a.yaml", "_BASE_: root.yaml")
    write("b.yaml", "_BASE_: root.yaml")
    assert load_cfg(write("exp.yaml", "_BASE_: [a.yaml, b.yaml]")).OUTPUT_DIR == "root"


def test_dumped_config_loads_again(write, repo_root):
    cfg = load_cfg(repo_root / "config_files" / "resnet50_4x16f_parallel.yaml", ["MODEL.WEIGHT", "w.pth"])
    again = load_cfg(write("exp.yaml", cfg.dump()))
    assert again == cfg


def test_empty_section_and_empty_file_change_nothing(write):
    assert load_cfg(write("exp.yaml", "SOLVER:\nMODEL:\n  IA_STRUCTURE:\n")) == get_cfg()
    assert load_cfg(write("empty.yaml", "")) == get_cfg()


def test_circle_of_base_files(write):
    write("b.yaml", "_BASE_: exp.yaml")
    path = write("exp.yaml", "_BASE_: b.yaml")
    message = refused(lambda: load_cfg(path), "circle")
    assert message.count("exp.yaml") == 2


def test_missing_base_names_the_file_that_asks_for_it(write):
    write("base.yaml", "")
    path = write("exp.yaml", "_BASE_: bsae.yaml")
    refused(lambda: load_cfg(path), "exp.yaml", "bsae.yaml ", "/base.yaml?")


def test_base_must_be_a_path(write):
    path = write("exp.yaml", "OUTPUT_DIR: x\n_BASE_: 3")
    refused(lambda: load_cfg(path), "line 2: _BASE_ ")


def test_missing_file_lists_near_ones(repo_root):
    folder = repo_root / "config_files"
    wrong, near = folder / "resnet50_4x16_baseline.yaml", folder / "resnet50_4x16f_baseline.yaml"
    refused(lambda: load_cfg(wrong), wrong, near)


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("SOLVER.BASE_LRR", "SOLVER.BASE_LR"),
        ("SOLVER.base_lr", "SOLVER.BASE_LR"),
        ("MODEL.TAU", "INPUT.TAU"),
        ("TEST.VIDEO_PER_BATCH", "TEST.VIDEOS_PER_BATCH"),
        ("MODEL.ROI_HEAD.DROPOUT_RATE", "MODEL.ROI_ACTION_HEAD.DROPOUT_RATE"),
        ("MODEL.ROI_ACTION_HEAD.NUM_PERSON_MOVEMENT_CLASS", "MODEL.ROI_ACTION_HEAD.NUM_PERSON_MOVEMENT_CLASSES"),
        ("SOLVR", "SOLVER"),
        ("OUTPUTDIR", "OUTPUT_DIR"),
    ],
)
def test_unknown_keys_name_the_nearest(write, wrong, near):
    refused(lambda: load_cfg(None, [wrong, "1"]), f"{wrong}.", f"{near}?")
    *sections, name = wrong.split(".")
    text = "".join(f"{'  ' * depth}{section}:\n" for depth, section in enumerate([*sections, name]))
    # An unknown section stops at the section, so that its keys are not each reported.
    if len(sections) < 2 or sections[1] == "ROI_ACTION_HEAD":
        path = write("exp.yaml", text.rstrip() + " 1")
        refused(lambda: load_cfg(path), f"line {len(sections) + 1}: ", f"{wrong}.", f"{near}?")


def test_unknown_section_in_yaml(write):
    path = write("exp.yaml", "MODEL:\n  ROI_HEAD:\n    DROPOUT_RATE: 0.5")
    refused(lambda: load_cfg(path), "line 2: ", "MODEL.ROI_HEAD.", "MODEL.ROI_ACTION_HEAD?")


def test_unlike_anything_lists_what_there_is():
    refused(lambda: load_cfg(None, ["DATALOADER.XQZ", "1"]), "NUM_WORKERS, PREFETCH_FACTOR")
    refused(lambda: load_cfg(None, ["QQQQQQQ", "1"]), "MODEL, INPUT")


def test_all_mistakes_of_a_file_at_once(write):
    path = write("exp.yaml", "SOLVER:\n  BASE_LRR: 1\n  MAX_ITER: many\nINPUT: 3\n")
    lines = ("SOLVER.BASE_LRR", "line 3: SOLVER.MAX_ITER", '"many"', "line 4: INPUT ")
    refused(lambda: load_cfg(path), "3 mistakes", "exp.yaml", *lines)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("SOLVER.MAX_ITER", "1.5", "an integer"),
        ("SOLVER.MAX_ITER", True, "bool True"),
        ("SOLVER.BASE_LR", "fast", "0.1 or 1e-7"),
        ("SOLVER.BASE_LR", "(1,)", "a number"),
        ("SOLVER.WARMUP_ON", "1", "True or False"),
        ("SOLVER.WARMUP_ON", 1, "int 1"),
        ("SOLVER.STEPS", "(a, b)", "quotes"),
        ("SOLVER.STEPS", "[a, b]", "an integer"),
        ("SOLVER.STEPS", {"a": 1}, "a list of integers"),
        ("SOLVER.STEPS", True, "a list of integers"),
        ("DATASETS.TRAIN", [["a"]], "text"),
        ("OUTPUT_DIR", None, '""'),
        ("OUTPUT_DIR", 3, '"3"'),
    ],
)
def test_wrong_types(key, value, expected):
    refused(lambda: load_cfg(None, [key, value]), f"{key}: ", expected)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["OUTPUT_DIR", "x", "SOLVER.MAX_ITER"], "'SOLVER.MAX_ITER'"),
        (["SOLVER.MAX_ITER=3"], '"SOLVER.MAX_ITER 3"'),
        (["OUTPUT_DIR", "x", "--no-head"], "--no-head"),
        (["SOLVER", "3"], "MAX_ITER"),
        (["A.B", "1", "SOLVER.MAX_ITER", "x"], "2 mistakes"),
    ],
)
def test_override_pairs(overrides, expected):
    refused(lambda: load_cfg(None, overrides), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SOLVER:\n  GAMMA: 0.1\n  GAMMA: 0.2\n", 'line 3: "GAMMA"'),
        ("SOLVER:\n\tGAMMA: 0.1\n", "spaces, not tabs"),
        ("SOLVER: [1\n", "line 2"),
        ("- a\n- b\n", '"KEY: value"'),
        ("SOLVER:\n  _BASE_: a.yaml\n", "_BASE_"),
    ],
)
def test_malformed_yaml(write, text, expected):
    path = write("exp.yaml", text)
    refused(lambda: load_cfg(path), "exp.yaml", expected)


def test_anchors_and_merge_keys_work(write):
    text = "SOLVER: &common {VIDEOS_PER_BATCH: 4}\nTEST:\n  <<: *common\n  BOX_THRESH: 0.5\n"
    cfg = load_cfg(write("exp.yaml", text))
    assert (cfg.SOLVER.VIDEOS_PER_BATCH, cfg.TEST.VIDEOS_PER_BATCH, cfg.TEST.BOX_THRESH) == (4, 4, 0.5)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="stands for a file on a damaged disk")
def test_a_file_that_the_disk_does_not_give():
    refused(lambda: load_cfg("/proc/self/mem"), "/proc/self/mem is not readable as YAML", "Input/output error")


def test_folder_instead_of_a_file(tmp_path):
    refused(lambda: load_cfg(tmp_path), f"{tmp_path} is a folder")


def test_files_that_multiply_through_their_bases_are_refused(write):
    write("last.yaml", "SEED: 1\n" if "SEED" in get_cfg() else "SOLVER: {BASE_LR: 1}\n")
    write("middle.yaml", f"_BASE_: [{'last.yaml, ' * 40}]\n")
    first = write("first.yaml", f"_BASE_: [{'middle.yaml, ' * 40}]\n")
    refused(lambda: load_cfg(first), "first.yaml builds on more than 50 files through _BASE_", "last.yaml")


def test_a_chain_of_bases_that_is_too_long_is_refused(write):
    write("0.yaml", "SOLVER: {BASE_LR: 1}\n")
    for number in range(1, 1200):
        write(f"{number}.yaml", f"_BASE_: {number - 1}.yaml\n")
    refused(lambda: load_cfg(write("top.yaml", "_BASE_: 1199.yaml\n")), "builds on more than 50 files")


def test_a_file_that_is_too_large_is_refused_by_its_size(write):
    path = write("big.yaml", "# x\n" * 100_000)
    refused(lambda: load_cfg(path), "big.yaml: 400,000 bytes are too many", "262,144")


@pytest.mark.parametrize("value", ["[" * 20_000, "(" * 5000, f"[{'1,' * 20_000}]", "x" * 20_001])
def test_a_value_that_is_too_long_or_too_deep_is_refused(value):
    for key in ("SOLVER.STEPS", "SOLVER.BASE_LR", "OUTPUT_DIR"):
        assert len(refused(lambda key=key: load_cfg(None, [key, value]), key)) < 500
    assert load_cfg(None, ["OUTPUT_DIR", "-" * 19_000]).OUTPUT_DIR == "-" * 19_000
    refused(lambda: load_cfg(None, ["SOLVER.MAX_ITER", "-" * 19_000 + "1"]), "SOLVER.MAX_ITER", "an integer")


def test_too_many_overrides_and_too_many_mistakes(write):
    refused(lambda: load_cfg(None, ["SOLVER.BASE_LR", "1"] * 1001), "2,002 words", "1,000 pairs")
    path = write("wrong.yaml", "".join(f"UNKNOWN_{number}: 1\n" for number in range(10_000)))
    message = refused(lambda: load_cfg(path), "20 mistakes or more in config file", "UNKNOWN_0")
    assert message.count("\n") == 20


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("SOLVER.MAX_ITER", 10**400, "1329 bits"),
        ("SOLVER.MAX_ITER", 1e300, "997 bits"),
        ("SOLVER.BASE_LR", 10**400, "1329 bits"),
        ("SOLVER.MAX_ITER", "9" * 900, "2990 bits"),
        ("SOLVER.STEPS", [2**63], "64 bits"),
        ("SOLVER.MAX_ITER", float("inf"), "an integer"),
        ("OUTPUT_DIR", "'a\\x00b'", "zero byte"),
        ("SOLVER.BASE_LR.X", "1", "SOLVER.BASE_LR is a value, and has no keys"),
        ("SOLVER.BASE_LR.ENTIRELY_UNLIKE_ANYTHING", "1", "is a value, and has no keys"),
    ],
)
def test_values_that_no_key_can_have(key, value, problem):
    refused(lambda: load_cfg(None, [key, value]), key, problem)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('OUTPUT_DIR: "a\\0b"\n', ("line 1", "zero byte")),
        ('SOLVER:\n  "\\uD800": 1\n', ("line 2", "half of a character")),
        ("SOLVER: !!binary a\n", ("line 1", "base64")),
        ("SOLVER:\n  BASE_LR: !!int a\n", ("not what it is marked as",)),
        ("? {a: 1}\n: 1\n", ("not what it is marked as",)),
        ("SOLVER: 2001-99-99\n", ("not what it is marked as",)),
        ("<<: [1]\n", ("line 1",)),
        ("_BASE_: " + "x" * 5000 + ".yaml\n", ("does not exist",)),
    ],
)
def test_yaml_that_holds_no_config(write, text, parts):
    path = write("odd.yaml", text)
    refused(lambda: load_cfg(path), "odd.yaml", *parts)
