"""Rules of clips, and the pairs of classes that a mirrored clip swaps."""

from __future__ import annotations

from alphaction.data.augmentation import flip_pairs


def test_flip_pairs():
    names = ("turn left", "turn right", "left_hand", "right_hand", "Look Left", "Look Right", "leftover", "rightover")
    assert flip_pairs(names) == [["turn left", "turn right"], ["left_hand", "right_hand"], ["Look Left", "Look Right"]]
    assert flip_pairs(("go left", "wave")) == []
    assert flip_pairs(("step leftwards", "step rightwards")) == [["step leftwards", "step rightwards"]]
