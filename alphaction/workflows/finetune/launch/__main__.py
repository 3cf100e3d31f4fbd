"""``python -m alphaction.workflows.finetune.launch CONFIG [options] [-- KEY VALUE ...]``.

tools/finetune_quickstart.sh ends here.
"""

from __future__ import annotations

from alphaction.utils.errors import end_when_interrupted, run_command

if __name__ == "__main__":
    end_when_interrupted()

from alphaction.workflows.finetune.launch.start import main

if __name__ == "__main__":
    run_command(main)
