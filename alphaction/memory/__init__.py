"""The long-term memory: person features of other seconds, exchanged between processes, kept in a pool, read padded."""

from alphaction.memory.features import MemoryFeatures
from alphaction.memory.pool import MemoryPool

__all__ = ["MemoryFeatures", "MemoryPool"]
