"""Every config key, with its default, unit, range and meaning.

The comment above a key is data: ``#: unit | range | meaning``, continued on further ``#:`` lines. docs/CONFIG.md is
generated from it (see document.py), and a test compares each range with the one that ranges.py enforces. A section's
comment is one sentence without bars. ``-`` stands for "no unit" and "any value".

Defaults reproduce the published experiments' code; keys that this project adds keep its behavior.
"""

from __future__ import annotations

from yacs.config import CfgNode

_C = CfgNode()

# ---------------------------------------------------------------------------------------------------------------- MODEL
#: The network, its weights, and where it runs.
_C.MODEL = CfgNode()
#: path | - | Weights that a run starts from: a `.pth` checkpoint, or Caffe2's `.pkl` (I3D only). Empty: random ones.
_C.MODEL.WEIGHT = ""
#: - | auto, cpu, cuda | Where the model runs; `auto` takes CUDA where there is a device, else the CPU.
_C.MODEL.DEVICE = "auto"
#: - | True, False | Recompute the activations of the residual stages in the backward pass instead of keeping them: less
#: memory, about a third more time a step, the same numbers.
_C.MODEL.ACTIVATION_CHECKPOINTING = False

#: The action head: pools features over each person's box and classifies them.
_C.MODEL.ROI_ACTION_HEAD = CfgNode()
#: - | 2MLPFeatureExtractor, MaxpoolFeatureExtractor | What turns pooled features into the classifier's input: two fully
#: connected layers (with the IA structure where that is active), or the pooled features as they are.
_C.MODEL.ROI_ACTION_HEAD.FEATURE_EXTRACTOR = "MaxpoolFeatureExtractor"
#: - | align3d, pooling3d | ROIAlign (bilinear samples) or ROIPool (quantized bins), frame by frame.
_C.MODEL.ROI_ACTION_HEAD.POOLER_TYPE = "align3d"
#: bins | >= 1 | Height and width of the grid that a box is pooled to.
_C.MODEL.ROI_ACTION_HEAD.POOLER_RESOLUTION = 7
#: feature cells per pixel | (0, 1] | Scale from pixels to the feature map; every backbone here has stride 16.
_C.MODEL.ROI_ACTION_HEAD.POOLER_SCALE = 1.0 / 16
#: samples | >= 0 | Samples per bin and axis of ROIAlign; 0: as many as the bin has feature cells.
_C.MODEL.ROI_ACTION_HEAD.POOLER_SAMPLING_RATIO = 0
#: - | True, False | Average over time before pooling boxes (cheaper) instead of after it.
_C.MODEL.ROI_ACTION_HEAD.MEAN_BEFORE_POOLER = False
#: channels | >= 1 | Width of both fully connected layers of `2MLPFeatureExtractor`.
_C.MODEL.ROI_ACTION_HEAD.MLP_HEAD_DIM = 1024
#: - | FCPredictor | The classifier: dropout, then a linear layer.
_C.MODEL.ROI_ACTION_HEAD.PREDICTOR = "FCPredictor"
#: probability | [0, 1) | Dropout before the classifier's linear layer.
_C.MODEL.ROI_ACTION_HEAD.DROPOUT_RATE = 0.0
#: classes | >= 1 | Number of action classes: the sum of the three NUM_..._CLASSES keys below.
_C.MODEL.ROI_ACTION_HEAD.NUM_CLASSES = 80
#: boxes | >= 1 | Most ground truth boxes of a clip used in a training step; a random choice where there are more.
_C.MODEL.ROI_ACTION_HEAD.PROPOSAL_PER_CLIP = 10
#: fraction of the box's width | >= 0 | Furthest that a training box's left and right sides move: (outwards, inwards).
_C.MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_X = (0.2, 0.1)
#: fraction of the box's height | >= 0 | The same for its upper and lower sides: (outwards, inwards).
_C.MODEL.ROI_ACTION_HEAD.PROPOSAL_JITTER_Y = (0.1, 0.05)
#: classes | >= 0 | Size of the first group, person movements (`PERSON_MOVEMENT` in the label map).
_C.MODEL.ROI_ACTION_HEAD.NUM_PERSON_MOVEMENT_CLASSES = 14
#: classes | >= 0 | Size of the second group, manipulations of an object (`OBJECT_MANIPULATION`).
_C.MODEL.ROI_ACTION_HEAD.NUM_OBJECT_MANIPULATION_CLASSES = 49
#: classes | >= 0 | Size of the third group, interactions between persons (`PERSON_INTERACTION`).
_C.MODEL.ROI_ACTION_HEAD.NUM_PERSON_INTERACTION_CLASSES = 17
#: - | True, False | Whether a person does exactly one movement: softmax over that group. False: independent sigmoids,
#: as in the other groups.
_C.MODEL.ROI_ACTION_HEAD.EXCLUSIVE_MOVEMENT = True
#: - | >= 0 | Weight of the loss of the person movements.
_C.MODEL.ROI_ACTION_HEAD.POSE_LOSS_WEIGHT = 1.2
#: - | >= 0 | Weight of the loss of the object manipulations (a mean over classes, hence about their number).
_C.MODEL.ROI_ACTION_HEAD.OBJECT_LOSS_WEIGHT = 49.0
#: - | >= 0 | Weight of the loss of the person interactions (a mean over classes, hence about their number).
_C.MODEL.ROI_ACTION_HEAD.PERSON_LOSS_WEIGHT = 17.0

