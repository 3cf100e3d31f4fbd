"""A hundred mutated videos; ``python tests/fuzz/fuzz_videos.py --count 20000`` does more of the same."""

from __future__ import annotations

from fuzz.fuzz_videos import attack_many, write_seeds


def test_no_mutation_of_a_video_is_a_traceback_a_crash_or_a_hang(tmp_path):
    originals = [(path.name, path.read_bytes()) for path in write_seeds(tmp_path)]
    assert len(originals) >= 8
    lines = []
    counts = attack_many(range(100_000, 100_100), originals, lines.append)
    assert counts == {"mutations": 100, "mutations with a fault": 0}, "\n".join(lines)
