"""The memory of the asynchronous interaction aggregation: pooled person features of every keyframe seen so far.

Tang et al., "Asynchronous Interaction Aggregation for Action Detection", ECCV 2020: a clip attends to the persons of
the seconds around it. Their features are not computed again but read from this pool, which each step updates.

Axes: B clips, N persons of a batch, S seconds around a clip (before, the clip's own, after),
P persons a second, D channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from yacs.config import CfgNode

from alphaction.data.keyframes import (
    MILLISECONDS,
    Keyframe,
    exact_time,
    from_milliseconds,
    milliseconds_of,
    to_milliseconds,
)
from alphaction.memory.bank import DTYPES, RowBank, RowType
from alphaction.memory.buffers import Buffers
from alphaction.memory.entries import EntryTable, spans
from alphaction.memory.features import MemoryFeatures
from alphaction.memory.look_up import LookUp, clip_seed
from alphaction.memory.packed import Packed
from alphaction.memory.pool_state import state_problems
from alphaction.memory.window import MemoryWindow
from alphaction.utils.errors import CheckpointError
from alphaction.utils.messages import listed

_MIN_TAG = 1e-12  # a loss of exactly 0 must not divide


class MemoryPool:
    """Person features by keyframe, in one piece of host memory.

    A person takes 4*D bytes, or 2*D in float16: 9.2 or 4.6 kB at D = 2304. For 527,000 persons, 2.5 a second of AVA's
    training set, that is 4.9 or 2.4 GB in every process; what is noted beside them takes less than 1% of it.

    Args:
        dim: D.
        max_per_second: P, most persons read from one second.
        length: seconds before and after a clip's own, in units of ``rate``.
        rate: seconds between neighboring slots.
        dtype: "float32", or "float16", which rounds a value to 11 bits; values beyond its range are scaled.
    """

    def __init__(
        self,
        dim: int,
        max_per_second: int = 5,
        length: tuple[int, int] = (30, 30),
        rate: int = 1,
        dtype: RowType | torch.dtype = "float32",
    ) -> None:
        self.dim = dim
        self.window = MemoryWindow(*length, max_per_second, rate)
        self._bank = RowBank(dim, dtype)
        self._entries = EntryTable()
        self._buffers = Buffers()
        self._latest_tag: float | None = None
        self._look_up = LookUp(self.window)

    @classmethod
    def from_config(cls, cfg: CfgNode) -> MemoryPool:
        """Return an empty pool for the model that MODEL.IA_STRUCTURE describes."""
        window = MemoryWindow.from_config(cfg)
        ia, length = cfg.MODEL.IA_STRUCTURE, (window.before, window.after)
        return cls(ia.DIM_IN, window.max_per_second, length, window.rate, ia.MEMORY_DTYPE)

    @property
    def dtype(self) -> torch.dtype:
        """The type that features are stored in; they are read as float32."""
        return self._bank.dtype

    def __len__(self) -> int:
        """Return the number of keyframes that have an entry."""
        return len(self._entries)

    def __contains__(self, keyframe: Keyframe) -> bool:
        return self._entries.find(keyframe) >= 0

    def keyframes(self) -> Iterator[Keyframe]:
        """Yield the keyframes that have an entry, in the order of their first writing."""
        names = list(self._entries.videos)
        times = self._entries.times
        for number, time in zip(self._entries.video_index.tolist(), times.tolist(), strict=True):
            yield Keyframe(names[number], exact_time(time / MILLISECONDS))

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
        if features.shape[1] != self.dim:
            raise ValueError(f"the memory pool holds features of width {self.dim}, not {features.shape[1]}")
        if len(features) == 0:
            return
        features, clip_index = features.detach().cpu(), clip_index.cpu().numpy()
        # Best score first within each keyframe.
        order = np.arange(len(features)) if scores is None else _descending(scores)
        order = order[np.argsort(clip_index[order], kind="stable")]
        clips, firsts, counts = np.unique(clip_index[order], return_index=True, return_counts=True)
        tags = torch.as_tensor(math.nan if tag is None else tag, dtype=torch.float32).detach().cpu()
        tags = tags.expand(len(order)).numpy()[order[firsts]]

        entries = self._entries.find_or_add(keyframes[clip] for clip in clips.tolist())
        last = _last_of_each(entries)
        if len(last) < len(entries):  # a keyframe is there twice
            order = order[spans(firsts[last], counts[last])]
            entries, counts = entries[last], counts[last]
        rows = self._entries.resize(entries, counts)
        self._entries.tags[entries] = tags[last]
        self._bank.reserve(self._entries.rows)
        self._bank.put(rows, features, order)
        known = tags[~np.isnan(tags)]
        if len(known):
            self._latest_tag = known[-1].item()

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
            device: of the result. Only rows that are present are copied to it, with all else in one piece and without
                waiting.
        """
        device = torch.device(device)
        shape = (len(keyframes), self.window.slots, self.window.max_per_second)
        seeds = None if seed is None else np.array([clip_seed(seed, keyframe) for keyframe in keyframes], np.int64)
        entries, rows, places, owner = self._look_up(self._entries, keyframes, seeds)
        if penalty and current_tag is None:
            current_tag = self._latest_tag
        current = current_tag if penalty else None
        if isinstance(current, Tensor) and current.device.type == device.type != "cpu":
            current = current.detach().float()  # stays there
        elif current is not None:
            current = float(current)
        columns = self._columns(rows, places, math.prod(shape), seeds)
        if current is not None:
            columns["tags"] = np.append(self._entries.tags[entries][owner], np.float32(math.nan))
            if isinstance(current, float):
                columns["current"] = np.array([current], dtype=np.float32)
        packed = Packed(columns, (len(rows) + 1, self.dim), self._bank.rows.dtype, device, self._buffers)
        self._bank.take(rows, packed.host_rows[:-1])
        packed.host_rows[-1] = 0
        sent, values = packed.send()

        # From here on the device works on its own.
        if values.dtype != torch.float32:
            values = self._empty(*values.shape, device=device).copy_(values)
        if "scales" in sent:
            values.mul_(sent["scales"][:, None])
        present, weight = sent["index"] < len(rows), None
        if current is not None:
            scale = _penalty(sent["tags"], sent.get("current", current))
            values.mul_(scale[:, None])
            weight = (scale.index_select(0, sent["index"]) * present).view(shape)
        features = self._empty(math.prod(shape), self.dim, device=device)
        return MemoryFeatures(
            torch.index_select(values, 0, sent["index"], out=features).view(*shape, self.dim),
            present.view(shape),
            current_slot=self.window.current_slot,
            seeds=sent["seeds"].clone() if seeds is not None else None,  # not to keep the rows with them
            weight=weight,
        )

    def forget(self, video: str, before: float) -> None:
        """Forget the keyframes of a video before a moment, whose room the next ones take.

        Args:
            video: name.
            before: seconds.
        """
        self._entries.forget(video, milliseconds_of(before))

    def state_dict(self) -> dict[str, Any]:
        """Return the content as tensors and plain lists, which ``torch.load(weights_only=True)`` can read.

        Its ``features`` are the pool's own memory, not a copy: to change them is to change the pool. If the pool is
        written to while they are still held, it copies itself first; so let go of them when they are saved.
        """
        table = self._entries
        former = table.arrange()
        self._bank.arrange(former)
        count = int(table.counts.sum())
        names = sorted(table.videos)
        position = {name: i for i, name in enumerate(names)}
        order = np.array([position[name] for name in table.videos], dtype=np.int64)
        seconds = from_milliseconds(table.times)
        state = {
            "videos": names,
            "video_index": torch.from_numpy(order[table.video_index]),
            "seconds": torch.from_numpy(seconds),
            "counts": torch.from_numpy(table.counts.astype(np.int64)),
            "tags": torch.from_numpy(table.tags.copy()),
            "latest_tag": math.nan if self._latest_tag is None else self._latest_tag,
            "features": self._bank.lend(count),
        }
        if self._bank.scales is not None:
            state["scales"] = torch.from_numpy(self._bank.scales[:count].copy())
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Replace the content by what :meth:`state_dict` returned, of a pool that stores in any type.

        The features are copied block by block. Where they lie in a mapped file, as from ``torch.load(mmap=True)``,
        no more than a block of it takes memory.

        Raises:
            CheckpointError: if it is no such state, or the features have another width than this pool's; nothing has
                changed then.
        """
        problems = list(state_problems(state))
        if problems:
            raise CheckpointError(f"{listed(problems, 3, '; ')}: no pool of this program was saved so")
        features = state["features"]
        if features.shape[1] != self.dim:
            raise CheckpointError(
                f"memory features of width {features.shape[1]} do not fit a pool of width {self.dim} "
                "(MODEL.IA_STRUCTURE.DIM_IN): they come from another backbone. Start without them, or use the config "
                "that they were made with."
            )
        self._restore(state)

    def _restore(self, state: dict[str, Any]) -> None:
        """Take over a state that has been checked."""
        scales = state.get("scales")
        index, counts, tags = (state[name].detach().numpy() for name in ("video_index", "counts", "tags"))
        self._entries = EntryTable()
        self._entries.extend(state["videos"], index, to_milliseconds(state["seconds"].detach().numpy()))
        self._entries.resize(np.arange(len(counts)), counts)
        self._entries.tags[:] = tags
        self._bank.fill(state["features"].detach(), None if scales is None else scales.detach())
        latest = float(state["latest_tag"])
        self._latest_tag = None if math.isnan(latest) else latest

    def __getstate__(self) -> dict[str, Any]:
        window = self.window
        dtype = next(name for name, dtype in DTYPES.items() if dtype == self.dtype)
        length = (window.before, window.after)
        return {"made": (self.dim, window.max_per_second, length, window.rate, dtype), "state": self.state_dict()}

    def __setstate__(self, content: dict[str, Any]) -> None:
        self.__init__(*content["made"])
        self._restore(content["state"])

    def _columns(
        self, rows: np.ndarray, places: np.ndarray, total: int, seeds: np.ndarray | None
    ) -> dict[str, np.ndarray]:
        """Return what is to be known on the device of rows that are read.

        Behind them comes one of zeros, which all empty places of the ``total`` are read from.
        """
        columns = {"index": np.full(total, len(rows), dtype=np.int64)}
        columns["index"][places] = np.arange(len(rows))
        if seeds is not None:
            columns["seeds"] = seeds
        if self._bank.scales is not None:
            columns["scales"] = np.append(self._bank.scales[rows], np.float32(1))
        return columns

    def _empty(self, *shape: int, device: torch.device) -> Tensor:
        return self._buffers.empty(*shape) if device.type == "cpu" else torch.empty(shape, device=device)


def _penalty(tags: Tensor, current: Tensor) -> Tensor:
    """Return min(tag/current, current/tag) per row; 1 where one is NaN, unknown."""
    known = tags.clamp(min=_MIN_TAG)
    current = current.clamp(min=_MIN_TAG)
    scale = torch.minimum(known / current, current / known)
    return torch.where(torch.isnan(tags) | torch.isnan(current), 1.0, scale)


def _descending(scores: Tensor) -> np.ndarray:
    return scores.detach().cpu().argsort(descending=True, stable=True).numpy()


def _last_of_each(entries: np.ndarray) -> np.ndarray:
    """Return the position of the last occurrence of each value, ascending."""
    return np.sort(len(entries) - 1 - np.unique(entries[::-1], return_index=True)[1])