#: Focal loss (Lin et al., arXiv 1708.02002).
_C.MODEL.ROI_ACTION_HEAD.FOCAL_LOSS = CfgNode()
#: - | >= 0 | Exponent that plays down well classified examples; 0 is cross-entropy.
_C.MODEL.ROI_ACTION_HEAD.FOCAL_LOSS.GAMMA = 2.0
#: - | -1 or [0, 1] | Weight of positive examples, 1 - ALPHA that of negative ones; -1: both 1.
_C.MODEL.ROI_ACTION_HEAD.FOCAL_LOSS.ALPHA = -1.0

#: The backbone: a 3D residual network over one or two frame rates.
_C.MODEL.BACKBONE = CfgNode()
#: - | Slowfast-Resnet50, Slowfast-Resnet101, Slowfast-Tiny, I3D-Resnet50, I3D-Resnet101, I3D-Resnet50-Sparse,
#: I3D-Resnet101-Sparse | The network. `Slowfast-Tiny` is for tests and laptops; `Sparse` keeps the frame rate in the
#: stem.
_C.MODEL.BACKBONE.CONV_BODY = "Slowfast-Resnet50"
#: - | True, False | Keep the batch norms' statistics and weights as loaded (small batches need it).
_C.MODEL.BACKBONE.FROZEN_BN = False
#: - | [0, 1] | Share of the current batch in the running statistics.
_C.MODEL.BACKBONE.BN_MOMENTUM = 0.1
#: - | > 0 | Added to the variance.
_C.MODEL.BACKBONE.BN_EPSILON = 1e-05
#: - | - | Initial scale of the last batch norm of each bottleneck; 0 starts each as the identity.
_C.MODEL.BACKBONE.BN_INIT_GAMMA = 0.0

#: Non-local blocks of the I3D networks.
_C.MODEL.BACKBONE.I3D = CfgNode()
#: - | True, False | Non-local blocks in the second residual stage.
_C.MODEL.BACKBONE.I3D.CONV3_NONLOCAL = True
#: - | True, False | Non-local blocks in the third residual stage.
_C.MODEL.BACKBONE.I3D.CONV4_NONLOCAL = True
#: - | True, False | Attend only within groups of 4 frames in the second stage's non-local blocks (saves memory).
_C.MODEL.BACKBONE.I3D.CONV3_GROUP_NL = False

#: SlowFast networks (Feichtenhofer et al., arXiv 1812.03982).
_C.MODEL.BACKBONE.SLOWFAST = CfgNode()
#: fraction of the slow pathway's channels | (0, 1] | Width of the fast pathway.
_C.MODEL.BACKBONE.SLOWFAST.BETA = 1.0 / 8
#: - | tconv | How the fast pathway feeds the slow one: a convolution with stride in time.
_C.MODEL.BACKBONE.SLOWFAST.LATERAL = "tconv"

#: The slow pathway: few frames, many channels.
_C.MODEL.BACKBONE.SLOWFAST.SLOW = CfgNode()
#: - | True, False | Whether the network has this pathway.
_C.MODEL.BACKBONE.SLOWFAST.SLOW.ACTIVE = True
#: - | True, False | Non-local blocks in the second residual stage.
_C.MODEL.BACKBONE.SLOWFAST.SLOW.CONV3_NONLOCAL = True
#: - | True, False | Non-local blocks in the third residual stage.
_C.MODEL.BACKBONE.SLOWFAST.SLOW.CONV4_NONLOCAL = True
#: - | True, False | Attend only within groups of 4 frames in the second stage's non-local blocks.
_C.MODEL.BACKBONE.SLOWFAST.SLOW.CONV3_GROUP_NL = False

