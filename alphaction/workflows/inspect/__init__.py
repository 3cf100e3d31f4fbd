"""Inspection of datasets before training: validation with findings and facts, and contact sheets."""
