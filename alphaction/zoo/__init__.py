"""Public weights: what there is, where it lies, under which license, and how it gets here."""
