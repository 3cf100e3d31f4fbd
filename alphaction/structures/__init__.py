"""Structures that data and modeling share: boxes in pixels, the memory pool."""
