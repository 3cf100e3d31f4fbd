"""Helpers that know nothing of models, data or configs: errors, registries, logging, process groups."""
