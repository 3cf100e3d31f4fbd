"""Compare trackers by how well they keep the ids of persons: ``python -m benchmarks.tracking.compare_trackers``."""

from __future__ import annotations

import argparse
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alphaction.utils.messages import text_table
from benchmarks.tracking.candidates import Candidate, candidates
from benchmarks.tracking.paths import Footage, read_pets, simulated, straight_paths, toy_persons, toy_scenes
from benchmarks.tracking.scores import IdScores, score_ids

RATES = (1.0, 1.4, 5.0, 7.0, 25.0)
_SECONDS = 12


def worlds(pets: Path | None, seeds: int, videos: int, rates: Sequence[float] = RATES) -> dict[str, list[Footage]]:
    """Return the videos of each setting, by its name."""
    found: dict[str, list[Footage]] = {}
    for rate in rates if videos else ():
        times = np.arange(round(_SECONDS * rate)) / rate
        found[f"toy, {rate:g}/s"] = [
            simulated(f"toy {number}", (160, 120), toy_persons(scene), times, seed)
            for seed in range(seeds)
            for number, scene in enumerate(toy_scenes(videos, seed))
        ]
    if pets is None:
        return found
    real = read_pets(pets)[1]
    found["pets, 1/s"] = real
    for rate in rates:
        found[f"pets' paths, {rate:g}/s"] = [
            simulated(video.name, video.size, straight_paths(video), times_of(video, rate), seed)
            for seed in range(seeds)
            for video in real
        ]
    return found


def times_of(video: Footage, rate: float) -> np.ndarray:
    """Return evenly spaced times of a video that has a moment each second."""
    return np.arange(int((len(video.moments) - 1) * rate)) / rate


def best_setting(candidate: Candidate, videos: Sequence[Footage]) -> tuple[str, IdScores]:
    """Return the setting with the best IDF1 (of these with the fewest switches), and its scores."""
    results = {}
    for name, follow in candidate.settings.items():
        total = IdScores(0, 0, 0, 0, 0)
        for video in videos:
            total += score_ids(zip(video.moments, follow(video), strict=True))
        results[name] = total
    return min(results.items(), key=lambda entry: (-entry[1].idf1, entry[1].switches))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pets", type=Path, help="folder with annotations/ and boxes/ in AVA's format")
    parser.add_argument("--seeds", type=int, default=3, help="of the simulated detector (default: %(default)s)")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="boxes per second (default: all)")
    parser.add_argument("--videos", type=int, default=16, help="of the toy world, 0: none (default: %(default)s)")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    rows: list[list[object]] = [["boxes", "tracker", "true boxes", "id switches", "MOTA", "IDF1", "setting"]]
    for setting, videos in worlds(args.pets, args.seeds, args.videos, args.rates).items():
        for candidate in candidates():
            name, total = best_setting(candidate, videos)
            rows.append(
                [setting, candidate.name, total.true, total.switches, f"{total.mota:.3f}", f"{total.idf1:.3f}", name]
            )
        print("\n".join(text_table(rows, left=2)), flush=True)
        rows = rows[:1]


if __name__ == "__main__":
    main()
