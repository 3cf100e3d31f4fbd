"""The part "step" of tools/benchmark.py: what its columns say of gradients and activations."""

from __future__ import annotations

from benchmarks.speed.step import Options, run


def test_gradients_and_activations_are_those_of_the_step_that_is_timed():
    table = next(run(Options(rows=64, columns=64, clips=1, persons=1, bf16=True), 1))
    reference, built, recomputing, half = (timing.facts for timing in table.timings)
    for facts in (reference, built, recomputing):
        assert float(facts["gradient"]) < 1e-4
    assert 1e-3 < float(half["gradient"]) < 0.5
    kept = [float(facts["activations"].split()[0]) for facts in (built, recomputing, half)]
    assert max(kept[1:]) < kept[0]
