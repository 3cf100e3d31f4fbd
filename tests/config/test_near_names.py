"""Names of other frameworks: what messages about an unknown config key or flag make of them."""

from __future__ import annotations

import pytest
from messages import refused

from alphaction.config import load_cfg
from alphaction.config.keys import KEYS
from alphaction.engine.pictures import PictureOptions
from alphaction.engine.run_flags import train_parser
from alphaction.utils.near_name_table import NEAR_NAMES
from alphaction.utils.near_names import find_near_name
from alphaction.utils.options import CommandParser, add_options
from alphaction.workflows.detect.detector_options import DetectorOptions
from alphaction.workflows.finetune.finetune_options import FinetuneOptions
from alphaction.workflows.finetune.launch.launch_options import LaunchOptions, parse_options
from alphaction.workflows.predict.video_options import VideoOptions
from alphaction.workflows.prepare.prepare_options import PrepareOptions


def test_every_name_stands_for_a_key_or_says_what_to_do():
    # Those that a script has besides its options.
    flags = {"--video", "--import", "--class-id", "--annotations", "CONFIG", *train_parser().flags}
    for options in (
        FinetuneOptions, LaunchOptions, DetectorOptions, PrepareOptions, VideoOptions, PictureOptions
    ):  # fmt: skip
        parser = CommandParser(conflict_handler="resolve")
        add_options(parser, options)
        flags |= set(parser.flags)
    names = [name for entry in NEAR_NAMES for name in entry.names]
    assert len(names) == len(set(names)) > 400
    for entry in NEAR_NAMES:
        assert entry.key in KEYS or (not entry.key and entry.note), entry.names
        assert {flag.partition(" ")[0] for flag in entry.flags} <= flags, entry.names
        assert all(find_near_name(name.upper()) is entry for name in entry.names)
        # A key's own name in a section that does not exist means that key.
        for key in KEYS:
            if key.rpartition(".")[2].lower() in entry.names and key.count(".") == 1:
                assert entry.key == key


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("BATCH_SIZE", "SOLVER.VIDEOS_PER_BATCH"),
        ("SOLVER.IMS_PER_BATCH", "SOLVER.VIDEOS_PER_BATCH"),
        ("TEST.BATCH_SIZE", "TEST.VIDEOS_PER_BATCH"),
        ("data.videos_per_gpu", "SOLVER.VIDEOS_PER_BATCH"),
        ("NUM_EPOCHS", "SOLVER.MAX_ITER"),
        ("SOLVER.MAX_EPOCH", "SOLVER.MAX_ITER"),
        ("optimizer.lr", "SOLVER.BASE_LR"),
        ("lr0", "SOLVER.BASE_LR"),
        ("imgsz", "INPUT.MIN_SIZE_TRAIN"),
        ("workers", "DATALOADER.NUM_WORKERS"),
        ("MODEL.WEIGHTS", "MODEL.WEIGHT"),
        ("load_from", "MODEL.WEIGHT"),
        ("work_dir", "OUTPUT_DIR"),
        ("precision", "SOLVER.AMP"),
        ("accumulate_grad_batches", "SOLVER.ACCUMULATION_STEPS"),
        ("accelerator", "MODEL.DEVICE"),
        ("DATASETS.VAL", "DATASETS.TEST"),
        ("DATA.NUM_FRAMES", "INPUT.FRAME_NUM"),
        ("SOLVER.AMP.ENABLED", "SOLVER.AMP"),
        ("optim_wrapper.type", "SOLVER.AMP"),
        ("optimizer", "SOLVER.OPTIMIZER"),
        ("optim_wrapper.optimizer.type", "SOLVER.OPTIMIZER"),
        ("optim_wrapper.optimizer.weight_decay", "SOLVER.WEIGHT_DECAY"),
        ("optim_wrapper.clip_grad.max_norm", "SOLVER.CLIP_GRAD_NORM"),
        ("SOLVER.CLIP_GRADIENTS.CLIP_VALUE", "SOLVER.CLIP_GRAD_NORM"),
        ("default_hooks.checkpoint.interval", "SOLVER.CHECKPOINT_PERIOD"),
        ("default_hooks.logger.interval", "SOLVER.LOG_PERIOD"),
        ("model.backbone.depth", "MODEL.BACKBONE.CONV_BODY"),
        ("MODEL.RESNETS.DEPTH", "MODEL.BACKBONE.CONV_BODY"),
        ("RESNET.DEPTH", "MODEL.BACKBONE.CONV_BODY"),
        ("TEST.DATASET", "DATASETS.TEST"),
        ("DATA.PATH_TO_DATA_DIR", "DATASETS.DATA_DIR"),
        ("DATA.TEST_CROP_SIZE", "INPUT.MIN_SIZE_TRAIN"),
        ("SOLVER.WARMUP_START_LR", "SOLVER.WARMUP_FACTOR"),
        ("TEST.EVAL_PERIOD", "SOLVER.EVAL_PERIOD"),
        ("cos_lr", "SOLVER.SCHEDULER"),
    ],
)
def test_a_key_of_another_framework(key, meant):
    refused(lambda: load_cfg(None, [key, "1"]), f"unknown key {key}. Did you mean {meant}?")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("NUM_EPOCHS", "--epochs of tools/generate_finetune_config.py"),
        ("devices", "--num-gpus of tools/finetune_quickstart.sh"),
        ("resume_from", "--resume of train_net.py"),
        ("seed", "--seed of train_net.py"),
        ("TRAIN.ENABLE", "test_net.py evaluates"),
        ("NUM_SHARDS", "--nnodes"),
        ("AVA.LABEL_MAP_FILE", "--label-map of tools/prepare_dataset.py"),
        ("AVA.EXCLUSION_FILE", "--val-exclusions"),
        ("TENSORBOARD.ENABLE", "--use-tfboard"),
    ],
)
def test_what_is_no_key_here_says_what_to_do(key, words):
    refused(lambda: load_cfg(None, [key, "1"]), f"unknown key {key}. ", words)


