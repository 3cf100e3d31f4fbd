"""Predictions as annotations that a person corrects: which are worth a look, in the formats of annotation tools."""