#: The fast pathway: many frames, few channels.
_C.MODEL.BACKBONE.SLOWFAST.FAST = CfgNode()
#: - | True, False | Whether the network has this pathway.
_C.MODEL.BACKBONE.SLOWFAST.FAST.ACTIVE = True
#: - | True, False | Non-local blocks in the second residual stage.
_C.MODEL.BACKBONE.SLOWFAST.FAST.CONV3_NONLOCAL = False
#: - | True, False | Non-local blocks in the third residual stage.
_C.MODEL.BACKBONE.SLOWFAST.FAST.CONV4_NONLOCAL = False
#: - | True, False | Attend only within groups of 4 frames in the second stage's non-local blocks.
_C.MODEL.BACKBONE.SLOWFAST.FAST.CONV3_GROUP_NL = False

#: Non-local blocks (Wang et al., arXiv 1711.07971), wherever a backbone has them.
_C.MODEL.NONLOCAL = CfgNode()
#: - | > 0 | Standard deviation of the convolutions' initial weights.
_C.MODEL.NONLOCAL.CONV_INIT_STD = 0.01
#: - | True, False | Start the output convolution at zero, so that a new block is the identity.
_C.MODEL.NONLOCAL.USE_ZERO_INIT_CONV = False
#: - | True, False | Convolutions without bias.
_C.MODEL.NONLOCAL.NO_BIAS = False
#: - | True, False | Halve height and width of key and value by max pooling.
_C.MODEL.NONLOCAL.USE_MAXPOOL = True
#: - | True, False | Normalize the attention by a softmax; False: divide by the number of positions.
_C.MODEL.NONLOCAL.USE_SOFTMAX = True
#: - | True, False | Scale the attention by (inner width)**-0.5 before the softmax.
_C.MODEL.NONLOCAL.USE_SCALE = True
#: - | True, False | Batch norm on the output.
_C.MODEL.NONLOCAL.USE_BN = True
#: - | True, False | Keep that batch norm's statistics and weights as loaded.
_C.MODEL.NONLOCAL.FROZEN_BN = False
#: - | [0, 1] | Share of the current batch in its running statistics.
_C.MODEL.NONLOCAL.BN_MOMENTUM = 0.1
#: - | > 0 | Added to its variance.
_C.MODEL.NONLOCAL.BN_EPSILON = 1e-05
#: - | - | Its initial scale; 0 starts the block as the identity.
_C.MODEL.NONLOCAL.BN_INIT_GAMMA = 0.0

