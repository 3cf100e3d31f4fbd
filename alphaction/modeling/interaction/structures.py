"""The interaction structures of "Asynchronous Interaction Aggregation for Action Detection" (Tang et al., ECCV 2020).

Axes: N persons of all clips, B clips, K slots of a clip, D channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from alphaction.modeling.interaction.block import Slots
from alphaction.modeling.interaction.structure import (
    InteractionInputs,
    InteractionStructure,
    StructureOptions,
    block_names,
    check_kinds,
)
from alphaction.modeling.registries import INTERACTION_STRUCTURES
from alphaction.utils.errors import UserError


@INTERACTION_STRUCTURES.register("serial")
class SerialStructure(InteractionStructure):
    """Blocks in order: the output of each is the query of the next, and what the next P block attends to.

    Args:
        options: the settings.
        blocks: "P", "O", "M" in any order and number. The last block is ``dim_out`` wide.
    """

    def __init__(self, options: StructureOptions, blocks: Sequence[str]) -> None:
        kinds = check_kinds(blocks, blocks, 'a list like ["P", "O", "M"]')
        # A P block further on attends to the output of the block before it.
        super().__init__(options, kinds, needs_person_keys=kinds[0] == "P")
        self.plan = list(zip(block_names(kinds), kinds, strict=True))
        width = self._first_width
        for position, (name, kind) in enumerate(self.plan):
            out = options.dim_out if position == len(kinds) - 1 else options.block.dim_inner
            self.add_module(name, self._block(kind, width, width, out))
            width = out

    def _aggregate(self, query: Tensor, others: dict[str, Slots], inputs: InteractionInputs) -> Tensor:
        outputs: list[Tensor] = []
        for name, kind in self.plan:
            if outputs:
                query = self._next_query(outputs)
                if kind == "P":
                    others["P"] = self._person_slots(query, inputs)
            outputs.append(self.get_submodule(name)(query, others[kind], inputs.clip_index))
        return outputs[-1]

    def _next_query(self, outputs: list[Tensor]) -> Tensor:
        """Return the query of the next block, given the outputs [N, D] of all blocks before it."""
        return outputs[-1]


@INTERACTION_STRUCTURES.register("dense")
class DenseStructure(SerialStructure):
    """Serial, but a block's query is a sum over the outputs of all blocks before it, weighted per channel.

    Args:
        options: the settings.
        blocks: "P", "O", "M" in any order and number.
    """

    def __init__(self, options: StructureOptions, blocks: Sequence[str]) -> None:
        super().__init__(options, blocks)
        # Equal weights at first. The second block has only one output before it, and nothing to weigh.
        self.dense_params = nn.ParameterDict(
            {
                str(position): nn.Parameter(torch.zeros(position, options.block.dim_inner, 1, 1, 1))
                for position in range(2, len(self.plan))
            }
        )

    def _next_query(self, outputs: list[Tensor]) -> Tensor:
        if len(outputs) == 1:
            return outputs[0]
        weights = self.dense_params[str(len(outputs))].flatten(1).softmax(dim=0)
        return (torch.stack(outputs) * weights[:, None]).sum(dim=0)


@INTERACTION_STRUCTURES.register("parallel")
class ParallelStructure(InteractionStructure):
    """Layers of branches: each branch has a query of its own, and what the last layer's branches find is added up.

    Args:
        options: the settings.
        blocks: one list of "P", "O", "M" for each layer, equally long: the n-th blocks of all layers form a branch. A
            P block's output is what the P blocks of the next layer attend to. The last layer is ``dim_out`` wide.
    """

    def __init__(self, options: StructureOptions, blocks: Sequence[Sequence[str]]) -> None:
        example = 'a list of lists like [["P", "O", "M"], ["P", "O", "M"]], one for each layer'
        layers = [check_kinds(layer, blocks, example) for layer in blocks or [None]]
        if len({len(layer) for layer in layers}) != 1:
            raise UserError(
                f"MODEL.IA_STRUCTURE.I_BLOCK_LIST is {list(blocks)!r}: the layers of a parallel structure must be "
                "equally long, because the n-th blocks of all layers form a branch."
            )
        kinds = [kind for layer in layers for kind in layer]
        super().__init__(options, kinds, needs_person_keys="P" in kinds)
        names = iter(block_names(kinds))
        self.plan = [[(next(names), kind) for kind in layer] for layer in layers]
        query_width = person_width = self._first_width
        for layer in self.plan:
            out = options.dim_out if layer is self.plan[-1] else options.block.dim_inner
            for name, kind in layer:
                self.add_module(name, self._block(kind, query_width, person_width, out))
            query_width = out
            if any(kind == "P" for _, kind in layer):
                person_width = out

    def _aggregate(self, query: Tensor, others: dict[str, Slots], inputs: InteractionInputs) -> Tensor:
        queries = [query] * len(self.plan[0])
        for layer in self.plan:
            queries = [
                self.get_submodule(name)(branch, others[kind], inputs.clip_index)
                for branch, (name, kind) in zip(queries, layer, strict=True)
            ]
            for output, (_, kind) in zip(queries, layer, strict=True):
                if kind == "P" and layer is not self.plan[-1]:
                    others["P"] = self._person_slots(output, inputs)
        return torch.stack(queries).sum(dim=0)
