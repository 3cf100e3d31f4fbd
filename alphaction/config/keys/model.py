"""The keys of MODEL but for those of the backbone and the interaction structure."""

from __future__ import annotations

from alphaction.config.keys.declaration import BELOW_ONE, FROM_ZERO, REGISTERED, SHARE, Key, Section
from alphaction.utils.numbers import NOT_NEGATIVE, POSITIVE, Range

MODEL: tuple[Section | Key, ...] = (
    Section("MODEL", "The network, its weights, and where it runs."),
    Key(
        "MODEL.WEIGHT",
        "",
        "Weights that a run starts from: a checkpoint, a file of another project, or `zoo:NAME`, which is downloaded "
        "(MODEL_ZOO.md). Empty: random ones.",
        unit="path",
    ),
    Key(
        "MODEL.WEIGHT_MISMATCH",
        "refuse",
        "What a run does where MODEL.WEIGHT was trained with other settings than the config's: stop and name them, or "
        "warn and go on.",
        choices=("refuse", "warn"),
    ),
    Key(
        "MODEL.DEVICE",
        "auto",
        "Where the model runs; `auto` takes CUDA where there is a device, else the CPU.",
        choices=("auto", "cpu", "cuda"),
        synonyms={"gpu": "cuda"},
    ),
    Key(
        "MODEL.ACTIVATION_CHECKPOINTING",
        False,
        "Recompute the activations of residual stages and transformer blocks in the backward pass instead of keeping "
        "them: less memory, about a third more time a step, the same numbers.",
    ),
    Section("MODEL.ROI_ACTION_HEAD", "The action head: pools features over each person's box and classifies them."),
    Key(
        "MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR",
        "MaxpoolFeatureExtractor",
        "What turns pooled features into the classifier's input: two fully connected layers "
        "(`2MLPFeatureExtractor`), or the pooled features as they are; both after the IA structure where that is "
        "active.",
        choices=REGISTERED,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.POOLER_TYPE",
        "align3d",
        "ROIAlign (bilinear samples) or ROIPool (quantized bins), frame by frame.",
        choices=REGISTERED,
        synonyms={"roialign": "align3d", "roipool": "pooling3d"},
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.POOLER_RESOLUTION",
        7,
        "Height and width of the grid that a box is pooled to.",
        unit="bins",
        within=POSITIVE,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.POOLER_SCALE",
        1.0 / 16,
        "Scale from pixels to the feature map: 1 / the backbone's stride. The default follows the network that is "
        "built; any other value must be its scale.",
        unit="feature cells per pixel",
        within=SHARE,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.POOLER_SAMPLING_RATIO",
        0,
        "Samples per bin and axis of ROIAlign; 0: as many as the bin has feature cells.",
        unit="samples",
        within=NOT_NEGATIVE,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.POOLER_ALIGNED",
        False,
        "Shift ROIAlign's samples by half a cell, so that they lie where the box says.",
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.MEAN_BEFORE_POOLER",
        False,
        "Pool over time before pooling boxes (cheaper) instead of after it.",
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.TIME_POOLING",
        "mean",
        "How the frames of a feature map become one: their mean or their maximum.",
        choices=("mean", "max"),
        synonyms={"avg": "mean", "average": "mean", "maximum": "max"},
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.MLP_HEAD_DIM",
        1024,
        "Width of both fully connected layers of `2MLPFeatureExtractor`.",
        unit="channels",
        within=POSITIVE,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.MLP_SKIP",
        False,
        "The classifier sees what goes into `2MLPFeatureExtractor`'s two layers as well as what comes out of them. "
        "Otherwise layers that learn from random weights can lose what an IA structure has found before any class "
        "has learned from it.",
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.PREDICTOR",
        "FCPredictor",
        "The classifier: dropout, then a linear layer.",
        choices=REGISTERED,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.DROPOUT_RATE",
        0.0,
        "Dropout before the classifier's linear layer.",
        unit="probability",
        within=BELOW_ONE,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.NUM_CLASSES",
        80,
        "Number of action classes: the sum of the three NUM_..._CLASSES keys and of GROUP_SIZES below.",
        unit="classes",
        within=POSITIVE,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP",
        10,
        "Most ground truth boxes of a clip used in a training step; a random choice where there are more.",
        unit="boxes",
        within=POSITIVE,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_X",
        (0.2, 0.1),
        "Furthest that a training box's left and right sides move: (outwards, inwards).",
        unit="fraction of the box's width",
        within=FROM_ZERO,
        elements=("outwards", "inwards"),
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_Y",
        (0.1, 0.05),
        "The same for its upper and lower sides: (outwards, inwards).",
        unit="fraction of the box's height",
        within=FROM_ZERO,
        elements=("outwards", "inwards"),
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.NUM_PERSON_MOVEMENT_CLASSES",
        14,
        "Size of the first group, person movements (`PERSON_MOVEMENT` in the label map).",
        unit="classes",
        within=NOT_NEGATIVE,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.NUM_OBJECT_MANIPULATION_CLASSES",
        49,
        "Size of the second group, manipulations of an object (`OBJECT_MANIPULATION`).",
        unit="classes",
        within=NOT_NEGATIVE,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.NUM_PERSON_INTERACTION_CLASSES",
        17,
        "Size of the third group, interactions between persons (`PERSON_INTERACTION`).",
        unit="classes",
        within=NOT_NEGATIVE,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT",
        True,
        "Whether a person does exactly one movement: softmax over that group. False: independent sigmoids, as in "
        "the other groups.",
    ),
    Key("MODEL.ROI_ACTION_HEAD.POSE_LOSS_WEIGHT", 1.2, "Weight of the loss of the person movements.", within=FROM_ZERO),
    Key(
        "MODEL.ROI_ACTION_HEAD.OBJECT_LOSS_WEIGHT",
        49.0,
        "Weight of the loss of the object manipulations (a mean over classes, hence about their number).",
        within=FROM_ZERO,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.PERSON_LOSS_WEIGHT",
        17.0,
        "Weight of the loss of the person interactions (a mean over classes, hence about their number).",
        within=FROM_ZERO,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.GROUPS",
        (),
        "Names of the label map's own groups of classes, whose channels lie behind those of AVA's three; taken from "
        "the label map where all sizes have their defaults.",
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.GROUP_SIZES",
        [],
        "Sizes of these groups, in the order of GROUPS.",
        unit="classes",
        within=POSITIVE,
        element=int,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.EXCLUSIVE_GROUPS",
        (),
        "Those of GROUPS of whose classes a person does exactly one: softmax over the group. The others: independent "
        "sigmoids.",
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.GROUP_LOSS_WEIGHTS",
        [],
        "Weights of the losses of GROUPS, in their order. Empty: 1.2 for an exclusive group, as for the movements; the "
        "number of classes for another one, whose loss is a mean over them.",
        within=FROM_ZERO,
        element=float,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.CLASS_BALANCE_BETA",
        0.0,
        "Weigh the classes in the loss by the inverse of their effective number of labels, (1 - BETA^n) / (1 - BETA) "
        "for n training labels (Cui et al., arXiv 1901.05555), such as 0.999; the mean weight of each group is 1. In a "
        "softmax it counts for the labeled class, in a sigmoid for persons with and without the class. 0: all alike.",
        within=BELOW_ONE,
    ),
    Section("MODEL.ROI_ACTION_HEAD.FOCAL_LOSS", "Focal loss (Lin et al., arXiv 1708.02002)."),
    Key(
        "MODEL.ROI_ACTION_HEAD.FOCAL_LOSS.GAMMA",
        2.0,
        "Exponent that plays down well classified examples; 0 is cross-entropy.",
        within=FROM_ZERO,
    ),
    Key(
        "MODEL.ROI_ACTION_HEAD.FOCAL_LOSS.ALPHA",
        -1.0,
        "Weight of positive examples, 1 - ALPHA that of negative ones; -1: both 1.",
        within=Range(0, 1, also=-1),
    ),
)
