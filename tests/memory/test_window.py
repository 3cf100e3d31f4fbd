from __future__ import annotations

from alphaction.config import get_cfg
from alphaction.memory import MemoryWindow


def test_slots_are_before_own_after() -> None:
    window = MemoryWindow(before=3, after=2, rate=4)
    assert (window.slots, window.current_slot) == (6, 3)
    assert list(window.seconds(100)) == [88, 92, 96, 100, 104, 108]
    assert list(MemoryWindow(before=0, after=0).seconds(7)) == [7]


def test_from_config() -> None:
    cfg = get_cfg()
    cfg.merge_from_list(["MODEL.IA_STRUCTURE.LENGTH", "(2, 1)", "MODEL.IA_STRUCTURE.MAX_PER_SEC", "4"])
    cfg.MODEL.IA_STRUCTURE.MEMORY_RATE = 3
    assert MemoryWindow.from_config(cfg) == MemoryWindow(before=2, after=1, max_per_second=4, rate=3)
