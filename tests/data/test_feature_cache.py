"""Kept feature maps: one file for each clip and way to see it, never mistaken for another's, and never half a file.

Axes: D channels, H and W rows and columns of a map.
"""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from messages import refused, says

from alphaction.config import get_cfg
from alphaction.config.paths_catalog import DatasetSpec
from alphaction.data import cache_entry
from alphaction.data.collate import BatchCollator
from alphaction.data.dataset import ActionDataset
from alphaction.data.feature_cache import Clip, ClipsToCompute, FeatureCache, Network, clip_sizes, kept_clips
from alphaction.data.sample import SampleRequest

NETWORK = Network("Some-Net", "0123456789abcdef", lambda size: (2, size[1] // 8, size[0] // 8), 0)
CLIP = Clip(0, False)


@pytest.fixture
def opened(tmp_path, make_video):
    """opened(training=True, KEY=value): a broad and a tall movie of 2 s, a keyframe of one person in each."""
    make_video(tmp_path / "videos" / "broad.mp4", frames=50)
    make_video(tmp_path / "videos" / "tall.mp4", frames=50, size=(48, 80))
    (tmp_path / "truth.csv").write_text("broad,1,0.1,0.2,0.5,0.9,1,1\ntall,1,0.25,0.5,0.75,1.0,1,1\n")
    (tmp_path / "labels.pbtxt").write_text('label { name: "a" label_id: 1 label_type: PERSON_MOVEMENT }\n')
    files = dict.fromkeys(("clips", "eval_label_map", "person_boxes", "object_boxes", "exclusions"))
    spec = DatasetSpec(
        name="toy",
        videos=tmp_path / "videos",
        label_map=tmp_path / "labels.pbtxt",
        annotations=tmp_path / "truth.csv",
        source="a test",
        **files,
    )

    def open_it(training: bool = True, **inputs: object) -> ActionDataset:
        cfg = get_cfg()
        small = {
            "FRAME_NUM": 8,
            "FRAME_SAMPLE_RATE": 1,
            "TAU": 4,
            "ALPHA": 2,
            "MIN_SIZE_TRAIN": 24,
            "MIN_SIZE_TEST": 24,
        }
        for key, value in {**small, "COLOR_JITTER": False, "SLOW_JITTER": False, **inputs}.items():
            cfg.INPUT[key] = value
        return ActionDataset.from_config(cfg, spec, training=training)

    return open_it


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "kept"


def some_map(*shape: int, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(("flip", "ways"), [(0.0, [False]), (0.5, [False, True]), (1.0, [True])])
def test_clips_are_kept_as_training_sees_them(opened, flip, ways):
    expected = [Clip(index, mirrored) for index in range(2) for mirrored in ways]
    assert kept_clips(opened(FLIP_PROB=flip)) == expected
    assert kept_clips(opened(training=False, FLIP_PROB=flip)) == [Clip(0, False), Clip(1, False)]


def test_a_map_comes_back_rounded_to_half_precision(opened, folder):
    cache = FeatureCache(opened(), folder, NETWORK)
    assert clip_sizes(opened()) == [(32, 24), (24, 40)]
    features = some_map(2, 3, 4)
    assert cache.missing([CLIP], pytest.fail) == [0]
    assert not folder.exists()
    cache.store(CLIP, features)
    again = FeatureCache(opened(), folder, NETWORK)
    assert again.missing([CLIP, Clip(0, True), Clip(1, False)], pytest.fail) == [1, 2]
    found = again.load(CLIP)
    assert found.dtype == np.float16
    assert np.array_equal(found, features.astype(np.float16))
    [entry] = entries(folder)
    assert entry.parent.parent.name == "Some-Net-01234567"
    assert entry.parent.name.startswith("broad-")
    assert entry.name.startswith("0001-")
    assert again.num_bytes([CLIP, Clip(1, False)]) == 2 * 2 * (3 * 4 + 5 * 3)
    assert 0 < entry.stat().st_size - again.num_bytes([CLIP]) < 200


def test_what_half_precision_cannot_hold_is_kept_whole(opened, folder):
    cache = FeatureCache(opened(), folder, NETWORK)
    features = some_map(2, 3, 4, scale=1e5)
    cache.store(CLIP, features)
    assert np.array_equal(cache.load(CLIP), features)


def test_what_decides_the_features_is_in_the_name(opened, folder, tmp_path):
    FeatureCache(opened(), folder, NETWORK).store(CLIP, some_map(2, 3, 4))

    def is_there(dataset: ActionDataset, network: Network = NETWORK, clip: Clip = CLIP) -> bool:
        return FeatureCache(dataset, folder, network).missing([clip], pytest.fail) == []

    assert is_there(opened())
    assert is_there(opened(training=False))  # the same frames
    assert is_there(opened(FLIP_PROB=0.1, MAX_SIZE_TRAIN=500))
    assert not is_there(opened(), clip=Clip(0, True))
    assert not is_there(opened(), clip=Clip(1, False))
    assert not is_there(opened(MIN_SIZE_TRAIN=16))
    assert not is_there(opened(FPS=12))
    assert not is_there(opened(FRAME_SAMPLE_RATE=2))
    assert not is_there(opened(ALPHA=4))
    assert not is_there(opened(), replace(NETWORK, digest="other"))
    assert is_there(opened(), replace(NETWORK, size_divisibility=8))  # nothing to pad
    assert not is_there(opened(), replace(NETWORK, size_divisibility=16))
    os.utime(tmp_path / "videos" / "tall.mp4", (1, 1))
    assert is_there(opened())
    os.utime(tmp_path / "videos" / "broad.mp4", (1, 1))
    assert not is_there(opened())


@pytest.mark.parametrize("damage", ["empty", "one bit", "longer", "another's"])
def test_a_damaged_map_is_found(opened, folder, damage):
    cache = FeatureCache(opened(), folder, NETWORK)
    cache.store(CLIP, some_map(2, 3, 4))
    [entry] = entries(folder)
    data = entry.read_bytes()
    cache.store(Clip(0, True), some_map(2, 3, 4))
    [other] = {*entries(folder)} - {entry}
    flipped = data[:140] + bytes([data[140] ^ 1]) + data[141:]
    entry.write_bytes(
        {"empty": b"", "one bit": flipped, "longer": data + b"\0", "another's": other.read_bytes()}[damage]
    )
    said = []
    assert cache.missing([CLIP, Clip(0, True)], said.append) == [0]
    says("".join(said), str(entry), "is damaged", "computed again")
    refused(lambda: cache.load(CLIP), str(entry), "Start the run again")
    cache.store(CLIP, some_map(2, 3, 4))
    assert entry.read_bytes() == data
    entry.unlink()
    refused(lambda: cache.load(CLIP), str(entry), "is gone", "Start the run again")


def test_a_full_disk_stops_before_the_training(opened, folder, monkeypatch):
    cache = FeatureCache(opened(), folder, NETWORK)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(cache_entry, "_checksum", full)
    refused(lambda: cache.store(CLIP, some_map(2, 3, 4)), "No space left", 'DATALOADER.FEATURE_CACHE ""')
    assert entries(folder) == []


def test_frames_to_compute_from_are_those_of_the_evaluation(opened, folder):
    dataset = opened(FLIP_PROB=0.5)
    wanted = [Clip(1, True), Clip(0, False)]
    clips = ClipsToCompute(dataset, FeatureCache(dataset, folder, NETWORK), wanted)
    assert (len(clips), clips.sizes) == (2, [(24, 40), (32, 24)])
    mirrored, plain = (clips[SampleRequest(position, 0)] for position in range(2))
    seen = [opened(training=False)[SampleRequest(index, 0)] for index in range(2)]
    assert (mirrored.index, plain.index, len(plain.boxes)) == (0, 1, 0)
    for name in ("slow", "fast"):
        assert torch.equal(getattr(plain, name), getattr(seen[0], name))
        assert torch.equal(getattr(mirrored, name), getattr(seen[1], name).flip(3))


def test_a_video_whose_size_changes_is_refused(opened, folder):
    dataset = opened()
    clips = ClipsToCompute(dataset, FeatureCache(dataset, folder, NETWORK), [CLIP])
    clips.sizes = [(64, 48)]
    refused(lambda: clips[SampleRequest(0, 0)], "broad around second 1 are 32 x 24", "64 x 48")


def test_clips_have_maps_in_place_of_frames_and_the_boxes_of_before(opened, folder):
    dataset = opened(FLIP_PROB=0.5)
    cache = FeatureCache(dataset, folder, NETWORK)
    maps = {clip: some_map(*cache.shapes[clip.index], scale=scale) for scale, clip in enumerate(kept_clips(dataset), 1)}
    for clip, features in maps.items():
        cache.store(clip, features)
    found = set()
    for request in (SampleRequest(index, seed) for seed in range(6) for index in range(2)):
        dataset.features = None
        plain = dataset[request]
        dataset.features = cache
        kept = dataset[request]
        assert (kept.slow, kept.fast, kept.size) == (None, None, plain.size)
        assert torch.equal(kept.boxes, plain.boxes)
        assert torch.equal(kept.labels, plain.labels)
        mirrored = torch.equal(plain.fast, dataset.clip_without_boxes(request.index, True).fast)
        clip = Clip(request.index, mirrored)
        assert np.array_equal(kept.features, maps[clip].astype(np.float16))
        found.add(clip)
    assert found == set(maps)


def test_smaller_maps_of_a_batch_continue_at_their_edges(opened, folder):
    dataset = opened(training=False)
    cache = FeatureCache(dataset, folder, NETWORK)
    for clip in kept_clips(dataset):
        cache.store(clip, some_map(*cache.shapes[clip.index]))
    dataset.features = cache
    batch = BatchCollator()([dataset[SampleRequest(index, 0)] for index in range(2)])
    broad, tall = (torch.from_numpy(cache.load(Clip(index, False))) for index in range(2))
    assert batch.features.shape == (2, 2, 5, 4)
    assert torch.equal(batch.features[0, :, :3], broad)
    assert torch.equal(batch.features[0, :, 4], broad[:, 2])
    assert torch.equal(batch.features[1, :, :, :3], tall)
    assert torch.equal(batch.features[1, :, :, 3], tall[:, :, 2])
    assert (batch.slow, batch.fast, batch.without_frames().features) == (None, None, None)
