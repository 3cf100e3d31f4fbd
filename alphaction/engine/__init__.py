"""Training, inference and evaluation: processes and devices, the train loop, and the plan of a run."""
