"""Limits on what a file of another program or another person may be, far above honest files.

Without them a few hundred bytes could fill the memory or keep a command busy for hours. docs/RELIABILITY.md lists
them.
"""

from __future__ import annotations
