"""Loading: types, base files, overrides, and what the messages say."""

from __future__ import annotations

import pytest

from alphaction.config import get_cfg, load_cfg
from alphaction.utils.errors import UserError


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a config file and returns its path."""

    def write(text: str, name: str = "exp.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def fails(*args) -> str:
    """Return the message that load_cfg(*args) fails with."""
    with pytest.raises(UserError) as caught:
        load_cfg(*args)
    return str(caught.value)


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
    node = load_cfg(write("\n".join(lines) + f" {text}"))
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
    write("SOLVER: {BASE_LR: 1, MAX_ITER: 1, GAMMA: 0.5}", "a.yaml")
    write("SOLVER: {BASE_LR: 2, MAX_ITER: 2}", "sub/b.yaml")
    path = write("_BASE_: [a.yaml, sub/b.yaml]\nSOLVER: {MAX_ITER: 3, STEPS: []}")
    cfg = load_cfg(path, ["SOLVER.STEPS", "(7,)"])
    assert (cfg.SOLVER.GAMMA, cfg.SOLVER.BASE_LR, cfg.SOLVER.MAX_ITER, cfg.SOLVER.STEPS) == (0.5, 2.0, 3, (7,))


def test_base_of_a_base_is_relative_to_it(write):
    write("OUTPUT_DIR: deepest", "x/y/c.yaml")
    write("_BASE_: y/c.yaml", "x/b.yaml")
    assert load_cfg(write("_BASE_: x/b.yaml")).OUTPUT_DIR == "deepest"


def test_two_bases_may_share_one(write):
    write("OUTPUT_DIR: root", "root.yaml")
    write("_BASE_: root.yaml", "a.yaml")
    write("_BASE_: root.yaml", "b.yaml")
    assert load_cfg(write("_BASE_: [a.yaml, b.yaml]")).OUTPUT_DIR == "root"


def test_dumped_config_loads_again(write, repo_root):
    cfg = load_cfg(repo_root / "config_files" / "resnet50_4x16f_parallel.yaml", ["MODEL.WEIGHT", "w.pth"])
    again = load_cfg(write(cfg.dump()))
    assert again == cfg


def test_empty_section_and_empty_file_change_nothing(write):
    assert load_cfg(write("SOLVER:\nMODEL:\n  IA_STRUCTURE:\n")) == get_cfg()
    assert load_cfg(write("", "empty.yaml")) == get_cfg()


def test_circle_of_base_files(write):
    write("_BASE_: exp.yaml", "b.yaml")
    message = fails(write("_BASE_: b.yaml"))
    assert "circle" in message
    assert message.count("exp.yaml") == 2


def test_missing_base_names_the_file_that_asks_for_it(write):
    write("", "base.yaml")
    message = fails(write("_BASE_: bsae.yaml"))
    assert "exp.yaml" in message
    assert "bsae.yaml does not exist" in message
    assert "base.yaml" in message.split("Did you mean")[1]


def test_base_must_be_a_path(write):
    assert "line 2: _BASE_ must be a path" in fails(write("OUTPUT_DIR: x\n_BASE_: 3"))


def test_missing_file_lists_near_ones(repo_root):
    message = fails(repo_root / "config_files" / "resnet50_4x16_baseline.yaml")
    assert "does not exist" in message
    near = message.split("Did you mean ")[1].rstrip("?").split(" or ")
    assert near[0].endswith("config_files/resnet50_4x16f_baseline.yaml")


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
    expected = f"unknown key {wrong}. Did you mean {near}?"
    assert expected in fails(None, [wrong, "1"])
    *sections, name = wrong.split(".")
    text = "".join(f"{'  ' * depth}{section}:\n" for depth, section in enumerate([*sections, name]))
    # An unknown section stops at the section, so that its keys are not each reported.
    if len(sections) < 2 or sections[1] == "ROI_ACTION_HEAD":
        assert f"line {len(sections) + 1}: {expected}" in fails(write(text.rstrip() + " 1"))


def test_unknown_section_in_yaml(write):
    message = fails(write("MODEL:\n  ROI_HEAD:\n    DROPOUT_RATE: 0.5"))
    assert "line 2: unknown key MODEL.ROI_HEAD. Did you mean MODEL.ROI_ACTION_HEAD?" in message


def test_unlike_anything_lists_what_there_is():
    assert "DATALOADER has: NUM_WORKERS, PREFETCH_FACTOR" in fails(None, ["DATALOADER.XQZ", "1"])
    assert "The sections are: MODEL, INPUT" in fails(None, ["QQQQQQQ", "1"])


def test_all_mistakes_of_a_file_at_once(write):
    message = fails(write("SOLVER:\n  BASE_LRR: 1\n  MAX_ITER: many\nINPUT: 3\n"))
    assert "3 mistakes in config file" in message
    assert "exp.yaml" in message
    assert "line 2: unknown key SOLVER.BASE_LRR" in message
    assert 'line 3: SOLVER.MAX_ITER: expected an integer, got the text "many".' in message
    assert "line 4: INPUT is a section, not a value" in message


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("SOLVER.MAX_ITER", "1.5", "expected an integer"),
        ("SOLVER.MAX_ITER", True, "expected an integer, got bool True"),
        ("SOLVER.BASE_LR", "fast", "expected a number such as 0.1 or 1e-7"),
        ("SOLVER.BASE_LR", "(1,)", "expected a number"),
        ("SOLVER.WARMUP_ON", "1", "expected True or False"),
        ("SOLVER.WARMUP_ON", 1, "expected True or False, got int 1"),
        ("SOLVER.STEPS", "(a, b)", "did the shell take away its quotes?"),
        ("SOLVER.STEPS", "[a, b]", "expected an integer"),
        ("SOLVER.STEPS", {"a": 1}, "expected a list of integers"),
        ("SOLVER.STEPS", True, "expected a list of integers"),
        ("DATASETS.TRAIN", [["a"]], "expected text"),
        ("OUTPUT_DIR", None, 'write "" for empty text'),
        ("OUTPUT_DIR", 3, 'write it in quotes: "3"'),
    ],
)
def test_wrong_types(key, value, expected):
    message = fails(None, [key, value])
    assert f"{key}: " in message
    assert expected in message


def test_override_pairs():
    assert "the last one is alone: 'SOLVER.MAX_ITER'" in fails(None, ["OUTPUT_DIR", "x", "SOLVER.MAX_ITER"])
    assert 'write "SOLVER.MAX_ITER 3"' in fails(None, ["SOLVER.MAX_ITER=3"])
    assert "put flags before" in fails(None, ["OUTPUT_DIR", "x", "--no-head"])
    assert "SOLVER is a section, not a value; it has the keys MAX_ITER" in fails(None, ["SOLVER", "3"])
    assert "2 mistakes" in fails(None, ["A.B", "1", "SOLVER.MAX_ITER", "x"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SOLVER:\n  GAMMA: 0.1\n  GAMMA: 0.2\n", 'line 3: "GAMMA" is given twice (first in line 2)'),
        ("SOLVER:\n\tGAMMA: 0.1\n", "indented with spaces, not tabs"),
        ("SOLVER: [1\n", "line 2"),
        ("- a\n- b\n", 'expected "KEY: value" lines'),
        ("SOLVER:\n  _BASE_: a.yaml\n", "belongs at the top of a config file only"),
    ],
)
def test_malformed_yaml(write, text, expected):
    message = fails(write(text))
    assert "exp.yaml" in message
    assert expected in message


def test_anchors_and_merge_keys_work(write):
    text = "SOLVER: &common {VIDEOS_PER_BATCH: 4}\nTEST:\n  <<: *common\n  BOX_THRESH: 0.5\n"
    cfg = load_cfg(write(text))
    assert (cfg.SOLVER.VIDEOS_PER_BATCH, cfg.TEST.VIDEOS_PER_BATCH, cfg.TEST.BOX_THRESH) == (4, 4, 0.5)


def test_folder_instead_of_a_file(tmp_path):
    assert f"{tmp_path} is a folder" in fails(tmp_path)
