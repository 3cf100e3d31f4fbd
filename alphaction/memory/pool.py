"""The memory of the asynchronous interaction aggregation: pooled person features of every keyframe seen so far.

Tang et al., "Asynchronous Interaction Aggregation for Action Detection", ECCV 2020: a clip attends to the persons of
the seconds around it. Their features are not computed again but read from this pool, which each step updates.

Axes: B clips, N persons of a batch, S seconds around a clip (before, the clip's own, after),
P persons a second, D channels.
"""

from __future__ import annotations

import bisect
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from yacs.config import CfgNode

from alphaction.data.keyframes import MILLISECONDS, exact_time, exact_times, milliseconds_of
from alphaction.data.sample import Keyframe
from alphaction.memory.features import MemoryFeatures
from alphaction.memory.padding import counter_random, rank_in_clip
from alphaction.memory.pool_state import state_problems
from alphaction.memory.window import MemoryWindow
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import listed

_MIN_TAG = 1e-12  # a loss of exactly 0 must not divide
_NEAR = 500  # milliseconds that a keyframe may be away from its slot


@dataclass
class _Entry:
    """Where the persons of one keyframe lie in the storage, best score first."""

    start: int
    capacity: int
    count: int
    tag: float


class MemoryPool:
    """Person features by keyframe, packed into one growing tensor in host memory.

    A person takes 4*D bytes: 9.2 kB at D = 2304. All labeled persons of the AVA training set (about 300,000) take
    2.8 GB in every process, and up to twice that while the storage grows.

    Args:
        dim: D.
        max_per_second: P, most persons read from one second.
        length: seconds before and after a clip's own, in units of ``rate``.
        rate: seconds between neighboring slots.
    """

    def __init__(self, dim: int, max_per_second: int = 5, length: tuple[int, int] = (30, 30), rate: int = 1) -> None:
        self.dim = dim
        self.window = MemoryWindow(*length, max_per_second, rate)
        self._entries: dict[Keyframe, _Entry] = {}
        self._times: dict[str, list[int]] = {}  # video -> milliseconds of its entries, ascending
        self._between: set[str] = set()  # videos with an entry at no whole second
        self._storage = torch.empty((0, dim))
        self._used = 0
        self._latest_tag: float | None = None

    @classmethod
    def from_config(cls, cfg: CfgNode) -> MemoryPool:
        """Return an empty pool for the model that MODEL.IA_STRUCTURE describes."""
        window = MemoryWindow.from_config(cfg)
        return cls(cfg.MODEL.IA_STRUCTURE.DIM_IN, window.max_per_second, (window.before, window.after), window.rate)

    def __len__(self) -> int:
        """Return the number of keyframes that have an entry."""
        return len(self._entries)

    def __contains__(self, keyframe: Keyframe) -> bool:
        return keyframe in self._entries

    def write(
        self,
        keyframes: Sequence[Keyframe],
        features: Tensor,
        clip_index: Tensor,
        *,
        tag: Tensor | float | None = None,
        scores: Tensor | None = None,
    ) -> None:
        """Remember the persons of some keyframes, in place of what was remembered of the same keyframes.

        Args:
            keyframes: the B keyframes, each once. One without a person is left as it was.
            features: [N, D].
            clip_index: int64 [N], each person's position in ``keyframes``.
            tag: loss of the step, a scalar or [N] (the first person of a keyframe decides); None: never scaled.
            scores: [N], the best-scored persons are preferred at test time; None: all equal.
        """
        features = features.detach().to("cpu", torch.float32)
        if features.shape[1] != self.dim:
            raise ValueError(f"the memory pool holds features of width {self.dim}, not {features.shape[1]}")
        clip_index = clip_index.cpu()
        # Best score first within each keyframe.
        order = torch.arange(len(features)) if scores is None else scores.cpu().argsort(descending=True, stable=True)
        order = order[torch.argsort(clip_index[order], stable=True)]
        features = features[order]
        tags = torch.as_tensor(math.nan if tag is None else tag, dtype=torch.float32).cpu().expand(len(order))[order]
        clips, counts = torch.unique_consecutive(clip_index[order], return_counts=True)
        start = 0
        for clip, count in zip(clips.tolist(), counts.tolist(), strict=True):
            step_tag = tags[start].item()
            self._put(keyframes[clip], features[start : start + count], step_tag)
            start += count
            if not math.isnan(step_tag):
                self._latest_tag = step_tag

    def read(
        self,
        keyframes: Sequence[Keyframe],
        *,
        penalty: bool = False,
        current_tag: Tensor | float | None = None,
        seed: int | None = None,
        device: torch.device | str = "cpu",
    ) -> MemoryFeatures:
        """Return what is remembered around some keyframes.

        Args:
            keyframes: the B keyframes.
            penalty: scale a feature by min(tag/current, current/tag): the more the loss has changed since, the less it
                counts. Training only.
            current_tag: loss that ``penalty`` compares with; None: the one written last.
            seed: of the random choice where a second has more than P persons (training), which depends on nothing else
                but the keyframe. None: take the best-scored (test).
            device: of the result; only rows that are present are copied to it.
        """
        device = torch.device(device)
        slots, limit = self.window.slots, self.window.max_per_second
        clip_seeds = None if seed is None else torch.tensor([_clip_seed(seed, keyframe) for keyframe in keyframes])
        cells, starts, counts, tags = self._look_up(keyframes)

        rows_before = torch.cumsum(counts, 0) - counts
        row_cell = torch.repeat_interleave(cells, counts)
        position = torch.arange(len(row_cell)) - torch.repeat_interleave(rows_before, counts)
        rows = torch.repeat_interleave(starts, counts) + position
        slot = position
        if clip_seeds is not None:
            second, clip = row_cell % slots, row_cell // slots
            drawn = counter_random(counter_random(clip_seeds[clip], second), position)
            slot = rank_in_clip(row_cell, len(keyframes) * slots, drawn)
        kept = slot < limit
        place = row_cell[kept] * limit + slot[kept]
        values = self._gather(rows[kept], pin=device.type == "cuda")
        scale = None
        if penalty:
            current = self._latest_tag if current_tag is None else current_tag
            scale = self._penalty(torch.repeat_interleave(tags, counts)[kept], current, device)

        shape = (len(keyframes), slots, limit)
        place = place.to(device, non_blocking=True)
        values = values.to(device, non_blocking=True)
        total = shape[0] * shape[1] * shape[2]
        weight = None
        if scale is not None:
            values.mul_(scale[:, None])
            weight = torch.zeros(total, device=device).index_copy_(0, place, scale).view(shape)
        features = torch.zeros((total, self.dim), device=device).index_copy_(0, place, values)
        present = torch.zeros(total, dtype=torch.bool, device=device).index_fill_(0, place, True)
        return MemoryFeatures(
            features.view(*shape, self.dim),
            present.view(shape),
            current_slot=self.window.current_slot,
            seeds=None if clip_seeds is None else clip_seeds.to(device, non_blocking=True),
            weight=weight,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the content as tensors and plain lists, which ``torch.load(weights_only=True)`` can read."""
        names = sorted({video for video, _ in self._entries})
        position = {name: i for i, name in enumerate(names)}
        entries = list(self._entries.values())
        slices = [self._storage[entry.start : entry.start + entry.count] for entry in entries]
        return {
            "videos": names,
            "video_index": torch.tensor([position[video] for video, _ in self._entries], dtype=torch.int64),
            "seconds": torch.from_numpy(exact_times([second for _, second in self._entries])),
            "counts": torch.tensor([entry.count for entry in entries], dtype=torch.int64),
            "tags": torch.tensor([entry.tag for entry in entries], dtype=torch.float32),
            "latest_tag": math.nan if self._latest_tag is None else self._latest_tag,
            "features": torch.cat(slices) if slices else torch.empty((0, self.dim)),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Replace the content by what :meth:`state_dict` returned.

        Raises:
            CheckpointError: if it is no such state, or the features have another width than this pool's; nothing has
                changed then.
        """
        problems = list(state_problems(state))
        if problems:
            raise CheckpointError(f"{listed(problems, 3, '; ')}: no pool of this program was saved so")
        features = state["features"]
        self._check_dim(features.shape[1])
        for known in (self._entries, self._times, self._between):
            known.clear()
        self._storage, self._used = features.detach().clone().float(), len(features)
        latest = float(state["latest_tag"])
        self._latest_tag = None if math.isnan(latest) else latest
        start = 0
        columns = (state[name].tolist() for name in ("video_index", "seconds", "counts", "tags"))
        for video, second, count, tag in zip(*columns, strict=True):
            self._add(Keyframe(state["videos"][video], exact_time(second)), _Entry(start, count, count, tag))
            start += count

    def _check_dim(self, dim: int) -> None:
        if dim != self.dim:
            raise CheckpointError(
                f"memory features of width {dim} do not fit a pool of width {self.dim} (MODEL.IA_STRUCTURE.DIM_IN): "
                "they come from another backbone. Start without them, or use the config that they were made with."
            )

    def _put(self, key: Keyframe, features: Tensor, tag: float) -> None:
        count = len(features)
        entry = self._entries.get(key)
        if entry is None or entry.capacity < count:
            entry = _Entry(self._used, count, count, tag)
            self._add(key, entry)
            self._used += count
            if self._used > len(self._storage):
                grown = torch.empty((max(self._used, 3 * len(self._storage) // 2, 256), self.dim))
                grown[: entry.start] = self._storage[: entry.start]
                self._storage = grown
        entry.count, entry.tag = count, tag
        self._storage[entry.start : entry.start + count] = features

    def _add(self, key: Keyframe, entry: _Entry) -> None:
        if key not in self._entries:
            bisect.insort(self._times.setdefault(key.video, []), milliseconds_of(key.second))
            if not isinstance(key.second, int):
                self._between.add(key.video)
        self._entries[key] = entry

    def _entry_near(self, video: str, time: float, later: bool) -> _Entry | None:
        """Return what a slot remembers: the keyframe at its time, else the nearest one that no other slot is nearer to.

        Where all keyframes are at whole seconds, only those at the very time are that near. A keyframe half way between
        two slots belongs to the one further from the clip: a clip at 2.5 remembers second 2 before it and 3 after it.

        Args:
            later: whether the slot is after the clip.
        """
        entry = self._entries.get((video, time))
        if entry is not None or (isinstance(time, int) and video not in self._between):
            return entry
        times, wanted = self._times.get(video, []), milliseconds_of(time)
        position = bisect.bisect_left(times, wanted)
        near = [
            (abs(found - wanted), (found > wanted) == later, found)
            for found in times[max(position - 1, 0) : position + 1]
        ]
        distance, outward, found = min(near, default=(_NEAR, True, 0))
        if distance > _NEAR or (distance == _NEAR and outward):
            return None
        return self._entries[video, exact_time(found / MILLISECONDS)]

    def _look_up(self, keyframes: Sequence[Keyframe]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return, for each remembered second of each clip, its cell (clip * S + slot), first row, row count and tag."""
        found = []
        for clip, (video, second) in enumerate(keyframes):
            first_cell = clip * self.window.slots
            for slot, remembered in enumerate(self.window.seconds(second)):
                own = slot == self.window.current_slot
                entry = None if own else self._entry_near(video, remembered, remembered > second)
                if entry is not None:
                    found.append((first_cell + slot, entry.start, entry.count, entry.tag))
        table = torch.tensor(found, dtype=torch.float64).reshape(-1, 4)  # exact for whole numbers below 2**53
        cells, starts, counts = table[:, :3].long().unbind(1)
        return cells, starts, counts, table[:, 3].float()

    def _gather(self, rows: Tensor, pin: bool) -> Tensor:
        # The caching allocator of pinned memory keeps a buffer alive until the copy from it is done.
        out = torch.empty((len(rows), self.dim), pin_memory=pin)
        return torch.index_select(self._storage, 0, rows, out=out)

    @staticmethod
    def _penalty(tags: Tensor, current: Tensor | float | None, device: torch.device) -> Tensor | None:
        """Return min(tag/current, current/tag) per row; 1 where one is NaN, unknown. None: nothing to compare with."""
        if current is None:
            return None
        tags = tags.to(device, non_blocking=True)
        current = torch.as_tensor(current, dtype=torch.float32).to(device, non_blocking=True).detach()
        known = tags.clamp(min=_MIN_TAG)
        current = current.clamp(min=_MIN_TAG)
        scale = torch.minimum(known / current, current / known)
        return torch.where(torch.isnan(tags) | torch.isnan(current), 1.0, scale)


def _clip_seed(seed: int, keyframe: Keyframe) -> int:
    """Return a seed for one clip that does not depend on its place in the batch or on the process that reads it."""
    time = keyframe[1] if isinstance(keyframe[1], int) else milliseconds_of(keyframe[1])
    mixed = (seed * 1_000_003 + zlib.crc32(keyframe[0].encode()) * 40_503 + time) & (2**64 - 1)
    return mixed - 2**64 if mixed >= 2**63 else mixed