#: The Interaction Aggregation structure (Tang et al., arXiv 2004.07485): attention from persons to persons (P), objects
#: (O) and the memory of other seconds (M).
_C.MODEL.IA_STRUCTURE = CfgNode()
#: - | True, False | Whether the head has this structure.
_C.MODEL.IA_STRUCTURE.ACTIVE = False
#: - | serial, dense, parallel | How the blocks are wired: one after another; each on a learned sum of all before it
#: (the paper's dense serial structure); or in branches that are summed.
_C.MODEL.IA_STRUCTURE.STRUCTURE = "serial"
#: persons | >= 1 | Most persons that the memory keeps for a second, the best scored first.
_C.MODEL.IA_STRUCTURE.MAX_PER_SEC = 5
#: persons | >= 1 | Most persons of the clip that a P block attends to.
_C.MODEL.IA_STRUCTURE.MAX_PERSON = 25
#: channels | >= 1 | Width of the pooled features; must be the backbone's output width (2304 for SlowFast).
_C.MODEL.IA_STRUCTURE.DIM_IN = 2304
#: channels | >= 1 | Width inside the structure.
_C.MODEL.IA_STRUCTURE.DIM_INNER = 512
#: channels | >= 1 | Width of the structure's output; must equal DIM_IN where FUSION is `add`.
_C.MODEL.IA_STRUCTURE.DIM_OUT = 512
#: - | True, False | In training, scale a remembered feature by how much the loss has changed since it was stored:
#: min(then / now, now / then).
_C.MODEL.IA_STRUCTURE.PENALTY = True
#: memory slots | >= 0 | How far memory reaches: (before, after) the current second. A slot is MEMORY_RATE seconds.
_C.MODEL.IA_STRUCTURE.LENGTH = (30, 30)
#: seconds | >= 1 | Step from one memory slot to the next.
_C.MODEL.IA_STRUCTURE.MEMORY_RATE = 1
#: - | add, concat | How the structure's output joins the pooled features.
_C.MODEL.IA_STRUCTURE.FUSION = "concat"
#: - | > 0 | Standard deviation of the convolutions' initial weights.
_C.MODEL.IA_STRUCTURE.CONV_INIT_STD = 0.01
#: probability | [0, 1) | Dropout after the reductions and in every block.
_C.MODEL.IA_STRUCTURE.DROPOUT = 0.0
#: - | True, False | Convolutions without bias.
_C.MODEL.IA_STRUCTURE.NO_BIAS = False
#: - | P, O, M | The blocks in order. For `parallel` a list of layers, each a list with one block per branch, as
#: [[P, O, M], [P, O, M]].
_C.MODEL.IA_STRUCTURE.I_BLOCK_LIST = ["P", "O", "M", "P", "O", "M"]
#: - | True, False | Normalize a block's weighted sum over its channels, without affine parameters.
_C.MODEL.IA_STRUCTURE.LAYER_NORM = False
#: - | True, False | Add a learned position per memory slot to key and value of the M blocks.
_C.MODEL.IA_STRUCTURE.TEMPORAL_POSITION = True
#: - | True, False | Reduce the pooled features from DIM_IN to DIM_INNER channels before the first block.
_C.MODEL.IA_STRUCTURE.ROI_DIM_REDUCE = True
#: - | True, False | Start every block's output convolution at zero, so that a new block passes its query on.
_C.MODEL.IA_STRUCTURE.USE_ZERO_INIT_CONV = True
#: objects | >= 0 | Most object boxes of a clip, best score first; 0: objects are not loaded.
_C.MODEL.IA_STRUCTURE.MAX_OBJECT = 0
#: - | True, False | Leave slots in which nobody and nothing is (fewer persons, objects or remembered persons than the
#: limits; seconds outside of the video or not seen yet) out of the attention. Upstream's weights attend to them.
_C.MODEL.IA_STRUCTURE.MASK_ABSENT = False
#: - | True, False | Subtract a running mean from the pooled features of persons, objects and memory: what all of them
#: have in common is most of their length. Helps several blocks in a row that start from random weights.
_C.MODEL.IA_STRUCTURE.CENTER_FEATURES = False
#: - | >= 0 | Standard deviation of the initial key positions of the M blocks and of their queries' biases. At 0, as
#: upstream has it, the choice of seconds is slow to learn where the features are centered.
_C.MODEL.IA_STRUCTURE.POSITION_INIT_STD = 0.0
#: - | True, False | Fill the memory's slot of the clip's own second with the clip's persons. While the memory is still
#: empty, that slot has all attention, and a block that has learned to look there only may never look further.
_C.MODEL.IA_STRUCTURE.MEMORY_OWN_SECOND = True
#: - | >= 0 | Above 0, a slot's score is this times the cosine between query and key. At 0, as upstream has it, it is
#: their dot product over the root of DIM_INNER, which grows with what earlier blocks add to the query: few slots can
#: then have all attention.
_C.MODEL.IA_STRUCTURE.COSINE_SCALE = 0.0

