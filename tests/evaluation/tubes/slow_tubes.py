"""Video-mAP once more, from the definition in the papers, with plain loops over frames, pixels of nothing, and lists.

A tube is a dict: frame -> box. Nothing of the package is used.
"""

from __future__ import annotations


def slow_box_iou(a, b) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    inter = width * height
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


def slow_tube_iou(a: dict, b: dict) -> float:
    """Return the IoU in time, times the mean IoU of the boxes on common frames."""
    common = [frame for frame in a if frame in b]
    either = set(a) | set(b)
    if not common:
        return 0.0
    in_time = len(common) / len(either)
    in_space = sum(slow_box_iou(a[frame], b[frame]) for frame in common) / len(common)
    return in_time * in_space


def slow_ap(truth: list[tuple[str, dict]], found: list[tuple[str, float, dict]], threshold: float) -> float:
    """Return the AP of a class.

    Args:
        truth: (video, tube).
        found: (video, score, tube).
    """
    ranked = sorted(enumerate(found), key=lambda entry: (-entry[1][1], entry[0]))
    left = list(range(len(truth)))
    hits = []
    for _, (video, _, tube) in ranked:
        best, best_iou = None, -1.0
        for index in left:
            if truth[index][0] == video:
                iou = slow_tube_iou(tube, truth[index][1])
                if iou > best_iou:
                    best, best_iou = index, iou
        hit = best is not None and best_iou >= threshold
        hits.append(hit)
        if hit:
            left.remove(best)
    # Area under the highest precision at each recall or any greater one.
    points = []
    true = 0
    for rank, hit in enumerate(hits, 1):
        true += hit
        points.append((true / len(truth), true / rank))
    total, before = 0.0, 0.0
    for position, (recall, _) in enumerate(points):
        if recall > before:
            total += (recall - before) * max(precision for _, precision in points[position:])
            before = recall
    return total
