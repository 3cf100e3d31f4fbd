"""Features of a frozen backbone (MODEL.BACKBONE.FREEZE all), computed once: DATALOADER.FEATURE_CACHE.

What is kept, and why so, is in :mod:`alphaction.data.feature_cache`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm
from yacs.config import CfgNode

from alphaction.checkpoint.load_report import is_counter
from alphaction.config.pathways import frame_counts
from alphaction.data.dataset import ActionDataset
from alphaction.data.feature_cache import Clip, ClipsToCompute, FeatureCache, Network, clip_sizes, kept_clips
from alphaction.data.loader import build_single_loader
from alphaction.data.transforms import Size
from alphaction.engine.setup import Runtime, autocast_for
from alphaction.modeling.backbone import build_backbone
from alphaction.modeling.detector import DetectionModel
from alphaction.modeling.optimize import optimize_for_inference
from alphaction.utils.atomic import remove_parts
from alphaction.utils.distributed import gather_ragged
from alphaction.utils.errors import ResourceError
from alphaction.utils.logging import get_logger
from alphaction.utils.messages import counted
from alphaction.utils.progress import doing
from alphaction.utils.shapes_only import shapes_only

# What changes how a backbone starts or is trained, not what it computes when it is frozen.
_ONLY_TRAINING = {"FREEZE", "DROP_PATH", "FROZEN_BN", "BN_MOMENTUM", "BN_INIT_GAMMA"}
# A progress bar only appears where there is something to wait for, in seconds.
_WAIT = 2
# How often the log says how far it is, in seconds.
_TELL = 60
# How long a new file may stay invisible on other machines, in seconds.
_PATIENCE = 90
# What nobody has written to for so long is no longer being written, in seconds.
_ABANDONED = 3600


def use_feature_cache(cfg: CfgNode, model: DetectionModel, datasets: Sequence[ActionDataset], runtime: Runtime) -> None:
    """Let the clips of ``datasets`` have feature maps in place of frames, after computing those that are missing.

    Every process calls this; each computes a share. Nothing happens without DATALOADER.FEATURE_CACHE.

    Args:
        cfg: the whole config.
        model: with the weights that it trains or is evaluated with; its backbone is frozen.
        datasets: training and evaluation sets; their ``features`` are set.
        runtime: device and processes.

    Raises:
        UserError: if the disk has no room for the maps, or a clip cannot be read.
        StopAsked: if the run is to end early; the maps that are computed are kept.
    """
    if not cfg.DATALOADER.FEATURE_CACHE:
        return
    folder = _folder(cfg)
    network = Network(
        cfg.MODEL.BACKBONE.CONV_BODY, _digest(cfg, model.backbone), _map_shapes(cfg), cfg.DATALOADER.SIZE_DIVISIBILITY
    )
    caches = [FeatureCache(dataset, folder, network) for dataset in datasets]
    if runtime.is_main:
        _remove_left_parts({kept.folder for kept in caches})
    wanted = [_missing(dataset, kept, runtime) for dataset, kept in zip(datasets, caches, strict=True)]
    needed = sum(kept.num_bytes(clips) for kept, clips in zip(caches, wanted, strict=True))
    if needed:
        _require_room(folder, needed)
    for dataset, kept, clips in zip(datasets, caches, wanted, strict=True):
        there = counted(len(kept_clips(dataset)) - len(clips), "feature map")
        more = f"{len(clips)} more to compute ({_size_text(kept.num_bytes(clips))})" if clips else "which are all"
        get_logger().info("%s: %s in %s, %s", dataset.name, there, kept.folder, more)
        if clips:
            _compute(cfg, model, ClipsToCompute(dataset, kept, clips), kept, runtime)
    doing("waiting for all feature maps", joint=True)
    gather_ragged(torch.zeros(1, device=runtime.device))  # Nobody goes on before all maps are there.
    for dataset, kept in zip(datasets, caches, strict=True):
        if runtime.world_size > 1:
            _await_maps(kept, kept_clips(dataset))
        dataset.features = kept
    doing("starting", limited=False)


def describe_feature_cache(cfg: CfgNode, datasets: Sequence[ActionDataset]) -> str | None:
    """Return what :func:`use_feature_cache` would compute at most, for a plan; None if it would do nothing."""
    if not cfg.DATALOADER.FEATURE_CACHE:
        return None
    map_shape, step = _map_shapes(cfg), cfg.DATALOADER.SIZE_DIVISIBILITY
    network = Network(cfg.MODEL.BACKBONE.CONV_BODY, "", map_shape, step)
    lines, total = [], 0
    for dataset in datasets:
        clips, sizes = kept_clips(dataset), clip_sizes(dataset)
        total += sum(2 * torch.Size(map_shape(network.padded(sizes[clip.index]))).numel() for clip in clips)
        mirrored = ", plain and mirrored" if len(clips) > len(dataset) else ""
        lines.append(f"{dataset.name}: {counted(len(dataset), 'clip')}{mirrored}")
    return "\n".join(
        [f"computed once, kept in {_folder(cfg)} ({_size_text(total)}, less what is there already)", *lines]
    )


def _remove_left_parts(folders: Iterable[Path]) -> None:
    """Delete what killed runs have left half written; other runs may be writing to the same folders."""
    for folder in folders:
        for below in folder.iterdir() if folder.is_dir() else ():
            if below.is_dir():
                remove_parts(below, ("*",), older_than=_ABANDONED)


def _folder(cfg: CfgNode) -> Path:
    return Path(cfg.DATALOADER.FEATURE_CACHE).expanduser()


def _missing(dataset: ActionDataset, kept: FeatureCache, runtime: Runtime) -> list[Clip]:
    """Return the clips whose maps are not there, the same on every process; each looks at a share."""
    clips = kept_clips(dataset)
    share = torch.arange(len(clips)).tensor_split(runtime.world_size)[runtime.rank]
    shown = tqdm(
        share.tolist(), desc=f"features of {dataset.name}", delay=_WAIT, disable=None if runtime.is_main else True
    )
    doing(f"looking at the feature maps of {dataset.name}", limited=False)
    positions = kept.missing([clips[position] for position in runtime.stop.between(shown)], get_logger().warning)
    doing(f"gathering which feature maps of {dataset.name} are missing", joint=True)
    found = gather_ragged(share[torch.tensor(positions, dtype=torch.long)].to(runtime.device))
    return [clips[position] for position in torch.cat(found).tolist()]


def _compute(cfg: CfgNode, model: DetectionModel, clips: ClipsToCompute, kept: FeatureCache, runtime: Runtime) -> None:
    """Compute and keep this process's share of the maps."""
    model = optimize_for_inference(model, share_weights=True)
    loader = build_single_loader(cfg, clips, len(clips), rank=runtime.rank, world_size=runtime.world_size)
    shown = tqdm(loader, desc=f"computing features of {clips.dataset.name}", disable=None if runtime.is_main else True)
    told = began = time.monotonic()
    for number, batch in enumerate(runtime.stop.between(shown)):
        if time.monotonic() - told > _TELL:
            told = time.monotonic()
            left = timedelta(seconds=round((told - began) / max(number, 1) * (len(loader) - number)))
            get_logger().info("%s: %d of %d feature maps, eta %s", clips.dataset.name, number, len(loader), left)
        doing(f"computing feature map {number + 1} of {len(loader)} of {clips.dataset.name}")
        with autocast_for(cfg.SOLVER.AMP, runtime.device):
            maps = model.feature_maps(batch.to(runtime.device))
        kept.store(clips.clips[int(batch.indices[0])], maps[0].float().cpu().numpy())
        doing(f"reading clips for the features of {clips.dataset.name}", limited=False)


