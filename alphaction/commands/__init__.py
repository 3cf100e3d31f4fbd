"""The command lines: for each verb of ``alphaction``, which a script in ``tools/`` has as well, flags and ``main``."""
