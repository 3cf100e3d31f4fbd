"""SlowFast and Slow networks as MMAction2 and PyTorchVideo publish them: names and shapes, and what they give.

The golden cases hold one network of each; here are the others of those zoos, from the same facts. That the golden
networks come out of it exactly is tested.

Axes: B clips, C channels, T frames, H and W rows and columns, N persons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from contracts.golden import golden_person_boxes, golden_weight
from contracts.plain_slowfast import plain_features
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import roi_align

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
LEAVES = ("weight", "bias", "running_mean", "running_var")
STAGES = (1, 2, 3, 4)


@dataclass(frozen=True)
class ZooNetwork:
    """A network of one of the two zoos.

    Attributes:
        source: "mmaction2" or "pytorchvideo".
        depth: 50 or 101.
        fast: whether it has a fast pathway.
        kernel: of the laterals.
        temporal: in each stage, the leading blocks that look at 3 frames where its stage does.
        rows: of the classifier; 0: none.
        prefix: before the names of PyTorchVideo.
    """

    source: str
    depth: int = 50
    fast: bool = True
    kernel: int = 5
    temporal: tuple[int, ...] = ()
    rows: int = 80
    prefix: str = "model."

    def stem(self, pathway: int) -> tuple[str, str]:
        """Return the names of a stem's convolution and norm; ``pathway`` 0 is slow."""
        if self.source == "mmaction2":
            name = f"backbone.{self._path(pathway)}conv1"
            return f"{name}.conv", f"{name}.bn"
        name = f"{self.prefix}blocks.0.{self._path(pathway)}"
        return f"{name}conv", f"{name}norm"

    def unit(self, pathway: int, stage: int, block: int, unit: int) -> tuple[str, str]:
        """Return the names of a convolution and its norm: 1, 2, 3 of a bottleneck, 0 is the projection."""
        path = self._path(pathway)
        if self.source == "mmaction2":
            name = f"backbone.{path}layer{stage}.{block}.{f'conv{unit}' if unit else 'downsample'}"
            return f"{name}.conv", f"{name}.bn"
        name = f"{self.prefix}blocks.{stage}.{path}res_blocks.{block}."
        if not unit:
            return f"{name}branch1_conv", f"{name}branch1_norm"
        return f"{name}branch2.conv_{'abc'[unit - 1]}", f"{name}branch2.norm_{'abc'[unit - 1]}"

    def lateral(self, stage: int) -> tuple[str, str]:
        """Return the names of the lateral into a stage, and of its norm, "" if it has none."""
        if self.source == "mmaction2":
            return f"backbone.slow_path.{f'layer{stage - 1}' if stage > 1 else 'conv1'}_lateral.conv", ""
        name = f"{self.prefix}blocks.{stage - 1}.multipathway_fusion"
        return f"{name}.conv_fast_to_slow", f"{name}.norm"

    @property
    def classifier(self) -> str:
        return "roi_head.bbox_head.fc_cls" if self.source == "mmaction2" else "detection_head.proj"

    def _path(self, pathway: int) -> str:
        if not self.fast:
            return ""
        return f"{('slow', 'fast')[pathway]}_path." if self.source == "mmaction2" else f"multipathway_blocks.{pathway}."

    def frames(self, pathway: int, stage: int, block: int) -> int:
        """Return at how many frames the first convolution of a block looks."""
        leading = (self.temporal or BLOCKS[self.depth])[stage - 1]
        return 3 if block < leading and (pathway == 1 or stage > 2) else 1

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return name -> shape of every tensor."""
        found: dict[str, tuple[int, ...]] = {}
        for pathway, width in enumerate((64, 8) if self.fast else (64,)):
            _add(found, self.stem(pathway), (width, 3, 5 if pathway else 1, 7, 7))
            for stage in STAGES:
                inner = width * 2 ** (stage - 1)
                given = width if stage == 1 else 2 * inner
                if self.fast and not pathway:
                    given += given // 4
                for block in range(BLOCKS[self.depth][stage - 1]):
                    sizes = [
                        (inner, given, self.frames(pathway, stage, block), 1, 1),
                        (inner, inner, 1, 3, 3),
                        (4 * inner, inner, 1, 1, 1),
                    ]
                    if block == 0:
                        _add(found, self.unit(pathway, stage, 0, 0), (4 * inner, given, 1, 1, 1))
                    for unit, size in enumerate(sizes, 1):
                        _add(found, self.unit(pathway, stage, block, unit), size)
                    given = 4 * inner
        if self.fast:
            for stage in STAGES:
                width = 8 if stage == 1 else 8 * 2**stage
                _add(found, self.lateral(stage), (2 * width, width, self.kernel, 1, 1))
        if self.rows:
            found |= {f"{self.classifier}.weight": (self.rows, 2304 if self.fast else 2048)}
            found |= {f"{self.classifier}.bias": (self.rows,)}
        return found

    def tensors(self) -> dict[str, Tensor]:
        """Return the golden weights under the zoo's names."""
        return {name: golden_weight(name, shape) for name, shape in self.shapes().items()}

    def features(self, tensors: Mapping[str, Tensor], clips: tuple[Tensor, ...], dilation: int) -> list[Tensor]:
        """Return the features [B, C, T, H/16, W/16] of the pathways for ``clips`` [B, 3, T, H, W], slow first."""
        weights = {}
        for theirs, names in self._parts():
            for name, plain in zip(names, theirs, strict=True):
                weights |= {
                    f"{plain}.{leaf}": tensors[f"{name}.{leaf}"] for leaf in LEAVES if f"{name}.{leaf}" in tensors
                }
        return plain_features(weights, clips, clips[1].shape[2] // clips[0].shape[2] if self.fast else 0, dilation)

    def _parts(self) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
        """Yield the names of each convolution and its norm in PySlowFast's network, and here."""
        for pathway in range(2 if self.fast else 1):
            stem = f"s1.pathway{pathway}_stem"
            yield (f"{stem}.conv", f"{stem}.bn"), self.stem(pathway)
            for stage in STAGES:
                for block in range(BLOCKS[self.depth][stage - 1]):
                    for unit, plain in enumerate(("branch1", "branch2.a", "branch2.b", "branch2.c")):
                        name = f"s{stage + 1}.pathway{pathway}_res{block}.{plain}"
                        yield (name, f"{name}_bn"), self.unit(pathway, stage, block, unit)
        for stage in STAGES if self.fast else ():
            yield (f"s{stage}_fuse.conv_f2s", f"s{stage}_fuse.bn"), self.lateral(stage)

    def probabilities(
        self,
        tensors: Mapping[str, Tensor],
        clips: tuple[Tensor, ...],
        *,
        dilation: int,
        resolution: int,
        aligned: bool,
        time_max: bool = False,
    ) -> Tensor:
        """Return what the network says of the golden persons, [N, rows]."""
        boxes, clip_index = golden_person_boxes()
        rois = torch.cat([clip_index[:, None].float(), boxes], 1)
        pooled = []
        for features in self.features(tensors, clips, dilation):
            maps = features.amax(2) if time_max else features.mean(2)
            pooled.append(roi_align(maps, rois, resolution, 1 / 16, 0, aligned).amax((2, 3)))
        weight, bias = (tensors[f"{self.classifier}.{leaf}"] for leaf in ("weight", "bias"))
        return F.linear(torch.cat(pooled, 1), weight, bias).sigmoid()


def _add(found: dict[str, tuple[int, ...]], names: tuple[str, str], shape: tuple[int, ...]) -> None:
    conv, norm = names
    found[f"{conv}.weight"] = shape
    if norm:
        found |= {f"{norm}.{leaf}": shape[:1] for leaf in LEAVES}
        found[f"{norm}.num_batches_tracked"] = ()