# ---------------------------------------------------------------------------------------------------------------- INPUT
#: Which frames a clip has, and how they are transformed.
_C.INPUT = CfgNode()
#: pixels | >= 1 | Length of a training frame's shorter side after resizing.
_C.INPUT.MIN_SIZE_TRAIN = 256
#: pixels | >= 1 | Most that its longer side may have; the shorter one shrinks where needed.
_C.INPUT.MAX_SIZE_TRAIN = 464
#: pixels | >= 1 | Length of a test frame's shorter side after resizing.
_C.INPUT.MIN_SIZE_TEST = 256
#: pixels | >= 1 | Most that its longer side may have.
_C.INPUT.MAX_SIZE_TEST = 464
#: gray levels, RGB | [0, 255] | Subtracted from each channel.
_C.INPUT.PIXEL_MEAN = [122.7717, 115.9465, 102.9801]
#: gray levels, RGB | > 0 | Divides each channel after that.
_C.INPUT.PIXEL_STD = [57.375, 57.375, 57.375]
#: - | True, False | Swap red and blue after normalizing, for weights trained on BGR frames.
_C.INPUT.TO_BGR = False
#: frames per second | >= 0 | Rate of the timeline that clips are sampled from, whatever the video's own rate: frame i
#: of the timeline is the one nearest to i / FPS seconds. 0: the video's own rate.
_C.INPUT.FPS = 25.0
#: frames | >= 1 | Frames of a clip, before the pathways take their share.
_C.INPUT.FRAME_NUM = 32
#: timeline frames | >= 1 | Step between two frames of a clip; it spans FRAME_NUM * FRAME_SAMPLE_RATE timeline frames.
_C.INPUT.FRAME_SAMPLE_RATE = 2
#: clip frames | >= 1 | The slow pathway takes every TAU-th frame of the clip: FRAME_NUM / TAU frames.
_C.INPUT.TAU = 8
#: - | >= 1 | Frames of the fast pathway per frame of the slow one; it takes every (TAU / ALPHA)-th frame of the clip.
_C.INPUT.ALPHA = 8
#: - | True, False | In training, start the slow pathway's frames at a random one of the first TAU.
_C.INPUT.SLOW_JITTER = False
#: - | True, False | In training, shift hue, saturation and value of a clip at random.
_C.INPUT.COLOR_JITTER = False
#: degrees | [0, 180] | Largest shift of the hue.
_C.INPUT.HUE_JITTER = 20.0
#: fraction of full saturation | [0, 1] | Largest shift of the saturation.
_C.INPUT.SAT_JITTER = 0.1
#: fraction of full value | [0, 1] | Largest shift of the value (brightness).
_C.INPUT.VAL_JITTER = 0.1
#: probability | [0, 1] | How often a training clip is mirrored left to right.
_C.INPUT.FLIP_PROB = 0.5
#: - | - | Pairs of class names that change places in a mirrored clip, as [["walk left", "walk right"]].
_C.INPUT.FLIP_CLASS_PAIRS = []

# ------------------------------------------------------------------------------------------------------------- DATASETS
#: Which datasets are used, and where they lie.
_C.DATASETS = CfgNode()
#: - | - | Names of the datasets to train on.
_C.DATASETS.TRAIN = ()
#: - | - | Names of the datasets to evaluate on.
_C.DATASETS.TEST = ()
#: path | - | Folder that holds AVA/ and, one or two levels down, the dataset.yaml of your own datasets.
_C.DATASETS.DATA_DIR = "data"
#: paths | - | Further dataset.yaml files, wherever they lie.
_C.DATASETS.CATALOG = []

# ----------------------------------------------------------------------------------------------------------- DATALOADER
#: How clips are loaded.
_C.DATALOADER = CfgNode()
#: processes | >= 0 | Loader processes of each training or test process; 0 loads in the process itself.
_C.DATALOADER.NUM_WORKERS = 4
#: batches | >= 1 | Batches that each loader process keeps ready.
_C.DATALOADER.PREFETCH_FACTOR = 2
#: pixels | >= 1 | Height and width of a batch are padded to a multiple of this.
_C.DATALOADER.SIZE_DIVISIBILITY = 16
#: - | True, False | Batch upright and wide training clips apart, so that less is padded.
_C.DATALOADER.ASPECT_RATIO_GROUPING = True
#: path | - | Folder that keeps the decoded, resized frames of each clip (frames x height x width x 3 bytes), for later
#: epochs and later runs, several at once too; clips are the same with and without it. Empty: every clip is decoded
#: whenever it is needed.
_C.DATALOADER.CLIP_CACHE = ""

