"""The keys of SOLVER and TEST, and the folder of a run."""

from __future__ import annotations

from alphaction.config.keys.declaration import BELOW_ONE, FROM_ZERO, REGISTERED, SHARE, Key, Section
from alphaction.utils.numbers import ABOVE_ZERO, FRACTION, NOT_NEGATIVE, POSITIVE, Range

SOLVER: tuple[Section | Key, ...] = (
    Section("SOLVER", "Stochastic gradient descent and its schedule."),
    Key("SOLVER.MAX_ITER", 75000, "Optimizer steps of the whole run.", unit="iterations", within=POSITIVE),
    Key("SOLVER.BASE_LR", 0.02, "Learning rate for a batch of VIDEOS_PER_BATCH clips.", within=ABOVE_ZERO),
    Key("SOLVER.BIAS_LR_FACTOR", 2.0, "Multiplies the learning rate of biases.", within=FROM_ZERO),
    Key("SOLVER.IA_LR_FACTOR", 1.0, "Multiplies the learning rate of the IA structure.", within=FROM_ZERO),
    Key(
        "SOLVER.HEAD_LR_FACTOR",
        1.0,
        "Multiplies the learning rate of the whole action head; that of its IA structure is multiplied by both.",
        within=FROM_ZERO,
    ),
    Key(
        "SOLVER.OPTIMIZER",
        "sgd",
        "The optimizer. `adamw` (decoupled weight decay) learns faster from random weights on small data; BASE_LR "
        "is then about 0.001, and follows the square root of the batch in place of the batch.",
        choices=REGISTERED,
    ),
    Key("SOLVER.MOMENTUM", 0.9, "Momentum; the first beta of `adamw`.", within=BELOW_ONE),
    Key("SOLVER.WEIGHT_DECAY", 1e-4, "Weight decay of weights.", within=FROM_ZERO),
    Key("SOLVER.WEIGHT_DECAY_BIAS", 0.0, "Weight decay of biases.", within=FROM_ZERO),
    Key(
        "SOLVER.WEIGHT_DECAY_BN",
        0.0,
        "Weight decay of the parameters of norms that are not frozen, of other vectors such as class tokens, and of a "
        "transformer's tables of positions.",
        within=FROM_ZERO,
    ),
    Key(
        "SOLVER.SCHEDULER",
        "warmup_multi_step",
        "Learning rate over time: times GAMMA at each of STEPS (`warmup_multi_step`), or half a cosine from BASE_LR "
        "to 0 at MAX_ITER (`half_period_cosine`); both times the warm-up.",
        choices=REGISTERED,
        synonyms={"cosine": "half_period_cosine"},
    ),
    Key(
        "SOLVER.MIN_LR",
        0.0,
        "Learning rate that the cosine of `half_period_cosine` ends at, for parameters that learn at BASE_LR.",
        within=FROM_ZERO,
    ),
    Key(
        "SOLVER.LAYER_DECAY",
        1.0,
        "Multiplies the learning rate from each layer of the backbone to the one before it; the head learns at the "
        "full rate. Pretrained transformers want about 0.75.",
        within=SHARE,
    ),
    Key("SOLVER.GAMMA", 0.1, "Multiplies the learning rate at each of STEPS.", within=SHARE),
    Key(
        "SOLVER.STEPS",
        (33750, 67500),
        "When the learning rate drops; ascending, below MAX_ITER.",
        unit="iterations",
        within=POSITIVE,
    ),
    Key("SOLVER.WARMUP_ON", True, "Start with a lower learning rate."),
    Key("SOLVER.WARMUP_FACTOR", 1.0 / 3, "The learning rate starts at this fraction.", within=FRACTION),
    Key("SOLVER.WARMUP_ITERS", 500, "Length of the warm-up.", unit="iterations", within=NOT_NEGATIVE),
    Key(
        "SOLVER.WARMUP_METHOD",
        "linear",
        "Rise in a line, or stay at WARMUP_FACTOR until the warm-up ends.",
        choices=("linear", "constant"),
    ),
    Key("SOLVER.CHECKPOINT_PERIOD", 5000, "How often a checkpoint is written.", unit="iterations", within=POSITIVE),
    Key(
        "SOLVER.CHECKPOINT_MINUTES",
        30.0,
        "A checkpoint is also written when the last one is this old: what a power cut costs at most. 0: by iterations "
        "only.",
        unit="minutes",
        within=FROM_ZERO,
    ),
    Key(
        "SOLVER.KEEP_CHECKPOINTS",
        0,
        "So many of the newest `model_*.pth` of the run are kept, older ones are deleted once a new one is written; "
        "`model_final.pth`, `model_best.pth` and `model_ema.pth` stay and do not count. 0: all of CHECKPOINT_PERIOD "
        "are kept. In either case, one that was written in between (CHECKPOINT_MINUTES, a signal, a best result) is "
        "deleted once the next one is written.",
        unit="checkpoints",
        within=NOT_NEGATIVE,
    ),
    Key(
        "SOLVER.EVAL_PERIOD",
        5000,
        "How often the model is evaluated on DATASETS.TEST during training.",
        unit="iterations",
        within=POSITIVE,
    ),
    Key(
        "SOLVER.BEST_METRIC",
        "mAP",
        "What decides which evaluation is the best one, whose weights are kept as `model_best.pth`: `mAP`, "
        "`mAP/movement` or another group, `AP/` and the name of a class, or `loss`, of which the lowest is the best; "
        "with several datasets of the first one, unless the name of another comes before it (`toy_val/mAP`). With "
        "EMA_DECAY the weights or their average, whichever are better.",
    ),
    Key(
        "SOLVER.PATIENCE",
        0,
        "The training ends early, as if MAX_ITER was reached, when so many evaluations in a row have not been better "
        "than the best one. The learning rate stays that of a run of MAX_ITER. 0: never.",
        unit="evaluations",
        within=NOT_NEGATIVE,
    ),
    Key(
        "SOLVER.EMA_DECAY",
        0.0,
        "Also keep an exponential moving average of the weights with this decay, such as 0.999, which is evaluated and "
        "saved beside the weights (`model_ema.pth`, `inference_ema/`). After t steps the decay is at most (1 + t) / "
        "(10 + t). 0: none.",
        within=BELOW_ONE,
    ),
    Key(
        "SOLVER.LOG_PERIOD",
        20,
        "How often losses, learning rate and timing are logged.",
        unit="iterations",
        within=POSITIVE,
    ),
    Key(
        "SOLVER.VIDEOS_PER_BATCH",
        32,
        "Clips of one optimizer step, over all processes and micro-batches.",
        unit="clips",
        within=POSITIVE,
    ),
    Key(
        "SOLVER.ACCUMULATION_STEPS",
        1,
        "Micro-batches that a process adds up gradients over before an optimizer step; less memory, the same batch.",
        unit="micro-batches",
        within=POSITIVE,
    ),
    Key(
        "SOLVER.REFERENCE_GPUS",
        8,
        "Number of GPUs that VIDEOS_PER_BATCH, BASE_LR and the iteration counts are meant for; what `train_net.py "
        "--adjust-lr` scales from. The batch follows the number of GPUs; so does BASE_LR for `sgd`, while for "
        "`adamw` it follows the square root; iteration counts go down in proportion.",
        unit="processes",
        within=POSITIVE,
    ),
    Key(
        "SOLVER.CLIP_GRAD_NORM",
        0.0,
        "Largest norm of all gradients together; longer ones are scaled down to it. 0: no limit.",
        unit="L2 norm",
        within=FROM_ZERO,
    ),
    Key(
        "SOLVER.AMP",
        "off",
        "Automatic mixed precision: none, bfloat16 (Ampere GPUs and later, CPUs), or float16 with loss scaling "
        "(CUDA only).",
        choices=("off", "bf16", "fp16"),
        synonyms={"bfloat16": "bf16", "float16": "fp16"},
    ),
    Key(
        "SOLVER.MAX_BAD_STEPS",
        20,
        "A step whose loss or gradient is not finite changes no weight and is logged; so many of them in a row end the "
        "run as diverged.",
        unit="iterations",
        within=POSITIVE,
    ),
    Key(
        "SOLVER.TIMEOUT_SECONDS",
        600.0,
        "A process or a loader's worker that has not gone on for so long ends the run, of training or of testing, with "
        "a message that names it and what it was doing.",
        unit="seconds",
        within=ABOVE_ZERO,
    ),
    Section("TEST", "Evaluation."),
    Key(
        "TEST.VIDEOS_PER_BATCH",
        16,
        "Clips of one inference batch, over all processes. On the CPU a process takes 2 at once, or 1 if this is 1: "
        "larger batches are no faster there, and so the scores do not depend on the number of processes.",
        unit="clips",
        within=POSITIVE,
    ),
    Key(
        "TEST.EXTEND_SCALE",
        (0.1, 0.05),
        "How much a detected box grows before pooling, half on each side. Results are reported on the original boxes.",
        unit="fraction of the box's (width, height)",
        within=FROM_ZERO,
        elements=("width", "height"),
    ),
    Key("TEST.BOX_THRESH", 0.8, "Detected persons below this score are left out.", unit="score", within=FRACTION),
    Key(
        "TEST.ACTION_THRESH",
        0.05,
        "Actions below this probability are left out of the results.",
        unit="probability",
        within=FRACTION,
    ),
    Key(
        "TEST.STRIDE",
        1.0,
        "From one moment of a video to the next at which predict_video.py and the Python API predict actions; counted "
        "from the start of the video. Evaluations have the keyframes of their dataset.",
        unit="seconds",
        within=Range(0.01, 3600.0),
    ),
    Key("OUTPUT_DIR", ".", "Folder for checkpoints, logs and results.", unit="path"),
)
