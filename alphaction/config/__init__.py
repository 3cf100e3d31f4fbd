"""Configuration: every key with its default, YAML files on top of it, checks, and where datasets are."""

from alphaction.config import rules  # noqa: F401  adds the rules across keys to those that validate_cfg checks
from alphaction.config.load import get_cfg, load_cfg
from alphaction.config.validate import validate_cfg

__all__ = ["get_cfg", "load_cfg", "validate_cfg"]
