"""What the serial, dense and parallel interaction structures share: their inputs, reductions and blocks.

Axes: N persons and M objects of all clips, B clips, K slots of a clip, S seconds, P persons a second, D channels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from yacs.config import CfgNode

from alphaction.memory import MemoryFeatures, MemoryWindow, pad_by_clip
from alphaction.modeling.interaction.block import BlockOptions, InteractionBlock, PointwiseConv, Slots
from alphaction.modeling.interaction.center import RunningCenter
from alphaction.utils.errors import UserError

KINDS = {"P": "persons", "O": "objects", "M": "memory"}
_KEY = "MODEL.IA_STRUCTURE"


@dataclass(frozen=True)
class InteractionInputs:
    """The pooled features of a batch that an interaction structure relates to each other.

    Attributes:
        persons: [N, D].
        clip_index: int64 [N], 0 to num_clips - 1.
        scores: [N]; only the best-scored MAX_PERSON of a clip are attended to.
        num_clips: B.
        objects: [M, D], best score first within a clip; None for no objects at all.
        object_clip_index: int64 [M], or None.
        memory: what the pool remembers; None for nothing but the batch's own persons.
    """

    persons: Tensor
    clip_index: Tensor
    scores: Tensor
    num_clips: int
    objects: Tensor | None = None
    object_clip_index: Tensor | None = None
    memory: MemoryFeatures | None = None


@dataclass(frozen=True)
class StructureOptions:
    """The settings of an interaction structure: MODEL.IA_STRUCTURE, typed.

    Attributes:
        dim_in: width of the pooled features.
        dim_out: width of the result.
        max_person: slots for the persons of a clip (others than these still ask, but are not attended to).
        max_object: slots for the objects of a clip.
        memory: the seconds that a clip remembers, and how many persons of each.
        memory_own_second: whether the persons of the clip itself fill the slot between; otherwise it is empty.
        reduce: map persons, objects and memory to ``block.dim_inner`` before the first block.
        center: subtract a running mean from the pooled features, see :class:`RunningCenter`.
        block: what all blocks share.
    """

    dim_in: int
    dim_out: int
    max_person: int = 25
    max_object: int = 5
    memory: MemoryWindow = field(default_factory=MemoryWindow)
    memory_own_second: bool = True
    reduce: bool = True
    center: bool = False
    block: BlockOptions = field(default_factory=BlockOptions)

    @classmethod
    def from_config(cls, cfg: CfgNode) -> StructureOptions:
        """Read MODEL.IA_STRUCTURE."""
        ia = cfg.MODEL.IA_STRUCTURE
        memory = MemoryWindow.from_config(cfg)
        return cls(
            dim_in=ia.DIM_IN,
            dim_out=ia.DIM_OUT,
            max_person=ia.MAX_PERSON,
            max_object=ia.MAX_OBJECT,
            memory=memory,
            memory_own_second=ia.MEMORY_OWN_SECOND,
            reduce=ia.ROI_DIM_REDUCE,
            center=ia.CENTER_FEATURES,
            block=BlockOptions(
                dim_inner=ia.DIM_INNER,
                bias=not ia.NO_BIAS,
                dropout=ia.DROPOUT,
                layer_norm=ia.LAYER_NORM,
                zero_init=ia.USE_ZERO_INIT_CONV,
                init_std=ia.CONV_INIT_STD,
                position_std=ia.POSITION_INIT_STD,
                memory_slots=memory.slots if ia.TEMPORAL_POSITION else 0,
                mask_absent=ia.MASK_ABSENT,
                cosine_scale=ia.COSINE_SCALE,
            ),
        )


class InteractionStructure(nn.Module, ABC):
    """Interaction blocks and the connections between them, which a subclass defines.

    Args:
        options: the settings.
        kinds: "P", "O" or "M" for every block, in the order of their names.
        needs_person_keys: whether a block attends to the persons as they were pooled.

    Raises:
        UserError: if a block has no slots to attend to.
    """

    def __init__(self, options: StructureOptions, kinds: Sequence[str], needs_person_keys: bool) -> None:
        super().__init__()
        _check_slots(options, kinds)
        self.options = options
        self.dim_out = options.dim_out
        self.dropout = nn.Dropout(options.block.dropout)
        # The order and the names of the modules are those of the published checkpoints.
        self.person_dim_reduce = self._reduction()
        self.mem_dim_reduce = self._reduction() if "M" in kinds else None
        self.person_key_dim_reduce = self._reduction() if needs_person_keys else None
        self.object_dim_reduce = self._reduction() if "O" in kinds else None
        self.person_center = RunningCenter(options.dim_in) if options.center else None
        self.object_center = RunningCenter(options.dim_in) if options.center and "O" in kinds else None

    @classmethod
    def from_config(cls, cfg: CfgNode) -> InteractionStructure:
        """Build the structure that MODEL.IA_STRUCTURE describes; a subclass takes the options and I_BLOCK_LIST."""
        return cls(StructureOptions.from_config(cfg), cfg.MODEL.IA_STRUCTURE.I_BLOCK_LIST)

    @property
    def uses_objects(self) -> bool:
        """Whether a block attends to objects."""
        return self.object_dim_reduce is not None

    @property
    def uses_memory(self) -> bool:
        """Whether a block attends to the memory."""
        return self.mem_dim_reduce is not None

    def forward(self, inputs: InteractionInputs) -> Tensor:
        """Return what each person's surroundings add, [N, dim_out]. Clips may have no persons or objects."""
        if self.training:
            self._update_centers(inputs)
        persons = inputs.persons
        if self.person_center is not None:
            persons = self.person_center(persons, persons.new_ones(persons.shape[0]))
        query = self.dropout(self.person_dim_reduce(persons))
        others: dict[str, Slots] = {}
        if self.person_key_dim_reduce is not None:
            keys = self.dropout(self.person_key_dim_reduce(persons))
            others["P"] = self._person_slots(keys, inputs)
        if self.object_dim_reduce is not None:
            others["O"] = self._object_slots(inputs).map(self.object_dim_reduce).map(self.dropout)
        if self.mem_dim_reduce is not None:
            # Once a clip: its persons share what is remembered.
            others["M"] = self._memory_slots(inputs).map(self.mem_dim_reduce).map(self.dropout)
        return self._aggregate(query, others, inputs)

    @abstractmethod
    def _aggregate(self, query: Tensor, others: dict[str, Slots], inputs: InteractionInputs) -> Tensor:
        """Run the blocks.

        Args:
            query: [N, D] persons.
            others: what the blocks of each kind ("P", "O", "M") attend to; "P" only if ``needs_person_keys``.
            inputs: the clips that the persons belong to.

        Returns:
            [N, dim_out].
        """

    @property
    def _first_width(self) -> int:
        """Width of persons, objects and memory when they reach the first block."""
        return self.options.block.dim_inner if self.options.reduce else self.options.dim_in

    def _reduction(self) -> nn.Module:
        options = self.options
        if not options.reduce:
            return nn.Identity()
        block = options.block
        return PointwiseConv(options.dim_in, block.dim_inner, bias=block.bias, init_std=block.init_std)

    def _block(self, kind: str, dim_query: int, dim_person: int, dim_out: int) -> InteractionBlock:
        """Build a block; ``dim_person`` is the width of the person slots at this point."""
        dim_others = dim_person if kind == "P" else self._first_width
        return InteractionBlock(dim_query, dim_others, dim_out, self.options.block, is_memory=kind == "M")

    # Absent persons are zeros after the reduction, absent objects and memory before it, so that the bias remains. Odd,
    # but the published weights were trained this way; with mask_absent it makes no difference.

    def _person_slots(self, persons: Tensor, inputs: InteractionInputs) -> Slots:
        slots = self.options.max_person
        return Slots(*pad_by_clip(persons, inputs.clip_index, inputs.num_clips, slots, inputs.scores))

    def _object_slots(self, inputs: InteractionInputs) -> Slots:
        objects, clip_index = inputs.objects, inputs.object_clip_index
        if objects is None or clip_index is None:
            objects, clip_index = inputs.persons[:0], inputs.clip_index[:0]
        features, taken = pad_by_clip(objects, clip_index, inputs.num_clips, self.options.max_object)
        if self.object_center is not None:
            features = self.object_center(features, taken)
        return Slots(features, taken)

    def _memory_slots(self, inputs: InteractionInputs) -> Slots:
        options = self.options
        shape = (options.memory.slots, options.memory.max_per_second, options.dim_in)
        memory = inputs.memory
        if memory is None:
            memory = MemoryFeatures.empty(inputs.num_clips, options.memory, like=inputs.persons)
        if memory.features.shape[1:] != shape:
            raise ValueError(f"memory of {tuple(memory.features.shape[1:])}, but the model was built for {shape}")
        if options.memory_own_second:
            memory = memory.with_current(inputs.persons, inputs.clip_index, inputs.scores)
        features = memory.features
        if self.person_center is not None:
            features = self.person_center(features, memory.weights)
        return Slots(features, memory.present)

    def _update_centers(self, inputs: InteractionInputs) -> None:
        if self.person_center is not None:
            self.person_center.update(inputs.persons)
        if self.object_center is not None and inputs.objects is not None:
            self.object_center.update(inputs.objects)


