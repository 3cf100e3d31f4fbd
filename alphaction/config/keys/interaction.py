"""The keys of MODEL.IA_STRUCTURE."""

from __future__ import annotations

from alphaction.config.keys.declaration import BELOW_ONE, FROM_ZERO, REGISTERED, Key, Section
from alphaction.utils.numbers import ABOVE_ZERO, NOT_NEGATIVE, POSITIVE

INTERACTION: tuple[Section | Key, ...] = (
    Section(
        "MODEL.IA_STRUCTURE",
        "The Interaction Aggregation structure (Tang et al., arXiv 2004.07485): attention from persons to persons "
        "(P), objects (O) and the memory of other seconds (M).",
    ),
    Key("MODEL.IA_STRUCTURE.ACTIVE", False, "Whether the head has this structure."),
    Key(
        "MODEL.IA_STRUCTURE.STRUCTURE",
        "serial",
        "How the blocks are wired: one after another (`serial`); each on a learned sum of all before it (`dense`, "
        "the paper's dense serial structure); or in branches that are summed (`parallel`).",
        choices=REGISTERED,
        synonyms={"denseserial": "dense"},
    ),
    Key(
        "MODEL.IA_STRUCTURE.MAX_PER_SEC",
        5,
        "Most persons that the memory keeps for a second, the best scored first.",
        unit="persons",
        within=POSITIVE,
    ),
    Key(
        "MODEL.IA_STRUCTURE.MAX_PERSON",
        25,
        "Most persons of the clip that a P block attends to.",
        unit="persons",
        within=POSITIVE,
    ),
    Key(
        "MODEL.IA_STRUCTURE.DIM_IN",
        2304,
        "Width of the pooled features; must be the backbone's output width (2304 for SlowFast).",
        unit="channels",
        within=POSITIVE,
    ),
    Key("MODEL.IA_STRUCTURE.DIM_INNER", 512, "Width inside the structure.", unit="channels", within=POSITIVE),
    Key(
        "MODEL.IA_STRUCTURE.DIM_OUT",
        512,
        "Width of the structure's output; must equal DIM_IN where FUSION is `add`.",
        unit="channels",
        within=POSITIVE,
    ),
    Key(
        "MODEL.IA_STRUCTURE.PENALTY",
        True,
        "In training, scale a remembered feature by how much the loss has changed since it was stored: min(then / "
        "now, now / then).",
    ),
    Key(
        "MODEL.IA_STRUCTURE.LENGTH",
        (30, 30),
        "How far memory reaches: (before, after) the current second. A slot is MEMORY_RATE seconds.",
        unit="memory slots",
        within=NOT_NEGATIVE,
        elements=("before", "after"),
    ),
    Key(
        "MODEL.IA_STRUCTURE.MEMORY_RATE",
        1,
        "Step from one memory slot to the next. A slot holds the keyframe nearest to its time, within half a second.",
        unit="seconds",
        within=POSITIVE,
    ),
    Key(
        "MODEL.IA_STRUCTURE.FUSION",
        "concat",
        "How the structure's output joins the pooled features.",
        choices=REGISTERED,
    ),
    Key(
        "MODEL.IA_STRUCTURE.CONV_INIT_STD",
        0.01,
        "Standard deviation of the convolutions' initial weights.",
        within=ABOVE_ZERO,
    ),
    Key(
        "MODEL.IA_STRUCTURE.DROPOUT",
        0.0,
        "Dropout after the reductions and in every block.",
        unit="probability",
        within=BELOW_ONE,
    ),
    Key("MODEL.IA_STRUCTURE.NO_BIAS", False, "Convolutions without bias."),
    Key(
        "MODEL.IA_STRUCTURE.I_BLOCK_LIST",
        ["P", "O", "M", "P", "O", "M"],
        "The blocks in order: P (persons), O (objects), M (memory). For `parallel` a list of layers, each a list with "
        "one block per branch, as [[P, O, M], [P, O, M]].",
        nested=True,
    ),
    Key(
        "MODEL.IA_STRUCTURE.LAYER_NORM",
        False,
        "Normalize a block's weighted sum over its channels, without affine parameters.",
    ),
    Key(
        "MODEL.IA_STRUCTURE.TEMPORAL_POSITION",
        True,
        "Add a learned position per memory slot to key and value of the M blocks.",
    ),
    Key(
        "MODEL.IA_STRUCTURE.ROI_DIM_REDUCE",
        True,
        "Reduce the pooled features from DIM_IN to DIM_INNER channels before the first block.",
    ),
    Key(
        "MODEL.IA_STRUCTURE.USE_ZERO_INIT_CONV",
        True,
        "Start every block's output convolution at zero, so that a new block passes its query on.",
    ),
    Key(
        "MODEL.IA_STRUCTURE.MAX_OBJECT",
        0,
        "Most object boxes of a clip, best score first; 0: objects are not loaded.",
        unit="objects",
        within=NOT_NEGATIVE,
    ),
    Key(
        "MODEL.IA_STRUCTURE.MASK_ABSENT",
        False,
        "Leave slots in which nobody and nothing is (fewer persons, objects or remembered persons than the limits; "
        "seconds outside of the video or not seen yet) out of the attention. Upstream's weights attend to them.",
    ),
    Key(
        "MODEL.IA_STRUCTURE.CENTER_FEATURES",
        False,
        "Subtract a running mean from the pooled features of persons, objects and memory: what all of them have in "
        "common is most of their length. Helps several blocks in a row that start from random weights.",
    ),
    Key(
        "MODEL.IA_STRUCTURE.POSITION_INIT_STD",
        0.0,
        "Standard deviation of the initial key positions of the M blocks and of their queries' biases. At 0, as "
        "upstream has it, the choice of seconds is slow to learn where the features are centered.",
        within=FROM_ZERO,
    ),
    Key(
        "MODEL.IA_STRUCTURE.MEMORY_OWN_SECOND",
        True,
        "Fill the memory's slot of the clip's own second with the clip's persons. While the memory is still empty, "
        "that slot has all attention, and a block that has learned to look there only may never look further.",
    ),
    Key(
        "MODEL.IA_STRUCTURE.COSINE_SCALE",
        0.0,
        "Above 0, a slot's score is this times the cosine between query and key. At 0, as upstream has it, it is "
        "their dot product over the root of DIM_INNER, which grows with what earlier blocks add to the query: few "
        "slots can then have all attention.",
        within=FROM_ZERO,
    ),
    Key(
        "MODEL.IA_STRUCTURE.MEMORY_DTYPE",
        "float32",
        "How the memory stores person features. float16 takes half the memory on the host and on disk, and half the "
        "copy to the device; it rounds to 11 bits, and values beyond its range are scaled, never lost.",
        choices=("float32", "float16"),
    ),
)
