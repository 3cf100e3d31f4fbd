"""Detections that were matched once, video by video: their AP with each video counted any number of times.

A resample of the videos has some of them twice or more and others not at all. Nothing has to be matched again for it:
the label that a detection belongs to lies in its own keyframe, and the order of two scores is the same in any company.
So a resample is a weight for each video. The w copies of a true positive follow each other in the ranking, the last
with the highest precision, and recall rises by w labels there.

Axes: V videos, R resamples, C classes, r detections of a class, k true positives of a class or a part of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from alphaction.evaluation.average_precision import ranking, scored_classes, true_positives
from alphaction.evaluation.detections import Detections
from alphaction.evaluation.evaluator import AvaEvaluator

# Numbers of an array that is worked on at once: about what the caches of a core hold.
_CELLS = 1 << 17


@dataclass(frozen=True, eq=False)
class RankedVideos:
    """The detections of one class, best first, as far as a bootstrap over videos needs them.

    Attributes:
        labels: float64 [V], labels of the class in each video.
        video: int32 [r], the video of each detection.
        right: int64 [k], the ranks from 0 of true positives, ascending.
    """

    labels: np.ndarray
    video: np.ndarray
    right: np.ndarray

    def average_precision(self, weights: np.ndarray) -> np.ndarray:
        """Return the AP [R] with each video counted as often as ``weights`` (float64 [V, R]) say; NaN without labels.

        It is what the evaluator gives if the rows of a video stand there that often, each under a name of its own.
        """
        labels = self.labels @ weights
        found = np.zeros(weights.shape[1])
        best_later = np.zeros(weights.shape[1])
        for video, before_right, detections in self._parts(weights.shape[0], weights.shape[1]):
            added = weights[video]
            right = np.cumsum(added, axis=0)
            right += before_right @ weights
            precision = np.divide(right, np.maximum(detections @ weights, 1.0), out=right)
            np.maximum(precision[-1], best_later, out=precision[-1])
            for row in range(len(precision) - 2, -1, -1):
                np.maximum(precision[row], precision[row + 1], out=precision[row])
            best_later = precision[0].copy()
            precision *= added
            found += precision.sum(axis=0)
        return np.divide(found, labels, out=np.full(len(labels), np.nan), where=labels > 0)

    def _parts(self, videos: int, resamples: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield the true positives part by part, the last first.

        Yields:
            the video of each, [k]; true positives of each video before them, float64 [V]; detections of each video up
            to each of them, float64 [k, V].
        """
        # The table of detections [k, V] may be larger: its product is the faster for it.
        step = max(1, min(_CELLS // max(resamples, 1), 8 * _CELLS // max(videos, 1)))
        starts = range(0, len(self.right), step)
        ranks = np.append(self.right + 1, 0)  # where the detections up to a true positive end; the last one: nothing
        ends = [slice(ranks[start - 1], ranks[min(start + step, len(self.right)) - 1]) for start in starts]
        counts = [np.bincount(self.video[part], minlength=videos) for part in ends]
        right = [np.bincount(self.video[self.right[start : start + step]], minlength=videos) for start in starts]
        before, before_right = np.sum(counts, axis=0, dtype=float), np.sum(right, axis=0, dtype=float)
        for place in reversed(range(len(starts))):
            before, before_right = before - counts[place], before_right - right[place]
            chosen = self.right[starts[place] : starts[place] + step]
            row = np.repeat(np.arange(len(chosen)), np.diff(chosen, prepend=ends[place].start - 1))
            there = np.bincount(row * videos + self.video[ends[place]], minlength=len(chosen) * videos)
            yield (
                self.video[chosen],
                before_right,
                np.cumsum(there.reshape(len(chosen), videos), axis=0, dtype=float) + before,
            )


@dataclass(frozen=True, eq=False)
class VideoScores:
    """An evaluation, video by video.

    Attributes:
        videos: names of the V videos.
        classes: names of the C classes that count.
        groups: name of the group of each class.
        ranked: one for each class.
    """

    videos: tuple[str, ...]
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    ranked: tuple[RankedVideos, ...]

    @classmethod
    def of(cls, evaluator: AvaEvaluator, detections: Detections, videos: Sequence[str] = ()) -> VideoScores:
        """Match detections with the labels as the AP does.

        Args:
            evaluator: of the ground truth.
            detections: what is judged.
            videos: names of all videos; without them, :func:`all_videos` of these detections.

        Raises:
            DataError: as :meth:`AvaEvaluator.evaluate` does.
        """
        matched = evaluator.match(detections)
        names = tuple(videos) or all_videos(evaluator, detections)
        column = {name: number for number, name in enumerate(names)}
        keyframes = evaluator.annotations.keyframes
        annotated = np.array([column.get(str(name), -1) for name in keyframes.videos], dtype=np.int64)
        truth, kept = matched.ground_truth, matched.detections
        # A keyframe without boxes may lie in a video that nothing is known of.
        of_keyframe = np.array([column.get(keyframe[0], 0) for keyframe in kept.keyframes], dtype=np.int32)
        video_of_box = of_keyframe[kept.keyframe_index]
        video_of_label = annotated[keyframes.video_index[truth.keyframe[truth.label_box]]]
        ids = [entry.id for entry in evaluator.classes]
        ranked = []
        for class_id, rows in zip(ids, scored_classes(truth, kept, matched.overlaps, ids), strict=True):
            labels = np.bincount(video_of_label[truth.label_class == class_id], minlength=len(names))
            order = ranking(rows.scores) if rows.num_ground_truth else np.zeros(0, np.int64)
            right = true_positives(rows.target[order])
            ranked.append(RankedVideos(labels.astype(float), video_of_box[rows.box_index[order]], right))
        class_names = tuple(entry.name for entry in evaluator.classes)
        return cls(names, class_names, tuple(evaluator.groups[name] for name in class_names), tuple(ranked))

    @property
    def group_names(self) -> tuple[str, ...]:
        """The groups, in the order of the results."""
        return tuple(dict.fromkeys(self.groups))

    @property
    def labels(self) -> np.ndarray:
        """Labels of each class in each video, float64 [C, V]."""
        return np.stack([rows.labels for rows in self.ranked])

    def videos_with_labels(self, group: str | None = None) -> int:
        """Return in how many videos any class (of a group) has labels."""
        chosen = [group in (None, own) for own in self.groups]
        return int(np.count_nonzero(self.labels[chosen].sum(axis=0)))

    def class_videos(self) -> np.ndarray:
        """Return in how many videos each class has labels, int64 [C]."""
        return np.array([np.count_nonzero(rows.labels) for rows in self.ranked], dtype=np.int64)

    def average_precisions(self, counts: np.ndarray) -> np.ndarray:
        """Return the AP of each class, float64 [R, C], with videos counted ``counts`` (int [R, V]) times.

        It is NaN where a class has no label in what is counted.
        """
        weights = np.ascontiguousarray(np.asarray(counts, dtype=np.float64).T)
        return np.stack([rows.average_precision(weights) for rows in self.ranked], axis=1)

    def once(self) -> np.ndarray:
        """Return the AP of each class, float64 [C], with each video counted once, as the evaluator has it."""
        return self.average_precisions(np.ones((1, len(self.videos)), dtype=np.int64))[0]


def all_videos(evaluator: AvaEvaluator, *detections: Detections) -> tuple[str, ...]:
    """Return the names of the videos that are annotated, then of others with detections; sorted, but for that."""
    index = evaluator.annotations.keyframes
    annotated = [str(index.videos[number]) for number in np.unique(index.video_index)]
    others: set[str] = set()
    for each in detections:
        used = np.unique(each.keyframe_index)
        others |= {each.keyframes[number][0] for number in used.tolist()}
    return (*annotated, *sorted(others - set(annotated)))
