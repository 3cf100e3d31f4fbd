"""Configuration: every key with its default, YAML files on top of it, checks, and where datasets lie."""

from alphaction.config.defaults import get_cfg
from alphaction.config.load import load_cfg
from alphaction.config.validate import validate_cfg

__all__ = ["get_cfg", "load_cfg", "validate_cfg"]
