"""Running things: processes and devices, the train loop, inference and evaluation of a model."""
