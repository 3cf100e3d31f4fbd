"""Speed measurements, and studies that use the framework without being part of it."""

from __future__ import annotations

from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]
"""The folder that holds the package, the tools and the config files."""
CONFIGS = CLONE / "config_files"
