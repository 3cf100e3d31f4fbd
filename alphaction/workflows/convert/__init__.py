"""Weights of other projects -> a checkpoint in our names, and a config that uses it."""
