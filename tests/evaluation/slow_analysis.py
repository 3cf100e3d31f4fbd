"""What an analysis says, by plain loops that share nothing with the package, on made-up worlds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from alphaction.data.annotations import ActionClass, AnnotationTable, BoxTable, LabelMap
from alphaction.data.keyframes import Keyframe
from alphaction.evaluation.detections import DetectionRows

IOU = 0.5


def make_world(seed: int) -> World:
    """Return persons side by side and detections of them: jittered, doubled, missing; scores with many ties."""
    rng = np.random.default_rng(seed)
    groups = ("movement", "movement", "movement", "object", "object", "person")
    label_map = LabelMap(tuple(ActionClass(3 + 2 * k, f"class {k}", group) for k, group in enumerate(groups)))
    rows, boxes, scores, unused = [], [], [], []
    for second in range(12):
        for person in range(int(rng.integers(0, 4))):
            # Neighbors overlap by a third, so that some boxes reach the threshold with two persons.
            left = 0.1 + 0.16 * person
            box = np.array([left, 0.2, left + 0.24, 0.8]) + rng.normal(0, 0.004, 4)
            ids = [entry.id for entry in label_map.classes if rng.random() < 0.35 and entry.id != 11]
            rows += [("v", second, box, class_id, person) for class_id in ids or [-1]]
            for _ in range(int(rng.choice([0, 1, 1, 2]))):
                found = box + rng.normal(0, 0.02, 4)
                target = boxes if rng.random() < 0.75 else unused
                target.append((second, found))
                if target is boxes:
                    scores += [
                        (
                            len(boxes) - 1,
                            entry.id,
                            round(float(np.clip(rng.random() * 0.7 + 0.3 * (entry.id in ids), 0, 1)), 1),
                        )
                        for entry in label_map.classes
                        if rng.random() < 0.9
                    ]
        if rng.random() < 0.3:
            boxes.append((second, np.array([0.8, 0.0, 0.95, 0.15])))
            scores += [(len(boxes) - 1, entry.id, round(float(rng.random()), 1)) for entry in label_map.classes]
    return World(label_map, rows, boxes, scores, unused)


@dataclass
class World:
    """Rows (video, second, box, class id or -1, person), detected boxes (second, box), scores (box, id, score)."""

    label_map: LabelMap
    rows: list
    boxes: list
    scores: list
    unused: list = field(default_factory=list)

    def annotations(self) -> AnnotationTable:
        videos, seconds, boxes, ids, persons = zip(*self.rows, strict=True)
        return AnnotationTable.from_columns(videos, seconds, np.array(boxes), ids, persons)

    def detections(self) -> DetectionRows:
        index, ids, scores = zip(*self.scores, strict=True)
        seconds = [second for second, _ in self.boxes]
        keyframes = [Keyframe("v", second) for second in sorted(set(seconds))]
        place = [keyframes.index(Keyframe("v", second)) for second in seconds]
        boxes = np.array([box for _, box in self.boxes])
        return DetectionRows(keyframes, np.array(place), boxes, np.array(index), np.array(ids), np.array(scores))

    def all_boxes(self) -> BoxTable:
        both = [*self.boxes, *self.unused]
        scores = np.array([0.9] * len(self.boxes) + [0.4] * len(self.unused))
        return BoxTable.from_columns(
            ["v"] * len(both), [second for second, _ in both], np.array([box for _, box in both]), scores
        )

    def persons(self) -> list[dict]:
        """Annotated persons in the order of the annotations."""
        table, found = self.annotations(), []
        for k, keyframe in enumerate(table.keyframes):
            for row in range(*table.rows(k).indices(len(table))):
                labels = [self.label_map.channel_of(int(class_id)) for class_id in table.labels(row)]
                found.append({"second": keyframe.second, "box": table.boxes[row], "labels": labels})
        return found


def iou(a, b) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def best_person(world: World, persons: list[dict], box: int, channel: int | None = None) -> int | None:
    """Return the person that a box overlaps best, of those with a label if one is given."""
    second, place = world.boxes[box]
    best, found = 0.0, None
    for number, person in enumerate(persons):
        if person["second"] != second or (channel is not None and channel not in person["labels"]):
            continue
        value = iou(place, person["box"])
        if value >= IOU and value > best:
            best, found = value, number
    return found


def judged(world: World, persons: list[dict], channel: int) -> list[tuple[float, int, int | None, bool]]:
    """Return score, box, person and whether it is right of the detections of a class, best first."""
    class_id = world.label_map.ids[channel]
    ranked = sorted((row for row in world.scores if row[1] == class_id), key=lambda row: -row[2])
    result, taken = [], set()
    for box, _, score in ranked:
        person = best_person(world, persons, box, channel)
        result.append((score, box, person, person is not None and person not in taken))
        taken.add(person)
    return result


def curve(world: World, persons: list[dict], channel: int) -> list[tuple[float, float, float, float]]:
    """Return threshold, precision, recall, F1 at every distinct score."""
    rows = judged(world, persons, channel)
    labels = sum(channel in person["labels"] for person in persons)
    points = []
    for threshold in sorted({row[0] for row in rows}, reverse=True):
        kept = [row for row in rows if row[0] >= threshold]
        right = sum(row[3] for row in kept)
        precision, recall = right / len(kept), right / labels
        both = precision + recall
        points.append((threshold, precision, recall, 2 * precision * recall / both if both else 0.0))
    return points


def confusion(world: World, persons: list[dict], thresholds: dict[int, float]) -> np.ndarray:
    """Return counts [C + 1, C + 1], given the thresholds of the channels that have one."""
    classes = world.label_map.classes
    count = len(classes)
    counts = np.zeros((count + 1, count + 1), int)
    found, wrong = set(), []
    for channel, threshold in thresholds.items():
        for score, box, person, right in judged(world, persons, channel):
            if score < threshold:
                continue
            if right:
                counts[channel, channel] += 1
                found.add((person, channel))
            else:
                wrong.append((score, channel, box))
    scores = best_scores(world, persons)
    left = []
    others: dict[tuple[int, str], dict[int, float]] = {}
    for score, channel, box in wrong:
        person = best_person(world, persons, box)
        if person is None or channel in persons[person]["labels"]:
            left.append(channel)
            continue
        best = others.setdefault((person, classes[channel].group), {})
        if channel in best:
            left.append(channel)
        best.setdefault(channel, score)
    for number, person in enumerate(persons):
        for group in {entry.group for entry in classes}:
            missed = [c for c in person["labels"] if classes[c].group == group and (number, c) not in found]
            missed.sort(key=lambda c: -scores.get((number, c), -1.0))
            taken = others.get((number, group), {})
            ranked = sorted(taken, key=lambda c: -taken[c])
            for true, predicted in zip(missed, ranked, strict=False):
                counts[true, predicted] += 1
            for true in missed[len(ranked) :]:
                counts[true, count] += 1
            left += ranked[len(missed) :]
    for channel in left:
        counts[count, channel] += 1
    return counts


def best_scores(world: World, persons: list[dict]) -> dict[tuple[int, int], float]:
    """Return (person, channel) -> best score of a detection that belongs to this label."""
    best: dict[tuple[int, int], float] = {}
    for channel in range(world.label_map.num_classes):
        for score, _, person, _ in judged(world, persons, channel):
            if person is not None:
                best[person, channel] = max(score, best.get((person, channel), -1.0))
    return best


def misses(world: World, persons: list[dict], channel: int, threshold: float) -> tuple[int, dict[str, int]]:
    """Return how many labels of a class are found, and the reasons of the others."""
    found = {person for score, _, person, right in judged(world, persons, channel) if right and score >= threshold}
    reasons = {"detector": 0, "threshold": 0, "class": 0}
    for number, person in enumerate(persons):
        if channel not in person["labels"] or number in found:
            continue
        if any(best_person(world, persons, box, channel) == number for box in range(len(world.boxes))):
            reasons["class"] += 1
        elif any(s == person["second"] and iou(b, person["box"]) >= IOU for s, b in world.boxes):
            reasons["detector"] += 1
        elif any(s == person["second"] and iou(b, person["box"]) >= IOU for s, b in world.unused):
            reasons["threshold"] += 1
        else:
            reasons["detector"] += 1
    return len(found), reasons
