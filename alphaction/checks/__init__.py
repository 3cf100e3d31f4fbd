"""Checks of datasets: each is a function that takes opened tables and yields findings with file, row and remedy.

Every training runs the quick ones (:mod:`alphaction.checks.quick_checks`), ``validate_dataset.py`` runs them all.
"""
