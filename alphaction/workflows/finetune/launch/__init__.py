"""The start of a training: what tools/finetune_quickstart.sh plans from a config and a machine, shows, and runs."""