def block_names(kinds: Iterable[str]) -> list[str]:
    """Return the attribute names of the published checkpoints: P_block_1, O_block_1, P_block_2, ..."""
    seen: Counter[str] = Counter()
    names = []
    for kind in kinds:
        seen[kind] += 1
        names.append(f"{kind}_block_{seen[kind]}")
    return names


def check_kinds(kinds: Any, blocks: Any, example: str) -> list[str]:
    """Return ``kinds``, one list of I_BLOCK_LIST (``blocks``), as a list of letters.

    Raises:
        UserError: if it is empty, no list, or an entry is not "P", "O" or "M".
    """
    if not isinstance(kinds, (list, tuple)) or not kinds or any(kind not in list(KINDS) for kind in kinds):
        raise UserError(
            f"{_KEY}.I_BLOCK_LIST is {blocks!r}; {_KEY}.STRUCTURE needs {example} "
            '("P": other persons, "O": objects, "M": memory).'
        )
    return list(kinds)


def _check_slots(options: StructureOptions, kinds: Sequence[str]) -> None:
    limits = {
        "P": ("MAX_PERSON", options.max_person, 25),
        "O": ("MAX_OBJECT", options.max_object, 5),
        "M": ("MAX_PER_SEC", options.memory.max_per_second, 5),
    }
    for kind in sorted(set(kinds)):
        key, value, common = limits[kind]
        if value < 1:
            raise UserError(
                f'{_KEY}.I_BLOCK_LIST has a "{kind}" block, but {_KEY}.{key} is {value}: it would have no '
                f"{KINDS[kind]} to attend to. Set {key} to {common}, or take the {kind} blocks out of the list."
            )
    if "M" in kinds and not options.memory_own_second and options.memory.slots == 1:
        raise UserError(
            f'{_KEY}.I_BLOCK_LIST has an "M" block, but {_KEY}.LENGTH is (0, 0) and MEMORY_OWN_SECOND False: it would '
            "have no memory to attend to. Set LENGTH to (30, 30), or take the M blocks out of the list."
        )
