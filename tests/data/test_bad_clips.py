"""Training clips that cannot be decoded: what takes their place, and how many may be bad."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from messages import refused, says

from alphaction.data.bad_clips import BadClip, SkippedClips, Substitutes, listing_skipped
from alphaction.data.keyframes import Keyframe
from alphaction.data.loader import ClipLoader
from alphaction.data.sample import ClipSample, SampleRequest
from alphaction.data.samplers import TrainBatchSampler
from alphaction.utils.errors import DataError

CLIPS = 30


class Clips:
    """A dataset some of whose clips cannot be decoded."""

    name = "cats"

    def __init__(self, bad):
        self.bad = bad
        self.keyframes = [Keyframe("garden", second) for second in range(CLIPS)]

    def __len__(self):
        return CLIPS

    def __getitem__(self, request):
        if request.index in self.bad:
            raise DataError(f"frame {request.index} is damaged")
        frames = torch.full((3, 2, 16, 16), request.index, dtype=torch.uint8)
        none = torch.zeros(0, 4)
        return ClipSample(
            request.index, self.keyframes[request.index], frames, None, (16, 16), none, none, none[:, 0], none, none
        )


def loader(bad, workers=0, start=0, groups=None):
    groups = np.zeros(CLIPS) if groups is None else groups
    sampler = TrainBatchSampler(groups, videos_per_batch=4, seed=1, start_iteration=start, max_iter=15)
    return ClipLoader(Clips(bad), sampler, size_divisibility=16, num_workers=workers, substitutes=Substitutes(groups))


def clips_of(loader):
    return [batch.indices.tolist() for batch in loader]


def test_batches_keep_their_size_and_are_the_same_for_any_workers_and_after_a_restart():
    whole = clips_of(loader({3, 17}))
    assert all(len(batch) == 4 for batch in whole)
    assert not {3, 17} & {index for batch in whole for index in batch}
    assert clips_of(loader({3, 17}, workers=2)) == whole
    assert clips_of(loader({3, 17}, workers=1, start=6)) == whole[6:]
    changed = [new for old, new in zip(clips_of(loader(())), whole, strict=True) if old != new]
    assert 2 <= len(changed) <= 4  # two clips, two epochs


def test_a_substitute_is_of_the_same_group():
    groups = np.arange(CLIPS) % 3 == 0
    for request in (SampleRequest(3, 11), SampleRequest(4, 11)):
        others = list(Substitutes(groups).of(request))
        assert request.index not in {other.index for other in others}
        assert {bool(groups[other.index]) for other in others} == {bool(groups[request.index])}
        assert {other.seed for other in others} == {11}


def test_each_bad_clip_is_logged_once_and_listed_at_the_end(caplog):
    bad = loader({3, 17}, workers=1)
    with listing_skipped(bad.skipped):
        list(bad)
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 3
    says(warnings[2], "2 training clips of 30", 'cats: second 3 of video "garden": frame 3', "frame 17 is damaged")


@pytest.mark.parametrize(("num_clips", "limit"), [(1, 1), (8, 4), (300, 10), (5000, 50)])
def test_how_many_may_be_bad(num_clips, limit):
    skipped = SkippedClips(num_clips)
    skipped.add(BadClip(index, f"clip {index}", "damaged") for index in range(limit))
    one_more = [BadClip(limit, "the last", "torn")]
    refused(lambda: skipped.add(one_more), f"{limit + 1} of {num_clips}", "ON_BAD_CLIP", "clip 0: damaged")


def test_no_clip_is_left():
    refused(lambda: list(loader(set(range(CLIPS)), workers=1)), "frame", "is damaged", "garden")