# --------------------------------------------------------------------------------------------------------------- SOLVER
#: Stochastic gradient descent and its schedule.
_C.SOLVER = CfgNode()
#: iterations | >= 1 | Optimizer steps of the whole run.
_C.SOLVER.MAX_ITER = 75000
#: - | > 0 | Learning rate for a batch of VIDEOS_PER_BATCH clips.
_C.SOLVER.BASE_LR = 0.02
#: - | >= 0 | Multiplies the learning rate of biases.
_C.SOLVER.BIAS_LR_FACTOR = 2.0
#: - | >= 0 | Multiplies the learning rate of the IA structure.
_C.SOLVER.IA_LR_FACTOR = 1.0
#: - | sgd, adamw | The optimizer. `adamw` (decoupled weight decay) learns faster from random weights on small data;
#: BASE_LR is then about 0.001, and follows the square root of the batch in place of the batch.
_C.SOLVER.OPTIMIZER = "sgd"
#: - | [0, 1) | Momentum; the first beta of `adamw`.
_C.SOLVER.MOMENTUM = 0.9
#: - | >= 0 | Weight decay of weights.
_C.SOLVER.WEIGHT_DECAY = 0.0001
#: - | >= 0 | Weight decay of biases.
_C.SOLVER.WEIGHT_DECAY_BIAS = 0.0
#: - | >= 0 | Weight decay of batch norm parameters that are not frozen.
_C.SOLVER.WEIGHT_DECAY_BN = 0.0
#: - | warmup_multi_step, half_period_cosine | Learning rate over time: times GAMMA at each of STEPS, or half a cosine
#: from BASE_LR to 0 at MAX_ITER; both times the warm-up.
_C.SOLVER.SCHEDULER = "warmup_multi_step"
#: - | (0, 1] | Multiplies the learning rate at each of STEPS.
_C.SOLVER.GAMMA = 0.1
#: iterations | >= 1 | When the learning rate drops; ascending, below MAX_ITER.
_C.SOLVER.STEPS = (33750, 67500)
#: - | True, False | Start with a lower learning rate.
_C.SOLVER.WARMUP_ON = True
#: - | [0, 1] | The learning rate starts at this fraction.
_C.SOLVER.WARMUP_FACTOR = 1.0 / 3
#: iterations | >= 0 | Length of the warm-up.
_C.SOLVER.WARMUP_ITERS = 500
#: - | linear, constant | Rise in a line, or stay at WARMUP_FACTOR until the warm-up ends.
_C.SOLVER.WARMUP_METHOD = "linear"
#: iterations | >= 1 | How often a checkpoint is written.
_C.SOLVER.CHECKPOINT_PERIOD = 5000
#: iterations | >= 1 | How often the model is evaluated on DATASETS.TEST during training.
_C.SOLVER.EVAL_PERIOD = 5000
#: iterations | >= 1 | How often losses, learning rate and timing are logged.
_C.SOLVER.LOG_PERIOD = 20
#: clips | >= 1 | Clips of one optimizer step, over all processes and micro-batches.
_C.SOLVER.VIDEOS_PER_BATCH = 32
#: micro-batches | >= 1 | Micro-batches that a process adds up gradients over before an optimizer step; less memory, the
#: same batch.
_C.SOLVER.ACCUMULATION_STEPS = 1
#: processes | >= 1 | Number of GPUs that VIDEOS_PER_BATCH, BASE_LR and the iteration counts are meant for; what
#: `train_net.py --adjust-lr` scales from. The batch follows the number of GPUs; so does BASE_LR for `sgd`, while for
#: `adamw` it follows the square root; iteration counts go down in proportion.
_C.SOLVER.REFERENCE_GPUS = 8
#: L2 norm | >= 0 | Largest norm of all gradients together; longer ones are scaled down to it. 0: no limit.
_C.SOLVER.CLIP_GRAD_NORM = 0.0
#: - | off, bf16, fp16 | Automatic mixed precision: none, bfloat16 (Ampere GPUs and later, CPUs), or float16 with loss
#: scaling (CUDA only).
_C.SOLVER.AMP = "off"

# ----------------------------------------------------------------------------------------------------------------- TEST
#: Evaluation.
_C.TEST = CfgNode()
#: clips | >= 1 | Clips of one inference batch, over all processes.
_C.TEST.VIDEOS_PER_BATCH = 16
#: fraction of the box's (width, height) | >= 0 | How much a detected box grows before pooling, half on each side.
#: Results are reported on the original boxes.
_C.TEST.EXTEND_SCALE = (0.1, 0.05)
#: score | [0, 1] | Detected persons below this score are left out.
_C.TEST.BOX_THRESH = 0.8
#: probability | [0, 1] | Actions below this probability are left out of the results.
_C.TEST.ACTION_THRESH = 0.05

#: path | - | Folder for checkpoints, logs and results.
_C.OUTPUT_DIR = "."


def get_cfg() -> CfgNode:
    """Return a fresh copy of the defaults."""
    return _C.clone()
