"""The old place of :class:`alphaction.memory.MemoryPool`."""

from alphaction.memory import MemoryPool

__all__ = ["MemoryPool"]
