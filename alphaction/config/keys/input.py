"""The keys of INPUT, DATASETS and DATALOADER: what a clip is, where it comes from, and how it is loaded."""

from __future__ import annotations

from alphaction.config.keys.declaration import FROM_ONE, FROM_ZERO, Key, Section
from alphaction.utils.numbers import ABOVE_ZERO, FRACTION, NOT_NEGATIVE, POSITIVE, Range

INPUT: tuple[Section | Key, ...] = (
    Section("INPUT", "Which frames a clip has, and how they are transformed."),
    Key(
        "INPUT.MIN_SIZE_TRAIN",
        256,
        "Length of a training frame's shorter side after resizing.",
        unit="pixels",
        within=POSITIVE,
    ),
    Key(
        "INPUT.MAX_SIZE_TRAIN",
        464,
        "Most that its longer side may have; the shorter one shrinks where needed.",
        unit="pixels",
        within=POSITIVE,
    ),
    Key(
        "INPUT.MIN_SIZE_TEST",
        256,
        "Length of a test frame's shorter side after resizing.",
        unit="pixels",
        within=POSITIVE,
    ),
    Key("INPUT.MAX_SIZE_TEST", 464, "Most that its longer side may have.", unit="pixels", within=POSITIVE),
    Key(
        "INPUT.PIXEL_MEAN",
        [122.7717, 115.9465, 102.9801],
        "Subtracted from each channel.",
        unit="gray levels, RGB",
        within=Range(0, 255),
        elements=("red", "green", "blue"),
    ),
    Key(
        "INPUT.PIXEL_STD",
        [57.375, 57.375, 57.375],
        "Divides each channel after that.",
        unit="gray levels, RGB",
        within=ABOVE_ZERO,
        elements=("red", "green", "blue"),
    ),
    Key("INPUT.TO_BGR", False, "Swap red and blue after normalizing, for weights trained on BGR frames."),
    Key(
        "INPUT.FPS",
        25.0,
        "Rate of the timeline that clips are sampled from, whatever the video's own rate: frame i of the timeline "
        "is the one nearest to i / FPS seconds. 0: the video's own rate.",
        unit="frames per second",
        within=FROM_ZERO,
    ),
    Key(
        "INPUT.FRAME_NUM",
        32,
        "Frames of a clip, before the pathways take their share.",
        unit="frames",
        within=POSITIVE,
    ),
    Key(
        "INPUT.FRAME_SAMPLE_RATE",
        2,
        "Step between two frames of a clip; it spans FRAME_NUM * FRAME_SAMPLE_RATE timeline frames.",
        unit="timeline frames",
        within=POSITIVE,
    ),
    Key(
        "INPUT.CLIP_OFFSET",
        0,
        "How much later than around its keyframe a clip lies.",
        unit="timeline frames",
    ),
    Key(
        "INPUT.TAU",
        8,
        "The slow pathway takes one of each TAU frames of the clip: FRAME_NUM / TAU frames.",
        unit="clip frames",
        within=POSITIVE,
    ),
    Key(
        "INPUT.SLOW_SAMPLING",
        "middle",
        "Which frames the slow pathway takes: every TAU-th from the middle of the first TAU, or from the first frame; "
        "or as many, evenly spread from the first frame to the last (`linspace`).",
        choices=("middle", "first", "linspace"),
    ),
    Key(
        "INPUT.ALPHA",
        8,
        "Frames of the fast pathway per frame of the slow one; it takes every (TAU / ALPHA)-th frame of the clip.",
        within=POSITIVE,
    ),
    Key(
        "INPUT.SLOW_JITTER",
        False,
        "In training, take every TAU-th frame for the slow pathway from a random one of the first TAU on.",
    ),
    Key("INPUT.COLOR_JITTER", False, "In training, shift hue, saturation and value of a clip at random."),
    Key(
        "INPUT.COLOR_ON_DEVICE",
        False,
        "Shift colors on the GPU, as a batch's first step, and not while clips are loaded: the same random shifts for "
        "less work of the processor. A gray level may differ by 1. On a CPU it is slower than without.",
    ),
    Key("INPUT.HUE_JITTER", 20.0, "Largest shift of the hue.", unit="degrees", within=Range(0, 180)),
    Key(
        "INPUT.SAT_JITTER",
        0.1,
        "Largest shift of the saturation.",
        unit="fraction of full saturation",
        within=FRACTION,
    ),
    Key(
        "INPUT.VAL_JITTER",
        0.1,
        "Largest shift of the value (brightness).",
        unit="fraction of full value",
        within=FRACTION,
    ),
    Key(
        "INPUT.GRAY_PROB",
        0.0,
        "With COLOR_JITTER, how often a training clip loses its colors altogether.",
        unit="probability",
        within=FRACTION,
    ),
    Key(
        "INPUT.FLIP_PROB",
        0.5,
        "How often a training clip is mirrored left to right.",
        unit="probability",
        within=FRACTION,
    ),
    Key(
        "INPUT.ZOOM_JITTER",
        (1.0, 1.0),
        "Smallest and largest factor by which a training clip is enlarged, drawn evenly on a logarithmic scale; what "
        "is then shown of the frame, or where the smaller frame lies in PIXEL_MEAN, is random. Boxes follow. Persons "
        "of whom less than half is seen are left out of that clip; at least half of its persons are seen.",
        within=ABOVE_ZERO,
        elements=("smallest", "largest"),
    ),
    Key(
        "INPUT.STRETCH_JITTER",
        1.0,
        "Largest ratio of horizontal to vertical enlargement of a training clip, and of vertical to horizontal.",
        within=FROM_ONE,
    ),
    Key(
        "INPUT.TIME_JITTER",
        0.0,
        "Furthest that a training clip moves in time, earlier or later. Boxes of a person who has the same id at the "
        "keyframe before or after, within 2 s, move towards that one's; other boxes, and labels, stay.",
        unit="timeline frames",
        within=FROM_ZERO,
    ),
    Key(
        "INPUT.SPEED_JITTER",
        1.0,
        "Largest factor by which a training clip runs faster, and slower, seen from its keyframe.",
        within=FROM_ONE,
    ),
    Key(
        "INPUT.FLIP_CLASS_PAIRS",
        [],
        'Pairs of class names that change places in a mirrored clip, as [["walk left", "walk right"]].',
        nested=True,
    ),
    Section("DATASETS", "Which datasets are used, and where they lie."),
    Key("DATASETS.TRAIN", (), "Names of the datasets to train on."),
    Key("DATASETS.TEST", (), "Names of the datasets to evaluate on."),
    Key(
        "DATASETS.DATA_DIR",
        "data",
        "Folder that holds AVA/ and, one or two levels down, the dataset.yaml of your own datasets.",
        unit="path",
    ),
    Key("DATASETS.CATALOG", [], "Further dataset.yaml files, wherever they lie.", unit="paths"),
    Key(
        "DATASETS.FOLLOW_LINKS",
        False,
        "Also read folders of one-second clips that are symbolic links out of the folder of clips. Set it where you "
        "made these links yourself.",
    ),
    Section("DATALOADER", "How clips are loaded."),
    Key(
        "DATALOADER.NUM_WORKERS",
        4,
        "Loader processes of each training or test process; 0 loads in the process itself.",
        unit="processes",
        within=NOT_NEGATIVE,
    ),
    Key(
        "DATALOADER.PREFETCH_FACTOR",
        2,
        "Batches that each loader process keeps ready.",
        unit="batches",
        within=POSITIVE,
    ),
    Key(
        "DATALOADER.SIZE_DIVISIBILITY",
        16,
        "Height and width of a batch are padded to a multiple of this.",
        unit="pixels",
        within=POSITIVE,
    ),
    Key(
        "DATALOADER.ASPECT_RATIO_GROUPING",
        True,
        "Batch upright and wide training clips apart, so that less is padded.",
    ),
    Key(
        "DATALOADER.REPEAT_THRESHOLD",
        0.0,
        "Clips with a class that occurs in a smaller share f of all clips than this t come sqrt(t / f) times an epoch "
        "on average, those with several by the rarest (repeat factor sampling; Gupta et al., LVIS, arXiv 1908.03195), "
        "such as 0.05. 0: each clip once.",
        unit="share of the clips",
        within=FRACTION,
    ),
    Key(
        "DATALOADER.ON_BAD_CLIP",
        "raise",
        "A training clip that cannot be decoded ends the run (`raise`), or another one takes its place (`skip`), the "
        "same after a restart: logged, listed at the end, and an error where they are more than 10 and 1% of the "
        "clips, or half of them. A test clip always ends the run.",
        choices=("raise", "skip"),
    ),
    Key(
        "DATALOADER.FEATURE_CACHE",
        "",
        "Folder that keeps the features of each clip where the backbone is frozen (MODEL.BACKBONE.FREEZE all): they "
        "are computed once, and training then neither decodes videos nor runs the backbone. Empty: no cache.",
        unit="path",
    ),
    Key(
        "DATALOADER.CLIP_CACHE",
        "",
        "Folder that keeps the decoded, resized frames of each clip (frames x height x width x 3 bytes), for later "
        "epochs and later runs, several at once too; clips are the same with and without it. With TIME_JITTER or "
        "SPEED_JITTER these are all frames that a clip may take, twice as dense. Empty: every clip is decoded whenever "
        "it is needed.",
        unit="path",
    ),
)
