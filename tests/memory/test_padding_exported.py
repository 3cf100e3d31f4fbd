"""How rows find their slots in an exported network: as everywhere else, by other operations."""

from __future__ import annotations

import pytest
import torch

from alphaction.memory import padding


@pytest.mark.parametrize(
    ("clips", "priority"),
    [
        ([0, 0, 0, 1, 2, 2], [0.5, 0.9, 0.5, 0.1, 0.3, 0.7]),
        ([2, 0, 2, 0, 2], [0.5, 0.5, 0.5, 0.5, 0.5]),
        ([1, 1, 1], None),
        ([], []),
        ([], None),
    ],
)
def test_rows_have_the_same_slots(monkeypatch, clips, priority):
    index = torch.tensor(clips, dtype=torch.long)
    scores = None if priority is None else torch.tensor(priority)
    values = torch.randn(len(clips), 4)
    values[:1] = torch.inf  # what is not taken must not reach the others as NaN
    expected, taken = padding.pad_by_clip(values, index, 3, 2, scores)
    ranks = padding.rank_in_clip(index, 3, scores)
    monkeypatch.setattr(padding, "is_exporting", lambda: True)
    torch.testing.assert_close(padding.rank_in_clip(index, 3, scores), ranks)
    found, found_taken = padding.pad_by_clip(values, index, 3, 2, scores)
    assert torch.equal(found, expected)
    assert torch.equal(found_taken, taken)
