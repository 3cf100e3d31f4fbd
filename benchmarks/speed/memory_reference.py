"""The former memory pool: a dictionary of entries, and a storage that is copied when it grows.

Axes: B clips, S seconds around a clip, P persons a second, R rows, D channels.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from alphaction.data.keyframes import MILLISECONDS, Keyframe, exact_time, exact_times, milliseconds_of
from alphaction.memory import MemoryFeatures, MemoryWindow
from alphaction.memory.look_up import clip_seed
from alphaction.memory.padding import counter_random, rank_in_clip

_NEAR = 500


class FormerPool:
    """As :class:`alphaction.memory.MemoryPool` was, on the CPU and in float32."""

    def __init__(self, dim: int, max_per_second: int = 5, length: tuple[int, int] = (30, 30), rate: int = 1) -> None:
        self.dim, self.window = dim, MemoryWindow(*length, max_per_second, rate)
        self.entries: dict[Keyframe, tuple[int, int, int, float]] = {}  # first row, capacity, count, tag
        self.times: dict[str, list[int]] = {}
        self.between: set[str] = set()
        self.storage, self.used, self.latest = torch.empty((0, dim)), 0, None

    def write(
        self,
        keyframes: Sequence[Keyframe],
        features: Tensor,
        clip_index: Tensor,
        *,
        tag: Any = None,
        scores: Any = None,
    ) -> None:
        """Remember persons."""
        order = torch.arange(len(features)) if scores is None else scores.argsort(descending=True, stable=True)
        order = order[torch.argsort(clip_index[order], stable=True)]
        features = features[order].float()
        tags = torch.as_tensor(math.nan if tag is None else tag, dtype=torch.float32).expand(len(order))[order]
        clips, counts = torch.unique_consecutive(clip_index[order], return_counts=True)
        start = 0
        for clip, count in zip(clips.tolist(), counts.tolist(), strict=True):
            self._put(keyframes[clip], features[start : start + count], tags[start].item())
            start += count

    def _put(self, key: Keyframe, features: Tensor, tag: float) -> None:
        first, capacity, _, _ = self.entries.get(key, (0, 0, 0, 0.0))
        if capacity < len(features):
            first, capacity = self.used, len(features)
            self.used += capacity
            if self.used > len(self.storage):
                grown = torch.empty((max(self.used, 3 * len(self.storage) // 2, 256), self.dim))
                grown[:first] = self.storage[:first]
                self.storage = grown
        if key not in self.entries:
            bisect.insort(self.times.setdefault(key.video, []), milliseconds_of(key.second))
            if not isinstance(key.second, int):
                self.between.add(key.video)
        self.entries[key] = first, capacity, len(features), tag
        self.storage[first : first + len(features)] = features
        if not math.isnan(tag):
            self.latest = tag

    def read(
        self, keyframes: Sequence[Keyframe], *, penalty: bool = False, current_tag: Any = None, seed: int | None = None
    ) -> MemoryFeatures:
        """Return what is remembered."""
        slots, limit = self.window.slots, self.window.max_per_second
        seeds = None if seed is None else torch.tensor([clip_seed(seed, each) for each in keyframes], dtype=torch.int64)
        cells, starts, counts, tags = self._look_up(keyframes)
        row_cell = torch.repeat_interleave(cells, counts)
        position = torch.arange(len(row_cell)) - torch.repeat_interleave(torch.cumsum(counts, 0) - counts, counts)
        rows = torch.repeat_interleave(starts, counts) + position
        slot = position
        if seeds is not None:
            drawn = counter_random(counter_random(seeds[row_cell // slots], row_cell % slots), position)
            slot = rank_in_clip(row_cell, len(keyframes) * slots, drawn)
        kept = slot < limit
        place = row_cell[kept] * limit + slot[kept]
        values = torch.index_select(self.storage, 0, rows[kept])
        current = self.latest if current_tag is None else current_tag
        shape, weight = (len(keyframes), slots, limit), None
        total = math.prod(shape)
        if penalty and current is not None:
            known = torch.repeat_interleave(tags, counts)[kept]
            current = torch.as_tensor(current, dtype=torch.float32)
            known, current = known.clamp(min=1e-12), current.clamp(min=1e-12)
            scale = torch.minimum(known / current, current / known)
            scale = torch.where(torch.isnan(known) | torch.isnan(current), 1.0, scale)
            values.mul_(scale[:, None])
            weight = torch.zeros(total).index_copy_(0, place, scale).view(shape)
        features = torch.zeros((total, self.dim)).index_copy_(0, place, values)
        present = torch.zeros(total, dtype=torch.bool).index_fill_(0, place, True)
        return MemoryFeatures(
            features.view(*shape, self.dim), present.view(shape), self.window.current_slot, seeds, weight
        )

    def _look_up(self, keyframes: Sequence[Keyframe]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        found = []
        for clip, (video, second) in enumerate(keyframes):
            for slot, remembered in enumerate(self.window.seconds(second)):
                if slot != self.window.current_slot and (entry := self._near(video, remembered, remembered > second)):
                    found.append((clip * self.window.slots + slot, entry[0], entry[2], entry[3]))
        table = torch.tensor(found, dtype=torch.float64).reshape(-1, 4)
        return (*table[:, :3].long().unbind(1), table[:, 3].float())

    def _near(self, video: str, time: float, later: bool) -> tuple[int, int, int, float] | None:
        entry = self.entries.get((video, time))
        if entry is not None or (isinstance(time, int) and video not in self.between):
            return entry
        times, wanted = self.times.get(video, []), milliseconds_of(time)
        position = bisect.bisect_left(times, wanted)
        around = times[max(position - 1, 0) : position + 1]
        near = [(abs(at - wanted), (at > wanted) == later, at) for at in around]
        distance, outward, at = min(near, default=(_NEAR, True, 0))
        if distance > _NEAR or (distance == _NEAR and outward):
            return None
        return self.entries[video, exact_time(at / MILLISECONDS)]

    def state_dict(self) -> dict[str, Any]:
        """Return the content, copied."""
        names = sorted({video for video, _ in self.entries})
        position = {name: i for i, name in enumerate(names)}
        entries = list(self.entries.values())
        slices = [self.storage[first : first + count] for first, _, count, _ in entries]
        return {
            "videos": names,
            "video_index": torch.tensor([position[video] for video, _ in self.entries], dtype=torch.int64),
            "seconds": torch.from_numpy(exact_times([second for _, second in self.entries])),
            "counts": torch.tensor([entry[2] for entry in entries], dtype=torch.int64),
            "tags": torch.tensor([entry[3] for entry in entries], dtype=torch.float32),
            "latest_tag": math.nan if self.latest is None else self.latest,
            "features": torch.cat(slices) if slices else torch.empty((0, self.dim)),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state."""
        self.storage, self.used = state["features"].clone(), len(state["features"])
        self.latest = None if math.isnan(state["latest_tag"]) else state["latest_tag"]
        start = 0
        columns = (state[name].tolist() for name in ("video_index", "seconds", "counts", "tags"))
        for video, second, count, tag in zip(*columns, strict=True):
            key = Keyframe(state["videos"][video], exact_time(second))
            self.entries[key] = start, count, count, tag
            bisect.insort(self.times.setdefault(key.video, []), milliseconds_of(key.second))
            if not isinstance(key.second, int):
                self.between.add(key.video)
            start += count