def test_a_section_of_another_framework_is_looked_into(write):
    path = write("c.yaml", "train_cfg:\n  max_epochs: 20\n  other: 1\nTRAIN:\n  BATCH_SIZE: 8\n")
    refused(
        lambda: load_cfg(path),
        "3 mistakes",
        "line 2: unknown key train_cfg.max_epochs. Did you mean SOLVER.MAX_ITER?",
        "line 3: unknown key train_cfg.other. ",
        "line 5: unknown key TRAIN.BATCH_SIZE. Did you mean SOLVER.VIDEOS_PER_BATCH?",
    )


def parser_of(*options: type, flags: tuple[str, ...] = (), keys: str | None = None) -> CommandParser:
    parser = CommandParser(keys=keys)
    for declared in options:
        add_options(parser, declared)
    for flag in flags:
        parser.add_argument(flag)
    return parser


TOOLS = {
    "train": train_parser(),
    "generate": parser_of(FinetuneOptions),
    "prepare": parser_of(PrepareOptions, flags=("--annotations",)),
    "detect": parser_of(DetectorOptions, flags=("--import", "--class-id", "--force", "--videos", "--config-file")),
    "predict": parser_of(VideoOptions, flags=("--config-file", "--video"), keys=""),
}


@pytest.mark.parametrize(
    ("tool", "flags", "hint"),
    [
        ("generate", "--max_epochs=3 --epoch", "--epochs"),
        ("generate", "--batch_size --bs --ims-per-batch", "--batch-size"),
        ("generate", "--learning-rate --lr0", "--lr"),
        ("generate", "--pretrained --checkpoint --load-from", "--weights"),
        ("generate", "--model --arch --net", "--backbone"),
        ("generate", "--num-gpu --gpus --devices", "--num-gpus"),
        ("generate", "--work-dir --project --save-dir", "--output-dir"),
        ("generate", "--data", "--dataset-name"),
        ("generate", "--nc --classes", "--num-classes"),
        ("train", "--no-validate --no-val", "--skip-val-in-train"),
        ("train", "--auto-scale-lr", "--adjust-lr"),
        ("train", "--cfg --config --config_file --conf", "--config-file"),
        ("train", "--tensorboard", "--use-tfboard"),
        ("train", "--resume-from --auto-resume", "--resume"),
        ("prepare", "--classes --class-names --labels", "--label-map"),
        ("prepare", "--workers --num-workers --jobs", "--processes"),
        ("prepare", "--fps", "--frame-rate"),
        ("prepare", "--val-split --val-ratio --test-size", "--val-fraction"),
        ("prepare", "--boxes --detections --proposals", "--person-boxes"),
        ("prepare", "--overwrite --exist-ok -f", "--force"),
        ("prepare", "--ann-file --annotation", "--annotations"),
        ("prepare", "--video-dir --source --input", "--videos"),
        ("detect", "--conf --thresh --score-thr", "--score"),
        ("detect", "--imgsz", "--short-side"),
        ("detect", "--max-det", "--max-per-frame"),
        ("detect", "--boxes --detections", "--import"),
        ("detect", "--gpu", "--device"),
        ("predict", "--conf=0.3 --thresh --confidence-threshold --action-score-thr", "--min-score"),
        ("predict", "--import --boxes --person-boxes", "--detections"),
        ("predict", "--save-csv --save-txt", "--csv"),
        ("predict", "--overwrite --exist-ok", "--force"),
        ("predict", "--source --video-input --input", "--video"),
        ("predict", "--out-filename --out --save-dir", "--output"),
        ("predict", "--det-checkpoint", "--detector-weights"),
        ("predict", "--start-time", "--start"),
        ("predict", "--max", "--max-classes"),
    ],
)
def test_a_flag_of_another_framework_is_one_here(tool, flags, hint):
    for flag in flags.split():
        assert TOOLS[tool].hint(flag) == f'Did you mean "{hint}"?', flag


