"""Finetuning without editing files: a config from a registered dataset, and the start of its training."""
