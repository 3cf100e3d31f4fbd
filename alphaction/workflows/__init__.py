"""What the command lines in ``tools/`` do: prepare, detect, inspect, finetune, predict."""
