"""A threshold for each class: chosen on the detections of a validation set, kept in the checkpoint."""