@pytest.mark.parametrize(
    ("tool", "flag", "hint"),
    [
        (
            "train",
            "--amp",
            'That is the config key SOLVER.AMP: write "SOLVER.AMP VALUE" at the end of the command. It is off, bf16 or '
            "fp16.",
        ),
        ("generate", "--device", 'Did you mean "--num-gpus" (0: the CPU)?'),
        (
            "generate",
            "--lr-gamma",
            "That is the config key SOLVER.GAMMA of a training: it stands in its config, or at the end of its command.",
        ),
        ("train", "--eval-only", "test_net.py evaluates weights; train_net.py always trains."),
        ("train", "--skip", 'Did you mean "--skip-final-test" or "--skip-report" or "--skip-val-in-train"?'),
        ("generate", "--zzz", ""),
    ],
)
def test_what_is_no_flag_here_says_what_to_do(tool, flag, hint):
    assert TOOLS[tool].hint(flag) == hint


@pytest.mark.parametrize("flag", ["--cfg-options", "--opts", "--override"])
@pytest.mark.parametrize("tool", TOOLS)
def test_flags_for_config_keys_say_where_these_stand(tool, flag):
    assert TOOLS[tool].hint(flag).startswith("Config keys and their values stand at the end of a command")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("--config-file c.yaml", 'Did you mean "CONFIG" (the first word, without a flag)?'),
        ("--config c.yaml", 'Did you mean "CONFIG" (the first word, without a flag)?'),
        ("c.yaml --no-val", 'Did you mean "--skip-val"?'),
        ("c.yaml -y", 'Did you mean "--yes"?'),
        ("c.yaml --device cpu", 'Did you mean "--cpu"?'),
        ("c.yaml --num-machines 2", 'Did you mean "--nnodes"?'),
        ("c.yaml --amp", 'SOLVER.AMP: write "-- SOLVER.AMP VALUE" at the end of the command.'),
        ("c.yaml --finetune", 'Did you mean "--new-classes"?'),
        ("c.yaml --opts A B", "after -- in tools/finetune_quickstart.sh"),
    ],
)
def test_the_launcher_knows_them_too(line, hint):
    refused(lambda: parse_options(line.split()), "unknown option ", hint)
