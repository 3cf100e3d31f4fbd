"""Licenses of public weights, by their SPDX names: what the registry and the reading of files have in common."""

from __future__ import annotations

MMACTION2_VIT = "Apache-2.0 AND CC-BY-NC-4.0"
"""MMAction2 says Apache-2.0 of its ViT, but trained it from VideoMAE's weights, which are CC-BY-NC-4.0."""


def forbids_commerce(license_name: str) -> bool:
    """Return whether a license, "CC-BY-NC-4.0", allows no commercial use."""
    return "NC" in license_name.upper().replace(" ", "-").split("-")
