"""Weights of other projects: recognized by their names, renamed, and given the settings that they need."""
