"""Several training sets as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import accumulate

from torch.utils.data import Dataset

from alphaction.data.dataset import ActionDataset
from alphaction.data.sample import ClipSample, Keyframe, SampleRequest
from alphaction.data.transforms import Size


class JoinedDataset(Dataset[ClipSample]):
    """Several datasets with the same classes, one after the other; clips are numbered through.

    Args:
        datasets: one or more, all for training or all for testing, with equal label maps.
    """

    def __init__(self, datasets: Sequence[ActionDataset]) -> None:
        self.datasets = tuple(datasets)
        self.name = "+".join(dataset.name for dataset in datasets)
        self.label_map = datasets[0].label_map
        self._ends = list(accumulate(len(dataset) for dataset in datasets))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, request: SampleRequest) -> ClipSample:
        """Load one clip, numbered as in this dataset."""
        dataset, index = self._locate(request.index)
        sample = dataset[SampleRequest(index, request.seed)]
        return replace(sample, index=request.index, keyframe=_keyframe_of(dataset, sample.keyframe))

    @cached_property
    def keyframes(self) -> list[Keyframe]:
        """The keyframes of all clips; video names begin with the dataset's, as two sets may have a "video_1" each."""
        return [_keyframe_of(dataset, keyframe) for dataset in self.datasets for keyframe in dataset.keyframes]

    def frame_size(self, index: int) -> Size:
        """Return the (width, height) of a clip's video before resizing."""
        dataset, index = self._locate(index)
        return dataset.frame_size(index)

    def resize(self, size: Size) -> Size:
        """Return the (width, height) of resized frames."""
        return self.datasets[0].resize(size)

    def _locate(self, index: int) -> tuple[ActionDataset, int]:
        position = bisect_right(self._ends, index)
        return self.datasets[position], index - (self._ends[position - 1] if position else 0)


def _keyframe_of(dataset: ActionDataset, keyframe: Keyframe) -> Keyframe:
    return Keyframe(f"{dataset.name}/{keyframe.video}", keyframe.second)
