"""How fast each part is compared with what it could be; ``tools/benchmark.py`` runs the modules named there."""
