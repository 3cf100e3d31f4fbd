"""The old place of :class:`alphaction.memory.MemoryPool`; imports of it keep working."""
