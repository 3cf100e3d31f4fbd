"""One round: what is labeled next, and how good a network is that is trained on all that is labeled then."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alphaction import ActionDetector
from alphaction.api import Prediction, tracks_of
from alphaction.checkpoint import FINAL_CHECKPOINT
from alphaction.data.annotations import Keyframe
from alphaction.engine.classes import exclusive_groups
from alphaction.evaluation.tubes import PersonTube, ScoredBox, VideoTubes
from alphaction.workflows.annotate.choose import RANDOM, choose
from benchmarks.active.options import CONFIG, NETWORK, ROUND, ActiveOptions
from benchmarks.active.world import BEFORE, LABELED, POOL, Pool, make_before

START, ALL = "start", "all"
FINAL_WEIGHTS = f"{FINAL_CHECKPOINT}.pth"


@dataclass(frozen=True)
class Cell:
    """A training of the study.

    Attributes:
        order: of :data:`~alphaction.workflows.annotate.choose.ORDERS`; of the first round, which all share, "start";
            "all" is a training on all keyframes.
        seed: of the first keyframes, the random order and the training.
        number: of the round; 0 is the start.
    """

    order: str
    seed: int
    number: int

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"seed_{self.seed}_{self.order}" + (f"_{self.number}" if self.number else "")

    @property
    def before(self) -> Cell | None:
        """The round that it goes on from."""
        if self.number == 0:
            return None
        return Cell(self.order if self.number > 1 else START, self.seed, self.number - 1)


@dataclass(frozen=True)
class Outcome:
    """What a round came to.

    Attributes:
        labeled: (video, second) of all labeled keyframes, in the order in which they were chosen.
        boxes: how many boxes of persons that are.
        labels: how many classes they have together.
        mean_ap: mAP on the validation split, in [0, 1].
        per_class: class name -> AP in [0, 1].
    """

    labeled: Sequence[tuple[str, float]]
    boxes: int
    labels: int
    mean_ap: float
    per_class: dict[str, float]


def train_before(options: ActiveOptions, folder: Path) -> Path:
    """Return the weights whose backbone all rounds start from; they are trained where they are missing."""
    weights = folder / FINAL_WEIGHTS
    if not weights.is_file():
        keys = {
            "DATASETS.CATALOG": [str(make_before(options).absolute())],
            "DATALOADER.CLIP_CACHE": str(options.output / "clips"),
            **evaluated_at_the_end(options.before_iterations),
        }
        ActionDetector.from_config(CONFIG, keys=NETWORK).train(
            BEFORE, report=False, max_iter=options.before_iterations, output_dir=str(folder), keys=keys
        )
    return weights


def evaluated_at_the_end(iterations: int) -> dict[str, int]:
    """Return the periods of a training whose last weights are the ones that count, so that nothing is picked by mAP."""
    return {"SOLVER.EVAL_PERIOD": iterations, "SOLVER.CHECKPOINT_PERIOD": iterations}


def run_round(
    cell: Cell, before: Outcome | None, pool: Pool, options: ActiveOptions, weights: Path, runs: Path
) -> Outcome:
    """Choose keyframes, label them, train on all labels, and evaluate.

    Each round trains a new head on the backbone of ``weights``, which stays as it is: the network of the round before
    only chooses.

    Args:
        cell: the round.
        before: what the round before came to; None: at the start, whose keyframes are chosen at random.
        pool: the videos.
        options: of the study.
        weights: where the backbone comes from.
        runs: folder with a folder for each round.
    """
    labeled = [] if before is None else [Keyframe(*keyframe) for keyframe in before.labeled]
    network = None if cell.before is None else runs / cell.before.name
    labeled += next_keyframes(cell, labeled, pool, options.budget, network)
    folder = runs / cell.name
    catalog = pool.write_labeled(folder / "data", labeled)
    keys = {
        **ROUND,
        **evaluated_at_the_end(options.iterations),
        "MODEL.WEIGHT": str(weights),
        "DATASETS.CATALOG": [str(catalog.absolute()), str(pool.catalog.absolute())],
        "DATALOADER.FEATURE_CACHE": str(options.output / "features"),
    }
    run = ActionDetector.from_config(CONFIG, keys=NETWORK).train(
        [f"{LABELED}_train"],
        val=f"{POOL}_val",
        new_head=True,
        seed=cell.seed,
        report=False,
        max_iter=options.iterations,
        output_dir=str(folder),
        keys=keys,
    )
    table = pool.labeled(labeled)
    per_class = {
        name.split("/AP/")[1]: value for name, value in run.metrics.items() if name.startswith(f"{POOL}_val/AP/")
    }
    return Outcome(
        [tuple(keyframe) for keyframe in labeled],
        len(table.boxes),
        len(table.label_ids),
        run.metrics[f"{POOL}_val/mAP"],
        per_class,
    )


def next_keyframes(
    cell: Cell, labeled: Collection[Keyframe], pool: Pool, budget: int, network: Path | None
) -> list[Keyframe]:
    """Return the keyframes that are labeled in a round; at random, the network is not asked."""
    if cell.order == ALL:
        return pool.keyframes
    left = set(pool.keyframes) - set(labeled)
    if network is None or cell.order == RANDOM:
        rng = np.random.default_rng([cell.seed, cell.number])
        keyframes = sorted(left)
        return [keyframes[place] for place in rng.permutation(len(keyframes))[:budget]]
    detector = ActionDetector.from_checkpoint(network / FINAL_WEIGHTS)
    results = detector.predict(pool.videos, boxes=pool.detections)
    videos = tubes_of(results)
    # The seconds at which acts change have no labels in the toy world.
    seen = {(video.video, keyframe.time) for video in videos for tube in video.persons for keyframe in tube.keyframes}
    excluded = seen - set(pool.keyframes)
    groups = exclusive_classes(detector)
    order = choose(videos, budget, cell.order, cell.seed, exclusive=groups, labeled=labeled, excluded=excluded)
    return [Keyframe(*keyframe) for keyframe in order]


def exclusive_classes(detector: ActionDetector) -> list[list[str]]:
    """Return the class names of each group of which a person does one at a time."""
    label_map = detector.label_map
    exclusive = exclusive_groups(detector.cfg, label_map)
    return [
        [label_map.find(class_id).name for class_id in group.ids]
        for group in label_map.class_groups
        if group.name in exclusive
    ]


def tubes_of(results: Iterable[Prediction]) -> list[VideoTubes]:
    """Return the persons of each video with their scores, under the names that the dataset has for videos."""
    persons: dict[str, list[PersonTube]] = {}
    known = list(results)
    for track in tracks_of(known):
        keyframes = [
            ScoredBox(second, person.box, person.box_score, person.scores)
            for second, person in zip(track.seconds, track.persons, strict=True)
        ]
        # In pixels, while tubes have fractions: what is chosen depends on times and scores alone.
        tube = PersonTube(track.id, np.array(track.seconds, dtype=np.float64), track.boxes, keyframes)
        persons.setdefault(track.video, []).append(tube)
    first = {result.video: result for result in reversed(known)}
    return [
        VideoTubes(Path(video).stem, first[video].fps, first[video].size, 0.0, 1.0, first[video].names, found)
        for video, found in persons.items()
    ]
