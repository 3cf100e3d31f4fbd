"""``python -m alphaction VERB``, also under torchrun: ``torchrun --nproc_per_node=2 -m alphaction train ...``."""

from __future__ import annotations

from alphaction.commands.front import run

if __name__ == "__main__":
    run()