def _await_maps(kept: FeatureCache, clips: Sequence[Clip]) -> None:
    """Wait until this process sees what the others have written, which may take a while on shared storage."""
    deadline = time.monotonic() + _PATIENCE
    while absent := [clip for clip in clips if not kept.path(clip).exists()]:
        if time.monotonic() > deadline:
            raise ResourceError(
                f"DATALOADER.FEATURE_CACHE: another process has written {kept.path(absent[0])}, and this one does not "
                "see it. Name a folder on storage that all machines share."
            )
        time.sleep(1)


def _digest(cfg: CfgNode, backbone: nn.Module) -> str:
    """Return a hash of everything that decides the maps of given frames, besides the kind of device."""
    settings = {
        **{
            part: {key: value for key, value in cfg.MODEL[part].items() if key not in _ONLY_TRAINING}
            for part in ("BACKBONE", "NONLOCAL")
        },
        "alpha": cfg.INPUT.ALPHA,
        "pixels": [cfg.INPUT.PIXEL_MEAN, cfg.INPUT.PIXEL_STD, cfg.INPUT.TO_BGR],
        "time": cfg.MODEL.ROI_ACTION_HEAD.TIME_POOLING,
        "amp": cfg.SOLVER.AMP,
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, tensor in backbone.state_dict().items():
        if not is_counter(name):
            values = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype} ".encode())
            digest.update(values.view(torch.uint8).numpy())
    return digest.hexdigest()


def _map_shapes(cfg: CfgNode) -> Callable[[Size], tuple[int, int, int]]:
    """Return a function: (width, height) of padded frames -> shape of the map, found without computing it."""
    with shapes_only():
        backbone = build_backbone(cfg).eval()

    @cache
    def shape(size: Size) -> tuple[int, int, int]:
        width, height = size
        with shapes_only(), torch.inference_mode():
            frames = (torch.empty(1, 3, count, height, width) if count else None for count in frame_counts(cfg))
            maps = [features for features in backbone(*frames) if features is not None]
        return sum(features.shape[1] for features in maps), *maps[0].shape[-2:]

    return shape


def _require_room(folder: Path, needed: int) -> None:
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise ResourceError(
            f"DATALOADER.FEATURE_CACHE: the features that are to be computed take {_size_text(needed)}, and {there} "
            f"has room for {_size_text(free)}. Free some room, name another folder, or set DATALOADER.FEATURE_CACHE "
            '"" to do without.'
        )


def _size_text(num_bytes: int) -> str:
    """Return "3.4 MB", "1.2 GB"."""
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.1f} MB"
