"""The long-term memory: person features of other seconds, exchanged between processes, kept in a pool, read padded."""

from alphaction.memory.exchange import FeatureExchange
from alphaction.memory.features import MemoryFeatures
from alphaction.memory.padding import pad_by_clip
from alphaction.memory.pool import MemoryPool
from alphaction.memory.window import MemoryWindow

__all__ = ["FeatureExchange", "MemoryFeatures", "MemoryPool", "MemoryWindow", "pad_by_clip"]
