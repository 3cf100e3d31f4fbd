"""The keys of MODEL.BACKBONE, and of the non-local blocks in it (MODEL.NONLOCAL)."""

from __future__ import annotations

from alphaction.config.keys.declaration import BELOW_ONE, REGISTERED, SHARE, Key, Section
from alphaction.utils.numbers import ABOVE_ZERO, FRACTION, NOT_NEGATIVE, POSITIVE, Range, whole

BACKBONE: tuple[Section | Key, ...] = (
    Section("MODEL.BACKBONE", "The backbone: a residual network over one or two frame rates, or a transformer."),
    Key(
        "MODEL.BACKBONE.CONV_BODY",
        "Slowfast-Resnet50",
        "The network. `Slowfast-Tiny` is for tests and laptops; `Sparse` keeps the frame rate in the stem.",
        choices=REGISTERED,
    ),
    Key(
        "MODEL.BACKBONE.FROZEN_BN",
        False,
        "Keep the batch norms' statistics and weights as loaded (small batches need it).",
    ),
    Key("MODEL.BACKBONE.BN_MOMENTUM", 0.1, "Share of the current batch in the running statistics.", within=FRACTION),
    Key("MODEL.BACKBONE.BN_EPSILON", 1e-5, "Added to the variance.", within=ABOVE_ZERO),
    Key(
        "MODEL.BACKBONE.BN_INIT_GAMMA",
        0.0,
        "Initial scale of the last batch norm of each bottleneck; 0 starts each as the identity.",
    ),
    Key(
        "MODEL.BACKBONE.FREEZE",
        "none",
        "Which part keeps its weights and statistics as loaded: none, its stem, everything but its last stage, or all "
        "of it.",
        choices=("none", "stem", "all_but_last_stage", "all"),
    ),
    Key(
        "MODEL.BACKBONE.DROP_PATH",
        0.0,
        "Largest chance that a block of a transformer is skipped for a clip in training; it rises in a line from 0 at "
        "the first block.",
        unit="probability",
        within=BELOW_ONE,
    ),
    Section("MODEL.BACKBONE.VIT", "Plain vision transformers (VideoMAE, Tong et al., arXiv 2203.12602)."),
    Key(
        "MODEL.BACKBONE.VIT.POSITIONS",
        "sinusoid",
        "The table of positions: computed sines, or learned.",
        choices=("sinusoid", "learned"),
    ),
    Section("MODEL.BACKBONE.MVIT", "Multiscale vision transformers (Li et al., arXiv 2112.01526)."),
    Key(
        "MODEL.BACKBONE.MVIT.STRIDE",
        32,
        "Pixels per feature cell: 32 as trained; 16 leaves out the last pooling, which needs finetuning.",
        unit="pixels",
        within=Range(16, 32),
    ),
    Section("MODEL.BACKBONE.I3D", "Non-local blocks of the I3D networks."),
    Key("MODEL.BACKBONE.I3D.CONV3_NONLOCAL", True, "Non-local blocks in the second residual stage."),
    Key("MODEL.BACKBONE.I3D.CONV4_NONLOCAL", True, "Non-local blocks in the third residual stage."),
    Key(
        "MODEL.BACKBONE.I3D.CONV3_GROUP_NL",
        False,
        "Attend only within groups of 4 frames in the second stage's non-local blocks (saves memory).",
    ),
    Section("MODEL.BACKBONE.SLOWFAST", "SlowFast networks (Feichtenhofer et al., arXiv 1812.03982)."),
    Key(
        "MODEL.BACKBONE.SLOWFAST.BETA",
        1.0 / 8,
        "Width of the fast pathway.",
        unit="fraction of the slow pathway's channels",
        within=SHARE,
    ),
    Key(
        "MODEL.BACKBONE.SLOWFAST.LATERAL",
        "tconv",
        "How the fast pathway feeds the slow one: a convolution with stride in time.",
        choices=REGISTERED,
    ),
    Key(
        "MODEL.BACKBONE.SLOWFAST.LATERAL_KERNEL",
        5,
        "Temporal size of that convolution's kernel; odd.",
        unit="frames",
        within=POSITIVE,
    ),
    Key(
        "MODEL.BACKBONE.SLOWFAST.STEM_POOL_PADDING",
        0,
        "Rows and columns that the stem's max pooling adds on each side: 0 for the paper's own weights, 1 for those of "
        "other projects.",
        unit="cells",
        within=whole(0, 1),
    ),
    Key(
        "MODEL.BACKBONE.SLOWFAST.LAST_STAGE_DILATION",
        2,
        "Dilation of the 3 x 3 convolutions in the last stage, which keeps its resolution.",
        unit="cells",
        within=whole(1, 2),
    ),
    Section("MODEL.BACKBONE.SLOWFAST.SLOW", "The slow pathway: few frames, many channels."),
    Key("MODEL.BACKBONE.SLOWFAST.SLOW.ACTIVE", True, "Whether the network has this pathway."),
    Key("MODEL.BACKBONE.SLOWFAST.SLOW.CONV3_NONLOCAL", True, "Non-local blocks in the second residual stage."),
    Key("MODEL.BACKBONE.SLOWFAST.SLOW.CONV4_NONLOCAL", True, "Non-local blocks in the third residual stage."),
    Key(
        "MODEL.BACKBONE.SLOWFAST.SLOW.CONV3_GROUP_NL",
        False,
        "Attend only within groups of 4 frames in the second stage's non-local blocks.",
    ),
    Key(
        "MODEL.BACKBONE.SLOWFAST.SLOW.CONV3_NONLOCAL_BLOCKS",
        (),
        "Residual blocks, from 0, that a non-local block follows in the second stage. Empty: every second one.",
        element=int,
        within=NOT_NEGATIVE,
    ),
    Key(
        "MODEL.BACKBONE.SLOWFAST.SLOW.CONV4_NONLOCAL_BLOCKS",
        (),
        "The same in the third stage.",
        element=int,
        within=NOT_NEGATIVE,
    ),
    Key(
        "MODEL.BACKBONE.SLOWFAST.SLOW.TEMPORAL_BLOCKS",
        (),
        "Leading residual blocks of each of the four stages that look at 3 frames; the others look at 1. Empty: none "
        "of the first two stages and all of the last two.",
        unit="blocks",
        element=int,
        within=NOT_NEGATIVE,
    ),
    Section("MODEL.BACKBONE.SLOWFAST.FAST", "The fast pathway: many frames, few channels."),
    Key("MODEL.BACKBONE.SLOWFAST.FAST.ACTIVE", True, "Whether the network has this pathway."),
    Key("MODEL.BACKBONE.SLOWFAST.FAST.CONV3_NONLOCAL", False, "Non-local blocks in the second residual stage."),
    Key("MODEL.BACKBONE.SLOWFAST.FAST.CONV4_NONLOCAL", False, "Non-local blocks in the third residual stage."),
    Key(
        "MODEL.BACKBONE.SLOWFAST.FAST.CONV3_GROUP_NL",
        False,
        "Attend only within groups of 4 frames in the second stage's non-local blocks.",
    ),
    Key(
        "MODEL.BACKBONE.SLOWFAST.FAST.CONV3_NONLOCAL_BLOCKS",
        (),
        "Residual blocks, from 0, that a non-local block follows in the second stage. Empty: every second one.",
        element=int,
        within=NOT_NEGATIVE,
    ),
    Key(
        "MODEL.BACKBONE.SLOWFAST.FAST.CONV4_NONLOCAL_BLOCKS",
        (),
        "The same in the third stage.",
        element=int,
        within=NOT_NEGATIVE,
    ),
    Key(
        "MODEL.BACKBONE.SLOWFAST.FAST.TEMPORAL_BLOCKS",
        (),
        "Leading residual blocks of each of the four stages that look at 3 frames; the others look at 1. Empty: all "
        "of them.",
        unit="blocks",
        element=int,
        within=NOT_NEGATIVE,
    ),
    Section("MODEL.NONLOCAL", "Non-local blocks (Wang et al., arXiv 1711.07971), wherever a backbone has them."),
    Key(
        "MODEL.NONLOCAL.CONV_INIT_STD",
        0.01,
        "Standard deviation of the convolutions' initial weights.",
        within=ABOVE_ZERO,
    ),
    Key(
        "MODEL.NONLOCAL.USE_ZERO_INIT_CONV",
        False,
        "Start the output convolution at zero, so that a new block is the identity.",
    ),
    Key("MODEL.NONLOCAL.NO_BIAS", False, "Convolutions without bias."),
    Key("MODEL.NONLOCAL.USE_MAXPOOL", True, "Make key and value smaller by max pooling."),
    Key(
        "MODEL.NONLOCAL.POOL_SIZE",
        (1, 2, 2),
        "Kernel and stride of that max pooling.",
        unit="frames, rows, columns",
        within=POSITIVE,
        elements=("frames", "rows", "columns"),
    ),
    Key(
        "MODEL.NONLOCAL.USE_SOFTMAX",
        True,
        "Normalize the attention by a softmax; False: divide by the number of positions.",
    ),
    Key("MODEL.NONLOCAL.USE_SCALE", True, "Scale the attention by (inner width)**-0.5 before the softmax."),
    Key("MODEL.NONLOCAL.USE_BN", True, "Batch norm on the output."),
    Key("MODEL.NONLOCAL.FROZEN_BN", False, "Keep that batch norm's statistics and weights as loaded."),
    Key("MODEL.NONLOCAL.BN_MOMENTUM", 0.1, "Share of the current batch in its running statistics.", within=FRACTION),
    Key("MODEL.NONLOCAL.BN_EPSILON", 1e-5, "Added to its variance.", within=ABOVE_ZERO),
    Key("MODEL.NONLOCAL.BN_INIT_GAMMA", 0.0, "Its initial scale; 0 starts the block as the identity."),
)
